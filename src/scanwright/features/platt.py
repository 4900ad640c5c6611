"""From the decision values of a support vector machine to probabilities: Platt's sigmoid.

Source: Platt 1999, Advances in Large Margin Classifiers, 61; fitted by the Newton method with backtracking of Lin, Lin and
Weng 2007, Mach Learn 68:267.
"""

import math

import numpy as np
from scipy.special import expit

from scanwright.types import Bools, Floats

STEPS, SHORTEST, RIDGE, FLAT = 100, 1e-10, 1e-12, 1e-9
FAINT = 0.01
"""Log odds by which the largest decision moves a probability where decisions say nothing of it: 0.5 becomes 0.5025."""


def fit_sigmoid(decisions_N: Floats, positive_N: Bools) -> tuple[float, float]:
    """Slope, always positive, and offset so that expit(slope * decision + offset) is the probability of the positive class.

    decisions_N: of cases that the machine was not fitted on: on its own training cases they are too sure. The targets are
    not 1 and 0 but (n + 1)/(n + 2) of n positive cases and 1/(m + 2) of m negative ones, so the fit is finite where the two
    sides part cleanly.

    Decisions that rank the wrong way, as a few cases of pure noise do (a fold with fewer positive cases leaves more of them
    to learn from), are not turned round, and the order in which the machine ranks its cases is not given up for them: the
    slope is the one by which the largest decision counts FAINT, so that every probability lies near the mean target. So it
    is where a fitted slope is smaller, or all cases are of one side; without a case the mean is 0.5.
    """
    positives, negatives = int(positive_N.sum()), int((~positive_N).sum())
    target = np.where(positive_N, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    spread = float(np.abs(decisions_N).max(initial=0.0)) or 1.0
    if not positives or not negatives:
        return _faint(decisions_N, target, FAINT / spread)
    scaled = decisions_N / spread
    slope, offset = 0.0, math.log((positives + 1) / (negatives + 1))
    loss = _loss(slope, offset, scaled, target)
    for _ in range(STEPS):
        chance = expit(slope * scaled + offset)
        weight, stray = chance * (1 - chance), chance - target
        gradient = np.array([stray @ scaled, stray.sum()])
        if np.abs(gradient).max() < FLAT:
            break
        cross = float(weight @ scaled)
        curvature = np.array([[weight @ scaled**2 + RIDGE, cross], [cross, weight.sum() + RIDGE]])
        direction = -np.linalg.solve(curvature, gradient)
        step = 1.0
        while step > SHORTEST:
            moved = slope + step * float(direction[0]), offset + step * float(direction[1])
            reached = _loss(*moved, scaled, target)
            if reached < loss + 1e-4 * step * float(gradient @ direction):
                break
            step /= 2
        else:
            break
        (slope, offset), loss = moved, reached
    return (slope / spread, offset) if slope > FAINT else _faint(decisions_N, target, FAINT / spread)


def _faint(decisions_N: Floats, target_N: Floats, slope: float) -> tuple[float, float]:
    """This slope, and the offset by which the mean decision has the mean target."""
    share, middle = (float(target_N.mean()), float(decisions_N.mean())) if len(target_N) else (0.5, 0.0)
    return slope, math.log(share / (1 - share)) - slope * middle


def _loss(slope: float, offset: float, decisions: Floats, target: Floats) -> float:
    raised = slope * decisions + offset
    return float((np.logaddexp(0, raised) - target * raised).sum())
