"""How far apart a measure is on two sets of other patients, from what each set says by itself."""

import math

from scanwright.evaluation.intervals.bootstrap import Interval


def independent_difference(value: float, interval: Interval, other: float, other_interval: Interval) -> Interval:
    """95 % interval of `value` less `other`, two independent estimates with a 95 % interval each.

    MOVER, the method of variance estimates recovery: each end of the difference rests on those ends of the two intervals that
    lie towards it, so that intervals that are not symmetric, as of shares near 1, stay so (Zou & Donner 2008, Stat Med
    27:1693).

    >>> [round(end, 3) for end in independent_difference(0.8, (0.7, 0.85), 0.9, (0.86, 0.93))]
    [-0.204, -0.036]
    """
    (low, high), (other_low, other_high) = interval, other_interval
    apart = value - other
    return (
        apart - math.hypot(value - low, other_high - other),
        apart + math.hypot(high - value, other - other_low),
    )
