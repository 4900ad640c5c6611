"""Which learning rate a short ramp suggests: the middle of where the smoothed loss falls (Smith 2017, WACV, "LR range test").

The range goes from the rate at which it falls fastest to the one at which it is least; the suggestion is its middle by factors,
for the peak of one cycle with a warm-up. The lower end alone, which is often taken, can be where a network learns no more than
how frequent the classes are: on BreastMNIST it lay at a twentieth of the planned rate, which trainings had chosen.

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """rate: the middle of the range by factors; None where the loss did not fall, as are its ends.

    steepest, lowest: where the smoothed loss fell fastest and where it was least. rises: the first rate from which on it stood
    higher than at the beginning, None if it never did. reason: a sentence.
    """

    rate: float | None
    steepest: float | None = None
    lowest: float | None = None
    rises: float | None = None
    reason: str

    def beside(self, planned: float) -> str:
        """How the planned rate compares, in a sentence: one within the range is as good as any."""
        if self.rate is None or self.steepest is None or self.lowest is None:
            return f"the planned rate {planned:.2g} stands"
        if self.steepest <= planned <= self.lowest:
            return f"the planned rate {planned:.2g} lies within the range: there is no reason to change it"
        factor = planned / self.rate
        times = (
            f"{factor:.2g} times the suggested one"
            if factor > 1
            else f"{1 / factor:.2g} times less than the suggested one"
        )
        return f"the planned rate {planned:.2g} lies outside the range, {times}: compare both by --set or tune"


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
    """The range of rates in which the smoothed loss falls, and its middle.

    rates, losses: of the steps of a ramp, in order, all losses finite. Fewer than 10 steps: no suggestion.
    """
    if len(losses) < 10:
        return Suggestion(rate=None, reason=f"only {len(losses)} steps had a finite loss")
    curve, logs = smoothed(losses), np.log10(np.asarray(rates, dtype=np.float64))
    low = int(curve.argmin())
    above = [place for place in range(low, len(curve)) if curve[place] > curve[0]]
    rises = float(rates[above[0]]) if above else None
    if curve[0] - curve[low] < LEAST_FALL * abs(curve[0]):
        return Suggestion(
            rate=None, rises=rises, reason="the loss did not fall at any rate of this ramp: try more steps"
        )
    place = int(np.gradient(curve, logs)[: low + 1].argmin())
    steepest, lowest = rounded(float(rates[place])), rounded(float(rates[low]))
    rate = rounded(math.sqrt(steepest * lowest))
    turned = f" (it rose above its beginning from {rises:.2g})" if rises else ""
    reason = f"the middle of where the loss fell: fastest at {steepest:.2g}, least at {lowest:.2g}{turned}"
    return Suggestion(rate=rate, steepest=steepest, lowest=lowest, rises=rises, reason=reason)


def rounded(rate: float) -> float:
    """To two digits: a ramp tells no more.

    >>> rounded(0.0061234)
    0.0061
    """
    return float(f"{rate:.2g}")


def has_risen(losses: Sequence[float]) -> bool:
    """Whether the ramp need not go on: the loss is not finite, or many times the least smoothed one."""
    if not math.isfinite(losses[-1]):
        return True
    if len(losses) < 20:
        return False
    recent = float(np.mean(losses[-5:]))
    return recent > RISEN * max(float(smoothed(losses).min()), 1e-3)
