"""Resampling: to another shape over the same extent (separable, exact and fast), and onto any other grid.

`resize` gives the values of scipy.ndimage.zoom(grid_mode=True, mode="nearest") to float32 rounding, in a fraction of
its time. A resize along one axis is linear, so it is a matrix; the B-spline's prefilter and the edge copies are folded
into that matrix, and a volume is resized by three matrix products. Output voxel i of m lies at input index (i + 0.5) *
n / m - 0.5: voxel centres, outer faces kept. For the splines: Unser, Aldroubi, Eden, IEEE Transactions on Signal
Processing 41:821, 1993.

Matrices are built and multiplied in blocks of output rows, each with only the inputs that reach it: the prefilter's
response falls by 0.268 a sample, so 24 samples away nothing is left of it in float32. A large picture thus costs what
its size asks for, and a part of a result needs a part of the input.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations
from typing import Literal

import numpy as np
from scipy import linalg, ndimage

from scanwright.errors import GeometryError
from scanwright.geometry.affine import Affine
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Bools, Floats, Ints, Shape3

Order = Literal[0, 1, 3]
Window = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

EDGE_COPIES = 12  # what SciPy pads with in mode "nearest"; the same number, so the same values
REACH = 24  # samples beyond which the prefilter's response is under float32 rounding: 0.268 ** 24 is 2e-14
BLOCK_ROWS = 256  # output rows in one matrix product
TIE = 1e-6  # shares closer than this are equal: what float32 sums differ by
COPY_TOLERANCE = 1e-3  # of a voxel: closer than this, two grids' voxels are the same ones and are copied


def resize(array: Array, shape: Shape3, *, order: Order = 3) -> Floats:
    """Resample (C, I, J, K) to (C, *shape) over the same extent; any real numbers in, float32 out.

    order: 3 cubic B-spline (overshoots at an edge by up to a seventh of its step), 1 linear, 0 nearest. An axis of one
    voxel is repeated, an axis that keeps its length is left alone. A value that is not finite spreads along its lines.
    """
    i, j, k = shape
    return _resize(array, shape, order=order, window=((0, i), (0, j), (0, k)))


def resize_slab(array: Array, shape: Shape3, *, start: int, stop: int, order: Order = 1) -> Floats:
    """Rows start to stop, along the first spatial axis, of `resize(array, shape)`: (C, stop - start, *shape[1:]).

    Only the rows of the input that reach the slab are touched, so memory and time follow the slab. Equal to those rows
    of the whole to float32 rounding (sums in another order).
    """
    if not 0 <= start < stop <= shape[0]:
        raise ValueError(f"a slab must lie in 0 to {shape[0]} and hold a row, not {start} to {stop}")
    return _resize(array, shape, order=order, window=((start, stop), (0, shape[1]), (0, shape[2])))


def rows_reached(size: int, length: int, start: int, stop: int, *, order: Order = 1) -> tuple[int, int]:
    """Which of `size` inputs the outputs start to stop of `length` need: first, and one past the last."""
    if size == length:
        return start, stop
    if size == 1:
        return 0, 1
    if order == 0:
        nearest = np.floor(_positions(size, length, start, stop) + 0.5).clip(0, size - 1)
        return int(nearest[0]), int(nearest[-1]) + 1
    first, matrix = _rows(size, length, order, start, stop)
    return first, first + matrix.shape[1]


def resize_rows(
    part: Array, size: Shape3, shape: Shape3, *, first: int, start: int, stop: int, order: Literal[1, 3] = 1
) -> Floats:
    """`resize_slab` when only some rows of the (C, *size) input are at hand: `part` holds rows first, first + 1, …

    For results that arrive slab by slab. `rows_reached` says which rows an output needs; they must all be in `part`.
    """
    rows = part
    if size[0] == shape[0]:
        rows = part[:, start - first : stop - first]
    elif size[0] == 1:
        rows = np.repeat(part, stop - start, axis=1)
    else:
        needed, matrix = _rows(size[0], shape[0], order, start, stop)
        rows = _multiply(part, 1, needed - first, matrix)
    for axis in (2, 3):
        rows = _resize_axis(rows, axis, shape[axis - 1], order, 0, shape[axis - 1])
    return np.ascontiguousarray(rows, dtype=np.float32)


def resize_labels(labels: Ints, shape: Shape3, *, values: Sequence[int] | None = None) -> Ints:
    """Resample a label map (I, J, K) to `shape`: linear on each label's indicator, the largest share wins. Same dtype.

    values: the labels to consider; by default those that occur. One label at a time against the best so far, each only
    in its bounding box: memory does not grow with their number, and time with their volume. Equal shares, and voxels
    that no considered label reaches, go to the label that comes first (the smallest by default).
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
        positions = _positions(size, length, 0, length).clip(0, size - 1)
        reached = np.flatnonzero((positions > occupied[0] - 1) & (positions < occupied[-1] + 1))
        if not reached.size:
            return None
        bounds.append((int(reached[0]), int(reached[-1]) + 1))
    return bounds[0], bounds[1], bounds[2]


def onto_grid(volume: Volume, grid: Grid, *, order: Order = 3, fill: float = 0.0) -> Volume:
    """Resample a volume onto another grid of the same patient space. Integers stay integers for order 0, else float32.

    Outside the volume's outer faces the value is `fill`; between the outermost centres and the faces the edge is
    repeated. Voxels that coincide (whole shifts, axis orders, flips) are copied, not interpolated. No smoothing before
    a coarser grid. Raises GeometryError if one grid is in millimetres and the other in pixels.
    """
    if volume.grid.unit != grid.unit:
        raise GeometryError(
            "cannot bring an image in pixels onto a grid in millimetres"
            if grid.unit == "mm"
            else "cannot bring millimetres to pixels",
            expected=volume.grid.unit,
            found=grid.unit,
        )
    to_source: Affine = np.linalg.solve(volume.grid.affine, grid.affine)
    whole: Affine = np.round(to_source)
    exact = _drift(to_source - whole, grid.shape) <= COPY_TOLERANCE
    used, index_map = (0, whole) if exact else (order, to_source)
    dtype = volume.voxels.dtype if used == 0 else np.dtype(np.float32)
    voxels = np.empty((volume.channels, *grid.shape), dtype)
    outside = _outside(index_map, volume.shape, grid.shape)
    for source, target in zip(volume.voxels, voxels, strict=True):
        numbers = source if used == 0 else source.astype(np.float32, copy=False)
        matrix = np.diag(index_map[:3, :3]) if _is_diagonal(index_map) else index_map[:3, :3]
        ndimage.affine_transform(numbers, matrix, index_map[:3, 3], grid.shape, target, order=used, mode="nearest")
        target[outside] = fill
    return Volume(voxels, grid, volume.notes)


def _drift(difference: Affine, shape: Shape3) -> float:
    """The largest displacement, in voxels, that a difference of two index maps makes anywhere on a grid."""
    return float((np.abs(difference[:3, :3]) @ (np.array(shape) - 1) + np.abs(difference[:3, 3])).max())


def _is_diagonal(matrix: Affine) -> bool:
    return bool(np.count_nonzero(matrix[:3, :3] - np.diag(np.diag(matrix[:3, :3]))) == 0)


def _outside(index_map: Affine, source: Shape3, target: Shape3) -> Array:
    """Which target voxels have their centre outside the source's outer faces, (I, J, K) bool."""
    outside = np.zeros(target, bool)
    lines = [np.arange(size, dtype=np.float64) for size in target]
    for axis, size in enumerate(source):
        i, j, k = (line * step for line, step in zip(lines, index_map[axis, :3], strict=True))
        plane = j[:, None] + k[None, :] + index_map[axis, 3]
        for row, offset in zip(outside, i, strict=True):
            index = plane + offset
            row |= (index < -0.5 - COPY_TOLERANCE) | (index > size - 0.5 + COPY_TOLERANCE)
    return outside


def _resize(array: Array, shape: Sequence[int], *, order: Order, window: Window) -> Floats:
    """The part of a resized array that lies in `window`, start and stop for each axis of the output."""
    if array.ndim != 4 or 0 in array.shape or min(shape) < 1:
        raise ValueError(f"resize needs (C, I, J, K) and three positive lengths, not {array.shape} and {shape}")
    for axis in _cheapest_order(array.shape[1:], tuple(stop - start for start, stop in window)):
        array = _resize_axis(array, axis + 1, shape[axis], order, *window[axis])
    return np.ascontiguousarray(array, dtype=np.float32)


def _cheapest_order(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, ...]:
    """The order of the axes with the fewest multiplications: shrinking axes come first."""

    def cost(order: tuple[int, ...]) -> int:
        size, total = list(before), 0
        for axis in order:
            total += size[0] * size[1] * size[2] * after[axis]
            size[axis] = after[axis]
        return total

    return min(permutations(range(3)), key=cost)


def _resize_axis(array: Array, axis: int, length: int, order: Order, start: int, stop: int) -> Array:
    """Outputs start to stop of `length` along one axis of (C, I, J, K)."""
    size = array.shape[axis]
    if size == length:
        return np.asarray(array[_along(axis, start, stop)])
    if size == 1:
        return np.repeat(array, stop - start, axis=axis)
    if order == 0:
        nearest = np.floor(_positions(size, length, start, stop) + 0.5).astype(np.intp)
        return array.take(nearest.clip(0, size - 1), axis=axis)
    blocks = range(start, stop, BLOCK_ROWS)
    parts = [_multiply(array, axis, *_rows(size, length, order, row, min(row + BLOCK_ROWS, stop))) for row in blocks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)


def _along(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(start, stop),)


def _multiply(array: Array, axis: int, first: int, matrix: Floats) -> Floats:
    """Contract `matrix` (rows, inputs) with inputs first, first + 1, … of one axis of (C, I, J, K)."""
    part = np.ascontiguousarray(array[_along(axis, first, first + matrix.shape[1])], dtype=np.float32)
    channels, i, j, k = part.shape
    if axis == 1:
        product = matrix @ part.reshape(channels, i, j * k)
    elif axis == 2:
        product = matrix @ part
    else:
        product = part.reshape(-1, k) @ matrix.T
    i, j, k = (len(matrix) if axis == number else size for number, size in ((1, i), (2, j), (3, k)))
    return np.asarray(product.reshape(channels, i, j, k))


def _positions(size: int, length: int, start: int, stop: int) -> Floats:
    """Where outputs start to stop of `length` lie among `size` inputs, as fractional indices."""
    return (np.arange(start, stop) + 0.5) * (size / length) - 0.5


@lru_cache(maxsize=96)
def _rows(size: int, length: int, order: Order, start: int, stop: int) -> tuple[int, Floats]:
    """Rows start to stop of the matrix that resizes `size` samples to `length`.

    Returns the first input that any of these rows needs, and a read-only float32 matrix (stop - start, inputs).
    """
    positions = _positions(size, length, start, stop)
    first, matrix = _linear_rows(size, positions) if order == 1 else _cubic_rows(size, positions)
    rows = matrix.astype(np.float32)
    rows.setflags(write=False)
    return first, rows


def _linear_rows(size: int, positions: Floats) -> tuple[int, Floats]:
    inside = positions.clip(0, size - 1)
    left = np.floor(inside).astype(np.intp).clip(0, size - 2)
    first = int(left[0])
    matrix = np.zeros((len(positions), int(left[-1]) + 2 - first))
    line = np.arange(len(positions))
    matrix[line, left - first] = 1 - (inside - left)
    matrix[line, left + 1 - first] = inside - left
    return first, matrix


def _cubic_rows(size: int, positions: Floats) -> tuple[int, Floats]:
    """Cubic B-spline interpolation with its prefilter, on a window that reaches REACH samples beyond the positions."""
    low = max(int(np.floor(positions[0])) - 1 - REACH, -EDGE_COPIES)
    high = min(int(np.floor(positions[-1])) + 3 + REACH, size + EDGE_COPIES)
    left = np.floor(positions).astype(np.intp) - 1
    basis = np.zeros((high - low, len(positions)))
    for tap in range(4):
        basis[left + tap - low, np.arange(len(positions))] = _cubic_bspline(positions - left - tap)
    # weights on coefficients -> weights on samples: the prefilter is the inverse of the (1/6, 2/3, 1/6) band matrix
    band = np.repeat([[1 / 6], [2 / 3], [1 / 6]], high - low, axis=1)
    band[2, 0] = band[0, -1] = 1 / 3  # mirrored at the window's ends; transposed below: rows and columns change places
    weights = linalg.solve_banded((1, 1), band, basis)
    samples = np.arange(low, high).clip(0, size - 1)
    first = int(samples[0])
    matrix = np.zeros((int(samples[-1]) + 1 - first, len(positions)))
    np.add.at(matrix, samples - first, weights)
    return first, matrix.T


def _cubic_bspline(distance: Floats) -> Floats:
    """The centred cubic B-spline at a distance within 2 of its knot."""
    near = np.abs(distance)
    return np.where(near < 1, 2 / 3 - near**2 * (2 - near) / 2, np.maximum(2 - near, 0) ** 3 / 6)
