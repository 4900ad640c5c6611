"""The score from which on a found box counts, for each class: the one with the largest F1.

Applied to the cases that it was chosen on it flatters itself; `choose_by_fold` chooses for each fold on the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.evaluation.boxes.box_matching import IOU_50, HitRule
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.matched import MatchedCase, match_cases
from scanwright.evaluation.classes.confusion import ratio
from scanwright.evaluation.classes.operating import candidate_thresholds
from scanwright.types import Floats

DEFAULT_SCORE = 0.3
"""From which a box counts where nothing was chosen. A score is a probability times how well a box fits, and rarely near 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxThreshold:
    """A chosen threshold, and F1, sensitivity and precision on the cases of the choice, each in [0, 1]."""

    threshold: float
    f1: float
    sensitivity: float
    precision: float


def choose_box_thresholds(
    rows: Sequence[DetectedCase], *, num_classes: int, rule: HitRule = IOU_50
) -> tuple[BoxThreshold | None, ...]:
    """For each class the threshold with the largest F1 on these cases, by the hit rule; None as in `choose_box_threshold`.

    Raises UsageError without rows, or if a box is of no class.
    """
    cases = match_cases(rows, num_classes=num_classes, rule=rule, most=0)
    return tuple(choose_box_threshold(cases, code=code) for code in range(num_classes))


def choose_by_fold(
    rows: Sequence[DetectedCase], *, num_classes: int, rule: HitRule = IOU_50
) -> dict[int | None, tuple[float | None, ...]]:
    """The thresholds of each fold, chosen on the cases of no or of another fold; and under None those chosen on all cases.

    A class without a true box or a found one there has None. Raises UsageError without rows, or if a box is of no class.
    """
    cases = match_cases(rows, num_classes=num_classes, rule=rule, most=0)
    folds = sorted({case.fold for case in cases if case.fold is not None})
    chosen: dict[int | None, tuple[float | None, ...]] = {}
    for fold in (*folds, None):
        others = [case for case in cases if fold is None or case.fold != fold]
        points = [choose_box_threshold(others, code=code) for code in range(num_classes)]
        chosen[fold] = tuple(None if point is None else point.threshold for point in points)
    return chosen


def choose_box_threshold(cases: Sequence[MatchedCase], *, code: int) -> BoxThreshold | None:
    """The threshold with the largest F1 of a class; of equals the highest at which a box is found.

    It lies half-way between the scores of neighbouring boxes. Where all boxes are to count, nothing says what would not: it is
    the lowest of their scores, and at most DEFAULT_SCORE. None without a true box that counts, or without a found one that
    is a hit or a false positive.
    """
    parts = [case.classes[code] for case in cases]
    true = sum(part.by_rule.num_true for part in parts)
    scores = np.concatenate([part.scores[~part.by_rule.neither[0]] for part in parts] or [np.zeros(0)])
    hits = np.concatenate([part.scores[part.by_rule.hit[0]] for part in parts] or [np.zeros(0)])
    if not true or not len(scores):
        return None
    thresholds = candidate_thresholds(scores)[:-1]
    found, hit = (len(part) - np.searchsorted(np.sort(part), thresholds) for part in (scores, hits))
    f1 = 2 * hit / (found + true)
    place = len(f1) - 1 - int(np.argmax(np.round(f1, 12)[::-1]))
    below_all = min(DEFAULT_SCORE, float(scores.min()))
    return BoxThreshold(
        threshold=float(thresholds[place]) if found[place] < len(scores) else below_all,
        f1=float(f1[place]),
        sensitivity=float(hit[place] / true),
        precision=float(hit[place] / found[place]),
    )


def totals_at(cases: Sequence[MatchedCase], thresholds: Sequence[float], *, code: int) -> Floats:
    """Hits, misses and false positives of a class in each case (N, 3), with the threshold of each case (N,)."""
    totals = np.zeros((len(cases), 3))
    for place, (case, threshold) in enumerate(zip(cases, thresholds, strict=True)):
        part = case.classes[code]
        counted = part.scores >= threshold
        hits = np.count_nonzero(part.by_rule.hit[0] & counted)
        judged = np.count_nonzero(~part.by_rule.neither[0] & counted)
        totals[place] = hits, part.by_rule.num_true - hits, judged - hits
    return totals


def f1_of(totals: Floats) -> Floats:
    """F1 (...,) in [0, 1] of hits, misses and false positives (..., 3); NaN where there is none of the three."""
    hits, misses, false = (totals[..., k] for k in range(3))
    return ratio(2 * hits, 2 * hits + misses + false)
