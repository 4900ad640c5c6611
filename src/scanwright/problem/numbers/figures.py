"""Panels of a regression for the page: predicted against true numbers, and their difference against their mean."""

from collections.abc import Mapping, Sequence

from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.figures.plots import Pairs
from scanwright.problem.agreement import HOW_DRAWN, MOST_QUANTITIES, agreement_panels
from scanwright.report.results_content import Figure
from scanwright.types import JSON


def figures(
    rows: Sequence[MeasuredCase], by_quantity: Mapping[str, JSON], task: Task, *, units: Sequence[str]
) -> tuple[Figure, ...]:
    """Two panels for each quantity. by_quantity: the measures of each, of metrics.json. units: of each, "" for none."""
    panels: list[bytes] = []
    for place, name in enumerate(task.quantities[:MOST_QUANTITIES]):
        known = [(row, true) for row in rows if (true := row.truth[place]) is not None]
        measures = by_quantity[name]
        if not known or measures["loa_low"]["mean"] is None:
            continue
        pairs = Pairs(
            name=name,
            reference=[true for _, true in known],
            predicted=[row.predicted[place] for row, _ in known],
            titles=[f"{row.case}: true {true:.4g}, predicted {row.predicted[place]:.4g}" for row, true in known],
        )
        panels += agreement_panels(pairs, [measures[key] for key in ("bias", "loa_low", "loa_high")], unit=units[place])
    return (Figure(panels=tuple(panels), caption=f"Predicted against true numbers {HOW_DRAWN}"),) if panels else ()
