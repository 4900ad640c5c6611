"""How good a mask probably is, told without its truth: from what the probabilities behind it say, fitted out of fold.

Three things are known of a region's mask when it is made: the Dice that its probabilities expect (inference.confidence), how
many bits of doubt there are for each voxel of its border, and how far its size is from those of true regions; a fourth where
several opinions were heard of each case (views, draws of dropout): how far they agree (inference.opinions). A line through
the Dice of out-of-fold masks is fitted to them, whose signs are given (more expected is never worse; doubt, or an odd size,
never better), held small by a ridge, and cut to [0, 1].

What it is worth is judged cross-fitted, each fold by a fit on the others: correlation with the true Dice and mean absolute
error, with intervals by patient, beside the correlation of the expected Dice alone. Correlations are within folds (values
less their fold's mean, of Spearman's their ranks in it): whether the cases of one model are told apart. That one model of
five is unsure and poor would make any number correlate over all of them, and says nothing of a case.

The bound below which the true Dice lies in at most a tenth of cases is conformal (Vovk et al. 2005): the prediction less a
quantile of cross-fitted residuals. Its coverage, as judged, takes the quantile from the other folds too: where the models of
folds differ, fewer cases are above it, and a bound that is shown not to hold is not told. By such residuals (CV+, Barber et
al. 2021, Ann Stat 49:486) at least 1 - 2 a is guaranteed, and 1 - a is what is mostly seen; both only for cases like those
that it was fitted on.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear
from scipy.stats import rankdata

from scanwright.evaluation.intervals.bootstrap import (
    Estimate,
    Interval,
    bca_interval,
    number_patients,
    totals_by_patient,
)
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.runtime import generator
from scanwright.types import Bools, Floats, Ints

TRAITS = ("expected_dice", "border_bits", "odd_size", "agreement")
"""The last where every case that a line is fitted to has it."""
SIGNS = (1, -1, -1, 1)
"""In which direction each may move the predicted Dice."""
RIDGE = 1.0
"""What a weight costs, in cases: of 20 cases that hold a trait by chance, it is pulled to 0 by a twentieth."""
MIN_CASES = 20
"""Fewest cases with a mask of a region, for which a line through three traits is fitted."""
LEAST_SPREAD = 0.05
"""Of log sizes: sizes of phantoms may all be one."""
LEVEL = 0.9
LOW_SHARE = 0.05
SAMPLES = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What is known of a mask when it is made. size: in the unit of the true sizes that it is compared with, above 0.
    agreement: of several opinions, in [0, 1]; None where there was one.
    """

    expected_dice: float
    border_bits: float
    size: float
    agreement: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskCase:
    """A region's mask in one case with its traits, its true Dice, and the true size of the region, 0 where it has none."""

    case: str
    patient: str
    fold: int | None
    traits: Traits
    dice: float
    true_size: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """weights: of the first three or all of TRAITS, as they are. size, spread: of the logs of true sizes."""

    intercept: float
    weights: tuple[float, ...]
    size: float
    spread: float

    def dice(self, traits: Traits) -> float | None:
        """The predicted Dice, in [0, 1]; None where opinions are weighed and there was one alone."""
        columns = _columns([traits], self.size, self.spread)[0][: len(self.weights)]
        if len(columns) < len(self.weights):
            return None
        told = self.intercept + float(np.dot(self.weights, columns))
        return min(1.0, max(0.0, told))


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Predicted and true Dice of cases (N,), cross-fitted, and what they show; correlations within folds, None where one is
    not defined.

    slack: what a prediction is lowered by for the bound; None under 9 cases. coverage: the share of cases whose true Dice is
    not below it, where the slack is of the other folds.
    """

    cases: tuple[str, ...]
    predicted: Floats
    true: Floats
    pearson: Estimate
    spearman: Estimate
    mae: Estimate
    pearson_alone: Estimate
    pearson_agreement: Estimate
    slack: float | None
    coverage: Estimate

    @property
    def is_shown(self) -> bool:
        """Whether the correlation is shown to be above 0: else a prediction says nothing, and is better not told."""
        return self.pearson.interval is not None and self.pearson.interval[0] > 0

    @property
    def bound(self) -> float | None:
        """The slack of a bound that is told: none where it is shown to hold for fewer cases than it should."""
        reach = self.coverage.interval
        return None if reach is None or reach[1] < LEVEL else self.slack


def fit_line(cases: Sequence[MaskCase]) -> Line | None:
    """The line of these cases; None under MIN_CASES of them, or MIN_PATIENTS patients."""
    if len(cases) < MIN_CASES or len({case.patient for case in cases}) < MIN_PATIENTS:
        return None
    logs = np.log([case.true_size for case in cases if case.true_size > 0] or [1.0])
    size, spread = float(logs.mean()), max(LEAST_SPREAD, float(logs.std()))
    columns = _columns([case.traits for case in cases], size, spread)
    centre, scale = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-6)
    dice = np.array([case.dice for case in cases])
    number = columns.shape[1]
    signed = (columns - centre) / scale * SIGNS[:number]
    held = np.concatenate([signed, math.sqrt(RIDGE) * np.eye(number)])
    target = np.concatenate([dice - dice.mean(), np.zeros(number)])
    found = lsq_linear(held, target, bounds=(0, np.inf)).x * SIGNS[:number] / scale
    weights = tuple(float(one) for one in found)
    return Line(intercept=float(dice.mean() - centre @ found), weights=weights, size=size, spread=spread)


def cross_fitted(cases: Sequence[MaskCase]) -> Floats:
    """The Dice predicted of each case (N,) by the line of the other folds; NaN where these are too few."""
    told = np.full(len(cases), np.nan)
    for fold in {case.fold for case in cases}:
        line = fit_line([case for case in cases if case.fold != fold])
        for place, case in enumerate(cases):
            dice = line.dice(case.traits) if line is not None and case.fold == fold else None
            told[place] = told[place] if dice is None else dice
    return told


def judge(
    cases: Sequence[MaskCase],
    predicted: Floats,
    *,
    seed: int = 0,
) -> Judged:
    """What predictions (N,) of these cases' Dice are worth. NaN: not predicted, left out."""
    known = [(case, float(told)) for case, told in zip(cases, predicted, strict=True) if np.isfinite(told)]
    told, true = np.array([value for _, value in known]), np.array([case.dice for case, _ in known])
    alone = np.array([case.traits.expected_dice for case, _ in known])
    agreed = np.array([case.traits.agreement for case, _ in known], dtype=float)
    owners = [case.patient for case, _ in known]
    folds = np.array([-1 if case.fold is None else case.fold for case, _ in known], dtype=int)

    def estimate(statistic: Callable[[Ints], float], of: Floats) -> Estimate:
        return _estimate(statistic, owners, defined=len(of) if len(of) > 2 else 0, seed=seed)

    return Judged(
        cases=tuple(case.case for case, _ in known),
        predicted=told,
        true=true,
        pearson=estimate(lambda rows: _within(told[rows], true[rows], folds[rows]), told),
        spearman=estimate(lambda rows: _within(told[rows], true[rows], folds[rows], ranked=True), told),
        mae=estimate(lambda rows: float(np.abs(told[rows] - true[rows]).mean()), told),
        pearson_alone=estimate(lambda rows: _within(alone[rows], true[rows], folds[rows]), told),
        pearson_agreement=estimate(lambda rows: _within(agreed[rows], true[rows], folds[rows]), told),
        slack=slack(told - true),
        coverage=_coverage(told - true, folds, owners),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BorneOut:
    """What was told of masks beside their true Dice, in cases that had no part in the fit: correlations, the mean error, and
    the share of cases whose true Dice is not below the bound that was told of it.
    """

    pearson: Estimate
    spearman: Estimate
    mae: Estimate
    coverage: Estimate


def borne_out(told: Floats, bounds: Floats, true: Floats, owners: Sequence[Hashable], *, seed: int = 0) -> BorneOut:
    """told, bounds, true: of each case (N,), bounds NaN where none was told; owners: their patients."""
    one_model = np.zeros(len(told), dtype=int)
    bound = np.isfinite(bounds)

    def estimate(statistic: Callable[[Ints], float]) -> Estimate:
        return _estimate(statistic, owners, defined=len(told) if len(told) > 2 else 0, seed=seed)

    return BorneOut(
        pearson=estimate(lambda rows: _within(told[rows], true[rows], one_model[rows])),
        spearman=estimate(lambda rows: _within(told[rows], true[rows], one_model[rows], ranked=True)),
        mae=estimate(lambda rows: float(np.abs(told[rows] - true[rows]).mean())),
        coverage=_share(
            true[bound] >= bounds[bound], [one for one, is_told in zip(owners, bound, strict=True) if is_told]
        ),
    )


def slack(excess: Floats, *, level: float = LEVEL) -> float | None:
    """The conformal quantile of by how much predictions were too high (N,): what a new one is lowered by, so that the truth
    is not below it with probability `level`. None where there are too few.
    """
    rank = math.ceil((len(excess) + 1) * level)
    return float(np.sort(excess)[rank - 1]) if 0 < rank <= len(excess) else None


def lowest(predicted: Floats) -> float | None:
    """The predicted Dice below which the worst LOW_SHARE of cases (N,) lie; None under MIN_CASES."""
    known = predicted[np.isfinite(predicted)]
    return float(np.quantile(known, LOW_SHARE)) if len(known) >= MIN_CASES else None


def _columns(traits: Sequence[Traits], size: float, spread: float) -> Floats:
    """(N, 4) in the order of TRAITS, or (N, 3) where one of them has no agreement."""
    rows = [(one.expected_dice, one.border_bits, abs(math.log(one.size) - size) / spread) for one in traits]
    known = [one.agreement for one in traits if one.agreement is not None]
    columns = np.array(rows, dtype=float).reshape(-1, 3)
    return np.column_stack([columns, known]) if len(known) == len(traits) else columns


def _within(one: Floats, other: Floats, folds: Ints, *, ranked: bool = False) -> float:
    """The correlation within folds, Pearson's or of ranks as shares of each fold's; NaN where one of both does not vary."""
    first, second = np.zeros(len(one)), np.zeros(len(one))
    for fold in set(folds.tolist()):
        here = folds == fold
        for into, values in ((first, one[here]), (second, other[here])):
            known = rankdata(values) / (len(values) + 1) if ranked else values
            into[here] = known - known.mean()
    both = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / both) if both > 1e-12 else math.nan


def _estimate(statistic: Callable[[Ints], float], owners: Sequence[Hashable], *, defined: int, seed: int) -> Estimate:
    """A statistic of all rows with its BCa interval by patient, None under MIN_PATIENTS."""
    everyone = np.arange(len(owners))
    value = statistic(everyone) if defined else math.nan
    if not math.isfinite(value):
        return Estimate(value=None, interval=None, n=len(owners), n_defined=0)
    return Estimate(value=value, interval=_interval(statistic, value, owners, seed), n=len(owners), n_defined=defined)


def _interval(
    statistic: Callable[[Ints], float], value: float, owners: Sequence[Hashable], seed: int
) -> Interval | None:
    patients = number_patients(owners, len(owners))
    number = int(patients.max(initial=-1)) + 1
    if number < MIN_PATIENTS:
        return None
    rows = [np.flatnonzero(patients == one) for one in range(number)]
    rng = generator(seed)
    drawn = np.array(
        [statistic(np.concatenate([rows[one] for one in rng.integers(number, size=number)])) for _ in range(SAMPLES)]
    )
    left_out = np.array([statistic(np.flatnonzero(patients != one)) for one in range(number)])
    if not np.isfinite(left_out).all() or np.isfinite(drawn).sum() < SAMPLES / 2:
        return None
    return bca_interval(drawn, value, left_out)


def _coverage(excess: Floats, folds: Ints, owners: Sequence[Hashable]) -> Estimate:
    """The share of cases that the bound holds for, with the slack of the other folds; Wilson's interval by patient."""
    inside: Bools = np.zeros(len(excess), np.bool_)
    for fold in set(folds.tolist()):
        lower = slack(excess[folds != fold])
        if lower is None:
            return Estimate(value=None, interval=None, n=len(excess), n_defined=0)
        inside[folds == fold] = excess[folds == fold] <= lower
    return _share(inside, owners)


def _share(inside: Bools, owners: Sequence[Hashable]) -> Estimate:
    """The share of cases (N,) in which something holds, with Wilson's interval by patient."""
    if not len(inside):
        return Estimate(value=None, interval=None, n=0, n_defined=0)
    parts = np.stack([inside, np.ones_like(inside)], axis=1).astype(float)
    hits, wholes = totals_by_patient(parts, number_patients(owners, len(owners))).T
    reach = share_interval(hits, wholes, fewest=MIN_PATIENTS)
    return Estimate(value=float(inside.mean()), interval=reach, n=len(inside), n_defined=len(inside))


def line_from_json(data: Mapping[str, object]) -> Line:
    """A line that was kept as plain data. Raises KeyError, TypeError or ValueError for what is none."""
    weights = tuple(float(value) for value in data["weights"])  # type: ignore[attr-defined]
    size, spread, intercept = (float(data[name]) for name in ("size", "spread", "intercept"))  # type: ignore[arg-type]
    if spread <= 0 or len(weights) not in (len(TRAITS) - 1, len(TRAITS)):
        raise ValueError("a line has a spread of sizes above 0, and three or four weights")
    return Line(intercept=intercept, weights=weights, size=size, spread=spread)
