"""Whether more cases would help: an inverse power law through what models of fewer training cases were worth.

The error of a model (of a score: 1 less the score) falls with the number of training cases as floor + drop · share^-rate,
where share 1 is all of them (Mukherjee et al. 2003, J Comput Biol 10:119; Figueroa et al. 2012, BMC Med Inform Decis Mak
12:8). It is fitted by least squares, each point weighted by its variance, with floor and drop not below 0.

All points are of the same held-out patients. Patients are drawn anew, all points together, and the law is fitted to each
draw. Which patients happened to be in a share is a further chance, which drawing of judged patients does not show: each fold
has a share of its own, and what their curves differ by, beyond what the patients explain, is added to each draw.

What is not to be read off a curve is not given: where its points do not rise beyond chance, where they do not lie on such a
law, and where the interval of what is still to be gained is wider than all that was seen to be gained.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import chi2

from scanwright.evaluation.intervals.bootstrap import Interval, percentile_interval
from scanwright.runtime import generator
from scanwright.types import JSON, Floats

MULTIPLES = (0.5, 1.0, 2.0, 4.0)
"""Of the training cases, for which a metric is expected."""
RATES = (0.05, 2.0)
"""Least and largest rate that is looked for: published curves lie between 0.1 and 1.5."""
COARSE, FINE = 64, 24
"""Rates that are tried: over the whole range, then between the neighbours of the best one."""
MIN_POINTS = 3
"""Fewest shares, all cases among them, that tell the three numbers of the law."""
MIN_DRAWS = 100
"""Fewest draws in which every point is defined."""
MISFIT = 0.01
"""The p-value below which points are said not to lie on the law."""
SLIGHT = 0.02
"""Of a score: a difference, with its interval, within which a curve is called level and not merely uncertain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What models were worth that learned from a share of the cases. cases, patients: learned from, in the mean fold.

    value: the metric on the held-out cases; None where it is not defined. interval: of 95 %, by judged patients.
    """

    share: float
    cases: float
    patients: float
    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerLaw:
    """The error at a share of the training cases: floor + drop · share^-rate."""

    floor: float
    drop: float
    rate: float

    def at(self, share: float) -> float:
        """The error at a share, which may be more than 1."""
        return float(self.floor + self.drop * share**-self.rate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What is expected of `multiple` times the training cases. extrapolated: beyond all that were there.

    value, interval: by the law; None where they are withheld, and then `withheld` says why.
    """

    multiple: float
    cases: float
    extrapolated: bool
    value: float | None
    interval: Interval | None
    withheld: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A learning curve. points: by share, the smallest first. law: None where it was not fitted.

    gained, gained_interval: by how much all cases are better than the smallest share. misfit: the p-value of the points'
    distance from the law, None where three points leave none. draw_deviation: the standard deviation of a point by which
    training cases were drawn, beyond what judged patients explain; None with one fold, which does not show it.
    withheld: why nothing is extrapolated; "" where it is.
    """

    points: tuple[Point, ...]
    law: PowerLaw | None
    gained: float | None
    gained_interval: Interval | None
    misfit: float | None
    draw_deviation: float | None
    expected: tuple[Expected, ...]
    withheld: str

    def to_json(self) -> dict[str, JSON]:
        """Plain data for learning_curve.json."""
        return asdict(self)


def learning_curve(
    points: Sequence[Point],
    drawn: Floats,
    *,
    by_fold: Floats | None = None,
    num_patients: int,
    is_error: bool = False,
    seed: int = 0,
) -> Curve:
    """A curve through points (S) of shares that end with 1, with what is expected of more and of fewer cases.

    drawn (D, S): the points' values in draws of the judged patients, the same patients in a row; NaN for "not defined".
    by_fold (K, S): the points' values in each fold, of which each drew its shares anew; None, or one fold: the draw of
    training cases is not in the intervals. num_patients: that were judged. is_error: whether the metric is an error, best
    at 0, and not a score, best at 1.

    Fewer than three defined points, or hardly a draw in which all are: nothing is fitted, and `withheld` says so.
    """
    kept = [place for place, point in enumerate(points) if point.value is not None]
    errors = as_errors(np.array([points[place].value for place in kept], float), is_error=is_error)
    drawn = as_errors(drawn[np.isfinite(drawn[:, kept]).all(axis=1)][:, kept], is_error=is_error)
    if len(kept) < MIN_POINTS or kept[-1] != len(points) - 1 or len(drawn) < MIN_DRAWS:
        return _unfitted(points, "fewer than three shares have a value: a curve cannot be drawn through them")
    shares = np.array([points[place].share for place in kept])
    extra = None if by_fold is None else draw_variance(by_fold[:, kept], drawn)
    noisy = (
        drawn
        if extra is None or by_fold is None
        else drawn + _draws_of(extra, drawn, num_folds=len(by_fold), seed=seed)
    )
    weights = 1 / np.maximum(noisy.var(axis=0), 1e-12)
    laws = fit_laws(shares, np.concatenate([errors[None], noisy]), weights)
    law = PowerLaw(**dict(zip(("floor", "drop", "rate"), laws[0].tolist(), strict=True)))
    misfit = misfit_p(errors - np.array([law.at(share) for share in shares]), noisy)
    gained = float(errors[0] - errors[-1])
    reach = percentile_interval(noisy[:, 0] - noisy[:, -1], gained, num_patients=num_patients)
    withheld = why_withheld(reach, misfit, slight=SLIGHT * (float(errors[-1]) if is_error else 1.0))
    read = _Reading(law, laws[1:], points[-1].cases, gained, withheld, num_patients, is_error)
    return Curve(
        points=tuple(points),
        law=law,
        gained=gained,
        gained_interval=reach,
        misfit=misfit,
        draw_deviation=None if extra is None else float(np.sqrt(extra)),
        expected=tuple(read.at(multiple) for multiple in MULTIPLES if multiple >= shares[0]),
        withheld=withheld,
    )


def fit_laws(shares: Floats, errors: Floats, weights: Floats) -> Floats:
    """Floor, drop and rate (D, 3) of the law through each row of errors (D, S), all at shares (S,), by weighted least squares.

    At a given rate the law is linear, so rates are tried, and at each the best floor and drop of 0 or more are exact.
    Errors are 0 or more: a row that a draw put below is taken as 0 there.
    """
    errors = np.maximum(errors, 0.0)
    tried = np.broadcast_to(np.geomspace(*RATES, COARSE), (len(errors), COARSE))
    best = _best_of(shares, errors, weights, tried)
    step = (RATES[1] / RATES[0]) ** (1 / (COARSE - 1))
    for width in (step, step ** (2 / FINE)):
        around = best[:, 2:] * np.geomspace(1 / width, width, FINE)
        best = _best_of(shares, errors, weights, np.clip(around, *RATES))
    return best


def _best_of(shares: Floats, errors: Floats, weights: Floats, rates: Floats) -> Floats:
    """Of the rates (D, R) tried on each row the best, with its floor and drop: (D, 3)."""
    best = np.zeros((len(errors), 3))
    least = np.full(len(errors), np.inf)
    for rate in rates.T:
        powers = shares ** -rate[:, None]  # (D, S)
        floor, drop = _line(powers, errors, weights)
        squares = ((errors - floor[:, None] - drop[:, None] * powers) ** 2 * weights).sum(axis=1)
        better = squares < least
        least = np.where(better, squares, least)
        best[better] = np.stack([floor, drop, rate], axis=1)[better]
    return best


def _line(powers: Floats, errors: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Floor and drop (D,) of 0 or more that come nearest to the errors (D, S)."""
    total = weights.sum()
    middle_u, middle_e = (powers * weights).sum(axis=1) / total, (errors * weights).sum(axis=1) / total
    apart = powers - middle_u[:, None]
    drop = (weights * apart * errors).sum(axis=1) / (weights * apart**2).sum(axis=1)
    floor = middle_e - drop * middle_u
    through_zero = (weights * powers * errors).sum(axis=1) / (weights * powers**2).sum(axis=1)
    rising = drop < 0  # the best that does not rise with more cases is level
    below = (floor < 0) & ~rising
    drop = np.where(rising, 0.0, np.where(below, through_zero, drop))
    return np.where(rising, middle_e, np.where(below, 0.0, floor)), drop


def draw_variance(by_fold: Floats, drawn: Floats) -> float | None:
    """The variance of a point by which training cases happened to be in its share, beyond what judged patients explain.

    by_fold (K, S): each fold's values; drawn (D, S). Folds differ in level; what their curves differ by in shape has the
    variance of patients and of the draw together, and that of the draws of patients alone is taken from it. At least 0.
    None with fewer than two folds in which every point is defined.
    """
    by_fold = by_fold[np.isfinite(by_fold).all(axis=1)]
    folds, points = len(by_fold), by_fold.shape[1]
    if folds < 2:
        return None
    shape = by_fold - by_fold.mean(axis=1, keepdims=True)
    of_both = shape.var(axis=0, ddof=1) / folds
    of_patients = (drawn - drawn.mean(axis=1, keepdims=True)).var(axis=0)
    return max(0.0, float((of_both - of_patients).mean()) * int(points) / (int(points) - 1))


def _draws_of(variance: float, drawn: Floats, *, num_folds: int, seed: int) -> Floats:
    """Deviations (D, S) by the draw of training cases: normal, in each row of a variance that few folds tell only so well.

    With the variance taken as known, intervals of simulated curves (5 folds) held the truth in 83 to 88 % of cases, not 95 %.
    """
    rng = generator(seed, num_folds)
    freedom = num_folds - 1  # and no more: shares are nested, so that the chances of a fold's points go together
    deviations = np.sqrt(variance * freedom / rng.chisquare(freedom, len(drawn)))
    found: Floats = rng.normal(size=drawn.shape) * deviations[:, None]
    return found


def misfit_p(residuals: Floats, noisy: Floats) -> float | None:
    """The p-value of distances (S,) from a law, by the covariance of the draws (D, S); None of three points or fewer.

    Small where the points do not lie on the law, as where learning failed at one of the shares.
    """
    freedom = len(residuals) - MIN_POINTS
    if freedom < 1:
        return None
    distance = float(residuals @ np.linalg.pinv(np.cov(noisy.T), rcond=1e-9) @ residuals)
    return float(chi2.sf(distance, freedom))


def why_withheld(gained: Interval, misfit: float | None, *, slight: float = SLIGHT) -> str:
    """Why nothing is read off beyond the cases that were there, in a sentence; "" where there is no reason."""
    low, high = gained
    if low <= 0 and max(abs(low), abs(high)) <= slight:
        return "the curve is level: more cases of the same kind are not likely to change the metric by much"
    if low <= 0:
        return "the curve does not rise beyond chance: whether more cases would help cannot be told from these"
    if misfit is not None and misfit < MISFIT:
        return "the points do not lie on an inverse power law: its continuation would be a guess"
    return ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A law, and those of the draws (D, 3), from which values are read."""

    law: PowerLaw
    laws: Floats
    cases: float
    gained: float
    withheld: str
    num_patients: int
    is_error: bool

    def at(self, multiple: float) -> Expected:
        """What is expected of a multiple of the cases with its interval, or why that is withheld."""
        beyond = multiple > 1
        why = self.withheld if beyond else ""
        if beyond and not why:
            low, high = self._interval(
                self._errors(1.0) - self._errors(multiple), self.law.at(1.0) - self.law.at(multiple)
            )
            if high - low > self.gained:
                why = "what is still to be gained is less certain than all that was seen to be gained"
        value = as_errors(np.array(self.law.at(multiple)), is_error=self.is_error)
        drawn = as_errors(self._errors(multiple), is_error=self.is_error)
        return Expected(
            multiple=multiple,
            cases=self.cases * multiple,
            extrapolated=beyond,
            value=None if why else float(value),
            interval=None if why else self._interval(drawn, float(value)),
            withheld=why,
        )

    def _errors(self, multiple: float) -> Floats:
        floor, drop, rate = self.laws.T
        found: Floats = floor + drop * multiple**-rate
        return found

    def _interval(self, drawn: Floats, value: float) -> Interval:
        return percentile_interval(drawn, value, num_patients=self.num_patients)


def as_errors(values: Floats, *, is_error: bool) -> Floats:
    """Scores as errors, and errors as scores: 1 less them; of a metric that is an error itself, the same."""
    return values if is_error else 1 - values


def _unfitted(points: Sequence[Point], why: str) -> Curve:
    return Curve(
        points=tuple(points),
        law=None,
        gained=None,
        gained_interval=None,
        misfit=None,
        draw_deviation=None,
        expected=(),
        withheld=why,
    )
