"""The regions of an image as a value of its own: what a model of anatomy found, among which another model's findings lie.

A box has no outline, so that its place is told by the voxels that it holds, those at its faces by the share of them inside. The
rules are those of findings with outlines (`findings.table`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from scanwright.findings.table import RegionRow, crossed, region_rows, size_of_voxel
from scanwright.geometry.grid import Grid
from scanwright.geometry.lying import OUTSIDE, Nesting, amount, around_or_in, lies_in, nesting
from scanwright.types import JSON, Bools, Floats

DIGITS = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies: in a region, OUTSIDE if in none; and the further regions that it reaches into."""

    region: str
    crosses: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Regions:
    """masks: (I, J, K) by name, on the image's grid; they may overlap, and one that is empty was looked for and not found."""

    masks: Mapping[str, Bools] = field(repr=False)
    grid: Grid

    @property
    def unit_of_size(self) -> str:
        """ "ml", "mm²" or "px", as of a `StudyTable`."""
        return size_of_voxel(self.grid)[1]

    @cached_property
    def rows(self) -> tuple[RegionRow, ...]:
        """Each region measured; nothing is known of a burden."""
        return region_rows(self.masks, self.grid)

    @cached_property
    def nested(self) -> Nesting:
        """For each region the larger ones that it lies in."""
        return nesting(self.masks)

    def place_of(self, corners: Floats) -> Place:
        """Where a box lies. corners: (2, 3) its start and end in voxels, the first voxel's outer corner being 0.

        One that holds nothing of the image lies outside all.
        """
        held = [_held(start, end, size) for start, end, size in zip(*corners.tolist(), self.grid.shape, strict=True)]
        around = tuple(slice(first, first + len(shares)) for first, shares in held)
        i, j, k = (shares for _, shares in held)
        weights = (i[:, None, None] * j[:, None] * k).ravel()
        total = float(weights.sum())
        if not total:
            return Place(OUTSIDE)
        within = {name: mask[around].ravel() for name, mask in self.masks.items()}
        inside = {name: amount(mask, weights) for name, mask in within.items()}
        region = lies_in(within, self.nested, weights)
        shares = {name: one / total for name, one in sorted(inside.items(), key=lambda one: -one[1]) if one}
        return Place(region, crossed(shares, region, around_or_in(region, self.nested)))

    def to_json(self) -> dict[str, JSON]:
        """{"unit", "sizes": by region, 0 where it was not found, "cut": the regions that the image's border cuts}."""
        rows = self.rows
        return {
            "unit": self.unit_of_size,
            "sizes": {row.name: round(row.size, DIGITS) for row in rows},
            "cut": [row.name for row in rows if row.cut],
        }


def _held(start: float, end: float, size: int) -> tuple[int, Floats]:
    """Which voxels an interval along one axis of the image holds: the first one, and the share of each."""
    low, high = max(0.0, start), min(float(size), end)
    if high <= low:
        return 0, np.zeros(0)
    places = np.arange(int(np.floor(low)), int(np.ceil(high)))
    shares: Floats = np.minimum(places + 1, high) - np.maximum(places, low)
    return int(places[0]), shares
