"""What the user says about names before data sets are joined: which of one source are called otherwise, or left out.

"B:tumor=tumour,2=oedema,cyst="      of the source B: a region (class, quantity, channel) or a label value, and its new name;
                                     nothing after "=": it is left out
"B:=cyst"                            cysts were looked for in B, and there are none
{"B": {"tumor": "tumour", "": ["cyst"]}}       the same as a JSON file, for names with commas, colons or "="
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from scanwright.dataset.task import Frozen, as_input_error
from scanwright.errors import UsageError
from scanwright.files import read_json

EXPECTED = '"SOURCE:OLD=NEW,OLD=", or a JSON file'


class Renaming(Frozen):
    """Of one source: new names by old ones ("" leaves out), and what it was looked for and is not there."""

    names: dict[str, str] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()


def parse_mappings(texts: Sequence[str], sources: Sequence[str]) -> dict[str, Renaming]:
    """The renaming of each source that has one. Raises UsageError for a source that is not there, InputError for a bad file."""
    found: dict[str, Renaming] = {}
    for text in texts:
        for name, renaming in _one(text, sources).items():
            if name not in sources:
                raise UsageError(
                    "no such source", where=f"--map {text}", expected=f"one of {', '.join(sources)}", found=name
                )
            before = found.get(name, Renaming())
            found[name] = Renaming(names=before.names | renaming.names, absent=(*before.absent, *renaming.absent))
    return found


def _one(text: str, sources: Sequence[str]) -> dict[str, Renaming]:
    """One option's text, or the file that it names."""
    path = Path(text)
    if path.suffix.lower() == ".json" and path.is_file():
        return _of_file(path)
    source = next((name for name in sorted(sources, key=len, reverse=True) if text.startswith(f"{name}:")), None)
    head, colon, rest = text.partition(":")
    rest = text[len(source) + 1 :] if source is not None else rest
    pairs = [part.partition("=") for part in rest.split(",")]
    if not colon or not all(sign and (old.strip() or new.strip()) for old, sign, new in pairs):
        raise UsageError("not a mapping of names", where=f"--map {text}", expected=EXPECTED)
    return {
        source or head: Renaming(
            names={old.strip(): new.strip() for old, _, new in pairs if old.strip()},
            absent=tuple(new.strip() for old, _, new in pairs if not old.strip()),
        )
    }


def _of_file(path: Path) -> dict[str, Renaming]:
    try:
        found = TypeAdapter(dict[str, dict[str, str | list[str]]]).validate_python(read_json(path))
    except ValidationError as error:
        raise as_input_error(error, message="not a mapping of names", where=path) from error
    return {source: _renaming(names, path) for source, names in found.items()}


def _renaming(names: Mapping[str, str | list[str]], path: Path) -> Renaming:
    absent = names.get("", [])
    told = {old: new for old, new in names.items() if old and isinstance(new, str)}
    if len(told) < len(names) - ("" in names):
        raise UsageError("not a mapping of names", where=path, expected='{"SOURCE": {"OLD": "NEW", "": ["ABSENT"]}}')
    return Renaming(names=told, absent=(absent,) if isinstance(absent, str) else tuple(absent))
