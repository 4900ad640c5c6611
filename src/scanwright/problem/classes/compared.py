"""By what models that tell classes are compared, and how their judged cases are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.comparing.contrast import Measurable, Measured
from scanwright.evaluation.comparing.contrast_auroc import Areas
from scanwright.evaluation.comparing.contrast_means import CaseMeans, case_means
from scanwright.evaluation.summaries.kept_rows import classified_from_plain, classified_to_plain
from scanwright.types import JSON, Floats


class ComparedClasses:
    """Mixed into a problem whose rows are `ClassifiedCase`."""

    task: Task
    truths: tuple[str, ...] = ("truth",)
    """What of a row holds the truth."""

    def kept(self, row: ClassifiedCase) -> dict[str, JSON]:
        """A row as plain data."""
        return classified_to_plain(row)

    def row_of(self, data: Mapping[str, Any]) -> ClassifiedCase:
        """The same back."""
        return classified_from_plain(data)

    def measurable(self, rows: Mapping[str, Sequence[ClassifiedCase]]) -> Measurable:
        """AUROC, what the decisions are worth, the probabilities' error, and of several classes each AUROC."""
        first = next(iter(rows.values()))
        answers = {name: answers_of(of, choice=self.task.choice) for name, of in rows.items()}
        return Measurable.of_rows(first, class_measures(answers, self.task.classes))


def class_measures(answers: Mapping[str, Answers], classes: Sequence[str], *, probable: bool = True) -> list[Measured]:
    """Measures of models that tell classes, AUROC first. probable: whether their numbers are probabilities."""
    one = next(iter(answers.values()))
    owners = one.owners.tolist()
    every = (1,) if one.is_binary else tuple(range(one.num_classes))
    right = {name: of.right_share() for name, of in answers.items()}
    measures: list[Measured] = [Areas(answers, every)]
    if one.is_binary:
        measures += [_right_among(right, one.truth == 1, owners, name="sensitivity")]
        measures += [_right_among(right, one.truth == 0, owners, name="specificity")]
    elif one.choice != "several":
        measures.append(_balanced(right, one, owners))
    single = one.choice != "several"
    measures.append(case_means("accuracy", right, owners, better="higher", is_share=single, is_ranked=False))
    if one.choice == "ordered":
        grades = {name: np.abs(of.decisions - of.truth).astype(float) for name, of in answers.items()}
        measures.append(case_means("mae_grades", grades, owners, better="lower"))
    if probable:
        squares = {name: _squares(of) for name, of in answers.items()}
        measures.append(case_means("brier", squares, owners, better="lower"))
    if not one.is_binary:
        measures += [Areas(answers, (k,), part=name) for k, name in enumerate(classes)]
    return measures


def _right_among(right: Mapping[str, Floats], chosen: Any, owners: Sequence[int], *, name: str) -> CaseMeans:
    """The share of right decisions among some cases."""
    scores = {model: np.where(chosen, of, np.nan) for model, of in right.items()}
    return case_means(name, scores, owners, better="higher", is_share=True)


def _balanced(right: Mapping[str, Floats], one: Answers, owners: Sequence[int]) -> CaseMeans:
    """Balanced accuracy as a mean over cases: each counts as much as its class is rare."""
    counts = np.bincount(one.truth, minlength=one.num_classes)
    weight = len(one) / (np.count_nonzero(counts) * np.maximum(counts, 1))[one.truth]
    scores = {model: of * weight for model, of in right.items()}
    return case_means("balanced_accuracy", scores, owners, better="higher", is_ranked=False)


def _squares(answers: Answers) -> Floats:
    """Each case's part in the Brier score, as classification.py has it: of two classes of the positive one, of labels the mean
    over those that are known.
    """
    squares = np.square(answers.probabilities - answers.indicators)
    if answers.is_binary:
        return np.asarray(squares[:, 1])
    if answers.choice != "several":
        return np.asarray(squares.sum(axis=1))
    known = answers.known.sum(axis=1)
    total = (squares * answers.known).sum(axis=1)
    return np.asarray(np.divide(total, known, out=np.full(len(answers), np.nan), where=known > 0))
