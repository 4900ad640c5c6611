"""From a network's probabilities to what is said of a case: calibrated, and decided at a threshold that was chosen.

Both are chosen on out-of-fold answers. The judged rows of a run are cross-fitted: each fold is calibrated and decided by what
the other folds say. What goes into the package, and is applied to a test split, is chosen on all of them. With one fold there
is nothing to choose on, and nothing is chosen.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.errors import IntegrityError
from scanwright.evaluation.answers import Answers
from scanwright.evaluation.calibration import Calibration, calibrate
from scanwright.evaluation.calibration_fit import cross_calibrate, fit_calibration
from scanwright.evaluation.judged import ClassifiedCase, answers_of
from scanwright.evaluation.operating import DEFAULT_THRESHOLD, choose_operating_point, cross_fit
from scanwright.plan.plan import InferencePlan
from scanwright.types import JSON, Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How probabilities (K,) become an answer.

    calibration: None leaves them as they are. threshold: from which probability on the second of two classes is said; None:
    the most probable class, of labels each over one half.
    """

    calibration: Calibration | None = None
    threshold: float | None = None

    def calibrated(self, probabilities: Floats) -> Floats:
        """(K,) in [0, 1]."""
        return probabilities if self.calibration is None else calibrate(probabilities[None], self.calibration)[0]

    def decide(self, calibrated: Floats, choice: Choice) -> int | tuple[bool, ...]:
        """The code of a class or grade; of labels one bool each."""
        if choice == "several":
            return tuple(bool(chance > DEFAULT_THRESHOLD) for chance in calibrated)
        if self.threshold is not None:
            return int(calibrated[1] >= self.threshold)
        return int(calibrated.argmax())

    def to_json(self) -> dict[str, JSON]:
        """Plain data for the package."""
        return asdict(self)


PLAIN = Decision()


def decision_from_json(data: Any) -> Decision:
    """A package's decision. Raises IntegrityError for what is none."""
    try:
        fitted = data["calibration"]
        made = None
        if fitted is not None:
            slopes, offsets = (tuple(float(value) for value in fitted[key]) for key in ("slopes", "offsets"))
            made = Calibration(kind=fitted["kind"], slopes=slopes, offsets=offsets)
        threshold = data["threshold"]
        return Decision(calibration=made, threshold=None if threshold is None else float(threshold))
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("not a decision of this version", found=str(error)[:160]) from error


def settle(
    rows: Sequence[ClassifiedCase], test: Sequence[ClassifiedCase], plan: InferencePlan, choice: Choice
) -> tuple[list[ClassifiedCase], list[ClassifiedCase], Decision]:
    """Rows decided cross-fitted, test rows by what was chosen on all rows, and that."""
    folds = [row.fold for row in rows if row.fold is not None]
    if len(set(folds)) < 2 or len(folds) < len(rows):
        return list(rows), list(test), PLAIN
    answers = answers_of(rows, choice=choice)
    if plan.calibrate:
        crossed, fitted = cross_calibrate(answers, folds)[0], fit_calibration(answers)
        whole = replace(answers, probabilities=calibrate(answers.probabilities, fitted))
    else:
        crossed, whole, fitted = answers, answers, None
    thresholds, threshold = _thresholds(crossed, whole, folds, plan)
    chosen = Decision(calibration=fitted, threshold=threshold)
    decided = [
        _decided(row, chances, Decision(threshold=limit), choice)
        for row, chances, limit in zip(rows, crossed.probabilities, thresholds, strict=True)
    ]
    tested = [_decided(row, chosen.calibrated(np.array(row.probabilities)), chosen, choice) for row in test]
    return decided, tested, chosen


def _thresholds(
    crossed: Answers, whole: Answers, folds: Sequence[int], plan: InferencePlan
) -> tuple[list[float | None], float | None]:
    """The threshold of each row, chosen on the other folds, and the one of all; None where the most probable class is said."""
    if not crossed.is_binary or plan.decide == "probable":
        return [None] * len(crossed), None
    view, everything = crossed.view(1), whole.view(1)
    by_fold = cross_fit(view.scores, view.positive, folds, rule=plan.decide, target=plan.decide_at).thresholds
    point = choose_operating_point(everything.scores, everything.positive, rule=plan.decide, target=plan.decide_at)
    return [by_fold[fold] for fold in folds], None if point is None else point.threshold


def _decided(row: ClassifiedCase, chances: Floats, decision: Decision, choice: Choice) -> ClassifiedCase:
    return replace(
        row, probabilities=tuple(float(value) for value in chances), decision=decision.decide(chances, choice)
    )
