"""By how much paired values differ in the middle: Hodges and Lehmann's estimate, with the interval that belongs to the
signed-rank test.

The estimate is the median of all means of two differences, a difference with itself among them (Walsh averages); a few
outliers move it little. The interval inverts Wilcoxon's test: it holds the shifts that the test would not reject.

Sources: Hodges & Lehmann 1963, Ann Math Stat 34:598; Hollander, Wolfe & Chicken 2014, Nonparametric Statistical Methods,
sections 3.2 and 3.3.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.types import Floats, Ints

EXACT = 50
"""Differences up to which the distribution of the signed-rank statistic is counted out; above, it is as good as normal."""
HALVINGS = 100
"""Of an interval of the numbers that hold a quantile: more than a double has bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """value: in the unit of the differences; None without any. interval: None where so few differences have none of its level
    (under 6 at 95 %).
    """

    value: float | None
    interval: Interval | None


def hodges_lehmann(differences: Floats, *, level: float = 0.95) -> Effect:
    """The estimate and interval of independent differences (P,), all finite: one of each patient.

    >>> found = hodges_lehmann(np.array([1.0, 2.0, 4.0, 5.0, 9.0, 3.0]))
    >>> round(found.value, 9), found.interval is not None
    (3.75, True)
    """
    values, number = np.sort(np.asarray(differences, np.float64)), len(differences)
    pairs = number * (number + 1) // 2
    if not number:
        return Effect(value=None, interval=None)
    middle = (walsh_average(values, (pairs + 1) // 2) + walsh_average(values, pairs // 2 + 1)) / 2
    outer = outermost(number, level=level)
    if outer < 1:
        return Effect(value=middle, interval=None)
    return Effect(value=middle, interval=(walsh_average(values, outer), walsh_average(values, pairs + 1 - outer)))


def outermost(number: int, *, level: float) -> int:
    """Which Walsh average from below is the lower end of the interval of so many differences; 0 if none reaches the level."""
    tail = (1 - level) / 2
    if number > EXACT:
        spread = np.sqrt(number * (number + 1) * (2 * number + 1) / 24)
        return max(0, int(number * (number + 1) / 4 + norm.ppf(tail) * spread))
    below = np.cumsum(signed_rank_chances(number))
    return int(np.searchsorted(below, tail, side="left"))


def signed_rank_chances(number: int) -> Floats:
    """The probability of each value 0, 1, … of Wilcoxon's signed-rank statistic of so many differences without ties, if
    each sign is as likely.
    """
    chances = np.ones(1)
    for rank in range(1, number + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return chances


def walsh_average(ordered: Floats, place: int) -> float:
    """The Walsh average at a place (from 1 on) of ordered values (P,), to rounding.

    It is found by halving, with P · log P work each time: 5,000 patients have 12.5 million of them, which need not be made.
    """
    low, high = float(ordered[0]), float(ordered[-1])
    numbers = np.arange(len(ordered))
    if _count(ordered, numbers, low) >= place:
        return low
    for _ in range(HALVINGS):
        middle = low + (high - low) / 2
        if middle in (low, high):
            break
        if _count(ordered, numbers, middle) >= place:
            high = middle
        else:
            low = middle
    return high


def _count(ordered: Floats, numbers: Ints, most: float) -> int:
    """Walsh averages that are at most so large."""
    ends = np.searchsorted(ordered, 2 * most - ordered, side="right")
    return int(np.maximum(ends - numbers, 0).sum())
