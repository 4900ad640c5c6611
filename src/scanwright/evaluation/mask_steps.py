"""Which steps of post-processing are taken: those that out-of-fold answers show to gain, region by region, greedily.

The rule. A step of a region is tried on top of those that were taken before it. Of a region it counts what the region's
Dice gains in the mean case; of a finding also what the F1 of lesions gains over all cases. It is taken if the 95 % interval
by patient of one of these gains lies above 0 and the other is not shown to fall (its interval does not lie below 0); of
several, the one with the largest gain of Dice, of findings of F1. Under MIN_PATIENTS patients there is no interval, and
nothing is taken. A region that is rightly absent counts as a Dice of 1 here, so that taking away an invented one is a gain;
in metrics.json it is not defined, as ever.

Each interval is of one step: of many that are tried one in forty gains by chance. So what a report tells of them is
cross-fitted: chosen on the other folds, and applied to this one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from scanwright.evaluation.bootstrap import (
    Interval,
    bca_interval,
    number_patients,
    resample,
    totals_by_patient,
)
from scanwright.evaluation.mask_parts import RegionParts, worth
from scanwright.evaluation.statistics import MIN_PATIENTS, bootstrap_means
from scanwright.inference.postprocess import Step
from scanwright.types import Floats

SAMPLES = 2_000
MOST_STEPS = 3
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
class Tried:
    """A step that was tried after others, and what it gained on the cases that it was chosen on.

    dice: the mean gain over cases, with its interval by patient; lesion_f1: of all lesions together, None of what is no
    finding. cases: those that it changes. taken: whether it was.
    """

    step: Step
    dice: float
    dice_interval: Interval | None
    lesion_f1: float | None = None
    lesion_f1_interval: Interval | None = None
    cases: int
    taken: bool

    @property
    def gains(self) -> bool:
        """Whether the rule takes it."""
        both = self.dice_interval, self.lesion_f1_interval
        return any(reach and reach[0] > 0 for reach in both) and not any(reach and reach[1] < 0 for reach in both)

    @property
    def gain(self) -> float:
        """By what it is ranked: the gain of Dice, of findings that of F1."""
        return self.dice if self.lesion_f1 is None else self.lesion_f1


@dataclass(frozen=True, slots=True)
class ChosenSteps:
    """The steps that were taken, in their order, and all that were tried."""

    steps: tuple[Step, ...]
    tried: tuple[Tried, ...]


def choose_steps(
    cases: Sequence[PartedCase], *, regions: Sequence[str], findings: Sequence[str], seed: int = 0
) -> ChosenSteps:
    """What is chosen on these cases. findings: the regions that are such; the others are anatomy."""
    anatomy = tuple(name for name in regions if name not in findings)
    tried = [
        one
        for region in (*anatomy, *(name for name in regions if name in findings))
        for one in _choose_for(region, cases, anatomy=anatomy, is_finding=region in findings, seed=seed)
    ]
    return ChosenSteps(tuple(one.step for one in tried if one.taken), tuple(tried))


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


def _choose_for(
    region: str, cases: Sequence[PartedCase], *, anatomy: Sequence[str], is_finding: bool, seed: int
) -> Iterator[Tried]:
    """The steps of one region: all that were tried first, and those that were taken on top of the first one."""
    known = [(case.patient, case.regions[region]) for case in cases if region in case.regions]
    patients, parts = [patient for patient, _ in known], [one for _, one in known]
    if len(set(patients)) < MIN_PATIENTS:
        return
    taken: list[Step] = []
    while len(taken) < MOST_STEPS:
        actions = {step.action for step in taken}
        may = candidates(region, parts, anatomy=anatomy, is_finding=is_finding, filled="fill" in actions)
        found = _try([step for step in may if step.action not in actions], taken, parts, patients, seed=seed)
        best = max((one for one in found if one.gains), key=lambda one: one.gain, default=None)
        yield from (one for one in found if one is not best and not taken)
        if best is None:
            return
        yield replace(best, taken=True)
        taken.append(best.step)


def _try(
    steps: Sequence[Step],
    taken: Sequence[Step],
    parts: Sequence[RegionParts],
    patients: Sequence[str],
    *,
    seed: int,
) -> list[Tried]:
    """What each step gains on top of those that were taken; steps that change nothing are left out."""
    before = _worths(parts, taken)
    after = [(step, _worths(parts, [*taken, step])) for step in steps]
    after = [(step, found) for step, found in after if not np.array_equal(found, before)]
    if not after:
        return []
    gains = np.stack([found[:, 0] - before[:, 0] for _, found in after], axis=1)
    intervals = bootstrap_means(gains, patients, seed=seed, samples=SAMPLES)
    have_lesions = bool(before[:, 1:].any())
    tried = []
    for place, (step, found) in enumerate(after):
        f1, reach = f1_gain(before[:, 1:], found[:, 1:], patients, seed=seed) if have_lesions else (None, None)
        tried.append(
            Tried(
                step=step,
                dice=float(gains[:, place].mean()),
                dice_interval=intervals[place],
                lesion_f1=f1,
                lesion_f1_interval=reach,
                cases=int(np.count_nonzero((found != before).any(axis=1))),
                taken=False,
            )
        )
    return tried


def _worths(parts: Sequence[RegionParts], steps: Sequence[Step]) -> Floats:
    """(cases, 4): Dice, hits, false and missed lesions."""
    return np.array([astuple(worth(one, steps)) for one in parts], dtype=float)


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
