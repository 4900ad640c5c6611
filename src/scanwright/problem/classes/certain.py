"""How sure a classifier is: sets of classes that hold the truth, opinions that differ, and answers that are better not given.

Everything is fitted on out-of-fold answers as they are told (calibrated and decided cross-fitted, class_decisions.py).
A label is a question of its own, with the two answers "absent" and "present".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scanwright.dataset.task import Task
from scanwright.doubt import Doubt
from scanwright.errors import IntegrityError
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.certainty.conformal import (
    Known,
    Score,
    class_scores,
    conforming,
    cross_fitted_p,
    known_from_json,
    sets_of,
)
from scanwright.evaluation.certainty.opinions import disagreement, each_opinion, entropy
from scanwright.evaluation.certainty.selective import threshold_for
from scanwright.evaluation.classes.answers import Answers
from scanwright.plan.plan import InferencePlan
from scanwright.problem.certain import Certain
from scanwright.problem.classes.decisions import Decision
from scanwright.types import JSON, Bools, Floats, Ints

DIGITS = 6
BETWEEN = "; "
"""Classes of a set: names of classes have commas ("normal, benign")."""
NOT_SURE = "not-sure-enough"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassCertainty:
    """What a package knows of its own sureness. questions: scores of known cases; of labels one for each, in their order.

    folds: in the order of their models. risk: that answers may have, None where none is declined; threshold: how sure an
    answer has to be to be given, None where nothing is sure enough for that risk.
    """

    coverage: float
    score: Score
    questions: tuple[Known, ...]
    risk: float | None = None
    threshold: float | None = None

    def declines(self, sure: float) -> bool:
        """Whether an answer that is so sure is better not given."""
        return self.risk is not None and (self.threshold is None or sure < self.threshold)

    def to_json(self) -> dict[str, JSON]:
        """confidence.json."""
        return {
            "sets": {
                "coverage": self.coverage,
                "score": self.score,
                "by_class": self.questions[0].by_class,
                "questions": [
                    {
                        "scores": [[round(float(one), DIGITS) for one in fold] for fold in known.scores],
                        "truths": [[int(one) for one in fold] for fold in known.truths],
                    }
                    for known in self.questions
                ],
            },
            "decline": None if self.risk is None else {"risk": self.risk, "threshold": self.threshold},
        }


def certainty_from_json(data: Mapping[str, Any]) -> ClassCertainty | None:
    """A package's, None where it holds none of this kind. Raises IntegrityError for what is none."""
    if "sets" not in data:
        return None
    try:
        sets, decline = data["sets"], data.get("decline")
        return ClassCertainty(
            coverage=float(sets["coverage"]),
            score=sets["score"],
            questions=tuple(
                known_from_json(one["scores"], one["truths"], by_class=bool(sets["by_class"]))
                for one in sets["questions"]
            ),
            risk=None if decline is None else float(decline["risk"]),
            threshold=None if decline is None or decline["threshold"] is None else float(decline["threshold"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("not a confidence.json of this version", found=str(error)[:160]) from error


def fit_certainty(rows: Sequence[ClassifiedCase], plan: InferencePlan, task: Task) -> ClassCertainty | None:
    """From out-of-fold rows as they are told; None without two folds."""
    folds = folds_of(rows)
    if folds is None:
        return None
    answers = answers_of(rows, choice=task.choice)
    threshold = None if plan.risk is None else threshold_for(sure_of(answers), errors_of(answers), plan.risk)
    return ClassCertainty(
        coverage=plan.coverage,
        score=plan.sets,
        questions=tuple(
            Known.of(class_scores(one.probabilities, plan.sets), one.truth, folds[one.known], by_class=plan.by_class)
            for one in questions_of(answers)
        ),
        risk=plan.risk,
        threshold=threshold,
    )


def folds_of(rows: Sequence[ClassifiedCase]) -> Ints | None:
    """The fold (N,) of each row; None where there are not two, or a row has none."""
    folds = [row.fold for row in rows if row.fold is not None]
    return np.array(folds) if len(folds) == len(rows) and len(set(folds)) > 1 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Exclusive answers to one question: probabilities (n, K) and truth (n,), of the cases (N,) of which it is known."""

    probabilities: Floats
    truth: Ints
    known: Bools


def questions_of(answers: Answers) -> list[Question]:
    """The classes, or each label by itself."""
    if answers.choice != "several":
        return [
            Question(probabilities=answers.probabilities, truth=answers.truth, known=np.ones(len(answers), dtype=bool))
        ]
    return [
        Question(
            probabilities=two_sides(answers.probabilities[there, k]),
            truth=answers.truth[there, k].astype(int),
            known=there,
        )
        for k, there in enumerate(answers.known.T)
    ]


def two_sides(chances: Floats) -> Floats:
    """Probabilities (...,) of "present" as those of "absent" and "present", (..., 2)."""
    return np.stack([1 - chances, chances], axis=-1)


def sure_of(answers: Answers) -> Floats:
    """How sure each decision is, (N,): the probability that it was given; of labels that of the least sure one."""
    chances = answers.probabilities
    if answers.choice != "several":
        return np.asarray(np.take_along_axis(chances, answers.decisions[:, None], axis=1)[:, 0], np.float64)
    return np.asarray(np.where(answers.decisions, chances, 1 - chances).min(axis=1), np.float64)


def errors_of(answers: Answers) -> Floats:
    """Whether each decision is wrong, (N,) 0 or 1; of labels the share of the known ones, NaN without one."""
    return np.asarray(1 - answers.right_share(), np.float64)


def sure_of_case(calibrated: Floats, told: int | tuple[bool, ...]) -> float:
    """The same of one case: calibrated (K,), told as `Decision.decide` gives it."""
    if isinstance(told, int):
        return float(calibrated[told])
    return float(np.where(told, calibrated, 1 - calibrated).min())


def cross_fitted_sets(answers: Answers, folds: Ints, plan: InferencePlan) -> list[Bools]:
    """The set (n, K) of each case of each question, where its fold is held against the others."""
    found = []
    for one in questions_of(answers):
        scores = class_scores(one.probabilities, plan.sets)
        p = cross_fitted_p(scores, one.truth, folds[one.known], by_class=plan.by_class)
        ordered = answers.choice == "ordered"
        found.append(sets_of(p, plan.coverage, probabilities=one.probabilities, ordered=ordered))
    return found


def sets_of_case(
    fitted: ClassCertainty, calibrated: Floats, opinions: Floats | None, decision: Decision, task: Task
) -> list[Bools]:
    """The set (K,) of one case of each question. calibrated (K,): as it is told; opinions (M, V, K): as the models give
    them, None where they are not known, and then the answer itself is held against all known cases.
    """
    each = calibrated[None] if opinions is None else members_of(opinions, decision)
    several = task.choice == "several"
    found = []
    for k, known in enumerate(fitted.questions):
        chances = two_sides(each[:, k]) if several else each
        told = two_sides(calibrated[k]) if several else calibrated
        members = class_scores(chances, fitted.score)
        if len(members) != len(known.scores):  # not a model for each fold: the pooled answer is held against all
            members = class_scores(told[None], fitted.score)
        p = conforming(members, known)
        found.append(sets_of(p, fitted.coverage, probabilities=told, ordered=task.choice == "ordered"))
    return found


def members_of(opinions: Floats, decision: Decision) -> Floats:
    """The calibrated answer of each network, (M, K), from opinions (M, V, K)."""
    return np.stack([decision.calibrated(one) for one in opinions.mean(axis=1).astype(np.float64)])


def certain_class(
    answer: Floats, opinions: Floats | None, *, fitted: ClassCertainty | None, decision: Decision, task: Task
) -> Certain:
    """What is told of one case. answer (K,): as the networks give it together."""
    calibrated = np.asarray(decision.calibrated(answer), np.float64)
    told = decision.decide(calibrated, task.choice)
    sure = sure_of_case(calibrated, told)
    labels = task.choice == "several"
    found: dict[str, JSON] = {
        "confidence": round(sure, DIGITS),
        "entropy": round(float(entropy(calibrated, labels=labels)), DIGITS),
    }
    apart = None if opinions is None else disagreement(opinions, labels=labels)
    differ = 0
    if apart is not None and opinions is not None:
        # by the package's own calibration and thresholds: half of the probability is not where it decides
        differ = sum(decision.decide(decision.calibrated(one), task.choice) != told for one in each_opinion(opinions))
        found |= {
            "opinions": apart.opinions,
            "mutual_information": round(apart.mutual_information, DIGITS),
            "disagreement": round(differ / apart.opinions, DIGITS),
            "opinion_probabilities": [
                {name: round(float(value), DIGITS) for name, value in zip(task.classes, one, strict=True)}
                for one in each_opinion(opinions)
            ],
        }
    doubts = differing(differ, 0 if apart is None else apart.opinions)
    if fitted is None:
        return Certain(found=found, doubts=doubts)
    sets = sets_of_case(fitted, calibrated, opinions, decision, task)
    percent = f"{100 * fitted.coverage:.4g}"
    if labels:
        present = [name for name, one in zip(task.classes, sets, strict=True) if one[1] and not one[0]]
        unclear = [name for name, one in zip(task.classes, sets, strict=True) if one[1] and one[0]]
        found["set"] = {"coverage": fitted.coverage, "present": present, "open": unclear}
        said = Doubt(
            "set-of-labels",
            "at {percent} % coverage: present {present}; open {unclear}",
            percent=percent,
            present=BETWEEN.join(present) or "–",
            unclear=BETWEEN.join(unclear) or "–",
        )
        return Certain(found=found, said=(said,), doubts=doubts)
    names = [name for name, inside in zip(task.classes, sets[0], strict=True) if inside]
    found["set"] = {"coverage": fitted.coverage, "classes": names}
    said = Doubt("set-of-classes", "{percent} % set: {names}", percent=percent, names=BETWEEN.join(names))
    return Certain(found=found, said=(said,), doubts=doubts)


def differing(number: int, opinions: int) -> tuple[Doubt, ...]:
    """That some of the opinions would tell another class than they do together."""
    if not number:
        return ()
    return (
        Doubt(
            "opinions-differ",
            "{number} of {opinions} opinions of the model, taken alone, tell something else",
            number=number,
            opinions=opinions,
        ),
    )


def not_sure(fitted: ClassCertainty | None, sure: float) -> Doubt | None:
    """Why an answer is not given; None where it is."""
    if fitted is None or fitted.risk is None or not fitted.declines(sure):
        return None
    if fitted.threshold is None:
        return Doubt(
            "never-sure-enough",
            "not sure enough: no answer of this model keeps the error at {risk:.3g}, which was asked for",
            risk=fitted.risk,
        )
    return Doubt(
        NOT_SURE,
        "not sure enough: {sure:.4g} is below {threshold:.4g}, from which on the error was at most {risk:.3g} out of fold",
        sure=sure,
        threshold=fitted.threshold,
        risk=fitted.risk,
    )
