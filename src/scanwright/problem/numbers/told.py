"""Quantities as a report shows them: errors by quantity, and cases that were estimated best and worst."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.task import Task
from scanwright.dataset.units import unit_in_name
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.evaluation.comparing.comparison import compare_errors
from scanwright.evaluation.intervals.statistics import holm
from scanwright.problem.certain_told import certainty_figures, certainty_part
from scanwright.problem.numbers import figures as number_figures
from scanwright.problem.told import best_to_worst, difference, in_order, of_all_together, shown
from scanwright.report import results_content as page_content
from scanwright.report.results_content import CasePicture, Difference, Fact, ResultSet, Wording
from scanwright.types import JSON, Floats

WORDING = Wording(
    kind="Regression",
    part="quantity",
    parts="quantities",
    pictures="Cases that were estimated best, in the middle, and worst.",
    explained="Below each, what its answer rests on.",
    ranked_by="error",
    together=True,
)


def result_set(
    name: str,
    summary: Mapping[str, JSON],
    rows: Sequence[MeasuredCase],
    task: Task,
    *,
    units: Sequence[str],
    note: str,
) -> ResultSet:
    """One set of cases as tables. summary: its part of metrics.json. units: of each quantity, "" where none is known."""
    cases = [page_case(row, task) for row in rows]
    figures = number_figures.figures(rows, summary["by_class"], task, units=units)
    said = {name: unit for name, unit in zip(task.quantities, units, strict=True) if unit and not unit_in_name(name)}
    note = " ".join([note, *beyond_text(rows, task)])
    told = dict(zip(task.quantities, units, strict=True))
    return replace(
        of_all_together(
            name, summary, cases=cases, figures=(*figures, *certainty_figures(summary, asked="")), note=note
        ),
        units=said,
        certainty=certainty_part(summary, units=told),
    )


def beyond_text(rows: Sequence[MeasuredCase], task: Task) -> list[str]:
    """A sentence for each quantity of which estimates lie outside all that is true of the cases, with the farthest one."""
    told = []
    for place, name in enumerate(task.quantities):
        known = [truth for row in rows if (truth := row.truth[place]) is not None]
        least, most = min(known, default=-np.inf), max(known, default=np.inf)
        beyond = [row.predicted[place] for row in rows if not least <= row.predicted[place] <= most]
        if beyond:
            farthest = max(beyond, key=lambda value: max(least - value, value - most))
            told.append(
                f"{len(beyond)} of {len(rows)} estimates of {name} lie outside what is true of these cases ({least:.4g} to "
                f"{most:.4g}), the farthest at {farthest:.4g}."
            )
    return told


def page_case(row: MeasuredCase, task: Task) -> page_content.CaseRow:
    """A row of the evaluation as the page shows it: of each quantity what is true, the estimate, and by how much it is off."""
    return page_content.CaseRow(
        case=row.case,
        regions={
            name: {"truth": true, "estimate": guess, "difference": None if true is None else guess - true}
            for name, guess, true in zip(task.quantities, row.predicted, row.truth, strict=True)
        },
        patient=row.patient,
        fold="" if row.fold is None else str(row.fold),
    )


def differences(
    rows: Mapping[str, Sequence[MeasuredCase]], best: str, task: Task, *, seed: int
) -> dict[str, tuple[Difference, ...]]:
    """The mean absolute error of each quantity by each other model less that by the best one (evaluation.comparison)."""
    others = [name for name in rows if name != best]
    ordered = {name: in_order(of) for name, of in rows.items()}
    patients = [row.patient for row in ordered[best]]
    found: dict[str, list[Difference]] = {name: [] for name in others}
    for place, quantity in enumerate(task.quantities):
        truth = _column([row.truth[place] for row in ordered[best]])
        guesses = {name: _column([row.predicted[place] for row in of]) for name, of in ordered.items()}
        apart = [compare_errors(guesses[name], guesses[best], truth, patients, seed=seed) for name in others]
        part = quantity if len(task.quantities) > 1 else ""
        for name, one, p in zip(others, apart, holm([one.p_permutation for one in apart]), strict=True):
            found[name].append(difference("mae", one.mean, one.ci95, p, n=one.n, part=part))
    return {name: tuple(one) for name, one in found.items()}


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def error_of(row: MeasuredCase, scales: Sequence[float]) -> float:
    """The largest error of a case, in spreads of the quantities."""
    return max(
        (
            abs(guess - true) / scale
            for guess, true, scale in zip(row.predicted, row.truth, scales, strict=True)
            if true is not None
        ),
        default=0.0,
    )


def pictures(
    rows: Sequence[MeasuredCase], task: Task, *, units: Sequence[str], case_of: Callable[[str], Case]
) -> tuple[CasePicture, ...]:
    """The case of the smallest error, the median one, and the two of the largest."""
    known = [row for row in rows if any(value is not None for value in row.truth)]
    if not known:
        return ()
    scales = [_range([row.truth[k] for row in known]) for k in range(len(task.quantities))]
    ranked = sorted(known, key=lambda row: (-error_of(row, scales), row.case))
    return tuple(picture(row, role, task, units=units, case=case_of(row.case)) for role, row in best_to_worst(ranked))


def picture(row: MeasuredCase, role: page_content.Role, task: Task, *, units: Sequence[str], case: Case) -> CasePicture:
    """One case with what is true of it and what was estimated."""
    facts = tuple(
        Fact(name=name, value=f"{said(guess, unit)}, {'not known' if true is None else f'true {said(true, unit)}'}")
        for name, guess, true, unit in zip(task.quantities, row.predicted, row.truth, units, strict=True)
    )
    return CasePicture(role=role, case=row.case, png=shown(case, task), facts=facts)


def said(value: float, unit: str) -> str:
    """A number with its unit.

    >>> said(12.3456, "ml"), said(3.0, "")
    ('12.35 ml', '3')
    """
    return f"{value:.4g} {unit}".strip()


def _range(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return (max(known) - min(known) or 1.0) if known else 1.0
