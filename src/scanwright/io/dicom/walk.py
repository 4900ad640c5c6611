"""The structure of a DICOM data set, walked with whole numbers before any library sees a byte of it.

Every element's length is compared with what holds it, at every depth, so that nothing later allocates what is not there
or recurses without end. The walk is a loop: it needs no stack of calls however deep a file pretends to be.
Source: DICOM PS3.5 section 7 (data set structure), section 6.2.2 (UN) and annex A (transfer syntaxes).
"""

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydicom.datadict import dictionary_has_tag, dictionary_VR

MAX_DEPTH = 32  # sequences within sequences; real files have less than ten
MAX_ELEMENTS = 4_000_000  # a multi-frame object of 10,000 frames has fewer
MAX_VALUE_BYTES = 256 << 20  # one value that is not pixels

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # float, double float and integer pixel data
LONG_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
SHORT_VRS = frozenset(
    (
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM"),
        *("UI", "UL", "US"),
    )
)


class Malformed(Exception):
    """A structure that cannot be. The intake adds the file's name."""

    def __init__(self, message: str, *, expected: str, found: str) -> None:
        super().__init__(message)
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is written: explicit or implicit VR, little or big endian."""

    explicit: bool
    little: bool


IMPLICIT = Encoding(explicit=False, little=True)
EXPLICIT = Encoding(explicit=True, little=True)
BIG = Encoding(explicit=True, little=False)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Where the pixels lie. start: of the element; value: of its content. length: bytes, UNDEFINED if encapsulated."""

    tag: int
    vr: str
    start: int
    value: int
    length: int


class Element(NamedTuple):
    """Where the value of an element of the top level lies, and its VR (the dictionary's, where the file has none)."""

    vr: str
    value: int
    length: int


@dataclass(frozen=True, slots=True)
class Walked:
    """What the walk saw.

    pixels: the pixel data at which it stopped, or None. end: offset behind the last whole element. index: every element
    of the top level before the pixels, by tag.
    """

    pixels: Pixels | None
    end: int
    index: dict[int, Element]


@dataclass(slots=True)
class _Open:
    """A sequence or item that is being read. end: offset behind it, -1 if a delimiter ends it."""

    is_item: bool
    end: int
    explicit: bool


def walk(data: bytes | memoryview, start: int, encoding: Encoding, *, size: int | None = None) -> Walked:
    """Check every element from `start` on; stop at the top level's pixel data, which is not looked into.

    data: the file, or its beginning; size: the whole file's size. Where the data end before the file does, the walk ends
    at the first element that is not there whole, and `end` says where.
    Raises Malformed: a length beyond what holds it, an unknown VR, too deep, too many or too large, a stray delimiter.
    """
    size = len(data) if size is None else size
    unpack_tag, unpack_long, unpack_short = _LITTLE if encoding.little else _BIG
    opened: list[_Open] = []
    index: dict[int, Element] = {}
    position, count = start, 0
    while True:
        while opened and opened[-1].end == position:
            opened.pop()
        if position + 8 > len(data):
            break
        group, element = unpack_tag(data, position)
        tag = group << 16 | element
        count += 1
        if count > MAX_ELEMENTS:
            raise Malformed("too many elements", expected=f"at most {MAX_ELEMENTS}", found="more")
        if group == 0xFFFE:
            position = _delimiter(tag, unpack_long(data, position + 4)[0], position, opened, size)
            continue
        if opened and not opened[-1].is_item:
            raise Malformed("a sequence that holds no items", expected=text_of(ITEM), found=text_of(tag))
        explicit = opened[-1].explicit if opened else encoding.explicit
        vr = bytes(data[position + 4 : position + 6]).decode("latin-1") if explicit else _vr_of(tag)
        if not explicit:
            length, value = unpack_long(data, position + 4)[0], position + 8
        elif vr in SHORT_VRS:
            length, value = unpack_short(data, position + 6)[0], position + 8
        elif vr in LONG_VRS:
            if position + 12 > len(data):
                break
            length, value = unpack_long(data, position + 8)[0], position + 12
        else:
            raise Malformed(f"an unknown value representation of {text_of(tag)}", expected="a VR", found=repr(vr))
        limit = next((one.end for one in reversed(opened) if one.end >= 0), size)
        _check_length(tag, length, limit - value)
        if tag in PIXELS and not opened:
            return Walked(Pixels(tag, vr, position, value, length), position, index)
        if not opened:
            index[tag] = Element(vr, value, length)
        if length == UNDEFINED and vr in ("OB", "OW"):
            position = _behind_fragments(data, value, unpack_tag, unpack_long, limit)
        elif length == UNDEFINED or vr == "SQ":
            if len(opened) >= 2 * MAX_DEPTH:
                raise Malformed("sequences nested too deeply", expected=f"at most {MAX_DEPTH} levels", found="more")
            end = -1 if length == UNDEFINED else value + length
            opened.append(_Open(is_item=False, end=end, explicit=explicit and vr != "UN"))
            position = value
        else:
            position = value + length
    if len(data) >= size and (opened or any(data[position:])):
        inside = "a sequence" if opened else "an element"
        raise Malformed(f"the data set ends inside {inside}", expected="its end", found="the end of the file")
    return Walked(None, position, index)


def text_of(tag: int) -> str:
    """A tag as people write it.

    >>> text_of(0x00280010)
    '(0028,0010)'
    """
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def guess(data: bytes | memoryview, start: int) -> Encoding:
    """The encoding of a data set that says nothing of it, from its first element: a VR stands where explicit ones do.

    >>> guess(bytes.fromhex("0800050043530a00"), 0) == EXPLICIT
    True
    """
    group, vr = bytes(data[start : start + 2]), bytes(data[start + 4 : start + 6]).decode("latin-1")
    if vr not in LONG_VRS and vr not in SHORT_VRS:
        return IMPLICIT
    return BIG if group[:1] == b"\0" and group[1:] != b"\0" else EXPLICIT


def _check_length(tag: int, length: int, room: int) -> None:
    if length == UNDEFINED:
        return
    if length > room:
        raise Malformed(
            f"the value of {text_of(tag)} is longer than what holds it",
            expected=f"at most {max(room, 0)} bytes",
            found=f"{length}",
        )
    if length > MAX_VALUE_BYTES and tag not in PIXELS:
        raise Malformed(
            f"the value of {text_of(tag)} is too large",
            expected=f"at most {MAX_VALUE_BYTES >> 20} MiB",
            found=f"{length >> 20} MiB",
        )


def _delimiter(tag: int, length: int, position: int, opened: list[_Open], size: int) -> int:
    """Open an item, or close an item or sequence; the offset behind the delimiter."""
    top = opened[-1] if opened else None
    if tag == ITEM and top is not None and not top.is_item:
        limit = next((one.end for one in reversed(opened) if one.end >= 0), size)
        _check_length(tag, length, limit - position - 8)
        end = -1 if length == UNDEFINED else position + 8 + length
        opened.append(_Open(is_item=True, end=end, explicit=top.explicit))
    elif top is not None and top.end == -1 and tag == (ITEM_END if top.is_item else SEQUENCE_END):
        opened.pop()
    else:
        raise Malformed("a delimiter where none belongs", expected="an element", found=text_of(tag))
    return position + 8


def _behind_fragments(
    data: bytes | memoryview, position: int, unpack_tag: "_Unpack", unpack_long: "_Unpack", limit: int
) -> int:
    """The offset behind encapsulated pixels inside a sequence (an icon): items of plain bytes and a delimiter."""
    while position + 8 <= len(data):
        group, element = unpack_tag(data, position)
        tag, length = group << 16 | element, unpack_long(data, position + 4)[0]
        position += 8
        if tag == SEQUENCE_END:
            return position
        if tag != ITEM or length > limit - position:
            raise Malformed(
                "encapsulated pixels that do not end", expected="items in their sequence", found=text_of(tag)
            )
        position += length
    return position


@functools.lru_cache(maxsize=1 << 14)
def _vr_of(tag: int) -> str:
    """The VR of a tag in an implicit data set, by the dictionary; "UN" for what is not in it."""
    return "UN" if tag & 0x00010000 or not dictionary_has_tag(tag) else str(dictionary_VR(tag))


_Unpack = Callable[..., tuple[Any, ...]]
_LITTLE = tuple(struct.Struct(f"<{code}").unpack_from for code in ("HH", "I", "H"))
_BIG = tuple(struct.Struct(f">{code}").unpack_from for code in ("HH", "I", "H"))
