"""What common rules for a threshold are worth: of two classes on the positive one, of several labels on each.

    youden                       the largest sensitivity + specificity - 1
    sensitivity 0.90, 0.95       the largest specificity at that sensitivity
    specificity 0.90, 0.95       the largest sensitivity at that specificity

Thresholds are of calibrated probabilities. Each fold is judged by the threshold, and the calibration, that the other folds
give; other cases, which no fold learned from, by those that all folds give. So the sensitivity that a rule asks for is what it
got where it chose, and what stands here is what it is worth elsewhere. Nothing is decided by these numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from scanwright.evaluation.calibration.calibration_choice import Choice as Calibrator
from scanwright.evaluation.calibration.select import (
    apply_choice,
    calibrations_of,
    choose,
    deciding,
    judge_cross_fitted,
    taught_by,
    teaching,
)
from scanwright.evaluation.classes.answers import Answers, View
from scanwright.evaluation.classes.confusion import SHARES
from scanwright.evaluation.classes.decisions import share_measures
from scanwright.evaluation.classes.operating import Rule
from scanwright.evaluation.intervals.bootstrap import Measures
from scanwright.types import JSON, Ints

POINTS: tuple[tuple[Rule, float | None], ...] = (
    ("youden", None),
    ("sensitivity", 0.9),
    ("sensitivity", 0.95),
    ("specificity", 0.9),
    ("specificity", 0.95),
)
TOLD = SHARES[1:]
"""Sensitivity, specificity, and what positive and negative answers are worth; the accuracy at a rare class says little."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PointMeasures:
    """A rule for one class, and what it is worth. threshold: that of all folds. by_fold: of each, what the others gave.

    measures: of TOLD, with Wilson's intervals by patient (decisions.py).
    """

    column: int
    rule: Rule
    target: float | None
    threshold: float
    measures: Measures
    by_fold: Mapping[int, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """For metrics.json."""
        each = {"fold_thresholds": {str(fold): one for fold, one in self.by_fold.items()}} if self.by_fold else {}
        found = {name: estimate.as_json() for name, estimate in self.measures.items()}
        return {"rule": self.rule, "target": self.target, "threshold": self.threshold, **each, **found}


def operating_points(
    answers: Answers,
    folds: Sequence[int] | Ints,
    other: Answers | None = None,
    *,
    method: Calibrator = "auto",
) -> tuple[list[PointMeasures], list[PointMeasures]]:
    """POINTS of each class that a threshold decides: of out-of-fold answers, cross-fitted, and of other cases; folds (N,).

    A class for which some fold has nothing to choose on, and all of several exclusive classes or grades, have none; nor has
    anything with one fold alone. method: of calibration.
    """
    if len(set(np.asarray(folds).tolist())) < 2:
        return [], []
    inside: list[PointMeasures] = []
    outside: list[PointMeasures] = []
    if not deciding(answers):
        return [], []
    known, taught = calibrations_of(answers, folds, method=method), taught_by(answers, teaching(answers, folds))
    for rule, target in POINTS:
        judged, chosen = judge_cross_fitted(answers, folds, rule=rule, target=target, calibrations=known)
        whole = choose(taught, rule=rule, target=target, calibration=known.whole)
        applied = None if other is None else apply_choice(other, whole)
        for place, column in enumerate(deciding(answers)):
            if any(one.points[place] is None for one in (whole, *chosen.values())):
                continue
            found = partial(PointMeasures, column=column, rule=rule, target=target, threshold=whole.thresholds[place])
            by_fold = {fold: one.thresholds[place] for fold, one in chosen.items()}
            inside.append(found(measures=_told(judged, column), by_fold=by_fold))
            if applied is not None:
                outside.append(found(measures=_told(applied, column)))
    return inside, outside


def measures_at(answers: Answers, column: int, threshold: float) -> Measures:
    """What a threshold that was chosen elsewhere is worth for one class: TOLD. answers: calibrated as those of the choice."""
    view = answers.view(column)
    return _shares(replace(view, decided=view.scores >= threshold), num_patients=answers.num_patients)


def _told(answers: Answers, column: int) -> Measures:
    return _shares(answers.view(column), num_patients=answers.num_patients)


def _shares(view: View, *, num_patients: int) -> Measures:
    found = share_measures(view, num_patients=num_patients)
    return {name: found[name] for name in TOLD}
