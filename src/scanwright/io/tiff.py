"""Pixels of a TIFF: by tifffile, packed kinds by Pillow, by the rules of raster.py."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from scanwright.errors import InputError, UnreadableFile
from scanwright.geometry.grid import Grid
from scanwright.io.guard import as_unreadable, checked_bytes, require_file, truncated
from scanwright.io.header import Header
from scanwright.io.picture import EXIF_ORIENTATION, EXPECTED, check_pixels, decoded, opaque, opened
from scanwright.types import Array

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # it logs what is raised here as one error

PHOTOMETRIC = ("MINISBLACK", "MINISWHITE", "RGB", "PALETTE")
COMPRESSION = ("NONE", "ADOBE_DEFLATE", "DEFLATE")  # what tifffile decodes without a further package


def read_pixels(path: Path, *, as_channels: bool = False, as_label: bool = False) -> Array:
    """Pixels (H, W, C) of a TIFF; of several pages, which have to be channels, one after another."""
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), tifffile.TiffFile(path) as tiff:
        pages = _pages(tiff, path, as_channels)
        pixels = [_page(page, path, number, as_label) for number, page in enumerate(pages)]
        expected = (int(pages[0].imagelength), int(pages[0].imagewidth))
        if any(array.ndim != 3 or array.shape[:2] != expected for array in pixels):
            raise UnreadableFile("the header contradicts itself", where=path, expected=expected, found=pixels[0].shape)
        return pixels[0] if len(pixels) == 1 else np.concatenate(pixels, axis=-1)


def _pages(tiff: Any, path: Path, as_channels: bool) -> list[Any]:
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
        check_pixels(path, (int(page.imagewidth), int(page.imagelength)))
        checked_bytes(path, page.shape, page.dtype or np.uint8)
    if len({page.shape for page in pages}) > 1:
        raise InputError("the pages of this TIFF differ in size", where=path, expected="pages of one size")
    return pages


def _page(page: Any, path: Path, number: int, as_label: bool) -> Array:
    """One page as (H, W, C)."""
    photometric = page.photometric.name
    if photometric not in PHOTOMETRIC or page.compression.name not in COMPRESSION:
        return _by_pillow(page, path, number, as_label)
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
    return opaque(pixels, path, grey=pixels.shape[-1] == 2) if page.extrasamples else pixels


def _check_strips(page: Any, path: Path) -> None:
    """All pieces of a page must be in the file: tifffile would take zeros for those that are missing."""
    size = path.stat().st_size
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    inside = all(offset > 0 and count > 0 and offset + count <= size for offset, count in pieces)
    stored = sum(count for _, count in pieces)
    short = page.compression.name == "NONE" and stored < (page.nbytes * page.bitspersample) // (8 * page.dtype.itemsize)
    if not inside or short or len(pieces) != np.prod(page.chunked):
        raise truncated(path, page.nbytes, f"{stored} in {len(pieces)} pieces")


def _by_pillow(page: Any, path: Path, number: int, as_label: bool) -> Array:
    """A page that tifffile cannot decode alone. Pillow would cut 16-bit colour to 8, so that is refused."""
    if page.samplesperpixel > 1 and page.bitspersample > 8:
        raise InputError(
            "a TIFF in packed 16-bit colour", where=path, found=page.compression.name, hint="Save it uncompressed."
        )
    with opened(path, ("TIFF",)) as picture:
        picture.seek(number)
        if as_label and picture.mode == "P":
            return np.asarray(picture)[..., None]
        pixels = decoded(picture, path)
        white_is_0 = as_label and page.photometric.name == "MINISWHITE"  # Pillow has turned the values, labels are kept
        return ((1 << page.bitspersample) - 1 - pixels).astype(pixels.dtype) if white_is_0 else pixels


def is_one_bit(path: Path) -> bool:
    """Whether the first page has 1 bit a pixel and no palette."""
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0].aspage()
        return bool(page.bitspersample == 1 and page.samplesperpixel == 1 and page.photometric.name != "PALETTE")


def read_header(path: Path, *, as_channels: bool = False) -> Header:
    """Grid, channels and number type without decoding the picture."""
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), tifffile.TiffFile(path) as tiff:
        pages = _pages(tiff, path, as_channels)
        page = pages[0]
        samples = page.samplesperpixel - len(page.extrasamples or ())
        channels = 3 if page.photometric.name not in ("MINISBLACK", "MINISWHITE") else samples
        dtype = page.dtype if page.dtype is not None and page.dtype.kind != "b" else np.dtype(np.uint8)
        grid = Grid.of_pixels(int(page.imagewidth), int(page.imagelength))
        return Header(grid, channels * len(pages), dtype if page.photometric.name != "PALETTE" else np.dtype(np.uint8))
