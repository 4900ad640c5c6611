"""Patients drawn with replacement, each with all of its cases, and the intervals that follow from such draws.

A draw is a row of counts: how often each patient is in it. Whatever is a function of totals over cases (a mean, a confusion
matrix, sums of squares) is then one matrix product for all draws: 10,000 draws of 5,000 patients take seconds.

Two intervals, both at levels widened for few patients (Hesterberg 2015, Am Stat 69:371): BCa (bias-corrected and
accelerated; Efron 1987, J Am Stat Assoc 82:171), and percentiles for measures that many models reach the upper end of:
there the draws hold patients judged badly (`decisions.py`, `ranked.py`), so that the interval does not shrink to that end.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.stats import norm, t

from scanwright.errors import UsageError
from scanwright.files import finite_or_none
from scanwright.runtime import generator
from scanwright.types import JSON, Floats, Ints

Interval: TypeAlias = tuple[float, float]
Statistic: TypeAlias = Callable[[Floats], Floats]
"""From totals (..., T) to values (..., M), NaN for "not defined"."""

BLOCK_ENTRIES = 4_000_000  # patients x samples drawn at once: 32 MB


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A measure of a set of cases with its 95 % interval; None is "not defined".

    n: cases judged. n_defined: those of them that the measure is a share or mean of (of a sensitivity: the positive ones).
    """

    value: float | None
    interval: Interval | None
    n: int
    n_defined: int

    def as_json(self) -> dict[str, JSON]:
        """{"mean", "ci95", "n", "n_defined"} as metrics.json has it."""
        reach = None if self.interval is None else list(self.interval)
        return {"mean": finite_or_none(self.value), "ci95": reach, "n": self.n, "n_defined": self.n_defined}


Measures: TypeAlias = dict[str, Estimate]
"""Measures of one set of cases by name, in the order of tables."""


def number_patients(patients: Sequence[Hashable], num_cases: int) -> Ints:
    """The patient of each case (N,) as numbers from 0 in order of appearance, so that other names change no result.

    Raises UsageError if there is not one for each case.
    """
    if len(patients) != num_cases:
        raise UsageError("each value needs its patient", expected=f"{num_cases} patients", found=len(patients))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(patients))}
    return np.array([numbers[name] for name in patients], int)


def totals_by_patient(values: Floats, owners: Ints) -> Floats:
    """Sums (P, T) over each patient's cases of values (N, T)."""
    totals = np.zeros((int(owners.max(initial=-1)) + 1, *values.shape[1:]))
    np.add.at(totals, owners, values)
    return totals


def sums_by_owner(values_DN: Floats, owners: Ints) -> Floats:
    """Sums over each owner's columns (D, P), in the order of their numbers; owners without a column are left out."""
    order = np.argsort(owners, kind="stable")
    starts = np.flatnonzero(np.diff(owners[order], prepend=-1))
    sums: Floats = np.add.reduceat(values_DN[:, order], starts, axis=1) if len(owners) else values_DN
    return sums


def draw_counts(num_patients: int, *, seed: int, samples: int) -> Iterator[Floats]:
    """How often each patient is drawn, in blocks (rows, patients) of together `samples` rows. Same seed, same draws."""
    rng = generator(seed)
    for start in range(0, samples, rows := max(1, BLOCK_ENTRIES // num_patients)):
        drawn = rng.integers(num_patients, size=(min(rows, samples - start), num_patients))
        offsets = num_patients * np.arange(len(drawn))[:, None]
        yield np.bincount((drawn + offsets).ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)


def resample(totals_PT: Floats, statistic: Statistic, *, seed: int, samples: int) -> Floats:
    """The statistic of each draw of the patients, (samples, M), from the totals of each patient (P, T)."""
    blocks = [statistic(counts @ totals_PT) for counts in draw_counts(len(totals_PT), seed=seed, samples=samples)]
    return np.concatenate(blocks)


def bca_interval(drawn: Floats, value: float, left_out: Floats) -> Interval:
    """The BCa interval of a value from its draws (samples,) and from its values without each patient in turn (patients,).

    What is not finite among the draws is left out. left_out: of the patients that the value depends on, two or more.
    """
    drawn = drawn[np.isfinite(drawn)]
    equal = np.abs(drawn - value) <= 1e-12 * abs(value)  # a draw of every patient once gives the value but for rounding
    below = (np.sum((drawn < value) & ~equal) + np.sum(equal) / 2) / len(drawn)
    bias = norm.ppf(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn)))
    spread = left_out.mean() - left_out
    scale = 6 * np.sum(spread**2) ** 1.5
    acceleration = np.sum(spread**3) / scale if scale > 0 else 0.0
    reach = widened_reach(len(left_out))
    levels = norm.cdf(bias + (bias + reach) / np.maximum(1 - acceleration * (bias + reach), 1e-6))
    low, high = np.quantile(drawn, levels)
    return float(low), float(high)


def percentile_interval(drawn: Floats, value: float, *, num_patients: int, level: float = 0.95) -> Interval:
    """The interval between two percentiles of the draws (samples,), drawn out where needed so that the value is in it."""
    low, high = np.quantile(drawn[np.isfinite(drawn)], norm.cdf(widened_reach(num_patients, level=level)))
    return min(float(low), value), max(float(high), value)


def widened_reach(num_patients: int, *, level: float = 0.95) -> Floats:
    """The ends of an interval in standard errors of a bootstrap of so many patients: Student's, times √(n / (n - 1))."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    reach: Floats = np.sqrt(num_patients / (num_patients - 1)) * t.ppf(tails, num_patients - 1)
    return reach
