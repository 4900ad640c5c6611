"""JPEG 2000: what a codestream says of itself, and that damaged or lying ones end in a limited child."""

import struct

import numpy as np
import pytest
from openjpeg.utils import encode_array

from scanwright.errors import UnreadableFile
from scanwright.io.dicom.jpeg2000 import Codestream, decode, read_codestream


def header(right, bottom, *, left=0, top=0, parts=(7,)):
    """The beginning of a codestream up to its components."""
    size = struct.pack(">HH8IH", 38 + 3 * len(parts), 0, right, bottom, left, top, right, bottom, 0, 0, len(parts))
    return b"\xff\x4f\xff\x51" + size + b"".join(bytes((part, 1, 1)) for part in parts) + bytes(8)


def test_read_codestream__by_hand(tmp_path):
    assert read_codestream(header(640, 480), tmp_path) == Codestream(480, 640, 1, 8, False)
    assert read_codestream(header(650, 490, left=10, top=10, parts=(0x8B,) * 3), tmp_path) == Codestream(
        480, 640, 3, 12, True
    )
    assert read_codestream(b"a file header " + header(4, 4, parts=(15,)), tmp_path).precision == 16


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (b"", "does not begin"),
        (b"\xff\xd8\xff\xe0" + bytes(60), "does not begin"),
        (header(640, 480)[:30], "does not begin"),
        (header(0, 480), "makes no sense"),
        (header(5, 5, left=9), "makes no sense"),
        (header(5, 5, parts=()), "makes no sense"),
        (header(5, 5, parts=(60,)), "61 bits a sample"),
    ],
)
def test_read_codestream__that_is_none(tmp_path, frame, found):
    with pytest.raises(UnreadableFile) as caught:
        read_codestream(frame, tmp_path)
    assert found in caught.value.found


@pytest.mark.parametrize(("dtype", "high"), [("u1", 200), ("u2", 4000), ("i2", 4000)])
@pytest.mark.parametrize("samples", [1, 3])
def test_decode__what_was_encoded(tmp_path, dtype, high, samples):
    low = -high if dtype == "i2" else 0
    pixels = np.random.default_rng(0).integers(low, high, (64, 80, samples)).astype(dtype)
    frame = bytes(
        encode_array(pixels if samples > 1 else pixels[..., 0], photometric_interpretation=1 if samples > 1 else 2)
    )
    stream = read_codestream(frame, tmp_path)
    assert (stream.rows, stream.columns, stream.samples, stream.signed) == (64, 80, samples, dtype == "i2")
    assert np.array_equal(decode(frame, stream, where=tmp_path), pixels)


def test_decode__damage_costs_one_frame_only(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4000, (64, 80)).astype(np.uint16)
    whole = bytes(encode_array(pixels))
    stream = read_codestream(whole, tmp_path)
    for frame in (whole[:60], whole[:45] + b"\xff" * 500):
        with pytest.raises(UnreadableFile, match="JPEG 2000"):
            decode(frame, stream, where=tmp_path)
    assert np.array_equal(decode(whole, stream, where=tmp_path)[..., 0], pixels)


def test_decode__a_promise_that_few_bytes_cannot_keep(tmp_path):
    """65,000 x 65,000 pixels in 53 bytes are refused before any memory is asked for."""
    frame = header(65_000, 65_000)
    with pytest.raises(UnreadableFile, match="JPEG 2000") as caught:
        decode(frame, read_codestream(frame, tmp_path), where=tmp_path)
    assert caught.value.found == f"{len(frame)} bytes for 65000 x 65000 pixels"
