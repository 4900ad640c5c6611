"""Sentences about a run in which every value is read from the run's own files, and each sentence knows which.

A template holds names in braces: {plan:training.steps} is the value under training.steps of plan.json. After a bar stands how
it is written: {metrics:overall.auroc.mean|.3f}. A sentence of which a value is not there, or is null, is not said at all, so
that nothing is said that the run does not know.

    .3f, .3g, d    as Python formats numbers
    count          how many entries a list or mapping has
    by             numbers that belong together, 1 × 2 × 2
    list           a list in words: a, b and c
    names          the "name" of each entry of a list, in words
    keys           the names in a mapping, in words
    range          the least and the largest number of a list, or of the "min" and "max" of a spread
    axes           which of three axes are true, by the letters of network order: D, H and W
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from scanwright.types import JSON

Records: TypeAlias = Mapping[str, JSON]
"""The content of a run's files by the names of FILES; one that a run does not have is missing."""

FILES = {
    "plan": "plan.json",
    "metrics": "metrics.json",
    "task": "task.json",
    "splits": "splits.json",
    "fingerprint": "fingerprint.json",
    "checks": "checks.json",
    "datasheet": "datasheet.json",
    "run": "run.json",
    "trials": "trials.json",
    "ablation": "ablation.json",
    "curve": "learning_curve.json",
    "size": "sample_size.json",
    "report": "report.html",
}
NAME = re.compile(r"\{(\w+):([^|}]+)(?:\|([^}]+))?\}")


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, and where its values stand: "plan.json: training.steps"."""

    text: str
    sources: tuple[str, ...] = ()


def say(records: Records, template: str) -> Said | None:
    """A template filled in; None of an empty one, or where one of its values is missing, null or empty.

    Raises ValueError for an unknown form.
    """
    sources: dict[str, None] = {}
    missing = False

    def fill(found: re.Match[str]) -> str:
        nonlocal missing
        file, path, form = found.groups()
        value = value_at(records.get(file), path)
        if value is None or value in ("", [], {}):
            missing = True
            return ""
        sources[f"{FILES[file]}: {path}"] = None
        return written(value, form)

    text = NAME.sub(fill, template)
    return None if missing or not text else Said(text, tuple(sources))


def value_at(record: JSON, path: str) -> JSON:
    """The value under dotted names; None where one of them is not there. A number is a place in a list, counted from 0.

    A name that itself has dots (of a datasheet's answers) is found whole first.
    """
    if isinstance(record, Mapping) and path in record:
        return record[path]
    name, _, rest = path.partition(".")
    if isinstance(record, Mapping):
        inner = record.get(name)
    elif isinstance(record, list) and name.isdigit() and int(name) < len(record):
        inner = record[int(name)]
    else:
        return None
    return value_at(inner, rest) if rest else inner


def written(value: Any, form: str | None) -> str:
    """A value in one of the forms of the file's docstring; None: as it is."""
    if form is None:
        return (
            "yes"
            if value is True
            else "no"
            if value is False
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
        )
    if form in FORMS:
        return FORMS[form](value)
    return format(value, form)


def in_words(names: Sequence[Any]) -> str:
    """Names in words; one that has a comma in quotes.

    >>> in_words(["a", "b", "c"]), in_words(["a"]), in_words(["a, b", 2.0])
    ('a, b and c', 'a', '“a, b” and 2')
    """
    *first, last = (f"“{name}”" if "," in str(name) else written(name, None) for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def _range(value: Any) -> str:
    ends = (value["min"], value["max"]) if isinstance(value, Mapping) else (min(value), max(value))
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


FORMS: Mapping[str, Callable[[Any], str]] = {
    "count": lambda value: str(len(value)),
    "by": lambda value: " × ".join(f"{one:g}" for one in value),
    "list": in_words,
    "names": lambda value: in_words([one["name"] for one in value]),
    "keys": in_words,
    "range": _range,
    "axes": lambda value: in_words([axis for axis, on in zip("DHW", value, strict=True) if on]),
}
