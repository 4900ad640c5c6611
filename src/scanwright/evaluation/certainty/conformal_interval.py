"""Intervals that hold the true number as often as is stated, of cases like those that the residuals come from.

Each case of known truth has a residual |true - predicted| of the model of its fold, which never saw it. Where each fold's model
answers the new case too, its interval is CV+ (Barber et al. 2021, Ann Stat 49:486): between the floor((1 - c)(n + 1))-th
smallest of (answer of the case's fold - residual) and the ceil(c (n + 1))-th smallest of (answer + residual). It holds
the truth with c in practice, and 2 c - 1 for certain. Otherwise, and of a single model, it is the answer -+ the ceil(c
(n + 1))-th smallest residual (split conformal; Lei et al. 2018, J Am Stat Assoc 113:1094). With too few cases there is
no interval.

form "absolute": residuals as they are, so that all intervals are about as wide. "normalised": residuals over a spread of the
case's own opinions (opinions.py) plus `floor`, a tenth of the median spread, so that an interval is wide where opinions differ.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.types import Floats, Ints

Form = Literal["absolute", "normalised"]
FLOOR = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Residuals:
    """Residuals of known cases, (n,) of each fold in turn; normalised ones are in units of (spread + floor)."""

    by_fold: tuple[Floats, ...]
    form: Form = "absolute"
    floor: float = 0.0

    @property
    def cases(self) -> int:
        """All known cases."""
        return sum(map(len, self.by_fold))

    @classmethod
    def of(cls, errors: Floats, folds: Ints, spreads: Floats | None = None) -> "Residuals":
        """From errors and folds (N,); with spreads (N,) normalised by them."""
        names = sorted(set(folds.tolist()))
        sizes, floor = np.abs(errors), 0.0
        if spreads is not None:
            floor = FLOOR * float(np.median(spreads)) if len(spreads) else 0.0
            sizes = sizes / np.maximum(spreads + floor, np.finfo(float).tiny)
        form: Form = "absolute" if spreads is None else "normalised"
        return cls(by_fold=tuple(sizes[folds == fold] for fold in names), form=form, floor=floor)

    def scale(self, spread: float | None) -> float | None:
        """By what residuals are multiplied for a case with this spread; None where one is needed and not known."""
        if self.form == "absolute":
            return 1.0
        return None if spread is None else spread + self.floor


def interval_of(
    members: Floats, residuals: Residuals, coverage: float, *, spread: float | None = None
) -> Interval | None:
    """The interval of a new case from the answer of each model (M,); None with too few known cases, or without a spread that it
    needs. As many models as there are folds: CV+; else around their mean.
    """
    scale, cases = residuals.scale(spread), residuals.cases
    place = high_place(cases, coverage)
    if scale is None or place > cases:
        return None
    by_fold = residuals.by_fold
    if len(members) != len(by_fold):
        members, by_fold = np.array([members.mean()]), (np.concatenate(by_fold),)
    lows = np.sort(np.concatenate([one - scale * of for one, of in zip(members, by_fold, strict=True)]))
    highs = np.sort(np.concatenate([one + scale * of for one, of in zip(members, by_fold, strict=True)]))
    return float(lows[cases - place]), float(highs[place - 1])


def cross_fitted_intervals(
    predicted: Floats, true: Floats, folds: Ints, coverage: float, *, spreads: Floats | None = None
) -> Floats:
    """The interval of each case (N, 2), each fold by the residuals of the others alone; NaN where there is none."""
    found = np.full((len(predicted), 2), np.nan)
    for fold in sorted(set(folds.tolist())):
        here = folds == fold
        known = Residuals.of((predicted - true)[~here], folds[~here], None if spreads is None else spreads[~here])
        sizes, place = np.sort(np.concatenate([*known.by_fold, []])), high_place(known.cases, coverage)
        if place <= len(sizes):
            scale = 1.0 if spreads is None else spreads[here] + known.floor
            reach = scale * sizes[place - 1]
            found[here] = np.stack([predicted[here] - reach, predicted[here] + reach], axis=1)
    return found


def high_place(cases: int, coverage: float) -> int:
    """Which of the ascending residuals of so many cases is the reach of an interval, counted from 1; over `cases`: none is."""
    return math.ceil(coverage * (cases + 1) - 1e-9)


def chosen_form(predicted: Floats, true: Floats, folds: Ints, spreads: Floats | None, coverage: float) -> Form:
    """The form with the better intervals, cross-fitted over these folds: normalised where its mean interval score is lower by
    more than a standard error of the difference, case by case.
    """
    if spreads is None or len(set(folds.tolist())) < 2:
        return "absolute"
    scores = [
        interval_scores(cross_fitted_intervals(predicted, true, folds, coverage, spreads=one), true, coverage)
        for one in (None, spreads)
    ]
    gain = scores[0] - scores[1]
    gain = gain[np.isfinite(gain)]
    if len(gain) < 2:
        return "absolute"
    return "normalised" if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)) else "absolute"


def interval_scores(reaches: Floats, true: Floats, coverage: float) -> Floats:
    """Of each interval (N, 2) its width, and 2 / (1 - coverage) times by how much it misses the truth (N,): the lower
    the better, in the mean for the interval between the true quantiles (Gneiting & Raftery 2007, J Am Stat Assoc
    102:359). NaN without one.
    """
    low, high = reaches.T
    missed = np.maximum(low - true, 0) + np.maximum(true - high, 0)
    score: Floats = high - low + 2 / (1 - coverage) * missed
    return score
