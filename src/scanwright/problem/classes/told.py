"""Classes as a report shows them: measures by class, and cases that were told surely, hardly and wrongly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.comparing.comparison import compare_with_best
from scanwright.problem.certain_told import certainty_figures, certainty_part
from scanwright.problem.classes import figures as class_figures
from scanwright.problem.classes.points import point_rows
from scanwright.problem.told import best_to_worst, difference, in_order, of_all_together, shown
from scanwright.report import results_content as page_content
from scanwright.report.results_content import CasePicture, Difference, Fact, ResultSet, Wording
from scanwright.types import JSON

WORDING = Wording(
    kind="Classification",
    part="class",
    parts="classes",
    pictures="Cases whose truth was held most and least probable, and one in the middle.",
    explained="Below each, what its answer rests on.",
    ranked_by="probability of the truth",
    together=True,
)


def result_set(
    name: str,
    summary: Mapping[str, JSON],
    rows: Sequence[ClassifiedCase],
    task: Task,
    *,
    note: str,
    probable: bool = True,
) -> ResultSet:
    """One set of cases as tables. summary: its part of metrics.json. note: on how the cases were judged. probable: whether the
    numbers of the rows are probabilities; else the last one is a score that ranks cases.
    """
    cases = [page_case(row, task, probable=probable) for row in rows]
    drawn = class_figures.figures(rows, task, probable=probable)
    positive = task.classes[1] if task.choice == "one" and len(task.classes) == 2 else ""  # `Answers` says so
    found = of_all_together(name, summary, cases=cases, figures=drawn, note=note, by_part=not positive)
    asked = positive or {"several": "labels"}.get(
        task.choice, f"most probable {'grade' if task.choice == 'ordered' else 'class'}"
    )
    figures = (*found.figures, *certainty_figures(summary, asked=asked))
    return replace(
        found,
        points=point_rows(summary, task),
        positive=positive,
        figures=figures,
        certainty=certainty_part(summary),
    )


def page_case(row: ClassifiedCase, task: Task, *, probable: bool = True) -> page_content.CaseRow:
    """A row of the evaluation as the page shows it: the probability of each class, or the score, and what was told wrongly."""
    measure, first = ("probability", 0) if probable else ("score", len(task.classes) - 1)
    wrong = () if is_right(row) else (f"{named(row.truth, task)} told as {named(row.decision, task)}",)
    return page_content.CaseRow(
        case=row.case,
        regions={
            name: {measure: value} for name, value in zip(task.classes[first:], row.probabilities[first:], strict=True)
        },
        patient=row.patient,
        fold="" if row.fold is None else str(row.fold),
        flags=wrong,
    )


def differences(
    rows: Mapping[str, Sequence[ClassifiedCase]], best: str, task: Task, *, seed: int
) -> dict[str, tuple[Difference, ...]]:
    """AUROC and accuracy of each other model less those of the best one (evaluation.comparison)."""
    answers = {name: answers_of(in_order(of), choice=task.choice) for name, of in rows.items()}
    return {
        name: (
            difference("auroc", one.auroc.value, one.auroc.interval, one.auroc.p, n=len(answers[best])),
            difference("accuracy", one.accuracy.mean, one.accuracy.ci95, one.accuracy.p_permutation, n=one.accuracy.n),
        )
        for name, one in compare_with_best(answers, best, seed=seed).items()
    }


def is_right(row: ClassifiedCase) -> bool:
    """Whether what was decided is true; of labels, each that is known."""
    if isinstance(row.truth, tuple) and isinstance(row.decision, tuple):
        return all(true in (None, told) for true, told in zip(row.truth, row.decision, strict=True))
    return row.truth == row.decision


def named(codes: int | tuple[bool | None, ...], task: Task) -> str:
    """A class by its code, or the labels that are there ("nothing" if none is) and those that are not known."""
    if isinstance(codes, int):
        return task.classes[codes]
    unknown = ", ".join(name for name, there in zip(task.classes, codes, strict=True) if there is None)
    told = ", ".join(name for name, there in zip(task.classes, codes, strict=True) if there) or "nothing"
    return f"{told} (not known: {unknown})" if unknown else told


def sureness(row: ClassifiedCase) -> float:
    """How probable the truth is held: of the class that is true, of labels the mean over those that are known."""
    if isinstance(row.truth, tuple):
        each = [p if true else 1 - p for p, true in zip(row.probabilities, row.truth, strict=True) if true is not None]
        return float(np.mean(each)) if each else 1.0
    return row.probabilities[row.truth]


def pictures(
    rows: Sequence[ClassifiedCase], task: Task, *, case_of: Callable[[str], Case], probable: bool = True
) -> tuple[CasePicture, ...]:
    """The case whose truth was held most probable, the median one, and the two least probable. probable: as of `result_set`."""
    ranked = sorted(rows, key=lambda row: (sureness(row), row.case))
    return tuple(
        picture(row, role, task, case=case_of(row.case), probable=probable) for role, row in best_to_worst(ranked)
    )


def picture(
    row: ClassifiedCase, role: page_content.Role, task: Task, *, case: Case, probable: bool = True
) -> CasePicture:
    """One case with what is true of it and what it was told as. probable: as of `result_set`."""
    chances = ", ".join(f"{name} {p:.2f}" for name, p in zip(task.classes, row.probabilities, strict=True))
    facts = (
        Fact(name="Truth", value=named(row.truth, task)),
        Fact(name="Told as", value=named(row.decision, task)),
        Fact(name="Probabilities", value=chances)
        if probable
        else Fact(name="Score", value=f"{row.probabilities[-1]:.2f}"),
    )
    return CasePicture(role=role, case=row.case, png=shown(case, task), facts=facts)
