"""What is chosen from out-of-fold predictions before a classifier is packaged: its calibration, and then its thresholds.

`choose` on all out-of-fold predictions gives what the package carries. What to expect of it is judged cross-fitted: for each
fold both are chosen on the other folds, the thresholds on probabilities calibrated by that very choice, and applied to it;
so no case has a say in its own decision, and a report of `judge_cross_fitted` is not flattered by the choice.

Of several exclusive classes or grades the decision is the problem's own and is left as it is: a temperature does not change
which class is the most probable. Thresholds are of the positive class, or one for each label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.calibration.calibration import Calibration, calibrate
from scanwright.evaluation.calibration.calibration_choice import Choice, calibration_of
from scanwright.evaluation.cases.level import level_columns
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.operating import (
    DEFAULT_THRESHOLD,
    OperatingPoint,
    Rule,
    choose_operating_point,
    require_rule,
)
from scanwright.types import Bools, Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """points: of the positive class, or of each label; none for exclusive classes. None in it: DEFAULT_THRESHOLD applies,
    because there was no positive or no negative case to choose on."""

    calibration: Calibration
    points: tuple[OperatingPoint | None, ...]

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The threshold of each point, on calibrated probabilities."""
        return tuple(DEFAULT_THRESHOLD if point is None else point.threshold for point in self.points)


def choose(
    answers: Answers,
    *,
    rule: Rule | None = "youden",
    target: float | None = None,
    calibration: Calibration | None = None,
) -> Chosen:
    """The calibration, and the thresholds that the rule chooses on probabilities so calibrated.

    rule: None chooses none: DEFAULT_THRESHOLD applies, which of two classes says the more probable one.
    calibration: one that was chosen on these answers (calibration_choice.py); None: the usual one.
    Raises UsageError as `choose_operating_point` does.
    """
    calibration = calibration_of(answers) if calibration is None else calibration
    if rule is None:
        return Chosen(calibration=calibration, points=(None,) * len(deciding(answers)))
    require_rule(rule, target)
    calibrated = replace(answers, probabilities=calibrate(answers.probabilities, calibration))
    views = [calibrated.view(k) for k in deciding(answers)]
    points = (choose_operating_point(view.scores, view.positive, rule=rule, target=target) for view in views)
    return Chosen(calibration=calibration, points=tuple(points))


def apply_choice(answers: Answers, chosen: Chosen) -> Answers:
    """The answers with calibrated probabilities, and the decisions of the chosen thresholds."""
    probabilities = calibrate(answers.probabilities, chosen.calibration)
    decided = probabilities[:, deciding(answers)] >= np.array(chosen.thresholds)
    if answers.is_binary:
        decisions = decided[:, 0].astype(int)
    else:
        best = answers.decisions if chosen.calibration.keeps_best else probabilities.argmax(axis=1)
        decisions = decided if answers.choice == "several" else best
    return replace(answers, probabilities=probabilities, decisions=decisions)


def teaching(answers: Answers, folds: Sequence[int] | Ints) -> Bools:
    """Of each case and class, (N, K), whether the answer may be chosen on: the model that gave it could know the class.

    A class that occurs in one fold alone was judged by a model that never saw it, and the one case that it holds impossible
    would make all others unsure. Its cases teach nothing; of labels, neither do those of a label that all cases of other
    folds have. Nor do cases of a fold whose model gives all of them nearly the same probabilities (level.py): any slope fits
    them, and a steep one would make the other folds as sure as can be.
    """
    places = np.asarray(folds, int)
    has = (answers.indicators > 0) & answers.known

    def in_two(cases: Bools) -> bool:
        return len(set(places[cases].tolist())) > 1

    tells = _tells(answers, places)
    enough = np.array([in_two(column) for column in has.T], bool)
    if answers.choice == "several":
        lacks = answers.known & ~has
        enough &= np.array([in_two(column) for column in lacks.T], bool)
        return np.asarray(answers.known & enough & tells)
    return np.repeat((enough[answers.truth] & tells.any(axis=1))[:, None], answers.num_classes, axis=1)


def _tells(answers: Answers, folds: Ints) -> Bools:
    """(N, K) whether the model of a case's fold tells cases apart by a class or label."""
    tells = np.ones(answers.probabilities.shape, bool)
    for fold in set(folds.tolist()):
        tells[folds == fold] = ~level_columns(answers.probabilities[folds == fold])
    return tells


def taught_by(answers: Answers, teaches: Bools) -> Answers:
    """The answers that may be chosen on; teaches (N, K), as `teaching` gives it."""
    return replace(answers, known=teaches) if answers.choice == "several" else answers.where(teaches[:, 0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibrations:
    """What out-of-fold answers give: by_fold, of each fold the calibration that the other folds chose; whole, of all."""

    by_fold: Mapping[int, Calibration]
    whole: Calibration


def calibrations_of(answers: Answers, folds: Sequence[int] | Ints, *, method: Choice = "auto") -> Calibrations:
    """The calibrations of out-of-fold answers by a method; folds (N,). "auto" chooses on the folds that it fits on, which takes
    the most time here: made once, and given to whatever is judged by them.
    """
    places = np.asarray(folds, int)
    teaches = teaching(answers, places)

    def on(these: Bools) -> Calibration:
        taught = teaches[these]
        named = places[these] if answers.choice == "several" else places[these][taught[:, 0]]
        return calibration_of(taught_by(answers.where(these), taught), choice=method, folds=named)

    names = sorted(set(places.tolist()))
    return Calibrations(by_fold={fold: on(places != fold) for fold in names}, whole=on(np.ones(len(places), bool)))


def judge_cross_fitted(
    answers: Answers,
    folds: Sequence[int] | Ints,
    *,
    rule: Rule | None = "youden",
    target: float | None = None,
    calibrations: Calibrations | None = None,
) -> tuple[Answers, dict[int, Chosen]]:
    """Out-of-fold answers as they would be decided if chosen on the other folds alone, and each fold's choice; folds (N,).

    With one fold alone there is nothing to choose on: nothing is calibrated, and DEFAULT_THRESHOLD decides.
    calibrations: of these answers and folds, None to choose them here.
    Raises UsageError as `choose_operating_point` does, or if there is not a fold for each case.
    """
    places = np.asarray(folds, int)
    if len(places) != len(answers):
        raise UsageError("every case needs its fold", expected=len(answers), found=len(places))
    if rule is not None:
        require_rule(rule, target)
    probabilities, decisions = answers.probabilities.copy(), answers.decisions.copy()
    choices, teaches = {}, teaching(answers, places)
    known = calibrations or calibrations_of(answers, places)
    for fold in sorted(set(places.tolist())):
        here = places == fold
        choices[fold] = choose(
            taught_by(answers.where(~here), teaches[~here]), rule=rule, target=target, calibration=known.by_fold[fold]
        )
        judged = apply_choice(answers.where(here), choices[fold])
        decisions[here] = judged.decisions
        if not here.all():  # else there was nothing to calibrate on
            probabilities[here] = judged.probabilities
    return replace(answers, probabilities=probabilities, decisions=decisions), choices


def deciding(answers: Answers) -> list[int]:
    """The columns that a threshold decides."""
    if answers.is_binary:
        return [1]
    return list(range(answers.num_classes)) if answers.choice == "several" else []
