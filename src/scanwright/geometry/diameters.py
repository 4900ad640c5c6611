"""The longest diameter of a region in one slice, and the longest at right angles to it: what a radiologist measures by hand.

Lengths reach from outer face to outer face of the voxels: a single voxel of 1 x 1 mm is 1.41 mm across.
Source: RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009), section 4.2 (in the plane of the scan); WHO (1979) for the product
of the two.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from scanwright.geometry.grid import Grid
from scanwright.types import Bools, Floats

COARSER = 1.5
"""Times that the spacing along an axis must be that along both others for slices to follow each other along it."""
CORNERS = np.array(list(product((-0.5, 0.5), repeat=2)))
EIGHT = np.ones((3, 3), np.bool_)
SMALL, MOST_KEPT = 1000, 4096
"""Voxels of a mask whose diameters are kept, and masks of which they are: thousands of small parts have few shapes."""


@dataclass(frozen=True, slots=True)
class Diameters:
    """The two diameters in mm (or the grid's unit), and the slice that they lie in: its index along an axis, 0 to 2."""

    longest: float
    perpendicular: float
    slice: int
    axis: int = 2


def axis_of_slices(grid: Grid) -> int:
    """The axis along which the acquired slices follow each other: that of one voxel, else the one by far the coarsest (COARSER
    times both others), else k.
    """
    if 1 in grid.shape:
        return 2 if grid.shape[2] == 1 else grid.shape.index(1)
    finer, coarse = sorted(range(3), key=lambda axis: grid.spacing[axis])[1:]
    return coarse if grid.spacing[coarse] >= COARSER * grid.spacing[finer] else 2


def diameters(mask_IJK: Bools, grid: Grid) -> Diameters | None:
    """The longest in-plane diameter of any connected part of a mask, and the longest at right angles to it there.

    The plane is that of the acquired slices (`axis_of_slices`); parts are connected by edges or corners within a slice. The
    mask may be that of a part of the grid. None for an empty one.
    """
    axis = axis_of_slices(grid)
    first, second = np.delete(grid.spacing, axis).tolist()
    slices = np.moveaxis(mask_IJK, axis, 0)
    if mask_IJK.size > SMALL:
        return _measured(slices, (first, second), axis)
    return _kept(slices.tobytes(), slices.shape, (first, second), axis)


@lru_cache(maxsize=MOST_KEPT)
def _kept(voxels: bytes, shape: tuple[int, ...], scale: tuple[float, float], axis: int) -> Diameters | None:
    return _measured(np.frombuffer(voxels, dtype=np.bool_).reshape(shape), scale, axis)


def _measured(slices: Bools, scale: tuple[float, float], axis: int) -> Diameters | None:
    """slices: the mask with the axis of slices first. scale: edges of a voxel within a slice."""
    longest, best = 0.0, None
    for place in np.flatnonzero(slices.any(axis=(1, 2))).tolist():
        labels, _ = ndimage.label(slices[place], EIGHT)
        for part, around in enumerate(ndimage.find_objects(labels), start=1):
            edges = np.multiply(scale, [one.stop - one.start for one in around])
            if np.linalg.norm(edges) <= longest:  # no two of its corners are farther apart
                continue
            corners = (_corners(labels[around] == part) + [one.start for one in around]) * scale
            first, second = _farthest(corners)
            length = float(np.linalg.norm(second - first))
            if best is None or length > longest:
                longest, best = length, (corners, second - first, place)
    if best is None:
        return None
    corners, direction, place = best
    return Diameters(longest, _widest(corners, direction), place, axis)


def edge_in_plane(grid: Grid) -> float:
    """The longer edge of a voxel in the plane that diameters are measured in, in mm (or the grid's unit)."""
    return float(np.delete(grid.spacing, axis_of_slices(grid)).max())


def _corners(part_IJ: Bools) -> Floats:
    """The corners of the outermost pixels of each row, in index coordinates: their convex hull is that of the whole part."""
    rows = np.flatnonzero(part_IJ.any(axis=1))
    first = part_IJ[rows].argmax(axis=1)
    last = part_IJ.shape[1] - 1 - part_IJ[rows, ::-1].argmax(axis=1)
    pixels = np.concatenate([np.stack([rows, first], axis=1), np.stack([rows, last], axis=1)])
    found: Floats = np.unique((pixels[:, None, :] + CORNERS).reshape(-1, 2), axis=0)
    return found


def _farthest(points: Floats) -> tuple[Floats, Floats]:
    """The two points that are farthest apart: both are corners of the convex hull."""
    points = points[ConvexHull(points).vertices]
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    return points[first], points[second]


def _widest(corners: Floats, axis: Floats) -> float:
    """The longest chord of the convex hull at right angles to an axis.

    The chord's length is piecewise linear along the axis between corners of the hull, so the longest one begins at a corner.
    """
    axis = axis / np.linalg.norm(axis)
    hull = corners[ConvexHull(corners).vertices]
    place, height = hull @ axis, hull @ np.array((-axis[1], axis[0]))
    ends = np.roll(place, -1), np.roll(height, -1)
    longest = 0.0
    for position in place:
        crossed = []
        for start, stop, low, high in zip(place, ends[0], height, ends[1], strict=True):
            if min(start, stop) <= position <= max(start, stop):
                if start == stop:
                    crossed += [low, high]
                else:
                    crossed.append(low + (high - low) * (position - start) / (stop - start))
        longest = max(longest, max(crossed) - min(crossed))
    return float(longest)
