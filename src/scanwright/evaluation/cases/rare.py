"""Classes of which so few patients were judged that what is put together from all classes hangs on them."""

from collections.abc import Mapping, Sequence

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS


def rare_classes(rows: Sequence[ClassifiedCase], *, classes: Sequence[str], choice: Choice) -> dict[str, int]:
    """The patients of each class that fewer than MIN_PATIENTS have, by name; a class that nobody has is in no mean."""
    answers = answers_of(rows, choice=choice)
    has = (answers.indicators > 0) & answers.known
    patients = {name: len(np.unique(answers.owners[column])) for name, column in zip(classes, has.T, strict=True)}
    return {name: number for name, number in patients.items() if 0 < number < MIN_PATIENTS}


def absent_classes(rows: Sequence[ClassifiedCase], *, classes: Sequence[str], choice: Choice) -> tuple[str, ...]:
    """The classes that no case is known to have, or that no case is known to lack: what ranks cases is not defined of them."""
    answers = answers_of(rows, choice=choice)
    has, lacks = (((answers.indicators > 0) == there) & answers.known for there in (True, False))
    both = has.any(axis=0) & lacks.any(axis=0)
    return tuple(name for name, there in zip(classes, both, strict=True) if not there)


def absent_text(absent: Sequence[str]) -> str:
    """What must be said of such classes."""
    return (
        f"No case, or every case, has {', '.join(absent)}: AUROC and average precision are not defined there, and what is put "
        "together from several classes is of the others alone."
    )


def rare_text(rare: Mapping[str, int]) -> str:
    """What must be said of classes that few patients have."""
    each = ", ".join(f"{name} ({number})" for name, number in rare.items())
    return f"Few patients have {each}: the measures of such a class, and what is put together from several, hang on these few."


def unlearned_text(classes: Sequence[str]) -> str:
    """What must be said of classes that the models which judged them had never learned."""
    return (
        f"All cases of {', '.join(classes)} lie in one fold, so that the model which judged them had learned from none: their "
        "measures, and what is put together from several classes, do not say how well such a class can be told."
    )
