"""Predicted sizes or quantities beside true ones, as panels of a page: every kind of problem that measures something."""

from collections.abc import Mapping, Sequence

from scanwright.figures.agreement import Level, differences_plot, scatter_plot
from scanwright.figures.plots import Pairs
from scanwright.types import JSON

MOST_QUANTITIES = 6
HOW_DRAWN = (
    "with the line of equality, and their difference against their mean (Bland-Altman): bias and limits of agreement with "
    "their intervals."
)


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
