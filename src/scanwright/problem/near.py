"""How near a number from 0 to 1 lies to the limit that decides: by log odds, so that 0.06 is as near to 0.04 as 0.6 to 0.5."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from scanwright.types import Floats

NEAR = math.log(0.6 / 0.4)
"""Log odds by which a number lies near a limit: 0.4 and 0.6 are as near to 0.5 as 0.04 is to 0.06."""
LEAST = 1e-6
"""Numbers nearer to 0 or 1 are taken as this."""


def apart(numbers: ArrayLike, limits: ArrayLike) -> Floats:
    """By how many log odds numbers lie above limits, in the shape that both have together.

    >>> float(apart(0.6, 0.5).round(3)), float(apart(0.4, 0.5).round(3)), float(apart(0.0, 0.0))
    (0.405, -0.405, 0.0)
    """
    above, below = (logit(np.clip(np.asarray(one, np.float64), LEAST, 1 - LEAST)) for one in (numbers, limits))
    return np.asarray(above - below)


def is_near(number: float, limit: float) -> bool:
    """Whether a number lies near a limit, on either side.

    >>> is_near(0.52, 0.5), is_near(0.05, 0.06), is_near(0.02, 0.06)
    (True, True, False)
    """
    return bool(abs(apart(number, limit)) < NEAR)
