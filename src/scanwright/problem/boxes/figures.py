"""Curves of a detection for the page: precision over sensitivity, and sensitivity over false positives in the mean image."""

from collections.abc import Iterator, Sequence

import numpy as np

from scanwright.dataset.task import Task
from scanwright.evaluation.boxes.box_matching import HitRule
from scanwright.evaluation.boxes.detected import DetectedCase, usual_froc_rule
from scanwright.evaluation.boxes.froc import froc_curve
from scanwright.evaluation.boxes.matched import MatchedCase, match_cases
from scanwright.figures.plots import Line, line_plot
from scanwright.report.results_content import Figure
from scanwright.types import Floats

MOST_CLASSES = 6
"""Classes that are drawn; of more, the first so many."""
MOST_RATE = 8.0
"""False positives in the mean image, up to which curves are drawn."""


def figures(rows: Sequence[DetectedCase], task: Task) -> tuple[Figure, ...]:
    """Curves of precision and sensitivity, and free-response curves, a line for each class."""
    rule = usual_froc_rule(rows)
    cases = match_cases(rows, num_classes=len(task.classes), froc_rule=rule)
    names = task.classes[:MOST_CLASSES]
    return (*_precision(cases, names), *_free_response(cases, names, rule=rule))


def _precision(cases: Sequence[MatchedCase], names: Sequence[str]) -> Iterator[Figure]:
    lines = [Line(name, points) for code, name in enumerate(names) if (points := _precision_points(cases, code=code))]
    if lines:
        yield Figure(
            panels=(line_plot(lines, x_label="sensitivity", y_label="precision"),),
            caption="Precision over sensitivity as the score falls from which on boxes are told; a hit overlaps a true box by "
            "half (IoU 0.5).",
            legend=tuple(names),
        )


def _precision_points(cases: Sequence[MatchedCase], *, code: int) -> tuple[tuple[float, float], ...]:
    """(sensitivity, precision) from the highest score down; () without a true or a found box."""
    own = [case.classes[code] for case in cases]
    true = sum(one.by_rule.num_true for one in own)
    scores = np.concatenate([one.scores for one in own])
    hit: Floats = np.concatenate([one.by_rule.hit[0] for one in own]).astype(float)
    neither = np.concatenate([one.by_rule.neither[0] for one in own])
    if not true or not len(scores):
        return ()
    order = np.argsort(-scores, kind="stable")
    hits, judged = np.cumsum(hit[order]), np.cumsum(~neither[order])
    precision = np.maximum.accumulate((hits / np.maximum(judged, 1))[::-1])[::-1]
    return tuple(zip((hits / true).tolist(), precision.tolist(), strict=True))


def _free_response(cases: Sequence[MatchedCase], names: Sequence[str], *, rule: HitRule) -> Iterator[Figure]:
    lines = []
    for code, name in enumerate(names):
        curve = froc_curve(cases, code=code)
        if curve is not None:
            near = curve.rates <= MOST_RATE
            points = zip(curve.rates[near].tolist(), curve.sensitivity[near].tolist(), strict=True)
            lines.append(Line(name, tuple(points)))
    if lines:
        yield Figure(
            panels=(line_plot(lines, x_label="false positives in the mean image", y_label="sensitivity"),),
            caption="Free-response curves: the share of true boxes that are found, over the false positives that come "
            f"with them. A hit: {rule.stated}.",
            legend=tuple(names),
        )
