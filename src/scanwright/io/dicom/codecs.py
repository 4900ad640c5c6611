"""Compressed frames: one codestream in, one frame of stored numbers out.

OpenJPEG, CharLS and the RLE decoder run in this process; JPEG runs in a limited child (`jpeg`). A codestream's own size is
compared with the header's before it is decoded: its own size is what a decoder allocates.
Source: DICOM PS3.5 annexes A.4, D and G.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from scanwright.errors import UnreadableFile
from scanwright.io.dicom import jpeg
from scanwright.io.dicom.encoded import HTJ2K, JPEG_2000, JPEG_LS, RLE, Encoded, Stored
from scanwright.types import Array


def decode_frame(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    """One encoded frame as (rows, columns, samples) in the header's number type, and its photometric interpretation.

    Codecs undo some colour spaces on their own (JPEG 2000 its YBR_RCT and YBR_ICT). Raises UnreadableFile, or what a codec
    raises on damaged data.
    """
    return CODECS[encoded.syntax](frame, encoded)


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
    from rle.rle import decode_frame

    cells = np.frombuffer(decode_frame(frame, stored.rows * stored.columns, stored.allocated, "<"), stored.dtype)
    return by_pixel(cells, stored, planar=True), stored.photometric


def _decode_jpeg_ls(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    stored = encoded.stored
    from jpeg_ls import decode_pixel_data

    start = frame.find(b"\xff\xf7")
    rows, columns = int.from_bytes(frame[start + 5 : start + 7]), int.from_bytes(frame[start + 7 : start + 9])
    _require_size(encoded, (rows, columns, frame[start + 9] if start >= 0 else 0))
    decoded, info = decode_pixel_data(frame)
    wide = np.frombuffer(decoded, _container(int(info["bits_per_sample"]), signed=False))
    frames = by_pixel(wide, stored, planar=info["interleave_mode"] == 0)
    return _fitted(frames, stored, int(info["bits_per_sample"])), stored.photometric


def _decode_jpeg_2000(frame: bytes, encoded: Encoded) -> tuple[Array, str]:
    stored = encoded.stored
    from openjpeg.utils import decode_pixel_data, get_parameters

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a file header around the codestream, which does not matter
        said = get_parameters(frame)
        _require_size(encoded, (int(said["rows"]), int(said["columns"]), int(said["samples_per_pixel"])))
        wide = np.frombuffer(
            decode_pixel_data(frame, version=2), _container(int(said["precision"]), signed=bool(said["is_signed"]))
        )
    shaped = wide.reshape(stored.rows, stored.columns, stored.samples)
    photometric = "RGB" if stored.photometric in ("YBR_RCT", "YBR_ICT") else stored.photometric
    return _fitted(shaped, stored, int(said["precision"])), photometric


def _container(precision: int, *, signed: bool) -> np.dtype[Any]:
    """The type that codecs put numbers of so many bits into."""
    size = next(size for size in (1, 2, 4, 8) if precision <= 8 * size)
    return np.dtype(f"<{'i' if signed else 'u'}{size}")


def _fitted(wide: Array, stored: Stored, precision: int) -> Array:
    """Decoded numbers in the header's type. Where header and codestream differ about the sign, the header is right and
    the codestream's bits are kept.
    """
    cells = wide.astype(stored.dtype, copy=False)
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
