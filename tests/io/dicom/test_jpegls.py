"""JPEG-LS: what a codestream says of itself, and that damaged or lying ones end in a limited child."""

import numpy as np
import pytest
from jpeg_ls import encode_array

from scanwright.errors import UnreadableFile
from scanwright.io.dicom.jpegls import Codestream, decode, read_codestream


def header(rows, columns, *, precision=8, samples=1):
    """The beginning of a codestream up to its components."""
    size = bytes((precision,)) + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + bytes((samples,))
    return b"\xff\xd8\xff\xf7\0\x0b" + size + bytes(20)


def test_read_codestream__by_hand(tmp_path):
    assert read_codestream(header(480, 640, precision=12, samples=3), tmp_path) == Codestream(480, 640, 3, 12)
    assert read_codestream(header(4, 4), tmp_path).dtype == np.uint8


DAMAGED = [
    b"", b"\xff\xd8\xff\xe0" + bytes(60), header(480, 640)[:9], header(0, 640), header(4, 4, precision=40),
]  # fmt: skip


@pytest.mark.parametrize("frame", DAMAGED)
def test_read_codestream__that_is_none(tmp_path, frame):
    with pytest.raises(UnreadableFile, match="JPEG-LS"):
        read_codestream(frame, tmp_path)


@pytest.mark.parametrize(("dtype", "high"), [("u1", 200), ("u2", 4000)])
def test_decode__what_was_encoded(tmp_path, dtype, high):
    pixels = np.random.default_rng(0).integers(0, high, (64, 80)).astype(dtype)
    frame = bytes(encode_array(pixels))
    stream = read_codestream(frame, tmp_path)
    samples, _ = decode(frame, stream, where=tmp_path)
    assert np.array_equal(samples.reshape(64, 80), pixels)


def test_decode__damage_costs_one_frame_only(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4000, (64, 80)).astype(np.uint16)
    whole = bytes(encode_array(pixels))
    stream = read_codestream(whole, tmp_path)
    with pytest.raises(UnreadableFile, match="JPEG-LS"):
        decode(whole[:200], stream, where=tmp_path)
    assert np.array_equal(decode(whole, stream, where=tmp_path)[0].reshape(64, 80), pixels)


def test_decode__a_promise_that_few_bytes_cannot_keep(tmp_path):
    frame = header(65_000, 65_000)
    with pytest.raises(UnreadableFile, match="JPEG-LS") as caught:
        decode(frame, read_codestream(frame, tmp_path), where=tmp_path)
    assert "65000 x 65000 pixels" in caught.value.found
