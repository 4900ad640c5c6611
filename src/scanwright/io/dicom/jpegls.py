"""JPEG-LS inside DICOM, decoded by CharLS in child processes with limits, as many as there are cores.

Source: ITU-T T.87 annex C (frame header).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.errors import ResourceError, UnreadableFile
from scanwright.io.child import ChildFailed, NotStarted
from scanwright.io.guard import COPY_HINT
from scanwright.io.sandbox import MEMORY_BYTES, Sandbox
from scanwright.runtime import num_threads
from scanwright.types import Array

START_OF_FRAME = b"\xff\xf7"
SEARCHED = 1 << 16
COPIES = 8  # bytes for each byte of the answer
SLOWEST_BYTES = 2 << 20  # of decoded pixels a second
LEAST_SHARE = 1 << 16  # bytes of samples for each byte: runs make a flat image very small
BY_PLANE = 0  # interleave mode of colours that lie plane by plane

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
        raise _damaged(where, "it does not begin as JPEG-LS does")
    precision, samples = frame[start + 4], frame[start + 9]
    rows, columns = (int.from_bytes(frame[start + at : start + at + 2], "big") for at in (5, 7))
    if not (rows and columns and samples and 2 <= precision <= 16):
        raise _damaged(where, "its size makes no sense")
    return Codestream(rows, columns, samples, precision)


def decode(frame: bytes, stream: Codestream, *, where: Path, sandbox: Sandbox = CHARLS) -> tuple[Array, bool]:
    """The samples of a codestream in one row, in `stream.dtype`, and whether colours lie plane by plane.

    stream: what `read_codestream` says of the frame, compared with the DICOM header by the caller. Raises UnreadableFile for
    data that are damaged, cut or break the decoder, ResourceError if no child process can be started.
    """
    expected = stream.rows * stream.columns * stream.samples * stream.dtype.itemsize
    if expected > len(frame) * LEAST_SHARE:
        raise _damaged(where, f"{len(frame)} bytes for {stream.rows} x {stream.columns} pixels")
    memory = MEMORY_BYTES // 2 + COPIES * expected + 4 * len(frame)
    try:
        said, pixels = sandbox.ask(
            {"bytes": expected}, frame, expected=expected, memory_bytes=memory, extra_s=expected / SLOWEST_BYTES
        )
    except ChildFailed as failure:
        raise _damaged(where, failure.why) from failure
    except NotStarted as error:
        raise ResourceError(str(error), where=where) from error
    return np.frombuffer(pixels, stream.dtype), said.get("interleave") == BY_PLANE


def _damaged(where: Path, found: str) -> UnreadableFile:
    return UnreadableFile(
        "cannot decode the JPEG-LS pixels", where=where, expected="a whole codestream", found=found, hint=COPY_HINT
    )
