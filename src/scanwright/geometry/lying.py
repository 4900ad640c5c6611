"""Where a part of an image lies among regions: in the one that holds most of it, what is outside all of them counted as one."""

from collections.abc import Mapping

OUTSIDE = ""
"""The name of what is in no region."""


def lies_in(inside: Mapping[str, float], outside: float) -> str:
    """The region that a part lies in, OUTSIDE if more of it lies in none than in any; of two that hold as much the first, and
    any before OUTSIDE.

    inside: how many of its voxels each region holds, or how much of it; regions may overlap. outside: how many are in none.
    """
    most = max(inside.values(), default=0)
    return OUTSIDE if outside > most or not most else next(name for name, held in inside.items() if held == most)
