"""Compressed frames: one codestream in, one frame of stored numbers out.

RLE is decoded in this process (`rle`); JPEG, JPEG-LS and JPEG 2000 in limited children (`jpeg`, `jpegls`, `jpeg2000`).
A codestream's own size is compared with the header's before it is decoded: its own size is what a decoder allocates.
Source: DICOM PS3.5 annexes A.4, D and G.
"""

from collections.abc import Callable

import numpy as np

from scanwright.errors import UnreadableFile
from scanwright.io.dicom import jpeg, jpeg2000, jpegls, rle
from scanwright.io.dicom.encoded import HTJ2K, JPEG_2000, JPEG_LS, RLE, Encoded, Stored
from scanwright.io.sandbox import Sandbox
from scanwright.types import Array


def decode_frame(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    """One encoded frame as (rows, columns, samples) in the header's number type, and its photometric interpretation.

    Codecs undo some colour spaces on their own (JPEG 2000 its YBR_RCT and YBR_ICT). Raises UnreadableFile, or what a codec
    raises on damaged data.
    """
    return CODECS[encoded.syntax](frame, encoded)


def prepare(syntax: str) -> None:
    """Start the children that decode a transfer syntax, if it has any, while the caller has other work."""
    if syntax in CHILDREN:
        CHILDREN[syntax].prepare()


def by_pixel(cells: Array, stored: Stored, *, planar: bool) -> Array:
    """Cells of one frame as (rows, columns, samples)."""
    if planar and stored.samples > 1:
        return cells.reshape(stored.samples, stored.rows, stored.columns).transpose(1, 2, 0)
    return cells.reshape(stored.rows, stored.columns, stored.samples)


def _require_size(encoded: Encoded, found: tuple[int, int, int]) -> None:
    """Raise UnreadableFile if a codestream is of another size than the header: its own size is what gets allocated."""
    said = (encoded.stored.rows, encoded.stored.columns, encoded.stored.samples)
    if found != said:
        raise UnreadableFile(
            "compressed pixels of another size than the header's",
            where=encoded.path,
            expected=" x ".join(map(str, said)),
            found=" x ".join(map(str, found)),
        )


def _decode_rle(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    stored = encoded.stored
    return by_pixel(rle.decode(frame, stored, where=encoded.path), stored, planar=True), stored.photometric


def _decode_jpeg_ls(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    stored = encoded.stored
    stream = jpegls.read_codestream(frame, encoded.path)
    _require_size(encoded, (stream.rows, stream.columns, stream.samples))
    samples, by_plane = jpegls.decode(frame, stream, where=encoded.path)
    return _fitted(by_pixel(samples, stored, planar=by_plane), encoded, stream.precision), stored.photometric


def _decode_jpeg_2000(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    stored = encoded.stored
    stream = jpeg2000.read_codestream(frame, encoded.path)
    _require_size(encoded, (stream.rows, stream.columns, stream.samples))
    wide = jpeg2000.decode(frame, stream, where=encoded.path)
    photometric = "RGB" if stored.photometric in ("YBR_RCT", "YBR_ICT") else stored.photometric
    return _fitted(wide, encoded, stream.precision), photometric


def _fitted(wide: Array, encoded: Encoded, precision: int) -> Array:
    """Decoded numbers in the header's type. Where header and codestream differ about the sign, the header is right and
    the codestream's bits are kept. Raises UnreadableFile if they have more bits than the header's cells.
    """
    stored = encoded.stored
    if precision > 8 * stored.dtype.itemsize:
        raise UnreadableFile(
            "compressed pixels of more bits than the header's cells",
            where=encoded.path,
            expected=f"at most {stored.allocated} bits",
            found=precision,
        )
    whole = wide.dtype.kind in "iu" and stored.dtype.kind in "iu" and wide.dtype.itemsize == stored.dtype.itemsize
    cells = wide.view(stored.dtype) if whole else wide.astype(stored.dtype, copy=False)
    spare = stored.allocated - precision
    return np.asarray((cells << spare) >> spare) if spare > 0 and stored.signed and wide.dtype.kind == "u" else cells


def _decode_jpeg(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    stored = encoded.stored
    cells, photometric = jpeg.decode_jpeg(
        frame,
        syntax=encoded.syntax,
        rows=stored.rows,
        columns=stored.columns,
        samples=stored.samples,
        bits_allocated=stored.allocated,
        bits_stored=stored.stored,
        high_bit=stored.high,
        signed=stored.signed,
        planar=stored.planar,
        photometric=stored.photometric,
        where=encoded.path,
    )
    return cells.reshape(stored.rows, stored.columns, stored.samples), photometric


CODECS: dict[str, Callable[[bytes, Encoded], tuple[Array, str]]] = {
    RLE: _decode_rle,
    **dict.fromkeys(JPEG_LS, _decode_jpeg_ls),
    **dict.fromkeys((*JPEG_2000, *HTJ2K), _decode_jpeg_2000),
    **dict.fromkeys(jpeg.SYNTAXES, _decode_jpeg),
}
CHILDREN: dict[str, Sandbox] = {
    **dict.fromkeys(JPEG_LS, jpegls.CHARLS),
    **dict.fromkeys((*JPEG_2000, *HTJ2K), jpeg2000.OPENJPEG),
    **dict.fromkeys(jpeg.SYNTAXES, jpeg.GDCM),
}
