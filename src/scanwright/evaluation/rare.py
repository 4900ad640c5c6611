"""Classes of which so few patients were judged that what is put together from all classes hangs on them."""

from collections.abc import Mapping, Sequence

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.evaluation.judged import ClassifiedCase, answers_of
from scanwright.evaluation.statistics import MIN_PATIENTS


def rare_classes(rows: Sequence[ClassifiedCase], *, classes: Sequence[str], choice: Choice) -> dict[str, int]:
    """The patients of each class that fewer than MIN_PATIENTS have, by name; a class that nobody has is in no mean."""
    answers = answers_of(rows, choice=choice)
    has = (answers.indicators > 0) & answers.known
    patients = {name: len(np.unique(answers.owners[column])) for name, column in zip(classes, has.T, strict=True)}
    return {name: number for name, number in patients.items() if 0 < number < MIN_PATIENTS}


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
