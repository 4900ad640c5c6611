"""Header values as plain Python: a number, a vector, a text, or None where a header has none that makes sense.

Scanners leave elements out, empty, or with letters where digits belong. What is optional reads as None here and never
raises; what an image cannot do without is refused by the module that needs it, with the element's name. What decides voxels
or their places is read by `stated`, for which absent and unreadable are two things.
"""

import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from scanwright.errors import UnreadableFile
from scanwright.io.dicom.header import Header

Elements = Header | Dataset
"""What values are read from: a file's header, or an item of a sequence."""

NOTHING = Dataset()
"""A data set without elements, for where there is none. Nobody writes into it."""


def value(elements: Elements, name: str) -> Any:
    """An element's value by its keyword; None if it is absent, empty or cannot be decoded."""
    return value_of(elements, _tag_of(name))


def value_of(elements: Elements, tag: int) -> Any:
    """An element's value by its tag, private ones too; None if it is absent, empty or cannot be decoded."""
    try:
        return _decoded(elements, tag)
    except Exception:  # values are decoded when they are asked for, and pydicom raises what the decoding raises
        return None


def stated(elements: Elements, name: str, length: int = 1, *, where: Path) -> tuple[float, ...]:
    """Exactly `length` finite numbers; empty where the element is absent or empty.

    For what decides voxels or their places: a default must not stand in for a value that is there and cannot be read. Raises
    UnreadableFile for letters, a decimal comma, something that is not finite, or another count.
    """
    tag = _tag_of(name)
    if tag not in elements:
        return ()
    try:
        found = tuple(map(float, _each(_decoded(elements, tag))))
    except Exception:  # as in `value_of`
        found = (math.nan,)
    if not found or (len(found) == length and all(map(math.isfinite, found))):
        return found
    raise UnreadableFile(
        f"{name} cannot be read",
        where=where,
        expected="a number" if length == 1 else f"{length} numbers",
        found=text(elements, name)[:64] or "something else",
        hint="Correct the header, or copy the file again from its source.",
    )


def number(elements: Elements, name: str) -> float | None:
    """A finite number, the first of several; None otherwise."""
    found = numbers(elements, name)
    return found[0] if found else None


def numbers(elements: Elements, name: str) -> tuple[float, ...]:
    """All values as finite numbers; empty if one of them is none."""
    try:
        found = tuple(float(one) for one in _each(value(elements, name)))
    except (TypeError, ValueError, OverflowError):
        return ()
    return found if all(map(math.isfinite, found)) else ()


def private_number(elements: Elements, group: int, element: int) -> float | None:
    """The first value of a private element as a finite number; None if it is absent or holds anything else."""
    found = next(_each(value_of(elements, group << 16 | element)), None)
    try:
        result = float(found.decode("ascii") if isinstance(found, bytes) else found or "")
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def vector(elements: Elements, name: str, length: int) -> tuple[float, ...] | None:
    """Exactly `length` finite numbers, or None."""
    found = numbers(elements, name)
    return found if len(found) == length else None


def whole(elements: Elements, name: str) -> int | None:
    """A whole number ("12", "12.0"), the first of several; None otherwise."""
    found = number(elements, name)
    return int(found) if found is not None and found == int(found) else None


def text(elements: Elements, name: str) -> str:
    """The value as text without surrounding blanks; "" where there is none. Several values are joined by a backslash."""
    return "\\".join(words(elements, name))


def words(elements: Elements, name: str) -> tuple[str, ...]:
    """Each value as text without surrounding blanks."""
    return tuple(str(one).strip() for one in _each(value(elements, name)))


def items(elements: Elements, name: str) -> tuple[Dataset, ...]:
    """The items of a sequence; none if it is absent or no sequence."""
    found = value(elements, name)
    return tuple(item for item in _each(found) if isinstance(item, Dataset))


def item(elements: Elements, name: str) -> Dataset:
    """The first item of a sequence, or an empty data set."""
    return next(iter(items(elements, name)), NOTHING)


def _decoded(elements: Elements, tag: int) -> Any:
    """A value by its tag, None if it is absent or empty. Raises what decoding raises."""
    if tag not in elements:
        return None
    found = elements.value(tag) if isinstance(elements, Header) else elements[tag].value
    return None if found is None or found == "" or (isinstance(found, MultiValue) and not len(found)) else found


@functools.cache
def _tag_of(name: str) -> BaseTag:
    return Tag(name)


def _each(found: Any) -> Iterator[Any]:
    """One value or several; a person's name is one, although its letters can be iterated over."""
    if isinstance(found, (MultiValue, Sequence, list, tuple)):
        yield from found
    elif found is not None:
        yield found
