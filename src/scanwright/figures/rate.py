"""The loss over a ramp of learning rates, and the rates that it suggests and that were planned."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from scanwright.figures.palette import ACCENT, INK, MUTED
from scanwright.figures.plots import panel
from scanwright.figures.svg import to_svg

SHOWN_ABOVE = 1.6
"""Times the loss at the beginning, above which a ramp that has gone wrong is cut."""


def rate_plot(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    *,
    suggested: float | None,
    planned: float,
    x_label: str,
    y_label: str,
) -> bytes:
    """Each step's loss as a pale dot and the smoothed curve over the logarithm of the rate, as SVG.

    A solid line at the suggested rate, a dotted one at the planned. No steps: an empty panel.
    """
    figure, axes, texts = panel(280, x_label=x_label, y_label=y_label)
    logs = np.log10(np.asarray(rates, dtype=np.float64)) if len(rates) else np.zeros(0)
    axes.scatter(logs, losses, s=8, color=MUTED, alpha=0.45, linewidth=0, zorder=2)
    axes.plot(logs, smoothed, color=ACCENT, linewidth=1.8, zorder=3)
    if len(smoothed):
        low = float(min(np.min(smoothed), np.percentile(losses, 2)))
        high = float(max(SHOWN_ABOVE * abs(smoothed[0]), np.percentile(losses[: max(1, len(losses) // 2)], 98)))
        axes.set_ylim(low - 0.05 * (high - low), high)
    if suggested is not None:
        axes.axvline(np.log10(suggested), color=INK, linewidth=1.1, zorder=4)
    axes.axvline(np.log10(planned), color=MUTED, linewidth=1.1, linestyle=(0, (1.5, 2.5)), zorder=4)
    left, right = axes.get_xlim()
    marks = [decade for decade in range(int(np.floor(left)), int(np.ceil(right)) + 1) if left <= decade <= right]
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{10.0**mark:g}" for mark in marks]))
    axes.xaxis.set_minor_locator(NullLocator())
    return to_svg(figure, label=f"{y_label} / {x_label}", texts=texts)
