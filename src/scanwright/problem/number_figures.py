"""Panels of a regression for the page: predicted against true numbers, and their difference against their mean."""

from collections.abc import Mapping, Sequence

from scanwright.dataset.task import Task
from scanwright.evaluation.judged import MeasuredCase
from scanwright.figures.agreement import Level, differences_plot, scatter_plot
from scanwright.figures.plots import Pairs
from scanwright.report.content import Figure
from scanwright.types import JSON

MOST_QUANTITIES = 6
HOW_DRAWN = (
    "with the line of equality, and their difference against their mean (Bland-Altman): bias and limits of agreement with "
    "their intervals."
)


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


def agreement_panels(pairs: Pairs, measures: Sequence[Mapping[str, JSON]], *, unit: str) -> tuple[bytes, bytes]:
    """The scatter of pairs and the plot of Bland and Altman. measures: bias and both limits, as metrics.json has them."""
    behind = f", {unit}" if unit else ""
    bias, low, high = map(_level, measures)
    across, up = f"mean of the two{behind}", f"predicted less true{behind}"
    return (
        scatter_plot(pairs, x_label=f"true{behind}", y_label=f"predicted{behind}"),
        differences_plot(pairs, bias, [low, high], x_label=across, y_label=up),
    )


def _level(measure: Mapping[str, JSON]) -> Level:
    interval = measure["ci95"]
    return Level(value=measure["mean"], interval=None if interval is None else (interval[0], interval[1]))
