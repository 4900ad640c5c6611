"""RLE inside DICOM: every run is counted here, before the decoder, in Rust, sees a frame.

That decoder writes the runs of a damaged frame past its end and panics: a trace on the screen, and an exception that
`except Exception` does not catch. It is only given segments that fill their frame exactly.
Source: DICOM PS3.5 annex G.
"""

import struct
from pathlib import Path

import numpy as np

from scanwright.errors import UnreadableFile
from scanwright.io.dicom.encoded import Stored
from scanwright.io.guard import COPY_HINT
from scanwright.types import Array

HEADER_BYTES = 64  # the number of segments, and where each of up to 15 begins
LARGEST_FRAME = (1 << 32) - 1  # the decoder counts bytes in 32 bits
NOTHING = 128  # a code without a run
TAKEN = tuple(code + 2 if code < NOTHING else 1 if code == NOTHING else 2 for code in range(256))
"""Bytes that a run takes with its code."""
GIVEN = tuple(code + 1 if code < NOTHING else 0 if code == NOTHING else 257 - code for code in range(256))
"""Bytes that it stands for."""


def decode(frame: bytes, stored: Stored, *, where: Path) -> Array:
    """The cells of one frame, flat, plane by plane.

    Raises UnreadableFile for a frame that does not hold exactly as many pixels as the header says.
    """
    from rle.rle import decode_frame

    pixels = stored.rows * stored.columns
    if stored.frame_bits // 8 > LARGEST_FRAME:
        raise _damaged(where, f"a frame of {stored.frame_bits >> 33} GiB")
    whole = [segment[: _end(segment, pixels, where)] for segment in _segments(frame, stored, where)]
    starts = np.cumsum([HEADER_BYTES, *map(len, whole)])[:-1]
    header = struct.pack("<I", len(whole)) + starts.astype("<u4").tobytes()
    joined = header.ljust(HEADER_BYTES, b"\0") + b"".join(whole)
    return np.frombuffer(decode_frame(joined, pixels, stored.allocated, "<"), stored.dtype)


def _segments(frame: bytes, stored: Stored, where: Path) -> list[bytes]:
    """One segment for each byte of a pixel."""
    expected = stored.samples * stored.allocated // 8
    if len(frame) < HEADER_BYTES:
        raise _damaged(where, f"{len(frame)} bytes")
    count, *starts = struct.unpack_from("<16I", frame)
    if count != expected:
        raise _damaged(where, f"{count} segments where {expected} are needed")
    ends = [*starts[1:count], len(frame)]
    if starts[:1] != [HEADER_BYTES] or any(start >= end for start, end in zip(starts[:count], ends, strict=True)):
        raise _damaged(where, "segments that do not follow one another")
    return [frame[start:end] for start, end in zip(starts[:count], ends, strict=True)]


def _end(segment: bytes, count: int, where: Path) -> int:
    """Where the run ends that brings a segment to `count` bytes. Nothing but padding may follow."""
    position = given = 0
    try:
        while given < count:
            code = segment[position]
            position += TAKEN[code]
            given += GIVEN[code]
    except IndexError:
        position = len(segment) + 1
    if position > len(segment):
        raise _damaged(where, f"a segment that ends after {given} of {count} pixels")
    if given > count or segment[position:].strip(b"\0\x80"):
        raise _damaged(where, f"a segment of more than {count} pixels")
    return position


def _damaged(where: Path, found: str) -> UnreadableFile:
    return UnreadableFile(
        "cannot decode the RLE pixels", where=where, expected="a whole frame", found=found, hint=COPY_HINT
    )
