"""The table of a study: for every region its size, for every finding its size, its place and how sure it is.

A finding is one connected part of a mask of a kind of finding (by faces, edges or corners). Its place is told by shares: how
much of its voxels lies in each region. It is *in* the region that holds most of it (of regions that lie in one another the
innermost), outside all if most of it is in none, and crosses into every other region that holds at least CROSSES of it, but not
into those that hold the one that it is in, or lie in it. A region that the model knows and that is not in the image is
*missing*: findings are never said to lie in it, and the table has a row that says so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from scanwright.geometry.diameters import axis_of_slices, diameters
from scanwright.geometry.grid import Grid
from scanwright.geometry.lying import Nesting, around_or_in, lies_in, nesting
from scanwright.types import Array, Bools, Floats, Ints, Triple, Unit

CROSSES = 0.05
"""Share of a finding's voxels from which on it is said to reach into a region."""
NEARLY = 1e-3
"""Of a voxel's edge: centers that are no further apart along an axis of patient space are told apart by nothing there."""
TOUCHING = np.ones((3, 3, 3), np.bool_)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionRow:
    """One region. size: volume in ml, area in mm² of a picture with a scale, pixels of one without; 0 where it is missing.

    burden: the share of it that findings take, in [0, 1]; None where it is missing, or no finding has an outline. cut: whether
    it reaches the image's border, so that its size is that of a part.
    """

    name: str
    size: float
    burden: float | None
    cut: bool

    @property
    def is_missing(self) -> bool:
        """Whether nothing of it is in the image."""
        return self.size == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingRow:
    """One finding. number: from 1, the largest first. size: as of regions.

    longest, perpendicular: diameters in the slice where the first is longest, in mm or pixels (RECIST 1.1). center: in patient
    space, mm; of a picture in its own unit. slice_index: the index of that slice along slice_axis, 0 to 2 (`axis_of_slices`).
    mean, deviation, low, high: of the first channel's values inside, in the channel's unit.
    shares: of its voxels in each region that holds some, the largest first. region: that it lies in (`lies_in`).
    share_of_region: how much of that region it takes; None outside. nested: regions in which that one lies, or that lie in it.
    confidence: the mean probability of its voxels, in [0, 1]; None where there is none.
    touches: numbers of other findings that lie next to it. cut: whether it reaches the image's border.
    around, mask: the part of the image that holds it, and its voxels there.
    """

    number: int
    kind: str
    size: float
    longest: float
    perpendicular: float
    slice_index: int
    slice_axis: int = 2
    center: Triple
    mean: float
    deviation: float
    low: float
    high: float
    shares: Mapping[str, float]
    region: str
    share_of_region: float | None
    nested: frozenset[str] = frozenset()
    confidence: float | None
    touches: tuple[int, ...]
    cut: bool
    around: tuple[slice, slice, slice] = field(repr=False, default=(slice(0), slice(0), slice(0)))
    mask: Bools = field(repr=False, compare=False, default_factory=lambda: np.zeros((0, 0, 0), np.bool_))

    @property
    def crosses(self) -> tuple[str, ...]:
        """Further regions that it reaches into."""
        return crossed(self.shares, self.region, self.nested)


@dataclass(frozen=True, slots=True)
class StudyTable:
    """unit_of_size: "ml", "mm²" or "px"; unit_of_length: "mm" or "px"."""

    regions: tuple[RegionRow, ...]
    findings: tuple[FindingRow, ...]
    unit_of_size: str
    unit_of_length: Unit

    @property
    def missing(self) -> tuple[str, ...]:
        """Regions that are not in the image."""
        return tuple(row.name for row in self.regions if row.is_missing)


@dataclass(frozen=True, slots=True)
class _Part:
    """A connected part of a finding's mask: its kind, where it lies, and its mask there."""

    kind: str
    around: tuple[slice, slice, slice]
    mask: Bools


def study_table(
    regions: Mapping[str, Bools],
    findings: Mapping[str, Bools],
    *,
    image: Floats,
    grid: Grid,
    confidence: Mapping[str, Array] | None = None,
    least_size: float = 0.0,
) -> StudyTable:
    """The table of one image.

    regions, findings: masks (I, J, K) by name, on the grid; they may overlap. image: (I, J, K), the channel that is measured.
    confidence: for each kind of finding the probability of each voxel. least_size: smaller parts are no findings, in the unit
    of sizes.
    """
    parts = [part for kind, mask in findings.items() for part in _parts(kind, mask)]
    each, unit = size_of_voxel(grid)
    parts = [part for part in parts if np.count_nonzero(part.mask) * each >= least_size]
    parts = _in_order(parts, grid)
    touched = _touched(parts)
    everything = _together(parts, image.shape)
    taken = {name: int(np.count_nonzero(mask & everything)) for name, mask in regions.items()}
    near = {name: mask for name, mask in regions.items() if taken[name]}
    sizes = {name: int(np.count_nonzero(mask)) for name, mask in near.items()}
    nests = nesting(near)
    rows = tuple(
        _finding(
            number,
            part,
            touches,
            near,
            nests,
            sizes,
            image=image,
            grid=grid,
            confidence=confidence or {},
        )
        for number, (part, touches) in enumerate(zip(parts, touched, strict=True), start=1)
    )
    return StudyTable(
        regions=region_rows(regions, grid, taken=taken),
        findings=rows,
        unit_of_size=unit,
        unit_of_length=grid.unit,
    )


def region_rows(
    regions: Mapping[str, Bools], grid: Grid, *, taken: Mapping[str, int] | None = None
) -> tuple[RegionRow, ...]:
    """Each region measured. regions: as of `study_table`. taken: how many voxels of each are of findings; None where these have
    no outlines.
    """
    each, _ = size_of_voxel(grid)
    sizes = {name: int(np.count_nonzero(mask)) for name, mask in regions.items()}
    return tuple(
        RegionRow(
            name=name,
            size=sizes[name] * each,
            burden=None if taken is None or not sizes[name] else taken[name] / sizes[name],
            cut=reaches_border(mask),
        )
        for name, mask in regions.items()
    )


def crossed(shares: Mapping[str, float], region: str, nested: Collection[str]) -> tuple[str, ...]:
    """The regions that something reaches into beside the one that it lies in. shares: of it in each region. nested: as of
    `FindingRow`.
    """
    return tuple(name for name, share in shares.items() if share >= CROSSES and name not in {region, *nested})


def size_of_voxel(grid: Grid) -> tuple[float, str]:
    """What one voxel measures, and in what: ml of a volume, mm² of a picture with a scale (its two axes), else pixels."""
    if grid.unit == "px":
        return 1.0, "px"
    if 1 in grid.shape:
        flat = axis_of_slices(grid)
        across, up = (edge for axis, edge in enumerate(grid.spacing) if axis != flat)
        return across * up, "mm²"
    return grid.voxel_volume / 1000, "ml"


def reaches_border(mask_IJK: Bools) -> bool:
    """Whether a mask has voxels at the border of the image; an axis of one slice has none."""
    for axis, length in enumerate(mask_IJK.shape):
        if length > 1 and (mask_IJK.take(0, axis=axis).any() or mask_IJK.take(-1, axis=axis).any()):
            return True
    return False


def _parts(kind: str, mask_IJK: Bools) -> list[_Part]:
    labelled, _ = ndimage.label(mask_IJK, TOUCHING)
    return [
        _Part(kind, around, labelled[around] == number)
        for number, around in enumerate(ndimage.find_objects(labelled), start=1)
    ]


def _in_order(parts: Sequence[_Part], grid: Grid) -> list[_Part]:
    """The largest first, then by kind, then by where they lie in patient space, whatever the order of the file's axes is."""
    centers = np.array([_center(part, grid) for part in parts]).reshape(-1, 3)
    places = np.stack([_ranks(axis, apart=NEARLY * min(grid.spacing)) for axis in centers.T], axis=1).tolist()
    keys = [
        (-np.count_nonzero(part.mask), part.kind, *place, tuple(one.start for one in part.around))
        for part, place in zip(parts, places, strict=True)
    ]
    return [parts[place] for place in sorted(range(len(parts)), key=keys.__getitem__)]


def _ranks(values: Floats, *, apart: float) -> Ints:
    """The rank of each value, from 0; those that follow each other by no more than `apart` have one."""
    order = np.argsort(values)
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.cumsum(np.diff(values[order], prepend=values[order[:1]]) > apart)
    return ranks


def _together(parts: Sequence[_Part], shape: Sequence[int]) -> Bools:
    """(I, J, K): the voxels of all findings."""
    everything = np.zeros(shape, dtype=np.bool_)
    for part in parts:
        everything[part.around] |= part.mask
    return everything


def _finding(
    number: int,
    part: _Part,
    touches: tuple[int, ...],
    regions: Mapping[str, Bools],
    nests: Nesting,
    sizes: Mapping[str, int],
    *,
    image: Floats,
    grid: Grid,
    confidence: Mapping[str, Array],
) -> FindingRow:
    count = int(np.count_nonzero(part.mask))
    within = {name: mask[part.around][part.mask] for name, mask in regions.items()}
    inside = {name: int(np.count_nonzero(held)) for name, held in within.items()}
    shares = {name: voxels / count for name, voxels in sorted(inside.items(), key=lambda one: -one[1]) if voxels}
    region = lies_in(within, nests)
    values = image[part.around][part.mask].astype(np.float64)
    across = diameters(part.mask, grid)
    assert across is not None, "a finding has voxels"
    chances = confidence.get(part.kind)
    return FindingRow(
        number=number,
        kind=part.kind,
        size=count * size_of_voxel(grid)[0],
        longest=across.longest,
        perpendicular=across.perpendicular,
        slice_index=part.around[across.axis].start + across.slice,
        slice_axis=across.axis,
        center=_center(part, grid),
        mean=float(values.mean()),
        deviation=float(values.std()),
        low=float(values.min()),
        high=float(values.max()),
        shares=shares,
        region=region,
        share_of_region=inside[region] / sizes[region] if region else None,
        nested=around_or_in(region, nests),
        confidence=None if chances is None else float(chances[part.around][part.mask].mean()),
        touches=touches,
        cut=_is_cut(part, image.shape),
        around=part.around,
        mask=part.mask,
    )


def _is_cut(part: _Part, shape: Sequence[int]) -> bool:
    """`reaches_border` of a part, whose box is tight."""
    places = zip(part.around, shape, strict=True)
    return any(length > 1 and (one.start == 0 or one.stop == length) for one, length in places)


def _center(part: _Part, grid: Grid) -> Triple:
    middle = np.argwhere(part.mask).mean(axis=0) + [one.start for one in part.around]
    x, y, z = grid.points(middle).tolist()
    return x, y, z


def _touched(parts: Sequence[_Part]) -> list[tuple[int, ...]]:
    """For each part, the numbers of those of other kinds that lie in or next to its voxels; each names the other."""
    starts = np.array([[one.start for one in part.around] for part in parts]).reshape(-1, 3)
    stops = np.array([[one.stop for one in part.around] for part in parts]).reshape(-1, 3)
    near: list[list[int]] = [[] for _ in parts]
    for place, part in enumerate(parts):
        beside = ((starts[place + 1 :] <= stops[place]) & (stops[place + 1 :] >= starts[place])).all(axis=1)
        later = (np.flatnonzero(beside) + place + 1).tolist()
        for other in (other for other in later if parts[other].kind != part.kind and _touch(part, parts[other])):
            near[place].append(other + 1)
            near[other].append(place + 1)
    return [tuple(sorted(numbers)) for numbers in near]


def _touch(one: _Part, other: _Part) -> bool:
    """Whether two parts share a voxel or lie next to each other, by faces, edges or corners."""
    both = tuple(
        slice(max(a.start, b.start) - 1, min(a.stop, b.stop) + 1) for a, b in zip(one.around, other.around, strict=True)
    )
    return bool((ndimage.binary_dilation(_within(one, both), TOUCHING) & _within(other, both)).any())


def _within(part: _Part, box: tuple[slice, ...]) -> Bools:
    """A part's mask in another box, which may reach beyond the image."""
    mask = np.zeros([one.stop - one.start for one in box], dtype=np.bool_)
    low = [max(one.start, place.start) for one, place in zip(box, part.around, strict=True)]
    high = [max(start, min(one.stop, place.stop)) for start, one, place in zip(low, box, part.around, strict=True)]
    there = tuple(slice(a - one.start, b - one.start) for a, b, one in zip(low, high, box, strict=True))
    own = tuple(slice(a - one.start, b - one.start) for a, b, one in zip(low, high, part.around, strict=True))
    mask[there] = part.mask[own]
    return mask
