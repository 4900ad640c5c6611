"""The walk over a data set's elements: every structure that PS3.5 knows, and every lie about a length."""

import struct

import pytest

from scanwright.io.dicom.walk import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    MAX_DEPTH,
    UNDEFINED,
    Malformed,
    Pixels,
    guess,
    walk,
)

ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
NOTHING = struct.pack("<I", 0)
OPEN = struct.pack("<I", UNDEFINED)


def short(group, element, vr, value, *, order="<"):
    return struct.pack(f"{order}HH", group, element) + vr + struct.pack(f"{order}H", len(value)) + value


def long(group, element, vr, value, length=None):
    return (
        struct.pack("<HH", group, element)
        + vr
        + b"\0\0"
        + struct.pack("<I", len(value) if length is None else length)
        + value
    )


def implicit(group, element, value, length=None):
    return struct.pack("<HHI", group, element, len(value) if length is None else length) + value


ROWS = short(0x28, 0x10, b"US", b"\4\0")


def test_walk__plain_elements_to_the_end():
    data = short(8, 0x60, b"CS", b"CT") + ROWS
    assert walk(data, 0, EXPLICIT).pixels is None
    assert walk(data, 0, EXPLICIT).end == len(data)
    assert walk(implicit(0x28, 0x10, b"\4\0"), 0, IMPLICIT).end == 10
    assert walk(short(0x28, 0x10, b"US", b"\0\4", order=">"), 0, BIG).end == 10


def test_walk__stops_at_the_pixels():
    data = ROWS + long(0x7FE0, 0x10, b"OW", b"12345678")
    assert walk(data, 0, EXPLICIT).pixels == Pixels(0x7FE00010, "OW", 10, 22, 8)
    encapsulated = ROWS + long(0x7FE0, 0x10, b"OB", b"anything at all", UNDEFINED)
    assert walk(encapsulated, 0, EXPLICIT).pixels.length == UNDEFINED


@pytest.mark.parametrize("closed", [True, False], ids=["with lengths", "with delimiters"])
def test_walk__sequences(closed):
    if closed:
        item = ITEM + struct.pack("<I", len(ROWS)) + ROWS
        data = long(8, 0x1140, b"SQ", item + item)
    else:
        item = ITEM + OPEN + ROWS + ITEM_END + NOTHING
        data = long(8, 0x1140, b"SQ", item + item + SEQUENCE_END + NOTHING, UNDEFINED)
    assert walk(data + ROWS, 0, EXPLICIT).end == len(data + ROWS)


def test_walk__empty_sequences():
    data = long(8, 0x1140, b"SQ", b"") + long(8, 0x1150, b"SQ", SEQUENCE_END + NOTHING, UNDEFINED)
    assert walk(data, 0, EXPLICIT).end == len(data)


def test_walk__un_of_undefined_length_is_implicit_inside():
    inside = implicit(0x28, 0x10, b"\4\0")
    data = long(0x9, 0x1001, b"UN", ITEM + OPEN + inside + ITEM_END + NOTHING + SEQUENCE_END + NOTHING, UNDEFINED)
    assert walk(data + ROWS, 0, EXPLICIT).end == len(data + ROWS)


def test_walk__implicit_sequences_are_known_by_the_dictionary():
    """A length inside a sequence of defined length is checked too, although nothing in the file calls it a sequence."""
    liar = implicit(0x28, 0x10, b"\4\0", length=500)
    data = implicit(8, 0x1140, ITEM + struct.pack("<I", len(liar)) + liar)
    with pytest.raises(Malformed, match=r"\(0028,0010\) is longer"):
        walk(data, 0, IMPLICIT)


def test_walk__icons_of_encapsulated_pixels():
    icon = long(
        0x7FE0,
        0x10,
        b"OB",
        ITEM + NOTHING + ITEM + struct.pack("<I", 4) + b"\xff\xd8\xff\xd9" + SEQUENCE_END + NOTHING,
        UNDEFINED,
    )
    data = long(0x88, 0x200, b"SQ", ITEM + OPEN + icon + ITEM_END + NOTHING + SEQUENCE_END + NOTHING, UNDEFINED)
    assert walk(data + long(0x7FE0, 0x10, b"OW", b"12"), 0, EXPLICIT).pixels.start == len(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (short(8, 0x60, b"CS", b"CT")[:-1], "longer than what holds it"),
        (long(0x7FE0, 0x10, b"OW", b"1234", 5), "longer than what holds it"),
        (long(8, 0x1140, b"SQ", ITEM + struct.pack("<I", 99) + ROWS), "longer than what holds it"),
        (short(8, 0x60, b"ZZ", b"CT"), "unknown value representation"),
        (long(8, 0x1140, b"SQ", ROWS + ROWS), "holds no items"),
        (ITEM_END + NOTHING + NOTHING, "delimiter where none belongs"),
        (long(8, 0x1140, b"SQ", ITEM + OPEN + ROWS, UNDEFINED), "ends inside a sequence"),
        (long(8, 0x1140, b"SQ", ITEM + OPEN + SEQUENCE_END + NOTHING, UNDEFINED), "delimiter where none belongs"),
    ],
)
def test_walk__lies(data, message):
    with pytest.raises(Malformed, match=message):
        walk(data, 0, EXPLICIT)


def test_walk__depth_without_a_stack_of_calls():
    level = long(8, 0x1140, b"SQ", b"", UNDEFINED) + ITEM + OPEN
    with pytest.raises(Malformed, match="nested too deeply"):
        walk(level * 100_000, 0, EXPLICIT)
    close = ITEM_END + NOTHING + SEQUENCE_END + NOTHING
    data = level * MAX_DEPTH + close * MAX_DEPTH
    assert walk(data, 0, EXPLICIT).end == len(data)


def test_walk__a_value_over_the_limit_is_refused_before_it_is_there():
    data = long(0x9, 0x1001, b"OB", b"", 300 << 20)
    with pytest.raises(Malformed, match="too large"):
        walk(data, 0, EXPLICIT, size=1 << 40)


def test_walk__the_beginning_of_a_file():
    """Where only the beginning is at hand, the walk ends where the next element is not there whole."""
    data = ROWS + long(0x7FE0, 0x10, b"OW", bytes(1000))
    assert walk(data[:30], 0, EXPLICIT, size=len(data)).pixels.length == 1000
    assert walk(data[:14], 0, EXPLICIT, size=len(data)).end == len(ROWS)


@pytest.mark.parametrize(
    ("start", "encoding"),
    [(b"\x08\0\x05\0CS\x0a\0", EXPLICIT), (b"\0\x08\0\x05CS\0\x0a", BIG), (b"\x08\0\x05\0\x0a\0\0\0", IMPLICIT)],
)
def test_guess(start, encoding):
    assert guess(start, 0) == encoding
