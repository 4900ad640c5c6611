"""The little of YAML that lists of classes and folders are written in (Ultralytics, Roboflow), read strictly.

    key: text                a text, 'a text', "a text"; numbers and null stay texts: the caller knows what it wants
    key: [a, 'b', "c"]       also over several lines
    key: {0: a, 1: b}
    key:                     a list or a map of one level
      - a                    0: a
    key: |                   a text of several lines, which nobody here wants: it is passed over

Comments and a first "---" are passed over too. All else of YAML (anchors, tags, tabs, several documents, deeper levels,
escapes) is refused with its line, not guessed. A full reader would be a dependency for a file of ten lines.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from scanwright.errors import InputError

MAX_BYTES = 1 << 20
KEY = re.compile(r"""^(?P<key>'[^']*'|"[^"\\]*"|[\w./-][\w./ -]*?)\s*:(?:\s+(?P<rest>.*))?$""")
TEXT = re.compile(r"""'(?P<single>(?:[^']|'')*)'|"(?P<double>[^"\\]*)"|(?P<plain>(?!- )[^'"\[\]{}:#&*!|>%@`,].*)""")
BLOCK = re.compile(r":\s+[|>][+-]?$")
CLOSING = {"[": "]", "{": "}"}

Plain = str | list[str] | dict[str, str]


class Line(str):
    """The text of a line without its indent and comment, and where it stands."""

    number: int
    indent: int


def read_yaml(path: Path) -> dict[str, Plain]:
    """The file's map: texts, lists of texts and maps of texts. Raises InputError, with the line, for anything else."""
    try:
        text = path.read_bytes().decode("utf-8-sig") if path.stat().st_size <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot read this file", where=path, found=str(error)) from error
    if text is None:
        raise InputError("the YAML file is too large", where=path, expected=f"at most {MAX_BYTES >> 20} MiB")
    lines = list(_lines(text))
    found: dict[str, Plain] = {}
    while lines:
        line = lines.pop(0)
        try:
            key, rest = _pair(line)
            if line.indent or key in found:
                raise ValueError(line)
            found[key] = _value(rest, lines)
        except ValueError as error:
            raise _refused(path, line.number, str(error)) from error
    return found


def _lines(text: str) -> Iterator[Line]:
    """Lines with something on them; those of a text of several lines are left out."""
    block: int | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        indent = len(raw) - len(raw.lstrip(" "))
        if not raw.strip() or (block is not None and indent > block):
            continue
        line = Line(_uncommented(raw[indent:]))
        line.number, line.indent = number, indent
        block = indent if BLOCK.search(line) else None
        if line and not (line == "---" and number == 1):
            yield line


def _value(rest: str, lines: list[Line]) -> Plain:
    """What stands behind a key: in its own line, or in those that follow, which are taken from `lines`.

    Raises ValueError with what cannot be read.
    """
    if rest[:1] in CLOSING:
        while lines and rest[-1] != CLOSING[rest[0]]:
            rest = f"{rest} {lines.pop(0)}"
        return _flow(rest)
    if rest:
        return "" if BLOCK.search(f": {rest}") else _text(rest)
    inner = []
    while lines and (lines[0].indent > 0 or lines[0].startswith("- ")):
        inner.append(lines.pop(0))
    if len({line.indent for line in inner}) > 1:
        raise ValueError(f"{inner[-1]} (another indent)")
    if inner and all(line.startswith("- ") for line in inner):
        return [_text(line[2:].strip()) for line in inner]
    return _map(inner) if inner else ""


def _flow(text: str) -> Plain:
    """[a, b] or {0: a, 1: b} of one level; a comma at the end is allowed."""
    body = text[1:-1]
    outside = dict(_outside(body))
    if len(text) < 2 or text[-1] != CLOSING[text[0]] or set(outside.values()) & set("[]{}"):
        raise ValueError(text)
    cuts = [-1, *(place for place, letter in outside.items() if letter == ","), len(body)]
    parts = [body[start + 1 : end].strip() for start, end in pairwise(cuts)]
    if not parts[-1]:
        parts.pop()
    return [_text(part) for part in parts] if text[0] == "[" else _map(parts)


def _map(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in pairs:
        key, rest = _pair(each)
        if key in found:
            raise ValueError(f"{key} twice")
        found[key] = _text(rest) if rest else ""
    return found


def _pair(text: str) -> tuple[str, str]:
    match = KEY.match(text)
    if match is None:
        raise ValueError(text)
    return _text(match["key"]), match["rest"] or ""


def _text(text: str) -> str:
    """One text, without its quotes."""
    match = TEXT.fullmatch(text)
    if match is None or (match["plain"] is not None and ": " in text):
        raise ValueError(text)
    if match["single"] is not None:
        return match["single"].replace("''", "'")
    return match["double"] if match["double"] is not None else match["plain"]


def _uncommented(text: str) -> str:
    comment = (place for place, letter in _outside(text) if letter == "#" and text[place - 1 : place].strip() == "")
    return text[: next(comment, len(text))].rstrip()


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """The letters that stand in no quotes, with their places. A quote within a word ("don't") opens nothing."""
    quote = ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"" and (text[place - 1 : place] or " ") in f" [{{,:-{letter}":
            quote = letter
        else:
            yield place, letter


def _refused(path: Path, number: int, line: str) -> InputError:
    return InputError(
        "more of YAML than is read here",
        where=f"{path}, line {number}",
        expected="key: text, key: [a, b], or a list or map of one level, and every key once",
        found=line[:80],
        hint="Write the file in this plain form.",
    )
