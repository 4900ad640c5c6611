"""Axis orders and flips: lossless reorientation, bit for bit, with an exact inverse.

turn = canonical(volume.grid.affine)        # brings the closest axes to R, A, S
voxels_CDHW = turn.apply(volume.voxels)     # a view: nothing is copied or interpolated
turn.invert(voxels_CDHW)                    # the file's own axis order again
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from scanwright.geometry.affine import Affine, closest_axes
from scanwright.geometry.grid import Grid
from scanwright.types import Array, Floats, Shape3

T = TypeVar("T")
Order = tuple[int, int, int]
Flip = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True)
class Reorientation:
    """Output axis a is input axis `order[a]`, reversed where `flip[a]`. ValueError if `order` is no permutation."""

    order: Order
    flip: Flip = (False, False, False)

    def __post_init__(self) -> None:
        if sorted(self.order) != [0, 1, 2] or len(self.flip) != 3:
            raise ValueError(
                f"order must be a permutation of 0, 1, 2 and flip three booleans, not {self.order}, {self.flip}"
            )

    def apply(self, array: Array) -> Array:
        """Turn the last three axes of an array, (..., I, J, K); axes before them stay. Returns a view."""
        lead = array.ndim - 3
        turned = array.transpose(*range(lead), *(lead + axis for axis in self.order))
        i, j, k = (slice(None, None, -1) if reverse else slice(None) for reverse in self.flip)
        return turned[..., i, j, k]

    def invert(self, array: Array) -> Array:
        """Undo `apply`: `turn.invert(turn.apply(x))` is x, bit for bit. Returns a view."""
        return self.inverse().apply(array)

    def boxes(self, boxes_N23: Floats, shape: Shape3) -> Floats:
        """Boxes (N, 2, 3), start and end corners in voxels of an array of this shape whose outer corner is 0, as they lie in
        what `apply` makes of it.
        """
        turned = boxes_N23[:, :, list(self.order)]
        lengths, flip = np.array(self.shape(shape), dtype=float), np.array(self.flip)
        return np.where(flip, lengths - turned[:, ::-1], turned)

    def inverse(self) -> "Reorientation":
        """The reorientation that undoes this one."""
        back = tuple(self.order.index(axis) for axis in range(3))
        return Reorientation(_three(back), _three(tuple(self.flip[axis] for axis in back)))

    def then(self, other: "Reorientation") -> "Reorientation":
        """One reorientation for this one followed by another: `a.then(b).apply(x)` is `b.apply(a.apply(x))`."""
        order = tuple(self.order[axis] for axis in other.order)
        flip = tuple(self.flip[axis] != reverse for axis, reverse in zip(other.order, other.flip, strict=True))
        return Reorientation(_three(order), _three(flip))

    def permuted(self, order: Order) -> "Reorientation":
        """Followed by a further axis order, such as the plan's: output axis a is this one's output axis `order[a]`."""
        return self.then(Reorientation(order))

    def shape(self, shape: Shape3) -> Shape3:
        """The shape after `apply`."""
        return _three(tuple(shape[axis] for axis in self.order))

    def grid(self, grid: Grid) -> Grid:
        """The grid of `apply(voxels)`: every voxel keeps its place in patient space."""
        inner = np.zeros((4, 4))
        inner[3, 3] = 1.0
        for new_axis, (old_axis, reverse) in enumerate(zip(self.order, self.flip, strict=True)):
            inner[old_axis, new_axis] = -1.0 if reverse else 1.0
            inner[old_axis, 3] = grid.shape[old_axis] - 1 if reverse else 0.0
        return Grid(self.shape(grid.shape), grid.affine @ inner, grid.unit)


IDENTITY = Reorientation((0, 1, 2))


def canonical(affine: Affine) -> Reorientation:
    """The reorientation that brings the axes closest to R, A, S into that order. For ties see `closest_axes`."""
    order, flip = closest_axes(affine)
    return Reorientation(order, flip)


def _three(values: tuple[T, ...]) -> tuple[T, T, T]:
    first, second, third = values
    return first, second, third
