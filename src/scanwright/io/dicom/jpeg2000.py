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

from scanwright.io.dicom.apart import Decoder
from scanwright.io.sandbox import Sandbox
from scanwright.runtime import num_threads
from scanwright.types import Array

START = b"\xff\x4f\xff\x51"  # start of codestream, then the marker of its size
SEARCHED = 1 << 12  # bytes before it: a JP2 file header that some writers leave
LEAST_SHARE = 1 << 14  # samples for each byte: what an empty image may be packed to

DECODER = Decoder(
    "JPEG 2000",
    "a whole codestream",
    copies=24,  # OpenJPEG holds 32-bit samples, several times
    slowest_bytes=1 << 20,
)
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
        raise DECODER.damaged(where, "it does not begin as JPEG 2000 does")
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    (samples,) = struct.unpack_from(">H", frame, start + 40)
    parts = frame[start + 42 : start + 42 + 3 * samples : 3]
    if not parts or len(parts) < samples or right <= left or bottom <= top:
        raise DECODER.damaged(where, "its size makes no sense")
    precision = max(part & 0x7F for part in parts) + 1
    if precision > 32:
        raise DECODER.damaged(where, f"{precision} bits a sample")
    return Codestream(bottom - top, right - left, samples, precision, bool(parts[0] & 0x80))


def decode(frame: bytes, stream: Codestream, *, where: Path, sandbox: Sandbox = OPENJPEG) -> Array:
    """The samples of a codestream, (rows, columns, samples) in `stream.dtype`.

    stream: what `read_codestream` says of the frame, compared with the DICOM header by the caller. Raises UnreadableFile for
    data that are damaged, cut or break the decoder, ResourceError if no child process can be started.
    """
    expected = stream.rows * stream.columns * stream.samples * stream.dtype.itemsize
    DECODER.require_enough(frame, expected, rows=stream.rows, columns=stream.columns, share=LEAST_SHARE, where=where)
    _, pixels = DECODER.ask(sandbox, frame, {}, expected=expected, where=where)
    return np.frombuffer(pixels, stream.dtype).reshape(stream.rows, stream.columns, stream.samples)
