"""Which learning rate a short ramp suggests: where the smoothed loss falls fastest (Smith 2017, WACV, "LR range test").

Losses are smoothed by a window over the steps that looks both ways: an average over the past alone, as is often used, lags
behind, and would put every mark at too high a rate. From where the loss begins to rise, nothing counts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from scanwright.types import Floats

SMOOTH_SHARE = 0.04
"""Of the ramp, the standard deviation of the window."""
LEAST_FALL = 0.05
"""Of the loss at the beginning, which it has to fall by at all."""
RISEN = 4.0
"""Times the least smoothed loss: from there on the ramp need not go on."""
NEAR = 2.0
"""A planned rate within this factor of the suggested one is as good as that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """rate: where the loss fell fastest, None where it did not fall. lowest: where it was least. rises: the first rate from
    which on it stood higher than at the beginning, None if it never did. reason: a sentence.
    """

    rate: float | None
    lowest: float | None
    rises: float | None
    reason: str


def ramp(low: float, high: float, steps: int) -> Floats:
    """(steps,) rates from low to high by equal factors. Raises ValueError unless 0 < low < high and there are two steps."""
    if not 0 < low < high or steps < 2:
        raise ValueError("a ramp goes from a smaller to a larger rate in two steps or more")
    return np.geomspace(low, high, steps)


def smoothed(losses: Sequence[float]) -> Floats:
    """The losses under a Gaussian window over the steps; its ends repeat the first and the last."""
    found: Floats = gaussian_filter1d(
        np.asarray(losses, dtype=np.float64), max(1.0, SMOOTH_SHARE * len(losses)), mode="nearest"
    )
    return found


def suggest(rates: Sequence[float], losses: Sequence[float]) -> Suggestion:
    """The rate at which the smoothed loss falls fastest by the logarithm of the rate, before it is least.

    rates, losses: of the steps of a ramp, in order, all losses finite. Fewer than 10 steps: no suggestion.
    """
    if len(losses) < 10:
        return Suggestion(rate=None, lowest=None, rises=None, reason=f"only {len(losses)} steps had a finite loss")
    curve, logs = smoothed(losses), np.log10(np.asarray(rates, dtype=np.float64))
    low = int(curve.argmin())
    above = [place for place in range(low, len(curve)) if curve[place] > curve[0]]
    rises = float(rates[above[0]]) if above else None
    if curve[0] - curve[low] < LEAST_FALL * abs(curve[0]):
        return Suggestion(
            rate=None, lowest=None, rises=rises, reason="the loss did not fall at any rate of this ramp: try more steps"
        )
    steepest = int(np.gradient(curve, logs)[: low + 1].argmin())
    rate, lowest = rounded(float(rates[steepest])), float(rates[low])
    turned = f" and rose above its beginning from {rises:.2g}" if rises else ""
    reason = f"the loss fell fastest at {rate:.2g}; it was least at {lowest:.2g}{turned}"
    return Suggestion(rate=rate, lowest=lowest, rises=rises, reason=reason)


def rounded(rate: float) -> float:
    """To two digits: a ramp tells no more.

    >>> rounded(0.0061234)
    0.0061
    """
    return float(f"{rate:.2g}")


def beside(suggested: float | None, planned: float) -> str:
    """How a suggestion compares with the planned rate, in a sentence.

    >>> beside(0.0006, 0.006)
    'the planned rate 0.006 is 10 times it'
    >>> beside(0.003, 0.006)
    'the planned rate 0.006 is within a factor of 2 of it: there is no reason to change it'
    """
    if suggested is None:
        return f"the planned rate {planned:.2g} stands"
    factor = planned / suggested
    if max(factor, 1 / factor) <= NEAR * (1 + 1e-9):
        return f"the planned rate {planned:.2g} is within a factor of {NEAR:g} of it: there is no reason to change it"
    times = f"{factor:.2g} times it" if factor > 1 else f"{1 / factor:.2g} times less than it"
    return f"the planned rate {planned:.2g} is {times}"


def has_risen(losses: Sequence[float]) -> bool:
    """Whether the ramp need not go on: the loss is not finite, or many times the least smoothed one."""
    if not math.isfinite(losses[-1]):
        return True
    if len(losses) < 20:
        return False
    recent = float(np.mean(losses[-5:]))
    return recent > RISEN * max(float(smoothed(losses).min()), 1e-3)
