"""Changes to an image's voxels (I, J, K) that happen between a scanner and a data set: JPEG, marks, text, frames."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scanwright.types import Array

MARK_SHARE = 0.05  # of the image's side
FRAME_SHARE = 0.02


def levels_of(voxels: Array) -> tuple[float, float]:
    """The darkest and the brightest level, the brightest above the other."""
    low, high = (float(value) for value in np.percentile(voxels, (0, 99.9)))
    return low, max(high, low + 1)


def as_jpeg(voxels: Array, *, quality: int) -> Array:
    """Each slice saved as JPEG and read again; what is not of 8 bits loses the rest of its levels."""
    low, high = (0.0, 255.0) if voxels.dtype == np.uint8 else levels_of(voxels)
    found = np.empty(voxels.shape, np.float32)
    for k in range(voxels.shape[2]):
        grey = np.clip(np.rint((voxels[:, :, k].astype(float) - low) / (high - low) * 255), 0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(grey.T)).save(stream, "JPEG", quality=quality)
        found[:, :, k] = np.asarray(Image.open(stream)).T
    return np.asarray(np.rint(found / 255 * (high - low) + low), voxels.dtype)


def with_mark(voxels: Array) -> Array:
    """A bright square near the first corner of every slice."""
    found = np.array(voxels)
    side = max(2, round(MARK_SHARE * min(voxels.shape[:2])))
    found[side // 2 + 1 : side // 2 + 1 + side, side // 2 + 1 : side // 2 + 1 + side] = levels_of(voxels)[1]
    return found


def with_frame(voxels: Array) -> Array:
    """A frame of one grey level round every slice, as some exports draw it."""
    low, high = levels_of(voxels)
    width = max(1, round(FRAME_SHARE * min(voxels.shape[:2])))
    found = np.full_like(voxels, round(low + 0.3 * (high - low)))
    inner = slice(width, -width), slice(width, -width)
    found[inner] = voxels[inner]
    return found


def padded(voxels: Array) -> Array:
    """A sixteenth more columns and rows at the far side, dark: boxes and labels keep their place."""
    more = [max(1, size // 16) for size in voxels.shape[:2]]
    return np.pad(voxels, ((0, more[0]), (0, more[1]), (0, 0)), constant_values=voxels.dtype.type(0))


def brighter(voxels: Array) -> Array:
    """An eighth of the range added everywhere."""
    low, high = levels_of(voxels)
    top = np.iinfo(voxels.dtype).max
    return np.asarray(np.clip(voxels.astype(float) + (high - low) / 8, None, top).round(), voxels.dtype)


def with_text(voxels: Array, text: str) -> Array:
    """Words burned in near the upper edge of a picture (K is 1), bright."""
    rows = Image.fromarray(np.ascontiguousarray(voxels[:, :, 0].T))
    height = max(10, rows.height // 16)
    font = ImageFont.load_default(size=height)
    ImageDraw.Draw(rows).text((rows.width // 20, rows.height // 20), text, fill=235, font=font)
    return np.asarray(rows).T[:, :, None].copy()
