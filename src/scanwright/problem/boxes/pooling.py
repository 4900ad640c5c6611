"""Opinions that are boxes, each with a score: pooled by weighted box fusion, as the members of an engine are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.task import Task
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.detection_measures import measure_detections
from scanwright.evaluation.boxes.matched import match_cases
from scanwright.evaluation.members.ballots import Ballots, RowBallots
from scanwright.inference.boxes import put_together
from scanwright.problem.pooling import AnswersAsOpinions, OpinionsOf
from scanwright.types import Floats

LEAST_WEIGHED = 0.03
"""Boxes of a lower score are left out where members are chosen, not where they answer: they hardly move a mean average
precision, and are most of the boxes.
"""


class BoxPooling(AnswersAsOpinions):
    """Mixed into kinds whose answers are boxes (`answers.BoxAnswer`)."""

    task: Task

    def pool(self, opinions: Sequence[Any], weights: Sequence[float]) -> Any:
        """The boxes of all, fused by weight; of one opinion its own."""
        if len(opinions) == 1:
            return opinions[0]
        shares = [weight / sum(weights) for weight in weights]
        return replace(opinions[0], found=put_together([one.found for one in opinions], shares))

    def ballots(self: Any, cases: Sequence[Case], opinions_of: OpinionsOf) -> Ballots:
        """Ranked by mean average precision at an IoU of 0.5, of boxes that are at all probable."""
        said = [[_likely(one) for one in opinions_of(case)] for case in cases]

        def pooled(weights_M: Floats, place: int) -> DetectedCase:
            used = np.flatnonzero(weights_M)
            answer = self.pool([said[place][k] for k in used], weights_M[used].tolist())
            row: DetectedCase = self.row(cases[place], answer, fold=None)
            return row

        return RowBallots(len(said[0]) if said else 0, len(cases), pooled, self.headline)

    def headline(self, rows: Sequence[DetectedCase]) -> float | None:
        """Mean average precision at an IoU of 0.5."""
        size = len(self.task.classes)
        matched = match_cases(rows, num_classes=size)
        found = measure_detections(matched, num_classes=size, samples=0)[0]["map50"].value
        return None if found is None or not np.isfinite(found) else float(found)


def _likely(answer: Any) -> Any:
    return replace(answer, found=answer.found.at(np.flatnonzero(answer.found.scores >= LEAST_WEIGHED)))
