"""How often sets or intervals held the truth, beside what chance allows where they keep what they state.

Of n known cases and m new ones, the number of new ones that are held is beta-binomial: m draws with a chance that is itself
Beta(n + 1 - l, l), l = floor((n + 1)(1 - c)) (Vovk 2012, ACML 475; Angelopoulos & Bates 2023, Found Trends Mach Learn 16:494).
So a coverage of 86 % of 100 cases is no sign that 90 % is not kept.
"""

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from scipy.stats import betabinom

from scanwright.evaluation.intervals.bootstrap import Estimate, Interval, number_patients, totals_by_patient
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.types import Bools

LEVEL = 0.95


def coverage_band(*, known: int, new: int, coverage: float, level: float = LEVEL) -> Interval | None:
    """Between which shares of `new` cases the held ones lie in `level` of studies, where `known` cases gave a quantile that
    keeps the coverage exactly. None without new cases, or with too few known ones for any quantile.
    """
    left = math.floor((known + 1) * (1 - coverage) + 1e-9)
    if not new or left < 1 or left > known:
        return None
    found = betabinom(new, known + 1 - left, left)
    return float(found.ppf((1 - level) / 2)) / new, float(found.ppf((1 + level) / 2)) / new


def share_estimate(held: Bools, patients: Sequence[Hashable]) -> Estimate:
    """The share of cases (N,) that are held, with Wilson's interval by patient (proportion.py)."""
    if not len(held):
        return Estimate(value=None, interval=None, n=0, n_defined=0)
    owners = number_patients(patients, len(held))
    parts, wholes = totals_by_patient(np.stack([held, np.ones(len(held))], axis=1).astype(float), owners).T
    reach = share_interval(parts, wholes, fewest=MIN_PATIENTS)
    return Estimate(value=float(np.mean(held)), interval=reach, n=len(held), n_defined=len(held))


def shares_of(held: Bools, patients: Sequence[Hashable], members: Mapping[str, Sequence[int]]) -> dict[str, Estimate]:
    """The same of the cases of each group, by its name."""
    return {name: share_estimate(held[list(places)], [patients[k] for k in places]) for name, places in members.items()}
