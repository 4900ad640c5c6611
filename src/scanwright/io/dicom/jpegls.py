"""JPEG-LS inside DICOM, decoded by CharLS in child processes with limits, as many as there are cores.

Source: ITU-T T.87 annex C (frame header).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.errors import UnreadableFile
from scanwright.io.dicom.apart import Decoder
from scanwright.io.sandbox import Sandbox
from scanwright.runtime import num_threads
from scanwright.types import Array

START_OF_FRAME, END = b"\xff\xf7", b"\xff\xd9"
SEARCHED = 1 << 16
LEAST_SHARE = 1 << 16  # bytes of samples for each byte: runs make a flat image very small
BY_PLANE = 0  # interleave mode of colours that lie plane by plane

DECODER = Decoder("JPEG-LS", "a whole codestream", copies=8, slowest_bytes=2 << 20)
CHARLS = Sandbox(Path(__file__).with_name("charls_child.py"), children=num_threads())


@dataclass(frozen=True, slots=True)
class Codestream:
    """What a codestream says of itself. precision: bits of a sample."""

    rows: int
    columns: int
    samples: int
    precision: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that CharLS gives the samples in."""
        return np.dtype("u1" if self.precision <= 8 else "<u2")


def read_codestream(frame: bytes, where: Path) -> Codestream:
    """The size in a codestream's header. Raises UnreadableFile if it is none, or one that cannot be."""
    start = frame.find(START_OF_FRAME, 0, SEARCHED)
    if frame[:2] != b"\xff\xd8" or start < 0 or len(frame) < start + 10:
        raise DECODER.damaged(where, "it does not begin as JPEG-LS does")
    precision, samples = frame[start + 4], frame[start + 9]
    rows, columns = (int.from_bytes(frame[start + at : start + at + 2], "big") for at in (5, 7))
    if not (rows and columns and samples and 2 <= precision <= 16):
        raise DECODER.damaged(where, "its size makes no sense")
    return Codestream(rows, columns, samples, precision)


def without_fill(frame: bytes) -> bytes:
    """A codestream without the zero that some writers put between its last bits and its end, to make the length even.

    CharLS takes it for a marker's beginning. A file of NEMA's own test set (MR1_JLSL) has one.
    """
    end = frame.rfind(END)
    return frame[: end - 1] + END if end > 0 and frame[end - 1] == 0 and not frame[end + 2 :].strip(b"\0") else frame


def decode(frame: bytes, stream: Codestream, *, where: Path, sandbox: Sandbox = CHARLS) -> tuple[Array, bool]:
    """The samples of a codestream in one row, in `stream.dtype`, and whether colours lie plane by plane.

    stream: what `read_codestream` says of the frame, compared with the DICOM header by the caller. Raises UnreadableFile for
    data that are damaged, cut or break the decoder, ResourceError if no child process can be started.
    """
    expected = stream.rows * stream.columns * stream.samples * stream.dtype.itemsize
    DECODER.require_enough(frame, expected, rows=stream.rows, columns=stream.columns, share=LEAST_SHARE, where=where)
    try:
        said, pixels = DECODER.ask(sandbox, frame, {}, expected=expected, where=where)
    except UnreadableFile:
        trimmed = without_fill(frame)
        if trimmed == frame:
            raise
        said, pixels = DECODER.ask(sandbox, trimmed, {}, expected=expected, where=where)
    return np.frombuffer(pixels, stream.dtype), said.get("interleave") == BY_PLANE
