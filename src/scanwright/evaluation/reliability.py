"""Whether probabilities mean what they say: log loss, calibration error and the reliability curve.

Bins are of equal mass: the cases in order of their probability, cut into BINS parts of as equal a number as ties allow, and
into fewer of at least MIN_IN_BIN cases if there are few. Bins of equal width leave most of them nearly empty where a
model is sure of itself, and the error then depends on a handful of cases (Nguyen & O'Connor 2015, EMNLP 1587).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from scanwright.evaluation.answers import Answers, View
from scanwright.evaluation.bootstrap import (
    Estimate,
    Interval,
    Measures,
    bca_interval,
    number_patients,
    resample,
    totals_by_patient,
)
from scanwright.evaluation.confusion import mean_defined, ratio
from scanwright.evaluation.proportion import share_interval
from scanwright.evaluation.statistics import MIN_PATIENTS
from scanwright.files import finite_or_none
from scanwright.types import Bools, Floats, Ints

BINS = 10
MIN_IN_BIN = 5
LEAST = float(np.finfo(np.float64).eps)
"""Probabilities nearer to 0 or 1 than this are taken as this near by the log loss, which would be infinite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Cases of similar probability: its mean, the share of them that is positive with its interval, and their number."""

    predicted: float
    observed: float
    interval: Interval | None
    cases: int


def log_loss_terms(probabilities: Floats, truth: Floats) -> Floats:
    """Each case's -ln of the probability that its true class was given, (N,), 0 and more; truth (N, K) is one-hot.

    Rows are scaled to sum to 1 first.
    """
    clipped = np.clip(probabilities, LEAST, 1 - LEAST)
    clipped = clipped / clipped.sum(axis=1, keepdims=True)
    terms: Floats = -(truth * np.log(clipped)).sum(axis=1)
    return terms


def binary_log_loss(probabilities: Floats, positive: Floats) -> Floats:
    """-ln of the probability given to what was true, of each probability of "positive" by itself; any one shape."""
    clipped = np.clip(probabilities, LEAST, 1 - LEAST)
    terms: Floats = -np.log(np.where(positive > 0, clipped, 1 - clipped))
    return terms


def equal_mass_bins(probabilities: Floats) -> Ints:
    """The bin (N,) of each probability (N,), 0 to at most BINS - 1; equal ones are in the same bin. Some may be empty."""
    number = min(BINS, max(1, len(probabilities) // MIN_IN_BIN))
    places = rankdata(probabilities, method="average") - 0.5
    bins: Ints = np.minimum((places * number / max(len(probabilities), 1)).astype(int), number - 1)
    return bins


def calibration_measures(answers: Answers, *, seed: int, samples: int) -> tuple[Measures, list[Measures]]:
    """The expected calibration error ("ece") of all classes together and of each against the rest, with BCa intervals.

    Together: of the positive class, of the highest probability of several exclusive classes, the mean over labels.
    None: the interval under 5 patients, or without draws (samples 0).
    """
    views = [answers.view(k) for k in range(answers.num_classes)]
    if answers.choice != "several" and not answers.is_binary:
        top = answers.probabilities.argmax(axis=1)
        sure, right = answers.probabilities.max(axis=1), top == answers.truth
        views = [View(scores=sure, positive=right, decided=right, owners=answers.owners), *views]
    size = answers.num_patients
    totals_PVB = np.stack([_terms_by_patient(view, size) for view in views], axis=1)

    def statistic(totals: Floats) -> Floats:  # (..., V * (BINS + 1)) to (..., 1 + V)
        sums = totals.reshape(*totals.shape[:-1], len(views), BINS + 1)
        each = calibration_error(sums[..., :-1], sums[..., -1])
        return np.concatenate([mean_defined(each)[..., None], each], axis=-1)

    flat = totals_PVB.reshape(size, len(views) * (BINS + 1))
    values, left_out = statistic(flat.sum(axis=0)), statistic(flat.sum(axis=0) - flat)
    drawn = resample(flat, statistic, seed=seed, samples=samples) if samples and size else None
    cases = np.append(len(answers), totals_PVB[..., -1].sum(axis=0))
    patients = np.append(size, (totals_PVB[..., -1] > 0).sum(axis=0))
    found: list[Measures] = []
    for k, value in enumerate(values):
        there = np.isfinite(left_out[:, k])
        reach = (
            bca_interval(drawn[:, k], float(value), left_out[there, k])
            if drawn is not None and patients[k] >= MIN_PATIENTS
            else None
        )
        n = int(cases[k])
        found.append({"ece": Estimate(value=finite_or_none(value), interval=reach, n=n, n_defined=n)})
    overall = found[0] if answers.choice == "several" else found[2] if answers.is_binary else found[1]
    return overall, found[-answers.num_classes :]


def _terms_by_patient(view: View, num_patients: int) -> Floats:
    """Each patient's excess of truth over probability in each bin, and its cases: (P, BINS + 1)."""
    terms = np.zeros((num_patients, BINS + 1))
    np.add.at(terms, (view.owners, equal_mass_bins(view.scores)), view.positive - view.scores)
    np.add.at(terms[:, -1], view.owners, 1.0)
    return terms


def calibration_error(totals: Floats, cases: Floats) -> Floats:
    """The expected calibration error in [0, 1] from each bin's summed excess (..., BINS) and the cases (...). No case: NaN.

    The mean over bins of |share of positive cases - mean probability|, weighted by cases (Naeini, Cooper & Hauskrecht
    2015, AAAI 2901). It cannot fall below the noise of the shares: that of a perfect model is above 0, the more so with few
    cases, and its interval does not hold 0.
    """
    return ratio(np.abs(totals).sum(axis=-1), cases)


def reliability_curve(probabilities: Floats, positive: Bools, patients: Sequence[Hashable]) -> list[Bin]:
    """The bins that hold a case, in the order of their probability, from (N,) each.

    Intervals are Wilson's by patient (proportion.py), None under MIN_PATIENTS patients.
    """
    owners = number_patients(patients, len(probabilities))
    bins = equal_mass_bins(probabilities)
    curve = []
    for number in np.unique(bins):
        inside = bins == number
        shares = np.stack([positive & inside, inside], axis=1).astype(float)
        parts, wholes = totals_by_patient(shares, owners).T
        curve.append(
            Bin(
                predicted=float(probabilities[inside].mean()),
                observed=float(positive[inside].mean()),
                interval=share_interval(parts, wholes, fewest=MIN_PATIENTS),
                cases=int(inside.sum()),
            )
        )
    return curve
