"""JPEG 2000 and HTJ2K inside DICOM, decoded by OpenJPEG in child processes with limits, as many as there are cores.

OpenJPEG is the usual place of this format's holes, and its Python wrapper holds the interpreter's lock while it decodes: apart
from this process it can do no harm, and several frames are decoded at a time.
Source: ITU-T T.800 annex A.5.1 (image and tile size), T.814 (high throughput).
"""

import struct
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

START = b"\xff\x4f\xff\x51"  # start of codestream, then the marker of its size
SEARCHED = 1 << 12  # bytes before it: a JP2 file header that some writers leave
COPIES = 24  # bytes for each byte of the answer: OpenJPEG holds 32-bit samples, several times
SLOWEST_BYTES = 1 << 20  # of decoded pixels a second
LEAST_SHARE = 1 << 14  # samples for each byte: what an empty image may be packed to

OPENJPEG = Sandbox(Path(__file__).with_name("openjpeg_child.py"), children=num_threads())


@dataclass(frozen=True, slots=True)
class Codestream:
    """What a codestream says of itself. precision: bits of a sample, of the widest component."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that OpenJPEG gives the samples in."""
        size = next(size for size in (1, 2, 4) if self.precision <= 8 * size)
        return np.dtype(f"<{'i' if self.signed else 'u'}{size}")


def read_codestream(frame: bytes, where: Path) -> Codestream:
    """The size in a codestream's header. Raises UnreadableFile if it is none, or one that cannot be."""
    start = frame.find(START, 0, SEARCHED)
    if start < 0 or len(frame) < start + 43:
        raise _damaged(where, "it does not begin as JPEG 2000 does")
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    (samples,) = struct.unpack_from(">H", frame, start + 40)
    parts = frame[start + 42 : start + 42 + 3 * samples : 3]
    if not parts or len(parts) < samples or right <= left or bottom <= top:
        raise _damaged(where, "its size makes no sense")
    precision = max(part & 0x7F for part in parts) + 1
    if precision > 32:
        raise _damaged(where, f"{precision} bits a sample")
    return Codestream(bottom - top, right - left, samples, precision, bool(parts[0] & 0x80))


def decode(frame: bytes, stream: Codestream, *, where: Path, sandbox: Sandbox = OPENJPEG) -> Array:
    """The samples of a codestream, (rows, columns, samples) in `stream.dtype`.

    stream: what `read_codestream` says of the frame, compared with the DICOM header by the caller. Raises UnreadableFile for
    data that are damaged, cut or break the decoder, ResourceError if no child process can be started.
    """
    expected = stream.rows * stream.columns * stream.samples * stream.dtype.itemsize
    if expected > len(frame) * LEAST_SHARE:
        raise _damaged(where, f"{len(frame)} bytes for {stream.rows} x {stream.columns} pixels")
    memory = MEMORY_BYTES // 2 + COPIES * expected + 4 * len(frame)
    try:
        _, pixels = sandbox.ask(
            {"bytes": expected}, frame, expected=expected, memory_bytes=memory, extra_s=expected / SLOWEST_BYTES
        )
    except ChildFailed as failure:
        raise _damaged(where, failure.why) from failure
    except NotStarted as error:
        raise ResourceError(str(error), where=where) from error
    return np.frombuffer(pixels, stream.dtype).reshape(stream.rows, stream.columns, stream.samples)


def _damaged(where: Path, found: str) -> UnreadableFile:
    return UnreadableFile(
        "cannot decode the JPEG 2000 pixels", where=where, expected="a whole codestream", found=found, hint=COPY_HINT
    )
