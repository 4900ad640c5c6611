"""Linear resizing of what arrives slab by slab: a few rows of a result from only those input rows that it needs."""

import math

import numpy as np

from scanwright.geometry.lines import Line, sample_axis
from scanwright.types import Array, Floats, Shape3


def rows_reached(size: int, length: int, start: int, stop: int) -> tuple[int, int]:
    """Which of `size` inputs the outputs start to stop of `length` need: first, and one past the last."""
    line = Line.resizing(size, length)
    low, high = line.positions(start, stop)[[0, -1]].clip(0, size - 1)
    return math.floor(low), math.ceil(high) + 1


def resize_rows(part: Array, size: Shape3, shape: Shape3, *, first: int, start: int, stop: int) -> Floats:
    """`resize_slab` of order 1 when only some rows of the (C, *size) input are at hand.

    part: rows first, first + 1, … of the input; `rows_reached` says which an output needs. Gives (C, stop - start,
    *shape[1:]) float32.
    """
    whole = Line.resizing(size[0], shape[0])
    rows = sample_axis(part, 1, Line(whole.scale, whole.offset - first), order=1, start=start, stop=stop)
    for axis in (2, 3):
        line = Line.resizing(size[axis - 1], shape[axis - 1])
        rows = sample_axis(rows, axis, line, order=1, start=0, stop=shape[axis - 1])
    return np.ascontiguousarray(rows, dtype=np.float32)
