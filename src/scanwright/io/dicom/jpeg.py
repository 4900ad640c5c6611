"""JPEG inside DICOM: baseline, extended and lossless, decoded by GDCM in a child process with limits.

The stream's own header is read here first: what disagrees with the DICOM header is refused before a decoder sees it.
GDCM does not convert colours, so the result is what the stream holds, and this says which that is:

    component ids "RGB"                  RGB, whatever the DICOM header says
    Adobe marker (APP14), lossless too   transform 0 is RGB, 1 is YBR_FULL
    JFIF marker (APP0), lossy            never RGB: YBR_FULL
    no word of it in the stream          what the DICOM header says; a YBR_FULL_422 is YBR_FULL now, its chroma enlarged

Sources: DICOM PS3.5 sections 8.2.1 and A.4.1; ITU-T T.81 annex B and T.871 (JFIF); Adobe technical note 5116.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.errors import UnreadableFile
from scanwright.io.dicom.apart import Decoder
from scanwright.io.guard import checked_bytes
from scanwright.io.sandbox import Sandbox
from scanwright.runtime import num_threads
from scanwright.types import Array

BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS, LOSSLESS_FIRST_ORDER = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
SYNTAXES = frozenset({BASELINE, EXTENDED, LOSSLESS, LOSSLESS_FIRST_ORDER})

START_OF_IMAGE, MARKER = b"\xff\xd8", 0xFF
START_OF_SCAN, END_OF_IMAGE, APP0, APP14 = 0xDA, 0xD9, 0xE0, 0xEE
WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
LOSSY_FRAMES, LOSSLESS_FRAMES = frozenset({0xC0, 0xC1, 0xC2}), frozenset({0xC3})
RGB_IDS = (b"RGB", b"rgb")
LOSSY_SAMPLES = 2048  # that a byte can give: a bit a block (the chroma of 16 in one)
LOSSLESS_SAMPLES = 8  # a bit a sample

DECODER = Decoder(
    "JPEG",
    "a whole JPEG stream",
    copies=12,  # GDCM and its wrapper hold 6 to 9 at once (measured, progressive too)
    slowest_bytes=2 << 20,
    library="GDCM",
    package="python-gdcm, which decodes JPEG baseline, extended and lossless",
    install_hint='Run: pip install "scanwright[gdcm]"',
)

GDCM = Sandbox(Path(__file__).with_name("gdcm_child.py"), children=num_threads())


@dataclass(frozen=True, slots=True)
class Stream:
    """What a JPEG stream says of itself. process: its frame marker. colours: "RGB", "YBR_FULL", or "" if it says nothing."""

    process: int
    precision: int
    rows: int
    columns: int
    samples: int
    colours: str


def decode_jpeg(
    frame: bytes,
    *,
    syntax: str,
    rows: int,
    columns: int,
    samples: int,
    bits_allocated: int,
    bits_stored: int,
    high_bit: int,
    signed: bool,
    planar: int,
    photometric: str,
    where: Path,
    sandbox: Sandbox = GDCM,
) -> tuple[Array, str]:
    """One frame as (rows, columns) or (rows, columns, 3) in the stored integer type, and its photometric interpretation.

    frame: one complete JPEG stream (all fragments of the frame, joined). The integers have `bits_allocated` bits; values
    of fewer bits are extended by their sign if `signed`. Colour is by pixel, whatever `planar` says: JPEG knows no other
    way. bits_stored and high_bit are for error messages and overlays, and do not change the result.
    Raises UnreadableFile with `where` for data that are damaged, cut, disagree with the header or break the decoder,
    InputError if python-gdcm is not installed, ResourceError if no child process can be started.
    """
    if bits_allocated not in (8, 16, 32):
        raise _differs(where, "cells of 8, 16 or 32 bits", f"{bits_allocated} bits allocated")
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits_allocated // 8}")
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    checked_bytes(where, shape, dtype)
    stream = read_stream(frame, where)
    _require(stream, rows=rows, columns=columns, samples=samples, bits_allocated=bits_allocated, where=where)
    share = LOSSY_SAMPLES if stream.process in LOSSY_FRAMES else LOSSLESS_SAMPLES
    DECODER.require_enough(frame, rows * columns * samples, rows=rows, columns=columns, share=share, where=where)
    pixels = _asked(frame, stream, syntax=syntax, where=where, sandbox=sandbox).reshape(shape)
    return _as_stored(pixels, dtype, stream.precision), _interpretation(stream, photometric)


def read_stream(frame: bytes, where: Path) -> Stream:
    """What the stream's header says, up to its first scan. Raises UnreadableFile if it is not a JPEG stream."""
    if frame[:2] != START_OF_IMAGE:
        raise DECODER.damaged(where, "it does not begin as JPEG does")
    position, adobe, jfif = 2, None, False
    while position + 4 <= len(frame):
        marker = frame[position + 1]
        if frame[position] != MARKER or marker in (START_OF_SCAN, END_OF_IMAGE):
            break
        if marker == MARKER or marker in WITHOUT_LENGTH:
            position += 1 if marker == MARKER else 2
            continue
        length = int.from_bytes(frame[position + 2 : position + 4], "big")
        segment = frame[position + 4 : position + 2 + length]
        if marker in FRAMES:
            return _stream(marker, segment, adobe=adobe, jfif=jfif, where=where)
        if marker == APP14 and segment[:5] == b"Adobe" and len(segment) >= 12:
            adobe = segment[11]
        jfif = jfif or (marker == APP0 and segment[:4] == b"JFIF")
        position += 2 + max(length, 2)
    raise DECODER.damaged(where, "it has no frame header")


def _stream(process: int, segment: bytes, *, adobe: int | None, jfif: bool, where: Path) -> Stream:
    if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
        raise DECODER.damaged(where, "its frame header is cut")
    rows, columns = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    colours = ""
    if segment[6 : 6 + 3 * segment[5] : 3] in RGB_IDS or adobe == 0:
        colours = "RGB"
    elif adobe == 1 or (jfif and process in LOSSY_FRAMES):
        colours = "YBR_FULL"
    return Stream(process, segment[0], rows, columns, segment[5], colours)


def _require(stream: Stream, *, rows: int, columns: int, samples: int, bits_allocated: int, where: Path) -> None:
    """Refuse a stream of a process that GDCM does not decode, or that is not the image of the DICOM header."""
    if stream.process not in LOSSY_FRAMES | LOSSLESS_FRAMES:
        raise _differs(where, "a sequential, progressive or lossless Huffman JPEG", f"process {stream.process - 0xC0}")
    if (stream.rows, stream.columns) != (rows, columns):
        raise _differs(where, f"{rows} x {columns} pixels", f"{stream.rows} x {stream.columns} in the JPEG stream")
    if stream.samples != samples or samples not in (1, 3):
        raise _differs(where, f"1 or 3 samples, here {samples}", f"{stream.samples} in the JPEG stream")
    lossy = stream.process in LOSSY_FRAMES
    if not 2 <= stream.precision <= min(bits_allocated, 16) or (lossy and stream.precision not in (8, 12)):
        expected = f"samples that fit {bits_allocated} bits"
        raise _differs(where, expected, f"{stream.precision} bits in the JPEG stream")


def _asked(frame: bytes, stream: Stream, *, syntax: str, where: Path, sandbox: Sandbox) -> Array:
    """The samples as the stream has them, uint8 or uint16, one after the other."""
    dtype = np.dtype(np.uint8 if stream.precision <= 8 else np.dtype("<u2"))
    expected = stream.rows * stream.columns * stream.samples * dtype.itemsize
    header = {
        **{"syntax": syntax, "rows": stream.rows, "columns": stream.columns},
        **{"samples": stream.samples, "precision": stream.precision},
    }
    _, pixels = DECODER.ask(sandbox, frame, header, expected=expected, where=where)
    return np.frombuffer(pixels, dtype)


def _as_stored(pixels: Array, dtype: np.dtype[Any], precision: int) -> Array:
    """In the stored type; a negative value of fewer bits gets its sign in all of them."""
    if dtype.kind == "i" and precision < 8 * dtype.itemsize:
        unused = 8 * dtype.itemsize - precision
        return np.asarray(pixels.astype(dtype) << unused >> unused)
    if pixels.dtype.itemsize == dtype.itemsize:
        return pixels.view(dtype)
    return pixels.astype(dtype)


def _interpretation(stream: Stream, photometric: str) -> str:
    if stream.samples == 1:
        return photometric
    return stream.colours or ("YBR_FULL" if photometric == "YBR_FULL_422" else photometric)


def _differs(where: Path, expected: str, found: str) -> UnreadableFile:
    message = "the JPEG pixels are not what the DICOM header says"
    return UnreadableFile(message, where=where, expected=expected, found=found)
