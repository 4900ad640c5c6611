"""From a network's probabilities to what is said of a case: calibrated, and decided at a threshold that was chosen.

Both are chosen on out-of-fold answers (`evaluation.calibration.select`). The judged rows of a run are cross-fitted: each fold
is calibrated and decided by what the other folds say. What goes into the package, and is applied to a test split, is chosen on
all of them. With one fold there is nothing to choose on, and nothing is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.errors import IntegrityError
from scanwright.evaluation.calibration.calibration import Calibration, calibrate, calibration_from_json
from scanwright.evaluation.calibration.select import calibrations_of, choose, judge_cross_fitted, taught_by, teaching
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.operating import DEFAULT_THRESHOLD
from scanwright.plan.plan import InferencePlan
from scanwright.types import JSON, Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How probabilities (K,) become an answer.

    calibration: None leaves them as they are. thresholds: of the second of two classes, or of each label, from which on it
    is said; none of several classes or grades, of which the most probable is said.
    """

    calibration: Calibration | None = None
    thresholds: tuple[float, ...] = ()

    def limits(self, choice: Choice, classes: int) -> tuple[float, ...]:
        """From which probability on the second of two classes, or each label, is said; () where the most probable one is."""
        if choice == "several":
            return self.thresholds or (DEFAULT_THRESHOLD,) * classes
        return (self.thresholds or (DEFAULT_THRESHOLD,)) if choice == "one" and classes == 2 else ()

    def calibrated(self, probabilities: Floats) -> Floats:
        """(K,) in [0, 1]."""
        return probabilities if self.calibration is None else calibrate(probabilities[None], self.calibration)[0]

    def decide(self, calibrated: Floats, choice: Choice) -> int | tuple[bool, ...]:
        """The code of a class or grade; of labels one bool each."""
        limits = self.limits(choice, len(calibrated))
        if choice == "several":
            return tuple(bool(chance >= limit) for chance, limit in zip(calibrated, limits, strict=True))
        if choice == "one" and len(calibrated) == 2 and self.thresholds:
            return int(calibrated[1] >= limits[0])
        return int(calibrated.argmax())

    def to_json(self) -> dict[str, JSON]:
        """Plain data for the package."""
        calibration = None if self.calibration is None else self.calibration.to_json()
        return {"calibration": calibration, "thresholds": list(self.thresholds)}


PLAIN = Decision()


def decision_from_json(data: Any) -> Decision:
    """A package's decision. Raises IntegrityError for what is none."""
    try:
        return Decision(
            calibration=calibration_from_json(data["calibration"]),
            thresholds=tuple(float(value) for value in data["thresholds"]),
        )
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
    rule = None if plan.decide == "probable" else plan.decide
    known = calibrations_of(answers, folds, method=plan.calibrate)
    judged, _ = judge_cross_fitted(answers, folds, rule=rule, target=plan.decide_at, calibrations=known)
    taught = taught_by(answers, teaching(answers, folds))
    chosen = choose(taught, rule=rule, target=plan.decide_at, calibration=known.whole)
    decision = Decision(calibration=chosen.calibration, thresholds=chosen.thresholds)
    tested = [_decided(row, decision, choice) for row in test]
    return [_judged(row, judged, place) for place, row in enumerate(rows)], tested, decision


def _judged(row: ClassifiedCase, judged: Answers, place: int) -> ClassifiedCase:
    told = judged.decisions[place]
    return replace(
        row,
        probabilities=tuple(float(value) for value in judged.probabilities[place]),
        decision=tuple(bool(value) for value in told) if np.ndim(told) else int(told),
    )


def _decided(row: ClassifiedCase, decision: Decision, choice: Choice) -> ClassifiedCase:
    chances = decision.calibrated(np.array(row.probabilities))
    return replace(
        row, probabilities=tuple(float(value) for value in chances), decision=decision.decide(chances, choice)
    )
