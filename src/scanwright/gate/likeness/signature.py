"""What is kept of an image to know it again: a small picture of it in which every grey level is equally frequent.

The rank of a grey level is the same before and after a change of window, gamma or exposure; a small picture is the same
before and after resizing and JPEG compression. Ranks are stored, not levels: 0 the darkest voxels, 255 the brightest.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.dataset.images import LUMA
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Floats

PICTURE_SIZE, VOLUME_SIZE = 64, 32  # edge of a thumbnail in two and in three dimensions
SAMPLES = 8, 4  # voxels along an axis that one of a thumbnail's is averaged over, at most
LEVELS = 256  # grey levels that are told apart, evenly spaced between the percentiles below
RANGE = 0.5, 99.5  # percent
SMALL = 0.75  # of a thumbnail's edge: an image with a shorter one holds less than a thumbnail does


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A thumbnail, uint8: (64, 64) of a picture, (32, 32, 32) of a volume; canonical axes (R, A, S), those of length 1 gone.

    is_small: whether the image is so small, under 48 voxels along an edge of a picture or 24 along two of a volume, that
        different ones may look alike.
    is_blank: whether it has fewer than three grey levels: then it is like any other such image.
    """

    thumbnail: Array
    is_small: bool
    is_blank: bool


def glance(volume: Volume) -> Signature:
    """The signature of an image with finite voxels: a millisecond or two for a picture, some tens for a large CT volume.

    Of three channels their luma is seen, of several others the first. An image that is one voxel wide is blank or stripes.
    """
    grey = _grey(canonical(volume.grid.affine).apply(volume.voxels))
    edges = [size for size in grey.shape if size > 1] or [1]
    flat = grey.reshape(edges if len(edges) > 1 else [edges[0], 1])
    size = VOLUME_SIZE if flat.ndim == 3 else PICTURE_SIZE
    peak = float(np.abs(flat).max()) or 1.0
    scaled = flat / peak
    ranks, levels = _ranked(_shrunk(scaled - scaled.min(), size))  # exact zeros where nothing changes
    return Signature(ranks, is_small=sorted(flat.shape)[-2] < SMALL * size, is_blank=levels < 3)


def _grey(voxels: Array) -> Array:
    """(C, I, J, K) to (I, J, K), each axis thinned to what averaging needs."""
    dimension = sum(size > 1 for size in voxels.shape[1:])
    most = VOLUME_SIZE * SAMPLES[1] if dimension == 3 else PICTURE_SIZE * SAMPLES[0]
    steps = [max(1, size // most) for size in voxels.shape[1:]]
    i, j, k = (slice(step // 2, None, step) for step in steps)
    thin = voxels[:, i, j, k]
    if len(thin) != 3:
        return np.asarray(thin[0], np.float32)
    return np.asarray(sum(weight * channel.astype(np.float32) for weight, channel in zip(LUMA, thin, strict=True)))


def _shrunk(array: Array, size: int) -> Floats:
    """An array resampled to `size` along each axis: triangle-weighted means where it shrinks, linear where it grows."""
    for axis in range(array.ndim):
        weights = _triangles(array.shape[axis], size)
        array = np.moveaxis(np.tensordot(weights, array, axes=(1, axis)), 0, axis)
    return array


def _triangles(before: int, after: int) -> Floats:
    """Weights (after, before), each row summing to 1: a triangle as wide as two output voxels, or two input ones if wider."""
    scale = before / after
    centers = (np.arange(after) + 0.5) * scale - 0.5
    distance = np.abs(np.arange(before)[None] - centers[:, None]) / max(1.0, scale)
    weights = np.clip(1 - distance, 0, None) + 1e-9 * (distance == distance.min(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _ranked(levels: Floats) -> tuple[Array, int]:
    """The mean rank of each value among all, 0 to 255, and how many of LEVELS grey levels there are."""
    low, high = np.percentile(levels, RANGE)
    if not high > low:
        low, high = float(levels.min()), float(levels.max())
    if not high > low:
        return np.zeros(levels.shape, np.uint8), 1
    bins = np.clip((levels - low) * ((LEVELS - 1) / (high - low)), 0, LEVELS - 1).round().astype(np.intp)
    counts = np.bincount(bins.ravel(), minlength=LEVELS)
    ranks = (np.cumsum(counts) - counts / 2) / counts.sum()
    return np.round(255 * ranks[bins]).astype(np.uint8), int(np.count_nonzero(counts))
