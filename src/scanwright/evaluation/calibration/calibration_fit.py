"""Fits calibrations (calibration.py) on out-of-fold predictions.

Few cases say little of a temperature: by likelihood alone a model whose most probable class is always right is made as sure
as can be. So log slopes are held near 0 (PRIOR), and a slope other than 1 is taken only where the cases speak for it
(EVIDENCE). Mean log loss in simulated studies of three classes (logits with a deviation of 3, raised to a power; 150 studies,
of 200 cases 40), cross-fitted over five folds:

    probabilities       cases    as they are    by likelihood alone    here
    hold                20       0.433          0.672                  0.435
                        30       0.439          0.518                  0.443
                        60       0.441          0.464                  0.443
                        200      0.451          0.455                  0.452
    too sure (^3)       20       0.671          1.092                  0.539
                        30       0.697          0.588                  0.518
                        60       0.709          0.478                  0.469
                        200      0.729          0.455                  0.457
    unsure (^0.4)       20       0.571          0.539                  0.493
                        30       0.572          0.494                  0.476
                        60       0.570          0.460                  0.452
                        200      0.577          0.454                  0.454
"""

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_expit, log_softmax, logit

from scanwright.evaluation.calibration.calibration import LEAST, Calibration
from scanwright.evaluation.classes.answers import Answers
from scanwright.types import Bools, Floats, Ints

SLOPES = (1 / 20, 20.0)
"""The least and the greatest slope that is fitted: a model that is always right, or never, would have no end."""
PRIOR = 0.5
"""The deviation of the log slope of a temperature, before any case is seen: most networks lie between 1/e and e."""
EVIDENCE = 3.84
"""Twice the log of how much more probable the cases must be by a fitted slope than by 1: a likelihood ratio's 5 % (Wilks 1938,
Ann Math Stat 9:60)."""


def fit_calibration(answers: Answers) -> Calibration:
    """The calibration of these cases: a temperature for several exclusive classes, else Platt.

    A label (or a binary problem) without a positive or a negative case keeps its probabilities, and so do no cases at all.
    """
    if answers.choice != "several" and not answers.is_binary:
        return Calibration(kind="temperature", slopes=(fit_temperature(answers.probabilities, answers.truth),))
    views = [answers.view(k) for k in ((1,) if answers.is_binary else range(answers.num_classes))]
    pairs = [fit_platt(view.scores, view.positive) for view in views]
    return Calibration(kind="platt", slopes=tuple(a for a, _ in pairs), offsets=tuple(b for _, b in pairs))


def fit_temperature(probabilities: Floats, truth: Ints) -> float:
    """The slope 1 / T in SLOPES of probabilities (N, K) and codes (N,): the most probable one, of log slopes that are normal
    around 0 with the deviation PRIOR; 1 where that explains the cases no better than EVIDENCE asks, and without cases.
    """
    if not len(truth):
        return 1.0
    logs = log_softmax(np.log(np.clip(probabilities, LEAST, 1 - LEAST)), axis=1)

    def loss(log_slope: float) -> float:
        told = log_softmax(np.exp(log_slope) * logs, axis=1)[np.arange(len(truth)), truth]
        return -float(told.sum()) + log_slope**2 / (2 * PRIOR**2)

    found = minimize_scalar(loss, bounds=tuple(np.log(SLOPES)), method="bounded")
    return float(np.exp(found.x)) if 2 * (loss(0.0) - found.fun) > EVIDENCE else 1.0


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
