"""Two studies of one patient: which findings are new, which are gone, and how the others have grown.

The prior study's findings are brought to the space of the current one before (by registration of the images), so that places
can be compared. Findings of one kind are paired by where they lie: those that overlap, the most overlapping first; then those
whose centres are nearest, up to NEAR of the larger one's longest diameter. What is left over and shares a voxel with one that
has a partner, or lies in it by its centre (WITHIN), belongs to that pair: the findings have merged, or one has split. New or
resolved is what has nothing in the other study, and lies where that study shows it would be.

Grown is what is larger by a fifth, in longest diameter or as a ball of its volume, as far as voxels tell; shrunk what is
smaller by 30 %; stable what is neither. What RECIST asks for beyond that, 5 mm, is about the sum of all target lesions against
its least value, and decides on progression: a small nodule that doubles gains less, and has grown. The Fleischner Society asks
for 2 mm more of a lung nodule, as measures by hand tell no less; here voxels say what is told, with edges of 0.7 to 1 mm in
both studies 1.4 to 2 mm. From 25 % more volume on the British Thoracic Society speaks of growth, by software that is known to
repeat itself so well; of a model's outlines that is not known.
Source: Eisenhauer et al. 2009 (RECIST 1.1), section 4.3.1; Bankier et al. 2017; Callister et al. 2015.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from scanwright.findings.table import FindingRow
from scanwright.types import Floats

NEAR = 1.0
"""Longest diameters between two centres, up to which two findings may be one."""
WITHIN = 0.5
"""The same, up to which the centre of one lies in the other."""
GROWN, SHRUNK = 0.2, -0.3
"""Changes of a diameter from which on a finding has grown or shrunk: those at which RECIST 1.1 speaks of progression and of a
partial response. The volume of a ball has then grown by 73 %, or shrunk by 66 %.
"""
PROGRESSION_MM = 5.0
"""What the sum of the diameters of all target lesions must have gained as well to be progression (RECIST 1.1)."""

Change = Literal[
    "new",
    "resolved",
    "grown",
    "shrunk",
    "stable",
    "merged",
    "split",
    "within error",
    "cut",
    "not covered before",
    "not covered now",
]
MEASURED: tuple[Change, ...] = ("grown", "shrunk", "within error", "stable")
"""What is told by measures: of two that differ, the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUp:
    """A finding of one study or of both; several of one study that are one in the other.

    change: "merged" and "split" go by numbers: fewer findings now than before, or as many or more. "within error" would be
    grown or shrunk, if voxels were finer. "cut": the image's border cuts it in a study, so that nothing is known of
    its growth. "not covered before" (or now): in one study alone, and not wholly within what the other shows.
    growth: of the longest diameter, of the sum of them where there are several (RECIST 1.1, section 4.3.2); 0.2 is a fifth
    more. size_growth: the same of sizes. Both are None where a finding is in one study only, is cut, or within error; growth
    also where the diameters of both studies lie in different planes.
    by_volume: that the volume decides the change, and not the longest diameter. error: how far the difference of the diameters
    may be wrong by the voxels of both studies, in their unit; where the volume decides, of the diameters of balls as large.
    """

    change: Change
    now: tuple[FindingRow, ...] = ()
    before: tuple[FindingRow, ...] = ()
    growth: float | None = None
    size_growth: float | None = None
    error: float = 0.0
    by_volume: bool = False

    @property
    def has_several(self) -> bool:
        """Whether several findings of a study are one in the other, so that all numbers are of sums."""
        return len(self.now) > 1 or len(self.before) > 1

    @property
    def gain(self) -> float | None:
        """What the longest diameter, or the sum of them, has gained; None where no growth is told."""
        return None if self.growth is None else self.longest - self.longest_before

    @property
    def is_little(self) -> bool:
        """Whether it has grown by less than RECIST asks of a sum of diameters for progression."""
        return self.change == "grown" and self.gain is not None and self.gain < PROGRESSION_MM

    @property
    def longest(self) -> float:
        """The longest diameters of now, added up."""
        return sum(row.longest for row in self.now)

    @property
    def longest_before(self) -> float:
        """Those of before."""
        return sum(row.longest for row in self.before)

    @property
    def size(self) -> float:
        """The sizes of now, added up."""
        return sum(row.size for row in self.now)

    @property
    def size_before(self) -> float:
        """Those of before."""
        return sum(row.size for row in self.before)


def follow_up(
    now: Sequence[FindingRow],
    before: Sequence[FindingRow],
    overlap: Floats | None = None,
    *,
    covered: tuple[Sequence[bool], Sequence[bool]] | None = None,
    voxels: tuple[float, float] = (0.0, 0.0),
    longest_edges: tuple[float, float] = (0.0, 0.0),
    in_one_plane: bool = True,
) -> tuple[FollowUp, ...]:
    """Pair the findings of two studies of volumes; lengths are in mm, sizes in ml. before: measured in their own study, with
    centres in the space of the current one.

    overlap: (now, before) voxels that two findings share in that space; None: places alone are compared. covered: whether each
    finding of now, and of before, lies wholly in the other study's image; None: all do. voxels: the longer edge of a voxel in
    the plane of the diameters, now and before. An outline runs along faces of voxels, so each end of a diameter is known to
    half a voxel: a diameter to one, and a difference to the sum of all that are in it. longest_edges: those of a voxel in all
    directions, which tell the same of the ball of a volume; 0 where they are those of the plane. in_one_plane: whether the
    diameters of both studies were measured in it; else they are not compared, and changes are those of volumes.
    In the order of the first that is of `now`, then what is in `before` alone.
    """
    shared = np.zeros((len(now), len(before))) if overlap is None else np.asarray(overlap, dtype=float)
    seen, seen_before = covered or ([True] * len(now), [True] * len(before))
    groups = _groups(now, before, shared)
    found: dict[int, FollowUp] = {
        min(here): _compared(
            tuple(now[a] for a in sorted(here)),
            tuple(before[b] for b in sorted(there)),
            voxels,
            longest_edges,
            in_one_plane=in_one_plane,
        )
        for here, there in groups
    }
    paired = {a for here, _ in groups for a in here}
    for a in set(range(len(now))) - paired:
        found[a] = FollowUp(change="new" if seen[a] else "not covered before", now=(now[a],))
    left = sorted(set(range(len(before))) - {b for _, there in groups for b in there})
    return (
        *(found[a] for a in sorted(found)),
        *(FollowUp(change="resolved" if seen_before[b] else "not covered now", before=(before[b],)) for b in left),
    )


def _groups(
    now: Sequence[FindingRow], before: Sequence[FindingRow], shared: Floats
) -> list[tuple[list[int], list[int]]]:
    """Places in `now` and in `before` that belong together, at least one of each."""
    groups: list[tuple[list[int], list[int]]] = []
    of_now: dict[int, int] = {}
    of_before: dict[int, int] = {}
    alike = [
        (distance(one, other), max(one.longest, other.longest), a, b)
        for a, one in enumerate(now)
        for b, other in enumerate(before)
        if one.kind == other.kind
    ]
    overlapping = [(-shared[a, b], apart, a, b) for apart, _, a, b in alike if shared[a, b] > 0]
    near = [(0.0, apart, a, b) for apart, longest, a, b in alike if apart <= NEAR * longest]
    within = [(0.0, apart, a, b) for apart, longest, a, b in alike if apart <= WITHIN * longest]
    for pairing, joining in ((overlapping, overlapping), (near, within)):
        for _, _, a, b in sorted(pairing):
            if a not in of_now and b not in of_before:
                of_now[a] = of_before[b] = len(groups)
                groups.append(([a], [b]))
        for _, _, a, b in sorted(joining):
            if a not in of_now and b in of_before:
                of_now[a] = of_before[b]
                groups[of_now[a]][0].append(a)
            elif b not in of_before and a in of_now:
                of_before[b] = of_now[a]
                groups[of_before[b]][1].append(b)
    return groups


def distance(one: FindingRow, other: FindingRow) -> float:
    """Between the centres of two findings, in mm (or pixels)."""
    return float(np.linalg.norm(np.array(one.center) - np.array(other.center)))


def _compared(
    now: tuple[FindingRow, ...],
    before: tuple[FindingRow, ...],
    voxels: tuple[float, float],
    longest_edges: tuple[float, float],
    *,
    in_one_plane: bool,
) -> FollowUp:
    found = FollowUp(change="cut", now=now, before=before, error=len(now) * voxels[0] + len(before) * voxels[1])
    if not any(row.cut for row in (*now, *before)):
        found = _measured(found, max(found.error, sum(longest_edges)), in_one_plane=in_one_plane)
    if found.change not in ("cut", "within error"):
        found = replace(
            found,
            growth=found.longest / found.longest_before - 1 if in_one_plane else None,
            size_growth=found.size / found.size_before - 1,
        )
    if len(now) == len(before) == 1:
        return found
    return replace(found, change="merged" if len(now) < len(before) else "split")


def _measured(one: FollowUp, error_of_balls: float, *, in_one_plane: bool) -> FollowUp:
    """The same with what became of it by its diameter or its volume, whichever says more (MEASURED); several by diameters."""
    by_length = replace(one, change=_changed(one.longest, one.longest_before, one.error))
    if in_one_plane and one.has_several:
        return by_length
    by_size = replace(one, change=_changed(_ball(one.size), _ball(one.size_before), error_of_balls))
    if by_size.change != "stable":
        by_size = replace(by_size, by_volume=True, error=error_of_balls)
    return min(by_length, by_size, key=lambda found: MEASURED.index(found.change)) if in_one_plane else by_size


def _changed(now: float, before: float, error: float) -> Change:
    """What became of a diameter. error: of the difference."""
    more = now - before
    if SHRUNK < more / before < GROWN:
        return "stable"
    if abs(more) < error:
        return "within error"
    return "grown" if more > 0 else "shrunk"


def _ball(size: float) -> float:
    """The diameter in mm of a ball of so many ml.

    >>> round(_ball(4.18879), 3)
    20.0
    """
    return float(np.cbrt(6000 * size / np.pi))
