"""A small picture of one case for lists and contact sheets: quick, a few kilobytes, without matplotlib.

A volume is shown as one axial slice, where its label is largest, as a radiologist sees it: the patient's right on the left.
A picture is shown as it lies in its file. Regions are outlined in their colours, boxes are drawn.
"""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from scanwright.figures.palette import structure_colour
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.types import Array, Bools

SIDE_PX = 192
QUALITY = 80
SAMPLE = 1 << 16  # pixels that the window is read from


def thumbnail(
    image_CIJK: Array,
    *,
    grid: Grid,
    label_IJK: Array | None = None,
    regions: Mapping[str, Sequence[int]] | None = None,
    boxes: Sequence[tuple[tuple[float, float], tuple[float, float]]] = (),
    window: tuple[float, float] | None = None,
    side_px: int = SIDE_PX,
) -> bytes:
    """One slice as JPEG, its longer side `side_px` pixels, in the proportions of its spacing.

    image_CIJK: any number type, finite or not; three channels of a picture (unit "px") are colour, else the first is shown.
    label_IJK: label values on the same grid. regions: name -> label values; the order gives the colours of outlines.
    boxes: drawn on a picture, from (x, y) up to (x, y) in its pixels.
    window: what is black and what is white; else the 0.5 and 99.5 percentiles of the slice. A constant slice is black.
    """
    turn = canonical(grid.affine)
    spacing = turn.grid(grid).spacing
    channels = image_CIJK if image_CIJK.shape[0] == 3 and grid.unit == "px" else image_CIJK[:1]
    image = turn.apply(channels)
    label = None if label_IJK is None else turn.apply(label_IJK[None])[0]
    axis = _thin_axis(image.shape[1:])
    cut = _cut(label, axis, image.shape[1 + axis])
    shown = np.stack([_plane(channel, axis, cut) for channel in image], axis=-1).astype(np.float32)
    across, up = (spacing[other] for other in range(3) if other != axis)
    width, height = shown.shape[1] * across, shown.shape[0] * up
    scale = side_px / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(_grey(shown, window)).resize(size, Image.Resampling.BILINEAR).convert("RGB")
    if label is not None and regions:
        picture = _outlined(picture, _plane(label, axis, cut), regions)
    factors = size[0] / shown.shape[1], size[1] / shown.shape[0]
    for start, end in boxes:
        (left, right), (top, bottom) = (sorted((start[k] * factors[k], end[k] * factors[k])) for k in (0, 1))
        ImageDraw.Draw(picture).rectangle((left, top, right, bottom), outline=structure_colour(0))
    stored = io.BytesIO()
    picture.save(stored, format="JPEG", quality=QUALITY)
    return stored.getvalue()


def _thin_axis(shape: Sequence[int]) -> int:
    """The normal of the plane that is shown: the axis of one slice, else the one from the feet to the head."""
    return next((axis for axis in (2, 1, 0) if shape[axis] == 1), 2)


def _cut(label_XYZ: Array | None, axis: int, length: int) -> int:
    if label_XYZ is None:
        return length // 2
    sums = np.count_nonzero(label_XYZ, axis=tuple(other for other in range(3) if other != axis))
    return int(sums.argmax()) if sums.any() else length // 2


def _plane(array_XYZ: Array, axis: int, cut: int) -> Array:
    """Rows run down, columns to the right; both axes are turned over, for right and top come first."""
    flipped: Array = np.flip(array_XYZ.take(cut, axis=axis), axis=(0, 1))
    return flipped.T


def _grey(shown_YXC: Array, window: tuple[float, float] | None) -> Array:
    values = np.nan_to_num(shown_YXC, nan=0.0, posinf=0.0, neginf=0.0)
    flat = values.ravel()
    low, high = window or np.percentile(flat[:: max(1, flat.size // SAMPLE)], (0.5, 99.5))
    scaled = np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)
    grey: Array = np.round(scaled * 255).astype(np.uint8)
    grey = grey if grey.shape[-1] == 3 else grey[..., 0]
    return grey


def _outlined(picture: Image.Image, label_YX: Array, regions: Mapping[str, Sequence[int]]) -> Image.Image:
    pixels = np.array(picture)
    for index, values in enumerate(regions.values()):
        mask = np.isin(label_YX, np.asarray(values))
        if mask.any():
            resized = Image.fromarray(mask.astype(np.uint8) * 255).resize(picture.size, Image.Resampling.BILINEAR)
            colour = structure_colour(index).removeprefix("#")
            pixels[_rim(np.array(resized) >= 128)] = tuple(bytes.fromhex(colour))
    return Image.fromarray(pixels)


def _rim(mask: Bools) -> Bools:
    inner: Bools = ndimage.binary_erosion(mask)
    return mask & ~inner
