"""Two studies of one patient: which findings are new, which are gone, and how the others have grown.

The prior study's findings are brought to the space of the current one before (by registration of the images), so that places
can be compared. Findings of one kind are paired by where they lie: those that overlap, the most overlapping first; then those
whose centres are nearest, up to NEAR of the larger one's longest diameter. Each finding is paired once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.findings.table import FindingRow
from scanwright.types import Floats

NEAR = 1.0
"""Longest diameters between two centres, up to which two findings may be one."""
GROWN, SHRUNK = 0.2, -0.3
"""Changes of the longest diameter from which on RECIST 1.1 speaks of progression and of a partial response."""
LEAST_GROWTH_MM = 5.0
"""What a diameter must have gained as well for that (RECIST 1.1, section 4.3.1)."""

Change = Literal["new", "resolved", "grown", "shrunk", "stable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUp:
    """A finding of one study or of both. growth: of the longest diameter, 0.2 is a fifth more; None where it is in one only.

    size_growth: the same of its size.
    """

    change: Change
    now: FindingRow | None
    before: FindingRow | None
    growth: float | None = None
    size_growth: float | None = None


def follow_up(
    now: Sequence[FindingRow], before: Sequence[FindingRow], overlap: Floats | None = None
) -> tuple[FollowUp, ...]:
    """Pair the findings of two studies. before: measured in their own study, with centres in the space of the current one.

    overlap: (now, before) voxels that two findings share in that space; None: places alone are compared. In the order of `now`,
    then what is resolved.
    """
    shared = np.zeros((len(now), len(before))) if overlap is None else np.asarray(overlap, dtype=float)
    partner = _pairs(now, before, shared)
    rows = [
        _paired(one, before[partner[place]]) if place in partner else FollowUp(change="new", now=one, before=None)
        for place, one in enumerate(now)
    ]
    gone = [one for place, one in enumerate(before) if place not in partner.values()]
    return (*rows, *(FollowUp(change="resolved", now=None, before=one) for one in gone))


def _pairs(now: Sequence[FindingRow], before: Sequence[FindingRow], shared: Floats) -> dict[int, int]:
    """The place in `before` of each place in `now` that has a partner."""
    alike = [
        (-shared[a, b], distance(one, other), a, b)
        for a, one in enumerate(now)
        for b, other in enumerate(before)
        if one.kind == other.kind
        and (shared[a, b] > 0 or distance(one, other) <= NEAR * max(one.longest, other.longest))
    ]
    found: dict[int, int] = {}
    for _, _, a, b in sorted(alike):
        if a not in found and b not in found.values():
            found[a] = b
    return found


def distance(one: FindingRow, other: FindingRow) -> float:
    """Between the centres of two findings, in mm (or pixels)."""
    return float(np.linalg.norm(np.array(one.center) - np.array(other.center)))


def _paired(one: FindingRow, before: FindingRow) -> FollowUp:
    growth = one.longest / before.longest - 1
    change: Change = "stable"
    if growth >= GROWN and one.longest - before.longest >= LEAST_GROWTH_MM:
        change = "grown"
    elif growth <= SHRUNK:
        change = "shrunk"
    return FollowUp(change=change, now=one, before=before, growth=growth, size_growth=one.size / before.size - 1)
