"""Ways in which an image can lie: upside down, mirrored, with exchanged axes.

The layout of an image (what is bright where, in coarse cells) is turned in every way, and held against those that were
learned from. An image whose layout fits clearly better when it is turned is told as turned. How clearly is set by
held-out images as they are; how many of them are then recognised when they are turned is measured. Where that is few (a
left hippocampus is a mirrored right one), nothing is lost but that this cannot be told.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.types import Floats, Shape3

WAYS: Mapping[str, str] = {
    "head": "upside down",
    "back": "back to front",
    "left": "left and right exchanged",
    "side": "with its axes exchanged",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """A way to lie: axes D, H, W taken in this order, then turned round where `flip` says so."""

    order: Shape3
    flip: tuple[bool, bool, bool]

    def apply(self, layout: Floats) -> Floats:
        """Of an array (..., D, H, W); a view."""
        lead = layout.ndim - 3
        moved = np.transpose(layout, (*range(lead), *(lead + axis for axis in self.order)))
        return np.asarray(np.flip(moved, tuple(lead + axis for axis in range(3) if self.flip[axis])))

    def ways(self, axes: Sequence[int], *, is_picture: bool) -> tuple[str, ...]:
        """How an image lies that fits when it is turned so, as keys of WAYS. axes: of the body (0 x, 1 y, 2 z), along
        D, H, W.

        >>> Turn((0, 1, 2), (True, False, True)).ways((2, 1, 0), is_picture=False)
        ('head', 'left')
        """
        if self.order != (0, 1, 2):
            return ("side",)
        flipped = {axes[axis] for axis in range(3) if self.flip[axis]}
        named = ((1, "head"), (0, "left")) if is_picture else ((2, "head"), (1, "back"), (0, "left"))
        return tuple(name for axis, name in named if axis in flipped)


AS_IT_IS = Turn((0, 1, 2), (False, False, False))


def turns_of(cells: Sequence[int]) -> tuple[Turn, ...]:
    """Every other way in which an array of so many cells can lie and keep its shape: 47 of a cube, 7 of a square.

    >>> len(turns_of((4, 4, 4))), len(turns_of((1, 8, 8))), len(turns_of((1, 1, 1)))
    (47, 7, 0)
    """
    size = tuple(cells)
    orders = [one for one in _orders() if tuple(size[axis] for axis in one) == size and _moves(one, size)]
    flips = [(d, h, w) for d, h, w in itertools.product((False, True), repeat=3) if _may_flip((d, h, w), size)]
    return tuple(turn for order in orders for flip in flips if (turn := Turn(order, flip)) != AS_IT_IS)


def _orders() -> list[Shape3]:
    return [(d, h, w) for d, h, w in itertools.permutations((0, 1, 2))]


def _moves(order: Shape3, size: tuple[int, ...]) -> bool:
    """Whether an order changes anything where it moves: axes of one cell stay where they are."""
    return all(axis == place for place, axis in enumerate(order) if size[place] == 1)


def _may_flip(flip: tuple[bool, bool, bool], size: tuple[int, ...]) -> bool:
    return not any(wanted and length == 1 for wanted, length in zip(flip, size, strict=True))
