"""The ranking of models, and how stable it is: in how many draws of the patients each model takes each rank.

In every draw all models are measured on the same patients and ranked by their values; of equals all have the best rank among
them. A ranking in which a model is first in 55 % of the draws says little; one in which it is so in 99 % says much of these
patients, and nothing of other hospitals. Agreement is Kendall's tau-b of the ranking of all cases with that of each draw.

Source: Wiesenfarth et al. 2021, Sci Rep 11:2369 (challengeR), "aggregate then rank" with the bootstrap; the patient is the
unit.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import kendalltau, rankdata

from scanwright.evaluation.comparing.contrast import Measured
from scanwright.evaluation.intervals.bootstrap import BLOCK_ENTRIES, Interval, draw_counts, percentile_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.types import JSON, Floats, Ints

DRAWS = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where one model stands. value, rank: on all cases; None where the measure is not defined. interval: of the value, 95 %,
    between percentiles of the draws.

    shares: of the draws in which it takes rank 1, 2, …. low, high: of 95 % of the draws, the best and worst rank. None and ()
    under 5 patients.
    """

    model: str
    value: float | None
    rank: int | None
    shares: tuple[float, ...]
    low: int | None
    high: int | None
    interval: Interval | None = None

    @property
    def first(self) -> float | None:
        """In which share of the draws it is first."""
        return self.shares[0] if self.shares else None

    def to_json(self) -> dict[str, JSON]:
        """For compare.json."""
        reach = None if self.low is None or self.high is None else [self.low, self.high]
        value = {"mean": self.value, "ci95": None if self.interval is None else list(self.interval)}
        return {**value, "rank": self.rank, "rank95": reach, "share_at_rank": list(self.shares)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """Models by rank. agreement: mean Kendall's tau-b of the draws with the ranking of all cases, None where it is not
    defined.
    """

    standings: tuple[Standing, ...]
    draws: int
    agreement: float | None


def rank_models(measure: Measured, *, seed: int = 0, draws: int = DRAWS) -> Ranking:
    """The models of a measure ranked by it, and their ranks in draws of the patients."""
    values = measure.values(np.ones((1, len(measure.owners))))
    ranks, number = _ranks(measure, values)[0], len(measure.models)
    counted = measure.owners[measure.counted]
    drawn: Floats = np.empty((0, len(measure.models)))
    if len(np.unique(counted)) >= MIN_PATIENTS and np.isfinite(values).all():
        drawn = _drawn(measure, seed=seed, draws=draws)
    drawn_ranks, patients = _ranks(measure, drawn), len(np.unique(counted))
    standings = []
    for place, name in enumerate(measure.models):
        one = _standing(name, value=values[0, place], rank=ranks[place], drawn=drawn_ranks[:, place], number=number)
        if len(drawn):
            reach = percentile_interval(drawn[:, place], float(values[0, place]), num_patients=patients)
            one = replace(one, interval=reach)
        standings.append(one)
    standings.sort(key=lambda one: (one.rank is None, one.rank or 0, -(one.first or 0.0)))
    return Ranking(standings=tuple(standings), draws=len(drawn), agreement=_agreement(ranks, drawn_ranks))


def _drawn(measure: Measured, *, seed: int, draws: int) -> Floats:
    """The models' values in draws of the patients in which they are defined, (D, M)."""
    each = max(1, BLOCK_ENTRIES // len(measure.owners))
    parts = [
        measure.values(counts[start : start + each][:, measure.owners])
        for counts in draw_counts(int(measure.owners.max()) + 1, seed=seed, samples=draws)
        for start in range(0, len(counts), each)
    ]
    drawn: Floats = np.concatenate(parts)
    defined: Floats = drawn[np.isfinite(drawn).all(axis=1)]
    return defined


def _ranks(measure: Measured, values_DM: Floats) -> Ints:
    """From 1 for the best; equals, but for rounding, share the best rank among them."""
    turned = {"higher": -values_DM, "lower": values_DM, "zero": np.abs(values_DM)}[measure.better]
    found: Ints = rankdata(np.round(turned, 12), method="min", axis=1, nan_policy="propagate")
    return found


def _standing(model: str, *, value: float, rank: float, drawn: Ints, number: int) -> Standing:
    defined = np.isfinite(value)
    if not len(drawn):
        return Standing(
            model=model,
            value=float(value) if defined else None,
            rank=int(rank) if defined else None,
            shares=(),
            low=None,
            high=None,
        )
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    shares = np.bincount(drawn.astype(int), minlength=number + 1)[1:] / len(drawn)
    return Standing(
        model=model, value=float(value), rank=int(rank), shares=tuple(shares.tolist()), low=int(low), high=int(high)
    )


def _agreement(ranks: Floats, drawn: Ints) -> float | None:
    """NaN, of draws in which all models are equal, counts as no agreement."""
    if not len(drawn) or len(set(ranks.tolist())) < 2:
        return None
    kinds, numbers = np.unique(drawn, axis=0, return_counts=True)
    taus = [kendalltau(ranks, kind).statistic for kind in kinds]
    return float(np.average(np.nan_to_num(taus), weights=numbers))
