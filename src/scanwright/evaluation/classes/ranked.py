"""The cases of a class in the order of their score, and how many positive ones lie above each score, for many draws at once."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from scanwright.evaluation.classes.answers import View
from scanwright.types import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """Cases (N,) from the highest score down. ends (G,): the last place of each distinct score. weights: mostly 1."""

    positive: Bools
    owners: Ints
    weights: Floats
    ends: Ints

    @classmethod
    def of(cls, view: View) -> Self:
        """The cases of a view, each of weight 1."""
        return cls._sorted(view.scores, view.positive, view.owners, np.ones(len(view.scores)))

    @classmethod
    def with_chance(cls, view: View, num_patients: int) -> Self:
        """The cases of a view and two more patients, a positive and a negative one, ranked by chance.

        Each has half a case above all others and half a case below, as heavy as the mean patient of its class, and the
        next number: `num_patients` and the one after. Both classes must be there.
        """
        sides = (view.positive, ~view.positive)
        heavy = [np.count_nonzero(side) / len(np.unique(view.owners[side])) / 2 for side in sides]
        return cls._sorted(
            np.concatenate([view.scores, [np.inf, -np.inf] * 2]),
            np.concatenate([view.positive, [True] * 2, [False] * 2]),
            np.concatenate([view.owners, [num_patients] * 2, [num_patients + 1] * 2]),
            np.concatenate([np.ones(len(view.scores)), np.repeat(heavy, 2)]),
        )

    @classmethod
    def _sorted(cls, scores: Floats, positive: Bools, owners: Ints, weights: Floats) -> Self:
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(scores) - 1)
        return cls(positive=positive[order], owners=owners[order], weights=weights[order], ends=ends)

    def cumulate(self, counts: Floats) -> tuple[Floats, Floats]:
        """Weight of positive and of negative cases at or above each distinct score, (draws, G) each.

        counts (draws, P): how often each patient is there.
        """
        drawn = counts[:, self.owners] * self.weights
        found = np.cumsum(drawn * self.positive, axis=1)[:, self.ends]
        return found, np.cumsum(drawn, axis=1)[:, self.ends] - found

    def average_precision(self, counts: Floats) -> Floats:
        """Precision at each positive case, in the mean over them, (draws,); NaN in a draw without one.

        counts (draws, P): how often each patient is there. In their precision: single halves the time, and holds sums of
        draws, which are small whole numbers, exactly.
        """
        drawn = counts[:, self.owners] * self.weights.astype(counts.dtype)
        places = np.flatnonzero(self.positive)
        groups = np.searchsorted(self.ends, places)
        above = np.cumsum(drawn, axis=1)[:, self.ends[groups]]
        steps = drawn[:, places]
        last = np.append(np.flatnonzero(np.diff(groups)), len(groups) - 1)
        found = np.cumsum(steps, axis=1)[:, last][:, np.searchsorted(last, np.arange(len(groups)))]
        precision = np.divide(found, above, out=np.zeros_like(found), where=above > 0)
        total = steps.sum(axis=1, dtype=np.float64)
        area = (precision * steps).sum(axis=1, dtype=np.float64)
        mean: Floats = np.divide(area, total, out=np.full(len(counts), np.nan), where=total > 0)
        return mean
