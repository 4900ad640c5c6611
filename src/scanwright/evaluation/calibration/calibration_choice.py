"""Which calibration is taken: by the log loss of cases that it was not fitted on, and only where they speak for it.

Without folds, or with too few cases, it is the one with the least freedom (`usual`): Platt of a positive class or of labels,
a temperature of several classes. Another one has to have a lower log loss on folds that it was not fitted on, by more
than SURE standard errors of the difference, case by case. Vector scaling is tried with LEAST_CASES cases of each class,
isotonic regression with MANY in all: it has as many steps as the data say, and follows single cases where there are few
(Niculescu-Mizil & Caruana 2005, ICML 625, find the crossing near 1,000). Whoever judges calls this once for each fold,
with the other folds alone (select.py), so that the choice itself is cross-fitted too.

Mean log loss less that of the true probabilities, times 1,000, on 20,000 further cases, 20 simulated studies of each row
(`python benchmarks/calibration_choice.py`); of two classes:

    probabilities   cases   as they are  temperature   platt   vector   isotonic    auto
    hold               50           0.0          0.0     9.8      8.7       63.1     5.1
                      200           0.0          0.4     6.2      6.5       33.9     4.5
                     1000           0.0          0.0     1.1      1.3       11.1     0.8
                     5000           0.0          0.0     0.1      0.2        3.6     0.1
    too sure           50         222.6         46.9     9.8     51.0       63.3     9.8
                      200         220.2          3.2     6.2     11.6       33.9     6.7
                     1000         222.1          0.4     1.1      1.4       11.1     1.0
                     5000         222.1          0.1     0.2      0.2        3.6     0.2
    shifted            50          73.5         71.1     9.8      8.5       63.1    10.8
                      200          74.1         64.7     6.2      6.3       33.9     6.3
                     1000          74.6         57.4     1.1      1.3       11.1     1.1
                     5000          75.6         57.6     0.1      0.2        3.6     0.1
    bent               50         224.4        141.0    46.3     57.7       63.4    46.3
                      200         224.1         98.1    41.7     27.8       33.9    35.1
                     1000         226.5         85.1    34.4     10.4       11.1    11.3
                     5000         226.5         84.4    32.4      8.5        3.5     3.5
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.calibration.calibration import Calibration, calibrate
from scanwright.evaluation.calibration.calibration_fit import fit_calibration, fit_platt, fit_temperature
from scanwright.evaluation.calibration.calibration_steps import fit_isotonic, fit_vector
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.reliability import binary_log_loss, log_loss_terms
from scanwright.types import Floats, Ints

Method = Literal["none", "temperature", "platt", "vector", "isotonic"]
Choice = Literal["auto", "none", "temperature", "vector", "isotonic", "platt"]
SURE = 1.0
"""Standard errors by which another calibration has to be better than the usual one."""
LEAST_GAIN = 1e-5
"""Of log loss, under which a gain is rounding."""
LEAST_CASES = 10
MANY = 1_000


def usual(answers: Answers) -> Method:
    """The calibration of a kind of problem with the least freedom."""
    return "platt" if answers.choice == "several" or answers.is_binary else "temperature"


def fitted(answers: Answers, method: Method) -> Calibration:
    """A calibration of these cases by a method. Of labels, vector scaling is Platt's of each and a temperature one slope for
    all; of several exclusive classes Platt's is vector scaling (Guo et al. 2017 call it its extension).
    """
    if method == "none" or not len(answers):
        return Calibration(kind="none") if method == "none" else fit_calibration(answers)
    labels = answers.choice == "several"
    if method == usual(answers) or (labels and method == "vector"):
        return fit_calibration(answers)
    if method == "isotonic":
        views = [answers.view(k) for k in ((1,) if answers.is_binary else range(answers.num_classes))]
        knots = tuple(fit_isotonic(view.scores, view.positive) for view in views)
        return Calibration(kind="isotonic", knots=knots, exclusive=not labels and not answers.is_binary)
    if method == "temperature":
        if not labels:
            return Calibration(kind="temperature", slopes=(fit_temperature(answers.probabilities, answers.truth),))
        views = [answers.view(k) for k in range(answers.num_classes)]
        slope, _ = fit_platt(np.concatenate([v.scores for v in views]), np.concatenate([v.positive for v in views]))
        size = answers.num_classes
        return Calibration(kind="platt", slopes=(slope,) * size, offsets=(0.0,) * size)
    slopes, offsets = fit_vector(answers.probabilities, answers.truth)
    return Calibration(kind="vector", slopes=slopes, offsets=offsets)


def tried(answers: Answers) -> tuple[Method, ...]:
    """The methods that so many cases allow, the usual one first."""
    others: list[Method] = ["none", "temperature"]
    counts = np.where(answers.known, answers.indicators, 0).sum(axis=0)
    lacks = np.where(answers.known, 1 - answers.indicators, 0).sum(axis=0)
    if answers.choice != "several" and counts.min(initial=np.inf) >= LEAST_CASES:
        others.append("vector")
    if len(answers) >= MANY and min(counts.min(), lacks.min()) >= LEAST_CASES:
        others.append("isotonic")
    first = usual(answers)
    return (first, *(method for method in others if method != first))


def chosen_method(answers: Answers, folds: Ints) -> Method:
    """The method with the lowest log loss, each fold calibrated by the others, (N,) folds of the cases; see above."""
    first, *others = tried(answers)
    names = sorted(set(folds.tolist()))
    if len(names) < 2 or not others:
        return first
    base = cross_fitted_loss(answers, folds, first)
    best, lowest = first, 0.0
    for method in others:
        gain = cross_fitted_loss(answers, folds, method) - base
        gain = gain[np.isfinite(gain)]
        error = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else np.inf
        if gain.mean() < min(lowest, -SURE * error) - LEAST_GAIN:
            best, lowest = method, float(gain.mean())
    return best


def cross_fitted_loss(answers: Answers, folds: Ints, method: Method) -> Floats:
    """The log loss (N,) of each case where its fold is calibrated by the others; of labels the mean of the known ones."""
    chances = answers.probabilities.copy()
    for fold in set(folds.tolist()):
        here = folds == fold
        chances[here] = calibrate(answers.probabilities[here], fitted(answers.where(~here), method))
    if answers.choice != "several":
        return log_loss_terms(chances, answers.indicators)
    loss = np.where(answers.known, binary_log_loss(chances, answers.indicators), 0.0)
    number = answers.known.sum(axis=1)
    found: Floats = np.divide(loss.sum(axis=1), number, out=np.full(len(answers), np.nan), where=number > 0)
    return found


def calibration_of(
    answers: Answers, *, choice: Choice = "auto", folds: Sequence[int] | Ints | None = None
) -> Calibration:
    """The calibration of these cases by the method that is asked for; "auto": the one that is chosen on their folds (N,).

    Raises UsageError if there is not a fold for each case.
    """
    if choice != "auto":
        method: Method = choice
        if choice == "platt" and usual(answers) == "temperature":
            method = "vector"
        return fitted(answers, method)
    if folds is None or not len(answers):
        return fitted(answers, usual(answers))
    places = np.asarray(folds, int)
    if len(places) != len(answers):
        raise UsageError("every case needs its fold", expected=len(answers), found=len(places))
    return fitted(answers, chosen_method(answers, places))
