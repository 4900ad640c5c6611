"""Whether the probabilities of single voxels mean what they say, and a temperature for each region that mends them.

A region's probability in a voxel is judged by itself: of all voxels to which about 0.8 was given, 80 % should belong to the
region. Its log-odds are multiplied by one number, 1 / T (Guo et al. 2017, ICML 1321): what was above one half stays above
it, so that no mask changes. It is fitted to voxels near the region, those that were given NEAR and more (inference.evidence):
almost all others are background as sure as can be, and would make any error look small. Of those others it is told what
they were given in the mean, and which share of them belongs to the region all the same.

Every case has the same say: as many voxels are drawn from each, as far as it has them. Voxels of one case are not
independent, so intervals are by patient, and a temperature goes into a package only where the log loss of cases falls,
cross-fitted, by more than chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logit

from scanwright.evaluation.calibration.calibration_fit import SLOPES
from scanwright.evaluation.classes.reliability import Bin, binary_log_loss, calibration_error, reliability_curve
from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS, bootstrap_mean
from scanwright.inference.evidence import LEAST, tempered
from scanwright.types import Bools, Floats, Ints

COUNT_BINS = 20


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Voxels:
    """Voxels (V,) that were drawn for one region. case: the place of each one's case in `patients` and `folds`, (N,)."""

    chance: Floats
    positive: Bools
    near: Bools
    case: Ints
    patients: Sequence[str]
    folds: Sequence[int | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class VoxelCalibration:
    """What calibrating a region's voxels is worth, on cases of which the fold that judges them took no part in the fit.

    slope: for the package, fitted on all cases; 1 where the gain is not shown. ece, log_loss: before and after. gain: what
    the log loss of a case falls by, with its interval by patient. curves, and counts of voxels in equal
    parts of 0 to 1: before and after. far_given, far_true: of voxels
    that were given less than NEAR, the mean probability and the share that belongs to the region; None without any.
    """

    slope: float
    fitted: float
    ece: tuple[float, float]
    log_loss: tuple[float, float]
    gain: float
    gain_interval: Interval | None
    cases: int
    patients: int
    voxels: int
    far_given: float | None
    far_true: float | None
    curves: tuple[tuple[Bin, ...], tuple[Bin, ...]]
    counts: tuple[tuple[int, ...], tuple[int, ...]]


def fit_slope(chances: Floats, positive: Bools) -> float:
    """The number in SLOPES by which log-odds are multiplied so that the log loss is least; 1 without both kinds of voxel."""
    if not positive.any() or positive.all():
        return 1.0
    odds = np.where(positive, 1, -1) * logit(np.clip(chances.astype(np.float64), LEAST, 1 - LEAST))
    low, high = np.log(SLOPES)
    found = minimize_scalar(
        lambda log_slope: -float(log_expit(np.exp(log_slope) * odds).mean()),
        bounds=(float(low), float(high)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def calibrate_voxels(voxels: Voxels, *, seed: int = 0) -> VoxelCalibration | None:
    """Fit, and judge cross-fitted by fold; None with one fold, under MIN_PATIENTS patients, or without voxels of both kinds."""
    near = voxels.near
    chance, positive, case = voxels.chance[near].astype(np.float64), voxels.positive[near], voxels.case[near]
    folds = np.array([-1 if fold is None else fold for fold in voxels.folds], dtype=int)[case]
    owners = [voxels.patients[place] for place in case.tolist()]
    if len(set(folds.tolist())) < 2 or len(set(owners)) < MIN_PATIENTS or not positive.any() or positive.all():
        return None
    after = chance.copy()
    for fold in sorted(set(folds.tolist())):
        here = folds == fold
        after[here] = tempered(chance[here], fit_slope(chance[~here], positive[~here]))
    losses = [_by_case(binary_log_loss(told, positive.astype(float)), case) for told in (chance, after)]
    patients = [voxels.patients[place] for place in np.unique(case).tolist()]
    fall = losses[0] - losses[1]
    interval = bootstrap_mean(fall.tolist(), patients, seed=seed)
    fitted = fit_slope(chance, positive)
    before_ece, after_ece = (calibration_error(told, positive) or 0.0 for told in (chance, after))
    far = ~near
    return VoxelCalibration(
        slope=fitted if interval is not None and interval[0] > 0 else 1.0,
        fitted=fitted,
        ece=(before_ece, after_ece),
        log_loss=(float(losses[0].mean()), float(losses[1].mean())),
        gain=float(fall.mean()),
        gain_interval=interval,
        cases=len(patients),
        patients=len(set(patients)),
        voxels=len(chance),
        far_given=float(voxels.chance[far].mean(dtype=np.float64)) if far.any() else None,
        far_true=float(voxels.positive[far].mean()) if far.any() else None,
        curves=(
            tuple(reliability_curve(chance, positive, owners)),
            tuple(reliability_curve(after, positive, owners)),
        ),
        counts=(_counts(chance), _counts(after)),
    )


def ece_with(voxels: Voxels, slope: float) -> tuple[float, float] | None:
    """The error of voxels near a region before and after a slope that was fitted elsewhere; None without such voxels."""
    chance, positive = voxels.chance[voxels.near].astype(np.float64), voxels.positive[voxels.near]
    before, after = (calibration_error(told, positive) for told in (chance, tempered(chance, slope)))
    return None if before is None or after is None else (before, after)


def _counts(chances: Floats) -> tuple[int, ...]:
    return tuple(np.histogram(chances, bins=COUNT_BINS, range=(0, 1))[0].tolist())


def _by_case(values: Floats, case: Ints) -> Floats:
    """The mean of each case's voxels, of the cases that have any, in their order."""
    known, place = np.unique(case, return_inverse=True)
    means: Floats = np.bincount(place, weights=values) / np.bincount(place, minlength=len(known))
    return means
