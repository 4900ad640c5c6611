"""Fits of calibrations with more freedom than a slope (calibration.py): vector scaling and isotonic regression.

Both are held back where there are few cases. Vector scaling has the priors of the temperature (calibration_fit.PRIOR), on
every slope and offset. An isotonic fit never says less than 1 / (n + 2), nor more than 1 less that, of n cases: what so few
can tell, as Platt's targets have it; as it is by itself, its first and last step are 0 and 1, and one case there costs
an infinite log loss.
"""

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import log_softmax, softmax

from scanwright.evaluation.calibration.calibration import LEAST, Knots
from scanwright.evaluation.calibration.calibration_fit import PRIOR, SLOPES
from scanwright.types import Bools, Floats, Ints

OFFSET = 1.0
"""The deviation of an offset of vector scaling, before any case is seen: odds are wrong by a factor of e or less."""
UNCHANGED: Knots = ((0.0, 0.0), (1.0, 1.0))


def fit_vector(probabilities: Floats, truth: Ints) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The most probable slopes in SLOPES and offsets, K each, of probabilities (N, K) and codes (N,), with log slopes that are
    normal around 0 with the deviation PRIOR and offsets with OFFSET. Without cases 1 and 0.
    """
    number = probabilities.shape[1]
    if not len(truth):
        return (1.0,) * number, (0.0,) * number
    logs = log_softmax(np.log(np.clip(probabilities, LEAST, 1 - LEAST)), axis=1)
    right = np.eye(number)[truth]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_slopes, offsets = parameters[:number], parameters[number:]
        z = np.exp(log_slopes) * logs + offsets
        value = -(right * log_softmax(z, axis=1)).sum()
        value += (log_slopes**2).sum() / (2 * PRIOR**2) + (offsets**2).sum() / (2 * OFFSET**2)
        pull = softmax(z, axis=1) - right
        slopes = (pull * logs).sum(axis=0) * np.exp(log_slopes) + log_slopes / PRIOR**2
        return float(value), np.append(slopes, pull.sum(axis=0) + offsets / OFFSET**2)

    least, greatest = np.log(SLOPES)
    bounds = [(least, greatest)] * number + [(None, None)] * number
    found = minimize(loss, np.zeros(2 * number), jac=True, method="L-BFGS-B", bounds=bounds).x
    return tuple(np.exp(found[:number]).tolist()), tuple(found[number:].tolist())


def fit_isotonic(probabilities: Floats, positive: Bools) -> Knots:
    """The steps that never fall with the least squared error (pool adjacent violators; Ayer et al. 1955, Ann Math Stat
    26:641) of probabilities (N,), as the ends of each step; UNCHANGED without both classes.
    """
    if not len(positive) or positive.all() or not positive.any():
        return UNCHANGED
    places, cases = np.unique(np.clip(probabilities, LEAST, 1 - LEAST), return_inverse=True)
    weights = np.bincount(cases).astype(float)
    fitted = isotonic_regression(np.bincount(cases, weights=positive) / weights, weights=weights).x
    least = 1 / (len(positive) + 2)
    steps = np.clip(fitted, least, 1 - least)
    ends = np.flatnonzero((np.diff(steps, prepend=-1.0) > 0) | (np.diff(steps, append=2.0) > 0))
    return tuple((float(places[k]), float(steps[k])) for k in ends)
