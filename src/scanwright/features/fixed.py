"""A fixed transform: numbers of any image that need no mask and no training. A baseline for everything that learns.

    outlines    what is where: grey values of 8 x 8 (x 8) stretches of the image, and how strong gradients are in each
                direction there (histograms of oriented gradients: Dalal and Triggs 2005, CVPR 1:886)
    textures    what is anywhere: how strong spots, edges and unrest of four sizes are, as quantiles over the image

The image is first brought to a fixed grid and its grey values are standardised, so neither its size nor its scale of grey
values counts. Of one channel of a picture 649 numbers, of a volume 3,657.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from scanwright.features.derivatives import gaussian_derivatives
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.types import JSON, Array, Floats, Shape3

SIDE_3D, SIDE_2D = 32, 96
CELLS, DIRECTIONS = 8, 8
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SPOTS, EDGES, UNREST = (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1), (0.5, 0.9, 0.99, 1), (0.05, 0.5, 0.95, 1)
SCALES = (1.0, 2.0, 4.0, 8.0)

Named = tuple[str, Floats]


def fixed_settings() -> JSON:
    """What the transform does, as plain data to go with a table."""
    return {
        "features": "fixed",
        "side": {"picture": SIDE_2D, "volume": SIDE_3D},
        "cells": CELLS,
        "directions": DIRECTIONS,
        "scales": list(SCALES),
    }


def fixed_features(volume: Volume, channels: Sequence[str]) -> dict[str, float]:
    """Features by name of a volume with these channels, all finite; the same names for every image with as many axes.

    A name says channel, kind, and place or quantile: "us_outline_direction_3_at_0_7", "us_spots_of_2_at_0.95". Places
    count stretches along the image's axes after turning to R, A, S: a picture's from its right and from its lower edge.
    """
    image = coarse_image(volume)
    return {
        f"{channel}_{name}": value
        for channel, plane in zip(channels, _planes(image), strict=True)
        for part in (_outlines, _textures)
        for kind, values in part(plane)
        for name, value in _each(kind, values)
    }


def coarse_image(volume: Volume) -> Floats:
    """(C, X, Y, Z) standardised grey values on 32 x 32 x 32 voxels or 96 x 96 pixels; an axis of one slice stays one."""
    image = canonical(volume.grid.affine).apply(volume.voxels)
    side = SIDE_2D if 1 in image.shape[1:] else SIDE_3D
    size = tuple(1 if length == 1 else side for length in image.shape[1:])
    return np.stack([standardised(shrunk(channel, size)) for channel in image])


def features_of(image_CXYZ: Array) -> tuple[Floats, Floats]:
    """A coarse image as numbers of two kinds: outlines, and textures."""
    planes = _planes(image_CXYZ)
    return (
        np.concatenate([values.ravel() for plane in planes for _, values in _outlines(plane)]),
        np.concatenate([values.ravel() for plane in planes for _, values in _textures(plane)]),
    )


def shrunk(voxels_XYZ: Array, size: Shape3 | tuple[int, ...]) -> Floats:
    """An array brought to a size: means over equal stretches of each longer axis, nearest values along shorter ones."""
    for axis, wanted in enumerate(size):
        length = voxels_XYZ.shape[axis]
        if length > wanted:
            edges = np.arange(wanted) * length // wanted
            counts = np.diff(np.append(edges, length)).astype(np.float32)
            sums = np.add.reduceat(voxels_XYZ, edges, axis=axis, dtype=np.float32)
            voxels_XYZ = sums / counts.reshape([-1 if other == axis else 1 for other in range(voxels_XYZ.ndim)])
        else:
            voxels_XYZ = voxels_XYZ.take(nearest(length, wanted), axis=axis)
    return voxels_XYZ.astype(np.float32)


def standardised(voxels: Floats) -> Floats:
    """Clipped to the 0.5 and 99.5 percentiles, less the mean, over the deviation; zeros where nothing varies."""
    low, high = np.percentile(voxels, (0.5, 99.5))
    clipped = np.clip(voxels, low, high)
    deviation = float(clipped.std())
    return (clipped - clipped.mean()) / deviation if deviation > 0 else np.zeros_like(clipped)


def nearest(length: int, wanted: int) -> Array:
    """Which of `length` places is nearest to each of `wanted` ones over the same extent."""
    return ((np.arange(wanted) + 0.5) * length / wanted).astype(np.int64)


def _planes(image_CXYZ: Array) -> list[Floats]:
    """Each channel without an axis of one slice."""
    return [
        channel if 1 not in channel.shape else channel.squeeze(channel.shape.index(1))
        for channel in image_CXYZ.astype(np.float32)
    ]


def _outlines(plane: Floats) -> Iterator[Named]:
    """Means of stretches, of grey values and of gradients in each direction, and quantiles of the whole."""
    yield "outline_grey", _means(plane)
    for number, part in enumerate(_directed(plane)):
        yield f"outline_direction_{number}", _means(part)
    yield "grey_values", np.quantile(plane, QUANTILES)


def _textures(plane: Floats) -> Iterator[Named]:
    """Quantiles of spots (Laplacian of a Gaussian), edges (gradient) and unrest (local deviation) at each scale."""
    none = (0,) * plane.ndim
    first, second = (
        [tuple(order * (axis == along) for along in range(plane.ndim)) for axis in range(plane.ndim)]
        for order in (1, 2)
    )
    for scale in SCALES:
        mean, *parts = gaussian_derivatives(plane, scale, [none, *first, *second])
        (square,) = gaussian_derivatives(plane**2, scale, [none])
        slopes, bends = parts[: plane.ndim], parts[plane.ndim :]
        yield f"spots_of_{scale:g}", np.quantile(-(scale**2) * sum(bends), SPOTS)
        yield f"edges_of_{scale:g}", np.quantile(scale * np.sqrt(sum(part**2 for part in slopes)), EDGES)
        yield f"unrest_of_{scale:g}", np.quantile(np.sqrt(np.maximum(square - mean**2, 0)), UNREST)


def _each(kind: str, values: Floats) -> Iterator[tuple[str, float]]:
    """Every value of a block with a name of its own."""
    return zip(_names(kind, values.shape), values.ravel().tolist(), strict=True)


@lru_cache(maxsize=128)
def _names(kind: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names of a block's values: by place, or by quantile. The same for every image of a size, so made once."""
    levels = {"grey": QUANTILES, "spots": SPOTS, "edges": EDGES, "unrest": UNREST}.get(kind.split("_")[0])
    return tuple(
        f"{kind}_at_" + ("_".join(map(str, place)) if levels is None else f"{levels[place[0]]:g}")
        for place in np.ndindex(shape)
    )


def _directed(plane: Floats) -> list[Floats]:
    """Gradient strength by direction: eight sectors of the plane, or the six half-axes of a volume."""
    gradients = np.gradient(plane) if min(plane.shape) > 1 else [np.zeros_like(plane)] * plane.ndim
    if plane.ndim == 3:
        return [np.maximum(sign * part, 0) for part in gradients for sign in (1, -1)]
    strength, angle = np.hypot(*gradients), np.arctan2(*gradients) % np.pi
    sector = np.minimum((angle / np.pi * DIRECTIONS).astype(int), DIRECTIONS - 1)
    return [np.where(sector == number, strength, 0) for number in range(DIRECTIONS)]


def _means(array: Floats) -> Floats:
    for axis, length in enumerate(array.shape):
        edges = np.unique(np.arange(CELLS) * length // CELLS)
        array = np.add.reduceat(array, edges, axis=axis)
    return array
