"""From the decision values of a support vector machine to probabilities: Platt's sigmoid.

Source: Platt 1999, Advances in Large Margin Classifiers, 61; fitted by the Newton method with backtracking of Lin, Lin and
Weng 2007, Mach Learn 68:267.
"""

import math

import numpy as np
from scipy.special import expit

from scanwright.types import Bools, Floats

STEPS, SHORTEST, RIDGE, FLAT = 100, 1e-10, 1e-12, 1e-9


def fit_sigmoid(decisions_N: Floats, positive_N: Bools) -> tuple[float, float]:
    """Slope, never negative, and offset so that expit(slope * decision + offset) is the probability of the positive class.

    decisions_N: of cases that the machine was not fitted on: on its own training cases they are too sure. The targets are
    not 1 and 0 but (n + 1)/(n + 2) of n positive cases and 1/(m + 2) of m negative ones, so the fit is finite where the two
    sides part cleanly.

    Decisions that rank the wrong way, as a few cases of pure noise do (a fold with fewer positive cases leaves more of them
    to learn from), are not turned round: with slope 0 every case gets the mean target. So it does where all cases are of one
    side; without a case it is 0.5.
    """
    positives, negatives = int(positive_N.sum()), int((~positive_N).sum())
    target = np.where(positive_N, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    if not positives or not negatives:
        return _level(target)
    spread = float(np.abs(decisions_N).max()) or 1.0
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
    return (slope / spread, offset) if slope > 0 else _level(target)


def _level(target_N: Floats) -> tuple[float, float]:
    share = float(target_N.mean()) if len(target_N) else 0.5
    return 0.0, math.log(share / (1 - share))


def _loss(slope: float, offset: float, decisions: Floats, target: Floats) -> float:
    raised = slope * decisions + offset
    return float((np.logaddexp(0, raised) - target * raised).sum())
