"""Pictures without a physical scale: PNG, JPEG, BMP (Pillow) and TIFF (tifffile, Pillow for its packed kinds).

Index i is the column, j the row, k is 0; the unit is "px". A picture is read by these rules.

    as stored       8 or 16 bits, grey or colour; equal colour channels stay three (labels: become one)
    turned          upright, as the EXIF tag says (a TIFF with such a tag is refused)
    palette         its colours; as a label: its indices
    colours         as a label: a value for each colour (io/colours.py); what is fully transparent is 0
    1 bit           0 and 1; a TIFF in which 0 is white is turned, but not as a label
    CMYK, YCbCr     as RGB
    transparency    dropped if every pixel is opaque, else refused (images): what lies behind it is not known
    several pages   refused, unless the caller says that they are channels: slices, times and thumbnails look the same
    labels          never from JPEG, whose values are blurred; values are kept (a mask of 0 and 255 stays 0 and 255)
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from scanwright.errors import InputError, UnreadableFile
from scanwright.files import write_bytes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io import colours
from scanwright.io.guard import as_unreadable, checked_bytes, require_file, truncated
from scanwright.io.header import Header
from scanwright.types import Array

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # it logs what is raised here as one error

EXPECTED = "a picture (PNG, JPEG, BMP or TIFF)"
MAX_PIXELS = 1 << 28  # one picture; 16384 x 16384
READABLE = ("PNG", "JPEG", "BMP")
GREY = {"1": "u1", "L": "u1", "I;16": "u2", "I;16B": "u2", "I;16L": "u2", "I": "i4", "F": "f4"}
TIFF_PHOTOMETRIC = ("MINISBLACK", "MINISWHITE", "RGB", "PALETTE")
TIFF_COMPRESSION = ("NONE", "ADOBE_DEFLATE", "DEFLATE")  # what tifffile decodes without a further package
EXIF_ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # what brings a picture of that EXIF orientation upright
SWAPPING = (TURNS[5], TURNS[6], TURNS[7], TURNS[8])


def read_header(path: Path, *, as_channels: bool = False) -> Header:
    """Grid, channels and number type of a picture without decoding it (TIFF with as many pages as channels)."""
    if is_tiff(path):
        return _tiff_header(path, as_channels)
    with _pillow(path) as picture:
        width, height = picture.size
        turn = _turn(picture)
        if turn in SWAPPING:
            width, height = height, width
        grey = picture.mode in GREY or picture.mode in ("LA", "La")
        dtype = np.dtype(GREY.get(picture.mode, "u1"))
        notes = () if turn is None else ("turned upright, as its EXIF tag says",)
        return Header(Grid.of_pixels(width, height), 1 if grey else 3, dtype, notes)


def read(path: Path, *, as_channels: bool = False) -> Volume:
    """A picture as a volume (C, columns, rows, 1).

    Raises UnreadableFile (not a picture, truncated, over MAX_PIXELS), InputError (transparent, several pages, 16-bit
    colour in a PNG, which cannot be decoded without loss here).
    """
    if is_tiff(path):
        return _as_volume(_read_tiff(path, as_channels))
    with _pillow(path) as picture:
        return _as_volume(_colours(_upright(picture), path))


def read_label(path: Path) -> Volume:
    """A label picture: palette indices, grey values, or a value for each colour. C is 1.

    Raises InputError for JPEG, half-transparent pixels, and colours of more than 8 bits.
    """
    if is_tiff(path):
        return _as_volume(_single(_read_tiff(path, False, as_label=True), path))
    with _pillow(path) as picture:
        if picture.format == "JPEG":
            raise InputError(
                "a JPEG picture cannot hold labels: its compression blurs the values",
                where=path,
                hint="Save the labels as PNG from their source.",
            )
        upright = _upright(picture)
        if upright.mode == "P":
            return _as_volume(np.asarray(upright)[..., None])
        return _as_volume(_single(_colours(upright, path, as_label=True), path))


def write(path: Path, volume: Volume) -> None:
    """Write one slice as PNG or TIFF: grey or RGB of 8 or 16 bits (PNG colour: 8). TIFF holds floats too.

    Label values that stand for colours (io/colours.py) are written as these.

    Raises InputError if the volume has several slices, lies in millimetres (which a picture cannot hold), has 2 or more
    than 3 channels, or values that do not fit; ResourceError if the disk is full.
    """
    rows_HWC = _as_rows(volume, path)
    tiff = is_tiff(path)
    if rows_HWC.dtype.kind == "b":
        rows_HWC = rows_HWC.astype(np.uint8)
    if rows_HWC.dtype.kind in "iu" and rows_HWC.shape[-1] == 1 and int(rows_HWC.max()) >= colours.COLOURED:
        coloured = colours.colours_of(rows_HWC[..., 0])
        rows_HWC = rows_HWC if coloured is None else coloured
    if rows_HWC.dtype.kind in "iu":
        rows_HWC = _smallest_unsigned(rows_HWC, path)
    elif not tiff or rows_HWC.dtype.kind != "f":
        raise InputError(
            "PNG holds whole numbers only", where=path, found=rows_HWC.dtype.name, hint="Write TIFF or .nii.gz."
        )
    if not tiff and rows_HWC.shape[-1] == 3 and rows_HWC.dtype != np.uint8:
        raise InputError(
            "PNG colours are written with 8 bits", where=path, found=rows_HWC.dtype.name, hint="Write TIFF."
        )
    pixels = np.ascontiguousarray(rows_HWC[..., 0] if rows_HWC.shape[-1] == 1 else rows_HWC)
    encoded = io.BytesIO()
    if tiff:
        photometric = "rgb" if pixels.ndim == 3 else "minisblack"
        tifffile.imwrite(encoded, pixels, photometric=photometric, compression="zlib", metadata=None)
    else:
        Image.fromarray(pixels).save(encoded, format="PNG")
    write_bytes(path, encoded.getvalue())


def is_tiff(path: Path) -> bool:
    """Whether the suffix is a TIFF's."""
    return path.suffix.lower() in (".tif", ".tiff")


@contextlib.contextmanager
def _pillow(path: Path, formats: tuple[str, ...] = READABLE) -> Iterator[Image.Image]:
    """A picture opened by Pillow, its size checked before decoding; whatever Pillow raises is an UnreadableFile."""
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), contextlib.ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's bomb warning: the size is checked below, by our own limit
            picture = stack.enter_context(Image.open(path, formats=formats))
        _check_pixels(path, picture.size)
        if picture.format == "PNG" and picture.mode in ("RGB", "RGBA", "LA") and "16B" in str(picture.tile):
            # Pillow would silently keep the upper eight bits
            raise InputError("a PNG in 16-bit colour", where=path, expected="8-bit colour", hint="Save it as TIFF.")
        yield picture


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """What brings the picture upright, by the EXIF data before its pixels."""
    exif = Image.Image.getexif(picture)  # the PNG class would decode all pixels to look for EXIF data behind them
    return TURNS.get(exif.get(EXIF_ORIENTATION, 1))


def _upright(picture: Image.Image) -> Image.Image:
    turn = _turn(picture)
    return picture if turn is None else picture.transpose(turn)


def _check_pixels(path: Path, size: tuple[int, ...]) -> None:
    checked_bytes(path, size, np.uint8)
    if np.prod(size, dtype=float) > MAX_PIXELS:
        found = " x ".join(map(str, size))
        raise UnreadableFile(
            "the picture is too large", where=path, expected=f"at most {MAX_PIXELS} pixels", found=found
        )


def _colours(picture: Image.Image, path: Path, *, as_label: bool = False) -> Array:
    """Decoded pixels (H, W, C) by the rules above."""
    if picture.mode in GREY:
        grey = np.asarray(picture).astype(GREY[picture.mode])
        return grey[..., None]
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("RGBA"))
        if as_label:
            pixels = np.where(pixels[..., 3:] == 0, np.uint8([0, 0, 0, 255]), pixels)
        return _opaque(pixels, path, grey=picture.mode in ("LA", "La"))
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _opaque(pixels_HWC: Array, path: Path, *, grey: bool = False) -> Array:
    """Pixels without their last channel, transparency, which must be full everywhere."""
    alpha = pixels_HWC[..., -1]
    if (alpha != np.iinfo(alpha.dtype).max).any():
        raise InputError(
            "the picture has transparent pixels", where=path, expected="opaque", hint="Flatten it before use."
        )
    return pixels_HWC[..., :1] if grey else pixels_HWC[..., :-1]


def _single(pixels_HWC: Array, path: Path) -> Array:
    """One channel where all are equal, else a value for each colour. Raises InputError for colours of more than 8 bits."""
    first = pixels_HWC[..., :1]
    if (pixels_HWC == first).all():
        return first
    if pixels_HWC.dtype != np.uint8 or pixels_HWC.shape[-1] != 3:
        raise InputError(
            "a label picture in colours of more than 8 bits",
            where=path,
            expected="grey values, a palette, or colours of 8 bits",
            found=f"{pixels_HWC.shape[-1]} channels of {pixels_HWC.dtype.name} that differ",
            hint="Save one value for each label.",
        )
    return colours.values_of(pixels_HWC)[..., None]


def _read_tiff(path: Path, as_channels: bool, *, as_label: bool = False) -> Array:
    """Pixels (H, W, C) of a TIFF."""
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), tifffile.TiffFile(path) as tiff:
        pages = _tiff_pages(tiff, path, as_channels)
        pixels = [_tiff_page(page, path, number, as_label) for number, page in enumerate(pages)]
        expected = (int(pages[0].imagelength), int(pages[0].imagewidth))
        if any(array.ndim != 3 or array.shape[:2] != expected for array in pixels):
            raise UnreadableFile("the header contradicts itself", where=path, expected=expected, found=pixels[0].shape)
        return pixels[0] if len(pixels) == 1 else np.concatenate(pixels, axis=-1)


def _tiff_pages(tiff: Any, path: Path, as_channels: bool) -> list[Any]:
    pages = list(tiff.pages)
    if len(pages) > 1 and not as_channels:
        raise InputError(
            "a TIFF with several pages",
            where=path,
            expected="one picture",
            found=f"{len(pages)} pages",
            hint="Declare the pages as channels in the task, or save slices as .nii.gz with their spacing.",
        )
    pages = [page.aspage() for page in pages]
    for page in pages:
        if page.tags.valueof(EXIF_ORIENTATION, 1) != 1:
            raise InputError("a TIFF that is to be turned before viewing", where=path, hint="Save it upright.")
        _check_pixels(path, (int(page.imagewidth), int(page.imagelength)))
        checked_bytes(path, page.shape, page.dtype or np.uint8)
    if len({page.shape for page in pages}) > 1:
        raise InputError("the pages of this TIFF differ in size", where=path, expected="pages of one size")
    return pages


def _tiff_page(page: Any, path: Path, number: int, as_label: bool) -> Array:
    """One page as (H, W, C)."""
    photometric = page.photometric.name
    if photometric not in TIFF_PHOTOMETRIC or page.compression.name not in TIFF_COMPRESSION:
        return _tiff_by_pillow(page, path, number, as_label)
    _check_strips(page, path)
    pixels: Array = page.asarray()
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and page.samplesperpixel > 1:
        pixels = np.moveaxis(pixels, 0, -1)
    if photometric == "PALETTE" and not as_label:
        mapped_CHW: Array = page.colormap[:, pixels] >> 8
        return mapped_CHW.transpose(1, 2, 0).astype(np.uint8)
    if photometric == "MINISWHITE" and not as_label and pixels.dtype.kind in "bu":
        pixels = ~pixels if pixels.dtype.kind == "b" else np.iinfo(pixels.dtype).max - pixels
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    if pixels.ndim == 2:
        return pixels[..., None]
    return _opaque(pixels, path, grey=pixels.shape[-1] == 2) if page.extrasamples else pixels


def _check_strips(page: Any, path: Path) -> None:
    """All pieces of a page must be in the file: tifffile would take zeros for those that are missing."""
    size = path.stat().st_size
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    inside = all(offset > 0 and count > 0 and offset + count <= size for offset, count in pieces)
    stored = sum(count for _, count in pieces)
    short = page.compression.name == "NONE" and stored < (page.nbytes * page.bitspersample) // (8 * page.dtype.itemsize)
    if not inside or short or len(pieces) != np.prod(page.chunked):
        raise truncated(path, page.nbytes, f"{stored} in {len(pieces)} pieces")


def _tiff_by_pillow(page: Any, path: Path, number: int, as_label: bool) -> Array:
    """A page that tifffile cannot decode alone. Pillow would cut 16-bit colour to 8, so that is refused."""
    if page.samplesperpixel > 1 and page.bitspersample > 8:
        raise InputError(
            "a TIFF in packed 16-bit colour", where=path, found=page.compression.name, hint="Save it uncompressed."
        )
    with _pillow(path, ("TIFF",)) as picture:
        picture.seek(number)
        if as_label and picture.mode == "P":
            return np.asarray(picture)[..., None]
        pixels = _colours(picture, path)
        white_is_0 = as_label and page.photometric.name == "MINISWHITE"  # Pillow has turned the values, labels are kept
        return ((1 << page.bitspersample) - 1 - pixels).astype(pixels.dtype) if white_is_0 else pixels


def _tiff_header(path: Path, as_channels: bool) -> Header:
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), tifffile.TiffFile(path) as tiff:
        pages = _tiff_pages(tiff, path, as_channels)
        page = pages[0]
        samples = page.samplesperpixel - len(page.extrasamples or ())
        channels = 3 if page.photometric.name not in ("MINISBLACK", "MINISWHITE") else samples
        dtype = page.dtype if page.dtype is not None and page.dtype.kind != "b" else np.dtype(np.uint8)
        grid = Grid.of_pixels(int(page.imagewidth), int(page.imagelength))
        return Header(grid, channels * len(pages), dtype if page.photometric.name != "PALETTE" else np.dtype(np.uint8))


def _as_volume(pixels_HWC: Array) -> Volume:
    voxels = pixels_HWC.transpose(2, 1, 0)[..., None]  # (C, W, H, 1): i is the column, j the row
    return Volume(voxels, Grid.of_pixels(*voxels.shape[1:3]))


def _as_rows(volume: Volume, path: Path) -> Array:
    """The picture of a volume, (H, W, C). Raises InputError where something of the volume would be lost."""
    if volume.grid.unit != "px" or volume.shape[2] != 1:
        raise InputError(
            "a picture holds one slice in pixels",
            where=path,
            found=repr(volume.grid),
            hint="Write .nii.gz, which keeps slices, spacing and position.",
        )
    if not volume.grid.same_space(Grid.of_pixels(*volume.shape[:2])):
        raise InputError(
            "the picture was cropped, turned or resized: its place would be lost", where=path, hint="Write .nii.gz."
        )
    if volume.channels not in (1, 3):
        raise InputError("a picture has 1 or 3 channels", where=path, found=volume.channels, hint="Write .nii.gz.")
    return volume.voxels[..., 0].transpose(2, 1, 0)


def _smallest_unsigned(pixels: Array, path: Path) -> Array:
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise InputError(
            "values do not fit into a picture", where=path, expected="0 to 65535", found=f"{low} to {high}"
        )
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    return pixels.astype(np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16)
