"""Whether acting on a model helps, at every price of a false alarm: the decision curve.

Who acts on a probability of p and above holds p / (1 - p) false alarms for as bad as one missed case. The net benefit counts
what is found less what is done in vain at that price, per case; to be of use a model must beat both "act on all" and "act on
none" (0). Source: Vickers & Elkin 2006, Med Decis Making 26:565.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.evaluation.intervals.statistics import bootstrap_means
from scanwright.types import Bools, Floats

SAMPLES = 2_000
THRESHOLDS: Floats = np.arange(1, 100) / 100


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionCurve:
    """Net benefit (T,) at each threshold probability (T,), of the model, with its intervals, and of acting on all."""

    thresholds: Floats
    model: Floats
    intervals: list[Interval | None]
    all: Floats


def decision_curve(
    probabilities: Floats,
    positive: Bools,
    patients: Sequence[Hashable],
    *,
    thresholds: Floats = THRESHOLDS,
    seed: int = 0,
    samples: int = SAMPLES,
) -> DecisionCurve | None:
    """From calibrated probabilities (N,) of a positive class (N,). None without a case.

    Intervals are BCa by patient (statistics.py), None under 5 patients. Net benefit is at most the prevalence.
    Raises UsageError if a threshold is not above 0 and below 1, or cases and patients differ in number.
    """
    chances, positive = np.asarray(probabilities, float), np.asarray(positive, bool)
    if not ((thresholds > 0) & (thresholds < 1)).all():
        raise UsageError("a threshold probability is above 0 and below 1")
    if not len(chances):
        return None
    price = thresholds / (1 - thresholds)
    worth = np.where(positive[:, None], 1.0, -price)
    terms = np.where(chances[:, None] >= thresholds, worth, 0.0)
    return DecisionCurve(
        thresholds=thresholds,
        model=terms.mean(axis=0),
        intervals=bootstrap_means(terms, patients, seed=seed, samples=samples),
        all=worth.mean(axis=0),
    )
