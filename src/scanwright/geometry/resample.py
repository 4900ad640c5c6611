"""Resampling: to another shape over the same extent, and onto any other grid of the same patient space.

`resize` gives the values of scipy.ndimage.zoom(grid_mode=True, mode="nearest") to float32 rounding, in a fraction of its
time: one matrix product an axis (`lines`). Output voxel i of m lies at input index (i + 0.5) * n / m - 0.5: voxel centres,
outer faces kept. Nothing here smooths before a coarser grid.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from scipy import ndimage

from scanwright.errors import GeometryError
from scanwright.geometry.affine import Affine
from scanwright.geometry.grid import Grid
from scanwright.geometry.lines import Line, Order, sample_axis
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Bools, Floats, Ints, Shape3

Bounds = tuple[int, int]
Window = tuple[Bounds, Bounds, Bounds]
Lines = tuple[Line, Line, Line]

TIE = 1e-6  # shares closer than this are equal: what float32 sums differ by
COPY_TOLERANCE = 1e-3  # of a voxel: closer than this everywhere, two grids' voxels are the same ones
ZERO = 1e-9  # below this a step of one index along another axis is rounding


def resize(array: Array, shape: Shape3, *, order: Order = 3) -> Floats:
    """Resample (C, I, J, K) to (C, *shape) over the same extent; any real numbers in, float32 out.

    order: 3 cubic B-spline (overshoots at an edge by up to a seventh of its step), 1 linear, 0 nearest. An axis of one
    voxel is repeated, an axis that keeps its length is left alone. A value that is not finite spreads along its lines.
    """
    i, j, k = shape
    return _resize(array, shape, order=order, window=((0, i), (0, j), (0, k)))


def resize_slab(array: Array, shape: Shape3, *, start: int, stop: int, order: Order = 1) -> Floats:
    """Rows start to stop, along the first spatial axis, of `resize(array, shape)`: (C, stop - start, *shape[1:]).

    Only the rows of the input that reach the slab are touched, so memory and time follow the slab. Equal to those rows of
    the whole to float32 rounding (sums in another order).
    """
    if not 0 <= start < stop <= shape[0]:
        raise ValueError(f"a slab must lie in 0 to {shape[0]} and hold a row, not {start} to {stop}")
    return _resize(array, shape, order=order, window=((start, stop), (0, shape[1]), (0, shape[2])))


def resize_labels(labels: Ints, shape: Shape3, *, values: Sequence[int] | None = None) -> Ints:
    """Resample a label map (I, J, K) to `shape`: linear on each label's indicator, the largest share wins. Same dtype.

    values: the labels to consider; by default those that occur. One label at a time against the best so far, each only
    in its bounding box: memory does not grow with their number, and time grows with their volume. Equal shares, and
    voxels that no considered label reaches, go to the label that comes first (the smallest by default).
    """
    if labels.shape == shape:
        return labels.copy()
    candidates = np.unique(labels).tolist() if values is None else list(values)
    if not candidates:
        raise ValueError("resize_labels needs at least one label value")
    result = np.full(shape, candidates[0], labels.dtype)
    best = np.zeros(shape, np.float32)
    for value in candidates:
        _paint_larger_share(result, best, labels, value)
    return result


def onto_grid(volume: Volume, grid: Grid, *, order: Order = 3, fill: float = 0.0) -> Volume:
    """Resample a volume onto another grid of the same patient space. Order 0 keeps the number type, else float32.

    Outside the volume's outer faces the value is `fill`; between the outermost centres and the faces the edge is
    repeated. Where voxels coincide (a crop, whole shifts, axis orders, flips) they are copied, whatever the order, and
    the number type is kept. Grids with parallel axes go one axis at a time, others through a general affine.
    Raises GeometryError if one grid is in millimetres and the other in pixels.
    """
    if volume.grid.unit != grid.unit:
        raise GeometryError(
            "an image in pixels and one in millimetres share no space",
            expected=f"a grid in {grid.unit}",
            found=f"a grid in {volume.grid.unit}",
            hint="Give both as files with spacing and position, such as .nii.gz.",
        )
    index_map: Affine = np.linalg.solve(volume.grid.affine, grid.affine)
    whole: Affine = np.round(index_map)
    if _drift(index_map - whole, grid.shape) <= COPY_TOLERANCE:
        index_map, order = whole, 0
    index_map[:3, :3][np.abs(index_map[:3, :3]) < ZERO] = 0
    parallel = np.count_nonzero(index_map[:3, :3]) == 3
    sample = _sample_parallel if parallel else _sample_freely
    return Volume(sample(volume.voxels, grid.shape, index_map, order, fill), grid, volume.notes)


def _resize(array: Array, shape: Sequence[int], *, order: Order, window: Window) -> Floats:
    """The part of a resized array that lies in `window`."""
    if array.ndim != 4 or 0 in array.shape or min(shape) < 1:
        raise ValueError(f"resize needs (C, I, J, K) and three positive lengths, not {array.shape} and {tuple(shape)}")
    i, j, k = (Line.resizing(size, length) for size, length in zip(array.shape[1:], shape, strict=True))
    return np.ascontiguousarray(_sample(array, (i, j, k), order, window), dtype=np.float32)


def _sample(array: Array, lines: Lines, order: Order, window: Window) -> Array:
    """Sample (C, I, J, K) along its three axes, the cheapest first, at the outputs in `window`."""
    for axis in _cheapest_order(array.shape[1:], tuple(stop - start for start, stop in window)):
        start, stop = window[axis]
        array = sample_axis(array, axis + 1, lines[axis], order=order, start=start, stop=stop)
    return array


def _cheapest_order(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, ...]:
    """The order of the axes with the fewest multiplications: shrinking axes come first."""

    def cost(order: tuple[int, ...]) -> int:
        size, total = list(before), 0
        for axis in order:
            total += size[0] * size[1] * size[2] * after[axis]
            size[axis] = after[axis]
        return total

    return min(permutations(range(3)), key=cost)


def _paint_larger_share(result: Ints, best: Floats, labels: Ints, value: int) -> None:
    """Write `value` where its linear share is above the best so far, and raise the best there."""
    mask = labels == value
    window = _reached_by(mask, result.shape)
    if window is None:
        return
    box = tuple(slice(*bounds) for bounds in window)
    share = _resize(mask[None], result.shape, order=1, window=window)[0]
    larger = share > best[box] + TIE
    result[box][larger] = value
    best[box][larger] = share[larger]


def _reached_by(mask: Bools, shape: tuple[int, ...]) -> Window | None:
    """The box of outputs whose linear interpolation touches a true voxel; None if there is none."""
    bounds = []
    for axis, (size, length) in enumerate(zip(mask.shape, shape, strict=True)):
        occupied = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        if not occupied.size:
            return None
        positions = Line.resizing(size, length).positions(0, length).clip(0, size - 1)
        reached = np.flatnonzero((positions > occupied[0] - 1) & (positions < occupied[-1] + 1))
        if not reached.size:
            return None
        bounds.append((int(reached[0]), int(reached[-1]) + 1))
    return bounds[0], bounds[1], bounds[2]


def _drift(difference: Affine, shape: Shape3) -> float:
    """The largest displacement, in voxels, that a difference of two index maps makes anywhere on a grid."""
    return float((np.abs(difference[:3, :3]) @ (np.array(shape) - 1) + np.abs(difference[:3, 3])).max())


def _sample_parallel(voxels: Array, shape: Shape3, index_map: Affine, order: Order, fill: float) -> Array:
    """Sample where every target axis runs along one source axis: a new axis order, then three lines."""
    sources = [int(np.flatnonzero(index_map[:3, axis])[0]) for axis in range(3)]
    turned = voxels.transpose(0, *(1 + source for source in sources))
    i, j, k = (Line(float(index_map[source, axis]), float(index_map[source, 3])) for axis, source in enumerate(sources))
    kind = voxels.dtype if order == 0 else np.dtype(np.float32)
    sampled = _sample(turned, (i, j, k), order, ((0, shape[0]), (0, shape[1]), (0, shape[2])))
    result = np.array(sampled, dtype=kind, order="C")
    for axis, (line, size) in enumerate(zip((i, j, k), turned.shape[1:], strict=True), start=1):
        result[(slice(None),) * axis + (_outside(line.positions(0, shape[axis - 1]), size),)] = fill
    return result


def _sample_freely(voxels: Array, shape: Shape3, index_map: Affine, order: Order, fill: float) -> Array:
    """Sample where the grids are turned against each other, by SciPy's general spline routine."""
    kind = voxels.dtype if order == 0 else np.dtype(np.float32)
    result = np.empty((len(voxels), *shape), kind)
    for source, target in zip(voxels, result, strict=True):
        numbers = source.astype(kind, copy=False)
        ndimage.affine_transform(numbers, index_map[:3, :3], index_map[:3, 3], shape, target, order, "nearest")
    lines = [np.arange(size, dtype=np.float64) for size in shape]
    for axis, size in enumerate(voxels.shape[1:]):
        i, j, k = (line * step for line, step in zip(lines, index_map[axis, :3], strict=True))
        plane = j[:, None] + k[None, :] + index_map[axis, 3]
        for row, offset in enumerate(i):  # a slice at a time: an index for every voxel would take more than the volume
            result[:, row, _outside(plane + offset, size)] = fill
    return result


def _outside(positions: Floats, size: int) -> Bools:
    """Which indices lie beyond the outer faces of `size` voxels."""
    return np.asarray((positions < -0.5 - COPY_TOLERANCE) | (positions > size - 0.5 + COPY_TOLERANCE))
