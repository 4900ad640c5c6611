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

import io
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from scanwright.errors import InputError
from scanwright.files import write_bytes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io import colours, tiff
from scanwright.io.header import Header
from scanwright.io.picture import GREY, SWAPPING, decoded, opened, turn_of, upright_of
from scanwright.types import Array


def read_header(path: Path, *, as_channels: bool = False) -> Header:
    """Grid, channels and number type of a picture without decoding it (TIFF with as many pages as channels)."""
    if is_tiff(path):
        return tiff.read_header(path, as_channels=as_channels)
    with opened(path) as picture:
        width, height = picture.size
        turn = turn_of(picture)
        if turn in SWAPPING:
            width, height = height, width
        grey = picture.mode in GREY or picture.mode in ("LA", "La")
        dtype = np.dtype(GREY.get(picture.mode, "u1"))
        notes = () if turn is None else ("turned upright, as its EXIF tag says",)
        return Header(Grid.of_pixels(width, height), 1 if grey else 3, dtype, notes)


def stored_size(path: Path) -> tuple[int, int] | None:
    """Columns and rows of a picture as stored, if its EXIF tag has it turned before use; None if not. Raises as `read`."""
    if is_tiff(path):
        return None
    with opened(path) as picture:
        return None if turn_of(picture) is None else picture.size


def is_one_bit(path: Path) -> bool:
    """Whether a picture has 1 bit a pixel and no palette: its values are 0 and 1. Raises as `read`."""
    if is_tiff(path):
        return tiff.is_one_bit(path)
    with opened(path) as picture:
        return picture.mode == "1"


def read(path: Path, *, as_channels: bool = False) -> Volume:
    """A picture as a volume (C, columns, rows, 1).

    Raises UnreadableFile (not a picture, truncated, over MAX_PIXELS), InputError (transparent, several pages, 16-bit
    colour in a PNG, which cannot be decoded without loss here).
    """
    if is_tiff(path):
        return _as_volume(tiff.read_pixels(path, as_channels=as_channels))
    with opened(path) as picture:
        return _as_volume(decoded(upright_of(picture), path))


def read_label(path: Path) -> Volume:
    """A label picture: palette indices, grey values, or a value for each colour. C is 1.

    Raises InputError for JPEG, half-transparent pixels, and colours of more than 8 bits.
    """
    if is_tiff(path):
        return _as_volume(_single(tiff.read_pixels(path, as_label=True), path))
    with opened(path) as picture:
        if picture.format == "JPEG":
            raise InputError(
                "a JPEG picture cannot hold labels: its compression blurs the values",
                where=path,
                hint="Save the labels as PNG from their source.",
            )
        upright = upright_of(picture)
        if upright.mode == "P":
            return _as_volume(np.asarray(upright)[..., None])
        return _as_volume(_single(decoded(upright, path, as_label=True), path))


def write(path: Path, volume: Volume) -> None:
    """Write one slice as PNG or TIFF: grey or RGB of 8 or 16 bits (PNG colour: 8). TIFF holds floats too.

    Label values that stand for colours (io/colours.py) are written as these.

    Raises InputError if the volume has several slices, lies in millimetres (which a picture cannot hold), has 2 or more
    than 3 channels, or values that do not fit; ResourceError if the disk is full.
    """
    rows_HWC = _as_rows(volume, path)
    is_tagged = is_tiff(path)
    if rows_HWC.dtype.kind == "b":
        rows_HWC = rows_HWC.astype(np.uint8)
    if rows_HWC.dtype.kind in "iu" and rows_HWC.shape[-1] == 1 and int(rows_HWC.max()) >= colours.COLOURED:
        coloured = colours.colours_of(rows_HWC[..., 0])
        rows_HWC = rows_HWC if coloured is None else coloured
    if rows_HWC.dtype.kind in "iu":
        rows_HWC = _smallest_unsigned(rows_HWC, path)
    elif not is_tagged or rows_HWC.dtype.kind != "f":
        raise InputError(
            "PNG holds whole numbers only", where=path, found=rows_HWC.dtype.name, hint="Write TIFF or .nii.gz."
        )
    if not is_tagged and rows_HWC.shape[-1] == 3 and rows_HWC.dtype != np.uint8:
        raise InputError(
            "PNG colours are written with 8 bits", where=path, found=rows_HWC.dtype.name, hint="Write TIFF."
        )
    pixels = np.ascontiguousarray(rows_HWC[..., 0] if rows_HWC.shape[-1] == 1 else rows_HWC)
    encoded = io.BytesIO()
    if is_tagged:
        photometric = "rgb" if pixels.ndim == 3 else "minisblack"
        tifffile.imwrite(encoded, pixels, photometric=photometric, compression="zlib", metadata=None)
    else:
        Image.fromarray(pixels).save(encoded, format="PNG")
    write_bytes(path, encoded.getvalue())


def is_tiff(path: Path) -> bool:
    """Whether the suffix is a TIFF's."""
    return path.suffix.lower() in (".tif", ".tiff")


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
