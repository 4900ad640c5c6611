"""Where a part of an image lies among regions, which may overlap or nest.

It lies in the region that holds most of it, what is outside all of them counted as one. Of regions that lie in another one only
the outermost are asked at first; then, within the one that was told, those that lie in it, what is in none of these counted as
one, and so on inwards: what lies in a lobe is said to lie in the lobe, not in the lung.
"""

from collections.abc import Collection, Mapping
from typing import TypeAlias

import numpy as np
from scipy.ndimage import find_objects

from scanwright.types import Bools, Floats, Ints

OUTSIDE = ""
"""The name of what is in no region."""
NESTED = 0.95
"""Share of a region's voxels from which on it lies in a larger one: answered masks differ by some voxels at their borders."""
DIGITS = 9
"""Of an amount in voxels."""
PACKED = 32
"""Regions that are told apart by the bits of a number, before what there is of them is numbered anew."""

Nesting: TypeAlias = Mapping[str, frozenset[str]]
"""For each region the larger ones that it lies in."""


def nesting(regions: Mapping[str, Bools]) -> dict[str, frozenset[str]]:
    """For each region the larger ones that it lies in. regions: masks (I, J, K) by name; of an empty one, and of two that are
    alike, neither lies in the other.
    """
    sizes = {name: int(np.count_nonzero(mask)) for name, mask in regions.items()}

    def larger(inner: str) -> frozenset[str]:
        if not sizes[inner]:
            return frozenset()
        (around,) = find_objects(regions[inner].view(np.uint8), max_label=1)
        mask, least = regions[inner][around], NESTED * sizes[inner]
        return frozenset(
            name
            for name, outer in regions.items()
            if sizes[name] > sizes[inner] and np.count_nonzero(outer[around] & mask) >= least
        )

    return {name: larger(name) for name in regions}


def around_or_in(region: str, nested: Nesting) -> frozenset[str]:
    """The regions that a region lies in, and those that lie in it; none of OUTSIDE."""
    if region == OUTSIDE:
        return frozenset()
    return nested[region].union(name for name in nested if region in nested[name])


def lies_in(within: Mapping[str, Bools], nested: Nesting, weights: Floats | None = None) -> str:
    """The region that a part lies in, OUTSIDE if more of it lies in none than in any; of two that hold as much the first, and
    any before OUTSIDE.

    within: which of its voxels (V,) each region holds. nested: `nesting` of these regions. weights: (V,) how much of each voxel
    is the part's; None: all of it.
    """
    held = {
        name: np.logical_or.reduce([mask, *(within[inner] for inner in within if name in nested[inner])])
        for name, mask in within.items()
    }
    told, inside = OUTSIDE, np.ones(max(map(len, within.values()), default=0), np.bool_)
    while level := _outermost({name for name in within if told == OUTSIDE or told in nested[name]}, nested):
        amounts = {name: amount(inside & held[name], weights) for name in within if name in level}
        none = amount(inside & ~np.logical_or.reduce([held[name] for name in amounts]), weights)
        most = max(amounts.values())
        if none > most or not most:
            return told
        told = next(name for name, one in amounts.items() if one == most)
        inside = inside & held[told]
    return told


def lie_in(parts: Ints, within: Mapping[str, Bools], nested: Nesting) -> list[str]:
    """`lies_in` of many parts, the first to the last that there is; one without a voxel lies OUTSIDE.

    parts: (V,) the part that each voxel belongs to, from 0. within: which of the voxels each region holds, (V,). nested: as of
    `lies_in`.
    """
    told = [OUTSIDE] * (int(parts.max(initial=-1)) + 1)
    if not within or not len(parts):
        return told
    sorts, first = _sorts(within)
    held = {name: mask[first] for name, mask in within.items()}
    pairs, counts = np.unique(parts.astype(np.int64) * len(first) + sorts, return_counts=True)
    numbers, starts = np.unique(pairs // len(first), return_index=True)
    known: dict[bytes, str] = {}
    for number, start, stop in zip(numbers.tolist(), starts.tolist(), [*starts[1:].tolist(), len(pairs)], strict=True):
        own = pairs[start:stop] % len(first)
        weights = counts[start:stop].astype(np.float64) if len(own) > 1 else np.ones(1)
        key = own.tobytes() + weights.tobytes()
        if key not in known:
            known[key] = lies_in({name: mask[own] for name, mask in held.items()}, nested, weights)
        told[number] = known[key]
    return told


def _sorts(within: Mapping[str, Bools]) -> tuple[Ints, Ints]:
    """The sort of each voxel, (V,), those in the same regions being of one; and a voxel of each sort."""
    sorts = np.zeros(len(next(iter(within.values()))), dtype=np.int64)
    for place, mask in enumerate(within.values(), start=1):
        sorts = 2 * sorts + mask
        if place % PACKED == 0:
            _, sorts = np.unique(sorts, return_inverse=True)
    _, first, sorts = np.unique(sorts, return_index=True, return_inverse=True)
    return sorts, first


def amount(voxels: Bools, weights: Floats | None = None) -> float:
    """How much a mask (V,) holds, in voxels. weights: as of `lies_in`; their sum is told without the rounding of additions,
    which would decide between two regions that hold as much.
    """
    return int(np.count_nonzero(voxels)) if weights is None else round(float(weights[voxels].sum()), DIGITS)


def _outermost(names: Collection[str], nested: Nesting) -> set[str]:
    """Those that lie in no other one of them."""
    return {name for name in names if not nested[name].intersection(names)}
