"""RLE frames: runs by hand, and damage, none of which may reach the decoder in Rust."""

import struct
from pathlib import Path

import numpy as np
import pytest

from scanwright.errors import UnreadableFile
from scanwright.io.dicom import rle
from scanwright.io.dicom.encoded import Stored

HERE = Path("a.dcm")


def stored(rows, columns, *, bits=16, samples=1):
    return Stored(rows, columns, 1, samples, bits, bits, bits - 1, False, False, "MONOCHROME2")


def frame(*segments, starts=None):
    """A frame of these segments, as they are."""
    places = np.cumsum([rle.HEADER_BYTES, *map(len, segments)])[:-1].tolist() if starts is None else starts
    return struct.pack(f"<{len(places) + 1}I", len(segments), *places).ljust(64, b"\0") + b"".join(segments)


def packed(values):
    """A segment of runs: of two and more alike a run of that, else one byte for itself."""
    runs, values = bytearray(), bytes(values)
    while values:
        length = min(len(values) - len(values.lstrip(values[:1])), 128)
        runs += bytes((257 - length, values[0])) if length > 1 else bytes((0, values[0]))
        values = values[length:]
    return bytes(runs)


def test_decode__by_hand():
    """High bytes 1 1 1 2, low bytes 9 8 7 6: a run of three and one for itself, and four for themselves."""
    made = frame(bytes((254, 1, 0, 2)), bytes((3, 9, 8, 7, 6)))
    assert rle.decode(made, stored(2, 2), where=HERE).tolist() == [0x109, 0x108, 0x107, 0x206]


@pytest.mark.parametrize("after", [b"", b"\0", b"\0\0", b"\x80", b"\x80\x80\0"])
@pytest.mark.parametrize("before", [b"", b"\x80"])
def test_decode__what_means_nothing_is_passed_over(before, after):
    made = frame(before + bytes((255, 1)) + after, before + bytes((1, 3, 4)) + after)
    assert rle.decode(made, stored(1, 2), where=HERE).tolist() == [0x103, 0x104]


@pytest.mark.parametrize(("bits", "samples"), [(8, 1), (16, 1), (32, 1), (8, 3), (16, 3)])
def test_decode__every_kind_of_cell(bits, samples):
    cells = np.random.default_rng(0).integers(0, 4, (samples, 50 * 7)).astype(f">u{bits // 8}")
    planes = np.frombuffer(cells.tobytes(), np.uint8).reshape(samples, 350, bits // 8)
    made = frame(*(packed(planes[one, :, byte]) for one in range(samples) for byte in range(bits // 8)))
    found = rle.decode(made, stored(50, 7, bits=bits, samples=samples), where=HERE)
    assert np.array_equal(found, cells.ravel())


@pytest.mark.parametrize(
    ("damaged", "found"),
    [
        (b"", "0 bytes"),
        (frame(b"\xff\1"), "1 segments where 2 are needed"),
        (struct.pack("<I", 0xFFFFFFFF).ljust(64, b"\0"), "4294967295 segments where 2 are needed"),
        (frame(b"\xff\1", b"\xff\1", starts=[64, 64]), "segments that do not follow one another"),
        (frame(b"\xff\1", b"\xff\1", starts=[64, 900]), "segments that do not follow one another"),
        (frame(b"\xff\1", b"\xff\1", starts=[66, 68]), "segments that do not follow one another"),
        (frame(b"\xff\1", b""), "segments that do not follow one another"),
        (frame(b"\xff\1", b"\1\1"), "a segment that ends after 2 of 2 pixels"),
        (frame(b"\xff\1", b"\xff"), "a segment that ends after 2 of 2 pixels"),
        (frame(b"\xff\1", b"\0\1"), "a segment that ends after 1 of 2 pixels"),
        (frame(b"\x81\1", b"\xff\1"), "a segment of more than 2 pixels"),
        (frame(b"\xff\1\xff\1", b"\xff\1"), "a segment of more than 2 pixels"),
    ],
)
def test_decode__damaged(damaged, found):
    with pytest.raises(UnreadableFile, match="cannot decode the RLE pixels") as caught:
        rle.decode(damaged, stored(1, 2), where=HERE)
    assert caught.value.found == found


def test_decode__any_damage_is_an_error_of_ours_or_a_frame(capfd):
    """A thousand frames with a piece overwritten: nothing else is raised, and the decoder has nothing to say."""
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 3, (2, 400)).astype(np.uint8)
    whole = frame(packed(cells[0]), packed(cells[1]))
    refused = 0
    for _ in range(1000):
        made, start, length = bytearray(whole), rng.integers(0, len(whole)), rng.integers(1, 40)
        made[start : start + length] = bytes(length) if rng.integers(2) else rng.bytes(length)
        try:
            assert rle.decode(bytes(made), stored(20, 20), where=HERE).shape == (400,)
        except UnreadableFile:
            refused += 1
    assert 500 < refused < 1000
    assert capfd.readouterr().err == ""


def test_decode__more_than_the_decoder_can_count():
    with pytest.raises(UnreadableFile) as caught:
        rle.decode(frame(b"\0"), stored(65535, 65535), where=HERE)
    assert caught.value.found == "a frame of 7 GiB"
