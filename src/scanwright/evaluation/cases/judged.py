"""One case with what a model said of it and what is true, and many of them as a table for cases.csv."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.errors import UsageError
from scanwright.evaluation.cases.grouping import group_columns
from scanwright.evaluation.classes.answers import Answers

Codes: TypeAlias = int | tuple[bool | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifiedCase:
    """A case of a classification. fold: the one that it was predicted in, None if not cross-validated.

    probabilities: one for each class (K,). truth, decision: the code of a class; of several labels at once a bool each
    (K,), None for a truth that is not known.
    """

    case: str
    patient: str
    fold: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    probabilities: tuple[float, ...]
    truth: Codes
    decision: Codes


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredCase:
    """A case of a regression: predicted and true numbers (Q,), one for each quantity; None for a truth that is not known."""

    case: str
    patient: str
    fold: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    predicted: tuple[float, ...]
    truth: tuple[float | None, ...]


class JudgedCase(Protocol):
    """What a row of any kind of problem says of its case."""

    @property
    def case(self) -> str:
        """Its name."""

    @property
    def patient(self) -> str:
        """Whose it is."""

    @property
    def fold(self) -> int | None:
        """The fold that it was predicted in, None if not cross-validated."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Column -> value; a column may be missing or empty."""


Row = TypeVar("Row", bound=JudgedCase)


def answers_of(rows: Sequence[ClassifiedCase], *, choice: Choice) -> Answers:
    """The rows as arrays. Raises UsageError without rows, or if they do not fit each other or the choice."""
    if not rows:
        raise UsageError("no case to judge")
    if any(isinstance(code, tuple) != (choice == "several") for row in rows for code in (row.truth, row.decision)):
        raise UsageError("truth and decision are codes of one class, or a list for several labels", found=choice)
    truth = np.array([row.truth for row in rows], object)  # None where not known
    known = np.array([[v is not None for v in row] for row in truth]) if choice == "several" else None
    return Answers.of(
        np.array([row.probabilities for row in rows], float),
        truth,
        np.array([row.decision for row in rows]),
        [row.patient for row in rows],
        choice=choice,
        known=known,
    )


def classified_to_csv(rows: Sequence[ClassifiedCase], *, classes: Sequence[str]) -> str:
    """cases.csv: case, patient, fold, group columns, truth, decision, and a probability for each class.

    Classes stand by name; of several labels there is a truth and a decision for each, 1 or 0. Not known: an empty cell.
    """
    several = any(isinstance(row.truth, tuple) for row in rows)
    words = ("truth", "decision", "probability")
    each = [f"{word}[{name}]" for name in classes for word in (words if several else words[2:])]

    def cells(row: ClassifiedCase) -> list[str]:
        chances = [f"{value:.9g}" for value in row.probabilities]
        if isinstance(row.truth, tuple) and isinstance(row.decision, tuple):
            columns = zip(map(_flag, row.truth), map(_flag, row.decision), chances, strict=True)
            return [cell for column in columns for cell in column]
        return [*(classes[code] for code in (row.truth, row.decision) if isinstance(code, int)), *chances]

    return cases_to_csv(rows, [*(() if several else words[:2]), *each], [cells(row) for row in rows])


def measured_to_csv(rows: Sequence[MeasuredCase], *, quantities: Sequence[str]) -> str:
    """cases.csv: case, patient, fold, group columns, and of each quantity the true, the predicted number and the error."""
    header = [f"{word}[{name}]" for name in quantities for word in ("truth", "predicted", "error")]

    def cells(row: MeasuredCase) -> list[str]:
        columns = zip(row.truth, row.predicted, strict=True)
        return [
            "" if value is None else f"{value:.9g}"
            for true, guess in columns
            for value in (true, guess, None if true is None else guess - true)
        ]

    return cases_to_csv(rows, header, [cells(row) for row in rows])


def cases_to_csv(rows: Sequence[JudgedCase], header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """cases.csv: case, patient, fold, group columns, and below the header's words the cells of each row."""
    columns = group_columns(rows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["case", "patient", "fold", *columns, *header])
    for row, values in zip(rows, cells, strict=True):
        fold = "" if row.fold is None else row.fold
        writer.writerow([row.case, row.patient, fold, *(row.groups.get(column, "") for column in columns), *values])
    return stream.getvalue()


def _flag(value: bool | None) -> str:
    return "" if value is None else str(int(value))
