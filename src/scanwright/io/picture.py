"""A picture file opened by Pillow, behind our limits, and its pixels by the rules of raster.py."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from scanwright.errors import InputError, UnreadableFile
from scanwright.io.guard import as_unreadable, checked_bytes, require_file
from scanwright.types import Array

EXPECTED = "a picture (PNG, JPEG, BMP or TIFF)"
MAX_PIXELS = 1 << 28  # one picture; 16384 x 16384
READABLE = ("PNG", "JPEG", "BMP")
GREY = {"1": "u1", "L": "u1", "I;16": "u2", "I;16B": "u2", "I;16L": "u2", "I": "i4", "F": "f4"}
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


@contextlib.contextmanager
def opened(path: Path, formats: tuple[str, ...] = READABLE) -> Iterator[Image.Image]:
    """A picture opened by Pillow, its size checked before decoding; whatever Pillow raises is an UnreadableFile."""
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), contextlib.ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's bomb warning: the size is checked below, by our own limit
            picture = stack.enter_context(Image.open(path, formats=formats))
        check_pixels(path, picture.size)
        # WeasyPrint, once it has made a page, has Pillow fill up what is cut off, in the whole process
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        if picture.format == "PNG" and picture.mode in ("RGB", "RGBA", "LA") and "16B" in str(picture.tile):
            # Pillow would silently keep the upper eight bits
            raise InputError("a PNG in 16-bit colour", where=path, expected="8-bit colour", hint="Save it as TIFF.")
        yield picture


def turn_of(picture: Image.Image) -> Image.Transpose | None:
    """What brings the picture upright, by the EXIF data before its pixels."""
    exif = Image.Image.getexif(picture)  # the PNG class would decode all pixels to look for EXIF data behind them
    return TURNS.get(exif.get(EXIF_ORIENTATION, 1))


def upright_of(picture: Image.Image) -> Image.Image:
    """The picture, turned as its EXIF tag says."""
    turn = turn_of(picture)
    return picture if turn is None else picture.transpose(turn)


@dataclass(frozen=True, slots=True)
class MaskColours:
    """How a picture of a mask is coloured. used: of one with a palette, each index that occurs and its "#rrggbb".

    is_plain: whether it has colours and no palette.
    """

    used: tuple[tuple[int, str], ...] = ()
    is_plain: bool = False


def colours_of_mask(path: Path) -> MaskColours | None:
    """The colours of a PNG or BMP; None of a grey one and of other formats. Raises UnreadableFile if it is broken."""
    if path.suffix.lower() not in (".png", ".bmp"):
        return None
    with opened(path) as picture:
        if picture.mode == "P":
            flat = picture.getpalette() or []
            indices = [int(index) for index in np.unique(np.asarray(picture)) if 3 * index + 2 < len(flat)]
            return MaskColours(tuple((k, "#" + bytes(flat[3 * k : 3 * k + 3]).hex()) for k in indices))
        if picture.mode not in ("RGB", "RGBA"):
            return None
        pixels = np.asarray(picture)[..., :3]
        return MaskColours(is_plain=True) if (pixels != pixels[..., :1]).any() else None


def check_pixels(path: Path, size: tuple[int, ...]) -> None:
    """Raise UnreadableFile for a picture of more than MAX_PIXELS, ResourceError for one that does not fit into memory."""
    checked_bytes(path, size, np.uint8)
    if np.prod(size, dtype=float) > MAX_PIXELS:
        found = " x ".join(map(str, size))
        raise UnreadableFile(
            "the picture is too large", where=path, expected=f"at most {MAX_PIXELS} pixels", found=found
        )


def decoded(picture: Image.Image, path: Path, *, as_label: bool = False) -> Array:
    """Pixels (H, W, C) by the rules of raster.py. as_label: what is fully transparent is 0."""
    if picture.mode in GREY:
        grey = np.asarray(picture).astype(GREY[picture.mode])
        return grey[..., None]
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("RGBA"))
        if as_label:
            pixels = np.where(pixels[..., 3:] == 0, np.array([0, 0, 0, 255], np.uint8), pixels)
        return opaque(pixels, path, grey=picture.mode in ("LA", "La"))
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def opaque(pixels_HWC: Array, path: Path, *, grey: bool = False) -> Array:
    """Pixels without their last channel, transparency, which must be full everywhere."""
    alpha = pixels_HWC[..., -1]
    if (alpha != np.iinfo(alpha.dtype).max).any():
        raise InputError(
            "the picture has transparent pixels", where=path, expected="opaque", hint="Flatten it before use."
        )
    return pixels_HWC[..., :1] if grey else pixels_HWC[..., :-1]
