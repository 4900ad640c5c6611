"""Which steps of post-processing are taken: those that out-of-fold answers show to gain, region by region, greedily.

The rule. A step of a region is tried on top of those that were taken before it. Of a region it counts what the region's
Dice gains in the mean case; of a finding also what the F1 of lesions gains over all cases. It gains if the 95 % interval by
patient of one of these lies above 0 and the other is not shown to fall (its interval does not lie below 0); of several that
gain, the one with the largest gain of Dice, of findings of F1, is taken. Under MIN_PATIENTS patients nothing is. A region that
is rightly absent counts as a Dice of 1 here, so that taking away an invented one is a gain; in metrics.json it is not
defined, as ever.

Of many steps that are tried one in forty gains by chance, and a least size fits the parts that it was chosen on. So a region
keeps its steps only if they gain, by the same rule, where they had no say: chosen greedily on four fifths of the patients,
and applied to the rest. And what a report tells of all this is cross-fitted once more: chosen, that test included, on the
other folds, and applied to this one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from scanwright.evaluation.intervals.bootstrap import (
    Interval,
    bca_interval,
    number_patients,
    resample,
    totals_by_patient,
)
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS, bootstrap_means
from scanwright.evaluation.label_maps.mask_parts import RegionParts, worth
from scanwright.inference.postprocess import Step
from scanwright.types import Floats

SAMPLES = 2_000
MOST_STEPS = 3
PARTS = 5
FEWEST = 3
QUANTILES = (0.5, 0.75, 0.9, 1.0)
"""Of the sizes of parts that are mostly false, above which a least size is tried."""
MOSTLY = 0.5
DIGITS = 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PartedCase:
    """A case whose answer was taken apart, by region; regions that nobody judged are left out."""

    case: str
    patient: str
    fold: int | None
    regions: Mapping[str, RegionParts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """dice: the mean gain over cases, with its interval by patient. lesion_f1: of all lesions together; None of what is no
    finding. cases: those whose worth is changed.
    """

    dice: float
    dice_interval: Interval | None
    lesion_f1: float | None = None
    lesion_f1_interval: Interval | None = None
    cases: int

    @property
    def is_shown(self) -> bool:
        """Whether it is a gain by the rule."""
        both = self.dice_interval, self.lesion_f1_interval
        return any(reach and reach[0] > 0 for reach in both) and not any(reach and reach[1] < 0 for reach in both)

    @property
    def rank(self) -> float:
        """Of several that gain, the largest is taken."""
        return self.dice if self.lesion_f1 is None else self.lesion_f1


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A step that was tried after others, and what it gained on the cases that it was chosen on. taken: whether it was."""

    step: Step
    gain: Gain
    taken: bool = False


@dataclass(frozen=True, slots=True)
class ChosenSteps:
    """The steps that were taken, in their order; all that were tried; and of each region that some step of seemed to gain for
    what the steps gain where they had no say.
    """

    steps: tuple[Step, ...]
    tried: tuple[Tried, ...]
    held: Mapping[str, Gain]


def choose_steps(
    cases: Sequence[PartedCase], *, regions: Sequence[str], findings: Sequence[str], seed: int = 0
) -> ChosenSteps:
    """What is chosen on these cases. findings: the regions that are such; the others are anatomy."""
    anatomy = tuple(name for name in regions if name not in findings)
    tried: list[Tried] = []
    held: dict[str, Gain] = {}
    for region in (*anatomy, *(name for name in regions if name in findings)):
        known = [(case.patient, case.regions[region]) for case in cases if region in case.regions]
        mine = Region(region, [patient for patient, _ in known], [one for _, one in known], anatomy, region in findings)
        found = list(_greedy(mine, seed=seed))
        if any(one.taken for one in found):
            held[region] = _held_gain(mine, seed=seed)
        shown = region in held and held[region].is_shown
        tried += [replace(one, taken=one.taken and shown) for one in found]
    return ChosenSteps(tuple(one.step for one in tried if one.taken), tuple(tried), held)


def choose_by_fold(
    cases: Sequence[PartedCase], *, regions: Sequence[str], findings: Sequence[str], seed: int = 0
) -> dict[int, tuple[Step, ...]]:
    """For each fold the steps that the other folds choose; {} with one fold, where nothing can be chosen."""
    folds = sorted({case.fold for case in cases if case.fold is not None})
    if len(folds) < 2:
        return {}
    return {
        fold: choose_steps(
            [case for case in cases if case.fold != fold], regions=regions, findings=findings, seed=seed
        ).steps
        for fold in folds
    }


def candidates(
    region: str, parts: Sequence[RegionParts], *, anatomy: Sequence[str], is_finding: bool, filled: bool = False
) -> tuple[Step, ...]:
    """The steps that may help a region. anatomy: the regions that its parts have to touch, if it is a finding. filled: whether
    holes are filled before.
    """
    found = [Step(region=region, action="fill")]
    if is_finding and anatomy:
        found.append(Step(region=region, action="touch", of=tuple(anatomy)))
    of = [one.filled if filled else one.plain for one in parts]
    sizes = [
        size
        for one in of
        for size, bad in zip(one.sizes, one.hits == 0 if is_finding else one.right < MOSTLY * one.voxels, strict=True)
        if bad
    ]
    limits = dict.fromkeys(_above(float(np.quantile(sizes, share))) for share in QUANTILES) if sizes else {}
    found += [Step(region=region, action="least", least=limit) for limit in limits]
    return (*found, Step(region=region, action="largest"))


def _above(size: float) -> float:
    """The next number of DIGITS digits above a size."""
    unit = 10.0 ** (math.floor(math.log10(size)) - DIGITS + 1)
    return float(f"{(math.floor(size / unit * (1 + 1e-9)) + 1) * unit:.{DIGITS}g}")


@dataclass(frozen=True, slots=True)
class Region:
    """A region of several cases, with the patient of each. anatomy: the regions that are no findings."""

    name: str
    patients: Sequence[str]
    parts: Sequence[RegionParts]
    anatomy: Sequence[str]
    is_finding: bool

    def only(self, places: Sequence[int]) -> "Region":
        """Of these cases alone."""
        return replace(self, patients=[self.patients[k] for k in places], parts=[self.parts[k] for k in places])


def _greedy(region: Region, *, seed: int, briefly: bool = False) -> Iterator[Tried]:
    """All steps that were tried first, and those that were taken on top of the first one. briefly: what was taken alone."""
    taken: list[Step] = []
    while len(taken) < MOST_STEPS and len(set(region.patients)) >= MIN_PATIENTS:
        actions = {step.action for step in taken}
        may = candidates(
            region.name,
            region.parts,
            anatomy=region.anatomy,
            is_finding=region.is_finding,
            filled="fill" in actions,
        )
        steps = [step for step in may if step.action not in actions]
        found = _try(steps, taken, region, seed=seed, briefly=briefly)
        best = max((one for one in found if one.gain.is_shown), key=lambda one: one.gain.rank, default=None)
        yield from (one for one in found if one is not best and not taken and not briefly)
        if best is None:
            return
        yield replace(best, taken=True)
        taken.append(best.step)


def _held_gain(region: Region, *, seed: int) -> Gain:
    """What steps gain where they had no say: chosen on the patients of all parts but one, and applied to that."""
    part = number_patients(region.patients, len(region.patients)) % PARTS
    before = _worths(region.parts, [])
    after = before.copy()
    for number in np.unique(part).tolist():
        here, others = np.flatnonzero(part == number).tolist(), np.flatnonzero(part != number).tolist()
        steps = [one.step for one in _greedy(region.only(others), seed=seed, briefly=True)]
        after[here] = _worths(region.only(here).parts, steps)
    return _gain(before, [after], region, seed=seed)[0]


def _try(
    steps: Sequence[Step], taken: Sequence[Step], region: Region, *, seed: int, briefly: bool = False
) -> list[Tried]:
    """What each step gains on top of those that were taken; steps that change nothing are left out. briefly: those too that
    help fewer than FEWEST cases, whose gain no draw of patients could show.
    """
    before = _worths(region.parts, taken)
    after = [(step, _worths(region.parts, [*taken, step])) for step in steps]
    after = [(step, found) for step, found in after if not np.array_equal(found, before)]
    if briefly:
        after = [(step, found) for step, found in after if _helped(before, found) >= FEWEST]
    gains = _gain(before, [found for _, found in after], region, seed=seed)
    return [Tried(step=step, gain=gain) for (step, _), gain in zip(after, gains, strict=True)]


def _helped(before: Floats, after: Floats) -> int:
    """Cases that are better: a higher Dice, or fewer false or missed lesions."""
    better = (after[:, 0] > before[:, 0]) | (after[:, 2:].sum(axis=1) < before[:, 2:].sum(axis=1))
    return int(np.count_nonzero(better))


def _gain(before: Floats, after: Sequence[Floats], region: Region, *, seed: int) -> list[Gain]:
    """What each of several ways gains, from the worths of all cases (cases, 4)."""
    if not after:
        return []
    gains = np.stack([found[:, 0] - before[:, 0] for found in after], axis=1)
    intervals = bootstrap_means(gains, region.patients, seed=seed, samples=SAMPLES)
    made = []
    for place, found in enumerate(after):
        f1, reach = (
            f1_gain(before[:, 1:], found[:, 1:], region.patients, seed=seed) if region.is_finding else (None, None)
        )
        made.append(
            Gain(
                dice=float(gains[:, place].mean()),
                dice_interval=intervals[place],
                lesion_f1=f1,
                lesion_f1_interval=reach,
                cases=int(np.count_nonzero((found != before).any(axis=1))),
            )
        )
    return made


def _worths(parts: Sequence[RegionParts], steps: Sequence[Step]) -> Floats:
    """(cases, 4): Dice, hits, false and missed lesions."""
    return np.array([astuple(worth(one, steps)) for one in parts], dtype=float).reshape(-1, 4)


def f1_gain(
    before: Floats, after: Floats, patients: Sequence[str], *, seed: int
) -> tuple[float | None, Interval | None]:
    """What the F1 of all lesions gains, from hits, false and missed ones of each case (cases, 3), with its interval by patient;
    None where there is no lesion after it, or no interval.
    """
    totals = totals_by_patient(np.concatenate([before, after], axis=1), number_patients(patients, len(patients)))
    everyone = totals.sum(axis=0)
    value = float(_f1_apart(everyone))
    if not np.isfinite(value):
        return None, None
    if len(totals) < MIN_PATIENTS:
        return value, None
    drawn = resample(totals, lambda sums: _f1_apart(sums)[..., None], seed=seed, samples=SAMPLES)[:, 0]
    left_out = _f1_apart(everyone - totals)
    return value, bca_interval(drawn, value, left_out[np.isfinite(left_out)])


def _f1_apart(totals: Floats) -> Floats:
    """F1 of the last three columns less F1 of the first three; NaN where there is no lesion."""
    hits, false, missed = np.moveaxis(totals.reshape(*totals.shape[:-1], 2, 3), -1, 0)
    both = 2 * hits + false + missed
    scores = np.divide(2 * hits, both, out=np.full(both.shape, np.nan), where=both > 0)
    apart: Floats = scores[..., 1] - scores[..., 0]
    return apart
