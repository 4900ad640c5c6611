"""Fits calibrations (calibration.py) on out-of-fold predictions."""

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_expit, log_softmax, logit

from scanwright.evaluation.answers import Answers
from scanwright.evaluation.calibration import LEAST, Calibration
from scanwright.types import Bools, Floats, Ints

SLOPES = (1 / 20, 20.0)
"""The least and the greatest slope that is fitted: a model that is always right, or never, would have no end."""


def fit_calibration(answers: Answers) -> Calibration:
    """The calibration with the least log loss on these cases: temperature for several exclusive classes, else Platt.

    A label (or a binary problem) without a positive or a negative case keeps its probabilities, and so do no cases at all.
    """
    if answers.choice != "several" and not answers.is_binary:
        return Calibration(kind="temperature", slopes=(fit_temperature(answers.probabilities, answers.truth),))
    views = [answers.view(k) for k in ((1,) if answers.is_binary else range(answers.num_classes))]
    pairs = [fit_platt(view.scores, view.positive) for view in views]
    return Calibration(kind="platt", slopes=tuple(a for a, _ in pairs), offsets=tuple(b for _, b in pairs))


def fit_temperature(probabilities: Floats, truth: Ints) -> float:
    """The slope 1 / T in SLOPES with the least log loss, of probabilities (N, K) and codes (N,); 1 without cases."""
    if not len(truth):
        return 1.0
    logs = log_softmax(np.log(np.clip(probabilities, LEAST, 1 - LEAST)), axis=1)

    def loss(log_slope: float) -> float:
        return -float(log_softmax(np.exp(log_slope) * logs, axis=1)[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=tuple(np.log(SLOPES)), method="bounded").x))


def fit_platt(probabilities: Floats, positive: Bools) -> tuple[float, float]:
    """Slope in SLOPES and offset with the least log loss, of probabilities (N,); (1, 0) without both classes.

    The targets are not 0 and 1 but what so few cases can tell, (n + 1) / (n + 2), as Platt 1999 has it: without that, a
    perfect ranking would be made infinitely sure.
    """
    number, others = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    if not number or not others:
        return 1.0, 0.0
    target = np.where(positive, (number + 1) / (number + 2), 1 / (others + 2))
    odds = logit(np.clip(probabilities, LEAST, 1 - LEAST))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope = np.exp(parameters[0])
        z = slope * odds + parameters[1]
        value = -(target * log_expit(z) + (1 - target) * log_expit(-z)).mean()
        pull = np.exp(log_expit(z)) - target
        return float(value), np.array([(pull * odds).mean() * slope, pull.mean()])

    least, greatest = np.log(SLOPES)
    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(least, greatest), (None, None)])
    return float(np.exp(found.x[0])), float(found.x[1])
