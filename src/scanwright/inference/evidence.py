"""What the probabilities behind a label map say of it, gathered while it is made: sums over regions, and a sample of voxels.

Probabilities of many classes on a large image are never all held at once (`assemble`), so whatever is wanted of them is taken
as they pass: sums from which the expected Dice and the doubt at the border follow, and, where a calibration is to be fitted,
some voxels with their probability and their place, to be held against the truth later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from scipy.special import expit, logit, xlogy

from scanwright.runtime import generator
from scanwright.transform.preprocess import Placement
from scanwright.types import Array, Bools, Floats, Ints

NEAR = 0.01
"""From which probability on a voxel is near a region: the model does not rule out that it belongs to it."""
LEAST = 1e-6
"""Probabilities nearer to 0 or 1 than this are taken as this near: networks say 0 and 1."""
NUM_NEAR, NUM_FAR = 1000, 250
"""Voxels of a region that are sampled in one image, near it and elsewhere, where regions are few."""
ALL_NEAR, ALL_FAR = 20_000, 5_000
"""Of all regions together at most."""
SEED = 20_100
INSIDE, SIZE, TOTAL, DOUBT = range(4)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sample:
    """Voxels (V,). region: the place of the region that they were drawn for. voxel: place in the image's own (I, J, K), flat.

    chance: that it belongs to the region. near: whether that is NEAR and more.
    """

    region: Ints
    voxel: Ints
    chance: Floats
    near: Bools


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evidence:
    """sums (R, 4) of each region, with probabilities p and the answer's mask m: Σ p m, Σ m, Σ p, and Σ of the entropy, in
    bits, where p is NEAR and more.

    border (R,): voxels of the answer's masks with a voxel of the background, or of another region, beside them (by faces).
    agreement (R,): of several opinions (opinions.py); NaN where there is none.
    """

    sums: Floats
    border: Ints
    agreement: Floats
    sample: Sample | None = None


def tempered(chances: Floats, slope: float) -> Floats:
    """Probabilities whose log-odds were multiplied by a slope, 1 / T of a temperature T; any shape, in [0, 1]. 1/2 stays."""
    if slope == 1:
        return chances
    calibrated: Floats = expit(slope * logit(np.clip(chances, LEAST, 1 - LEAST)))
    return calibrated


def region_borders(labels_IJK: Array, regions: Sequence[Sequence[int]]) -> Ints:
    """Of each region, given by its label values, the voxels with one beside them that is not in it, by faces, (R,); beyond
    the image's border is nothing. One region after the other, each in the box around it: no mask of the whole image is made.
    """
    boxes = ndimage.find_objects(labels_IJK)
    return np.array([_border(labels_IJK, values, boxes) for values in regions], dtype=np.int64)


def _border(labels_IJK: Array, values: Sequence[int], boxes: Sequence[tuple[slice, ...] | None]) -> int:
    known = [box for value in values if value <= len(boxes) and (box := boxes[value - 1]) is not None]
    if not known:
        return 0
    around = tuple(
        slice(max(0, min(one.start for one in axis) - 1), max(one.stop for one in axis) + 1)
        for axis in zip(*known, strict=True)
    )
    inside = np.isin(labels_IJK[around], values)
    return int(np.count_nonzero(inside & ~ndimage.binary_erosion(inside, border_value=1)))


@dataclass(slots=True)
class Look:
    """Takes what it wants of probabilities as they pass, some rows and lines of one output at a time.

    outputs: the network's outputs that are regions, in their order; they are its last ones. exclusive: whether the most
    probable output is a voxel's answer, the first of several, as `Problem.decode` has it; else each region is answered where
    it is more probable than not. sampled: whether voxels are drawn too. placement: where the box that is looked at lies,
    once that is known (`begin`). Voxels are drawn by a key each, the same whatever the parts are that the image comes in
    along the first axis.
    """

    outputs: tuple[int, ...]
    exclusive: bool = True
    sampled: bool = False
    placement: Placement = field(init=False)
    keys: tuple[tuple[int, int], Floats] | None = field(init=False, default=None)
    best: tuple[Floats, Ints] | None = field(init=False, default=None)
    sums: Floats = field(init=False)
    drawn: dict[tuple[int, bool], tuple[Floats, Ints, Floats]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.sums = np.zeros((len(self.outputs), 4))

    def begin(self, placement: Placement) -> None:
        """An image is looked at from here on."""
        self.placement = placement

    def see(self, output: int, chances: Floats, rows: slice, lines: slice) -> None:
        """One output's probabilities (rows, lines, W) at a place of the box; of each place the outputs come in their order."""
        if self.exclusive:
            self._compete(output, chances)
        if output not in self.outputs:
            return
        region = self.outputs.index(output)
        chances = np.clip(
            chances, 0, 1
        )  # means over windows and views may lie a rounding above 1, which has no entropy
        near = chances >= NEAR
        some = chances[near].astype(np.float64)
        self.sums[region, TOTAL] += chances.sum(dtype=np.float64)
        self.sums[region, DOUBT] += _bits(some).sum()
        if not self.exclusive:
            mask = some > 0.5
            self.sums[region, [INSIDE, SIZE]] += some[mask].sum(), mask.sum()
        if self.sampled:
            keys = self._keys(rows, lines)
            number = len(self.outputs)
            near_most, far_most = min(NUM_NEAR, ALL_NEAR // number), min(NUM_FAR, ALL_FAR // number)
            for is_near, most in ((True, near_most), (False, far_most)):
                self._draw((region, is_near), near if is_near else ~near, chances, keys, (rows, lines), most=most)

    def _compete(self, output: int, chances: Floats) -> None:
        """Keep the most probable output of each voxel, and add it to its region when the last one has come."""
        if output == 0 or self.best is None:
            self.best = chances.copy(), np.full(chances.shape, output)
        else:
            highest, which = self.best
            which[chances > highest] = output
            np.maximum(highest, chances, out=highest)
        if output == self.outputs[-1]:
            highest, which = self.best
            number = output + 1
            inside = np.bincount(which.ravel(), weights=highest.ravel(), minlength=number)
            size = np.bincount(which.ravel(), minlength=number)
            self.sums[:, [INSIDE, SIZE]] += np.stack([inside, size], axis=1)[list(self.outputs)]
            self.best = None

    def _keys(self, rows: slice, lines: slice) -> Floats:
        """The keys of the voxels at a place, the same for every output."""
        where = rows.start, lines.start
        if self.keys is None or self.keys[0] != where:
            shape = lines.stop - lines.start, self.placement.box_shape[2]
            made = [generator(SEED, row, lines.start).random(shape, np.float32) for row in range(rows.start, rows.stop)]
            self.keys = where, np.stack(made)
        return self.keys[1]

    def _draw(
        self,
        name: tuple[int, bool],
        there: Bools,
        chances: Floats,
        keys: Floats,
        place: tuple[slice, slice],
        *,
        most: int,
    ) -> None:
        """Keep the voxels with the least keys of those that were seen so far."""
        known = self.drawn.get(name)
        limit = 2.0 if known is None or len(known[0]) < most else float(known[0].max())
        row, line, column = np.nonzero(there & (keys < limit))
        if not len(row):
            return
        rows, lines = place
        _, height, width = self.placement.box_shape
        where = ((row + rows.start) * height + line + lines.start) * width + column
        found = keys[row, line, column], where, chances[row, line, column].astype(np.float32)
        if known is not None:
            found = (
                np.concatenate([known[0], found[0]]),
                np.concatenate([known[1], found[1]]),
                np.concatenate([known[2], found[2]]),
            )
        if len(found[0]) > most:
            least = np.argpartition(found[0], most)[:most]
            found = found[0][least], found[1][least], found[2][least]
        self.drawn[name] = found

    def evidence(self, border: Ints, *, agreement: Floats | None = None) -> Evidence:
        """What was seen of an image. border (R,): of the answer's masks (`region_borders`). agreement: None: of one opinion
        alone.
        """
        agreed = np.full(len(self.outputs), np.nan) if agreement is None else agreement
        return Evidence(
            sums=self.sums, border=border, agreement=agreed, sample=self._sample() if self.sampled else None
        )

    def _sample(self) -> Sample:
        parts = [
            (np.full(len(where), region), own_places(where, self.placement), chance, np.full(len(where), near))
            for (region, near), (_, where, chance) in sorted(self.drawn.items())
        ]
        if not parts:
            nothing = np.zeros(0, np.int64)
            return Sample(region=nothing, voxel=nothing, chance=np.zeros(0, np.float32), near=np.zeros(0, np.bool_))
        region, voxel, chance, near = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Sample(region=region, voxel=voxel, chance=chance, near=near)


def own_places(places: Ints, placement: Placement) -> Ints:
    """Flat places (V,) in the kept box of a case, as flat places in the case's own (I, J, K)."""
    corner = np.stack(np.unravel_index(places, placement.box_shape), axis=1) + np.array(placement.start)
    boxes = np.stack([corner, corner + 1], axis=1).astype(float)
    own = placement.turn.inverse().boxes(boxes, placement.turn.shape(placement.grid.shape))[:, 0]
    flat: Ints = np.ravel_multi_index(tuple(np.rint(own).astype(np.int64).T), placement.grid.shape)
    return flat


def _bits(chances: Floats) -> Floats:
    """The entropy of each probability, in bits."""
    entropy: Floats = -(xlogy(chances, chances) + xlogy(1 - chances, 1 - chances)) / np.log(2)
    return entropy
