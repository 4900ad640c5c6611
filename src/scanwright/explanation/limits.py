"""How large a distance still is usual, by those of cases that were held out.

With enough of them the limit is a conformal quantile: of cases like these at most the stated share lies beyond it,
whatever their distribution is. With few of them it is the largest one, beyond which a further case lies with
probability 1 / (n + 1), or, where that is larger, what a normal distribution of their logarithms foretells for one
more.

Source: Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World (conformal); the bound for one more of
a normal sample: Hahn 1969, J Am Stat Assoc 64:878.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from scanwright.types import Floats

How = Literal["conformal", "few cases", "unknown"]
FEWEST = 3
"""Held-out cases below which nothing can be said of one more."""


@dataclass(frozen=True, slots=True)
class Limit:
    """value: beyond it a number is unusual; None where it is not known. share: of usual cases at most that lie beyond
    it.

    how: it was set. cases: how many it was set by.
    """

    value: float | None
    share: float | None
    how: How
    cases: int

    def is_beyond(self, number: float) -> bool:
        """Whether a number is unusual; never where no limit is known, always where it is not finite."""
        return self.value is not None and not number <= self.value


def upper_limit(numbers: Sequence[float] | Floats, *, share: float) -> Limit:
    """The limit that at most this share of further numbers of the same origin exceed. Finite numbers of any sign.

    >>> upper_limit(list(range(99)), share=0.02)
    Limit(value=97.0, share=0.02, how='conformal', cases=99)
    >>> upper_limit([1.0, 1.1], share=0.02).value is None
    True
    """
    values = np.sort(np.asarray(numbers, dtype=np.float64))
    count = len(values)
    place = math.ceil((count + 1) * (1 - share))
    if count and place <= count:
        return Limit(float(values[place - 1]), share, "conformal", count)
    if count < FEWEST:
        return Limit(None, None, "unknown", count)
    foretold = values.mean() + stats.t.ppf(1 - share, count - 1) * values.std(ddof=1) * math.sqrt(1 + 1 / count)
    return Limit(float(max(values[-1], foretold)), 1 / (count + 1), "few cases", count)
