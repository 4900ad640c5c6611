"""Interpolation along one axis of an array, as a matrix product.

Sampling a line of `size` values at positions `scale * row + offset` is linear in the values, so it is a matrix. For the
cubic B-spline its prefilter and the copies beyond the edges are folded into that matrix too (Unser, Aldroubi, Eden, IEEE
Transactions on Signal Processing 41:821, 1993). A dense product of two float32 matrices is what processors do best: three
of them resize a volume some 25 times faster than a general spline routine, with the same values.

Matrices are built and multiplied in blocks of rows, each with only the inputs that reach it: the prefilter's response
falls by 0.268 a sample, so 24 samples away nothing is left of it in float32. A large picture thus costs what its size
asks for, and a part of a result needs a part of the input.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import linalg

from scanwright.types import Array, Floats

Order = Literal[0, 1, 3]

EDGE_COPIES = 12  # what SciPy pads with in mode "nearest"; the same number, so the same values
REACH = 24  # samples beyond which the prefilter's response is under float32 rounding: 0.268 ** 24 is 2e-14
BLOCK_ROWS = 256  # output rows in one matrix product
HALF = 1e-9  # positions this close below the middle of two inputs lie there, and go up; not left to rounding
CACHED_BLOCKS = 96  # a block is 0.4 MB where the length halves: some 40 MB


@dataclass(frozen=True, slots=True)
class Line:
    """Where outputs lie among the inputs of one axis: row r at input index `scale * r + offset`. A scale is not 0."""

    scale: float
    offset: float

    @classmethod
    def resizing(cls, size: int, length: int) -> "Line":
        """`length` outputs over the extent of `size` inputs: outer faces kept, as voxel centres demand."""
        return cls(size / length, 0.5 * size / length - 0.5)

    @property
    def is_whole(self) -> bool:
        """Whether outputs coincide with inputs, so that they are copied."""
        return self.scale.is_integer() and self.offset.is_integer()

    def positions(self, start: int, stop: int) -> Floats:
        """Input indices, with fractions, of outputs start to stop."""
        return np.asarray(np.arange(start, stop) * self.scale + self.offset)


def sample_axis(array: Array, axis: int, line: Line, *, order: Order, start: int, stop: int) -> Array:
    """Outputs start to stop along one axis (1, 2 or 3) of (C, I, J, K). Beyond the edges lies a copy of the edge.

    Whole positions and order 0 copy and keep the number type; orders 1 and 3 give float32.
    """
    size = array.shape[axis]
    if size == 1:
        return np.repeat(array, stop - start, axis=axis)
    if order == 0 or line.is_whole:
        return _copy_nearest(array, axis, line.positions(start, stop))
    blocks = range(start, stop, BLOCK_ROWS)
    parts = [_multiply(array, axis, *_rows(size, line, order, row, min(row + BLOCK_ROWS, stop))) for row in blocks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)


def _copy_nearest(array: Array, axis: int, positions: Floats) -> Array:
    indices = np.floor(positions + 0.5 + HALF).clip(0, array.shape[axis] - 1).astype(np.intp)
    if indices[-1] - indices[0] == len(indices) - 1 and (np.diff(indices) == 1).all():
        return np.asarray(array[_along(axis, int(indices[0]), int(indices[-1]) + 1)])  # a view: nothing to gather
    return np.asarray(array.take(indices, axis=axis))


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


@lru_cache(maxsize=CACHED_BLOCKS)
def _rows(size: int, line: Line, order: Order, start: int, stop: int) -> tuple[int, Floats]:
    """Rows start to stop of the matrix that samples `size` inputs along `line`.

    Returns the first input that any of these rows needs, and a read-only float32 matrix (stop - start, inputs).
    """
    positions = line.positions(start, stop).clip(-0.5, size - 0.5)
    first, matrix = _linear_rows(size, positions) if order == 1 else _cubic_rows(size, positions)
    rows = matrix.astype(np.float32)
    rows.setflags(write=False)
    return first, rows


def _linear_rows(size: int, positions: Floats) -> tuple[int, Floats]:
    inside = positions.clip(0, size - 1)
    left = np.floor(inside).astype(np.intp).clip(0, size - 2)
    first = int(left.min())
    matrix = np.zeros((len(positions), int(left.max()) + 2 - first))
    row = np.arange(len(positions))
    matrix[row, left - first] = 1 - (inside - left)
    matrix[row, left + 1 - first] = inside - left
    return first, matrix


def _cubic_rows(size: int, positions: Floats) -> tuple[int, Floats]:
    """Cubic B-spline interpolation with its prefilter, on a window that reaches REACH samples beyond the positions."""
    left = np.floor(positions).astype(np.intp) - 1
    low = max(int(left.min()) - REACH, -EDGE_COPIES)
    high = min(int(left.max()) + 4 + REACH, size + EDGE_COPIES)
    basis = np.zeros((high - low, len(positions)))
    for tap in range(4):
        basis[left + tap - low, np.arange(len(positions))] = _cubic_bspline(positions - left - tap)
    # weights of coefficients -> weights of samples: the prefilter is the inverse of the band matrix (1/6, 2/3, 1/6),
    # here transposed, with a mirror at both ends of the window
    band = np.repeat([[1 / 6], [2 / 3], [1 / 6]], high - low, axis=1)
    band[2, 0] = band[0, -1] = 1 / 3
    weights = linalg.solve_banded((1, 1), band, basis)
    samples = np.arange(low, high).clip(0, size - 1)
    first = int(samples[0])
    matrix = np.zeros((int(samples[-1]) + 1 - first, len(positions)))
    np.add.at(matrix, samples - first, weights)
    return first, matrix.T


def _cubic_bspline(distance: Floats) -> Floats:
    """The centred cubic B-spline at a distance within 2 of its knot."""
    near = np.abs(distance)
    weight: Floats = np.where(near < 1, 2 / 3 - near**2 * (2 - near) / 2, np.maximum(2 - near, 0) ** 3 / 6)
    return weight
