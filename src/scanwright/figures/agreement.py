"""Predicted numbers beside true ones, as small SVG panels: the scatter, and Bland and Altman's differences with intervals.

`plots.bland_altman_plot` is the same of sizes of structures, without intervals. All words come from the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from scanwright.figures.palette import GRID, INK, MUTED
from scanwright.figures.plots import FONT_PT, Pairs, panel, signed_text
from scanwright.figures.style import BAND_ALPHA, DASHED, write_note
from scanwright.figures.svg import to_svg
from scanwright.types import Floats

SCATTER_PX = 340
DIFFERENCES_PX = 280
NUMBER_PX = 62
ROOM = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """A number to draw across a panel, with the ends of its interval, or None without one."""

    value: float
    interval: tuple[float, float] | None = None


def scatter_plot(pairs: Pairs, *, x_label: str, y_label: str, note: str = "") -> bytes:
    """Predicted over true values of one quantity, on equal axes, a dot for each case, with the line of equality.

    note: words at the upper right, such as the mean absolute error. No pairs: an empty panel.
    """
    figure, axes, texts = panel(SCATTER_PX, x_label=x_label, y_label=y_label, title=pairs.name)
    x, y = np.asarray(pairs.reference, float), np.asarray(pairs.predicted, float)
    low, high = _span(np.concatenate([x, y]))
    axes.plot([low, high], [low, high], color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=1)
    axes.set(xlim=(low, high), ylim=(low, high))
    _draw_cases(axes, x, y, pairs.colour)
    write_note(figure, has_title=bool(pairs.name))
    texts |= {"note": note}
    return to_svg(figure, label=f"{pairs.name}: {y_label} / {x_label}", texts=texts, titles={"cases": pairs.titles})


def differences_plot(pairs: Pairs, bias: Level, limits: Sequence[Level], *, x_label: str, y_label: str) -> bytes:
    """Predicted less true over the mean of the two, a dot for each case; lines at the bias and at the limits of agreement.

    Each line has its number at the right end and its interval as a band. No pairs: an empty panel.
    """
    figure, axes, texts = panel(DIFFERENCES_PX, x_label=x_label, y_label=y_label, right_px=NUMBER_PX, title=pairs.name)
    x, y = np.asarray(pairs.reference, float), np.asarray(pairs.predicted, float)
    axes.axhline(0.0, color=GRID, linewidth=1.2, zorder=1)
    levels = [(bias, INK, "solid"), *((limit, MUTED, DASHED) for limit in limits)]
    largest = max(abs(level.value) for level, *_ in levels)
    for level, colour, style in levels if len(x) else []:
        axes.axhline(level.value, color=colour, linewidth=1.1, linestyle=style, zorder=2)
        if level.interval is not None:
            axes.axhspan(*level.interval, color=colour, alpha=BAND_ALPHA, linewidth=0, zorder=1)
        axes.text(
            1.015, level.value, signed_text(level.value, largest=largest), transform=axes.get_yaxis_transform(), va="center",
            color=colour, fontsize=FONT_PT,
        )  # fmt: skip
    ends = [end for level, *_ in levels for end in level.interval or (level.value,)]
    axes.set_ylim(_span(np.concatenate([y - x, [*ends, 0.0]])))
    axes.set_xlim(_span((x + y) / 2))
    _draw_cases(axes, (x + y) / 2, y - x, pairs.colour)
    return to_svg(figure, label=f"{pairs.name}: {y_label} / {x_label}", texts=texts, titles={"cases": pairs.titles})


def _draw_cases(axes: Axes, x: Floats, y: Floats, colour: str) -> None:
    dots = axes.scatter(x, y, s=18, facecolor=colour, edgecolor=INK, linewidth=0.35, alpha=0.75, zorder=3)
    dots.set_gid("cases")


def _span(values: Floats) -> tuple[float, float]:
    """The axis for the values with five per cent of room on both sides; (0, 1) if there are none."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = ROOM * (high - low) or 0.05 * abs(high) or 0.5
    return low - room, high + room
