"""Opinions on whole images, which are numbers: probabilities of classes or values of quantities, pooled as weighted means."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from scanwright.dataset.cases import Case, Quantities
from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import ClassifiedCase, MeasuredCase
from scanwright.evaluation.members.ballots import Ballots, ClassBallots, NumberBallots, area_of, determination
from scanwright.problem.pooling import AnswersAsOpinions, OpinionsOf
from scanwright.types import Floats


class WholePooling(AnswersAsOpinions):
    """Mixed into kinds with one answer (K,) to a whole image, which have `answer`, `write` and `read` beside."""

    task: Task

    def pool(self, opinions: Sequence[Floats], weights: Sequence[float]) -> Floats:
        """(K,) float32, the weighted mean."""
        return weighted_mean(opinions, weights)


def weighted_mean(values: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """The mean of arrays of one shape, float32."""
    shares = np.array(weights, dtype=float) / sum(weights)
    mean: Floats = np.tensordot(shares, np.stack(values).astype(np.float64), axes=1).astype(np.float32)
    return mean


class ClassPooling(WholePooling):
    """Of classes, labels or grades."""

    def ballots(self: Any, cases: Sequence[Case], opinions_of: OpinionsOf) -> Ballots:
        """Ranked by AUROC."""
        said = [list(opinions_of(case)) for case in cases]
        rows = [self.row(case, opinions[0], fold=None) for case, opinions in zip(cases, said, strict=True)]
        return ClassBallots(np.array(said, dtype=float).swapaxes(0, 1), rows, self.task.choice)

    def headline(self, rows: Sequence[ClassifiedCase]) -> float | None:
        """AUROC."""
        return area_of(rows, choice=self.task.choice)


class NumberPooling(WholePooling):
    """Of quantities."""

    def ballots(self, cases: Sequence[Case], opinions_of: OpinionsOf) -> Ballots:
        """Ranked by R²."""
        said = np.array([list(opinions_of(case)) for case in cases], dtype=float)
        truth = [case.target.numbers for case in cases if isinstance(case.target, Quantities)]
        known = np.array([[np.nan if one is None else one for one in row] for row in truth], dtype=float)
        return NumberBallots(said.swapaxes(0, 1), known)

    def headline(self, rows: Sequence[MeasuredCase]) -> float | None:
        """R²."""
        known = [[np.nan if one is None else one for one in row.truth] for row in rows]
        return determination(np.array([row.predicted for row in rows]), np.array(known, dtype=float))
