"""What probabilities are worth, as small SVG panels: the reliability diagram and the decision curve.

All words and numbers come from the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from scanwright.figures.palette import ACCENT, INK, MUTED
from scanwright.figures.plots import FONT_PT, PLACEHOLDER, panel, tick_text
from scanwright.figures.style import BAND_ALPHA, DASHED, write_note
from scanwright.figures.svg import to_svg
from scanwright.types import Floats

RELIABILITY_PX = 360
COUNTS_PX = 64
DECISION_PX = 270


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Cases of similar probability: its mean, the share that came true, with the ends of its interval."""

    predicted: float
    observed: float
    low: float | None
    high: float | None
    title: str = ""


def reliability_plot(
    bins: Sequence[Bin], counts: Sequence[int], *, x_label: str, y_label: str, count_label: str, note: str = ""
) -> bytes:
    """Observed share over predicted probability, a dot with its interval for each bin, and the dashed line of equality.

    counts: cases in each of so many equal parts of 0 to 1, as bars below, named by count_label. note: at the upper right.
    """
    figure, axes, texts = panel(RELIABILITY_PX, x_label=x_label, y_label=y_label)
    box = axes.get_position()
    share = COUNTS_PX / RELIABILITY_PX
    axes.set_position((box.x0, box.y0 + share, box.width, box.height - share))
    axes.set(xlim=(0, 1), ylim=(0, 1), xticklabels=[])
    axes.tick_params(axis="x", length=0)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=1)
    for one in bins:
        if one.low is not None and one.high is not None:
            axes.plot((one.predicted,) * 2, (one.low, one.high), color=ACCENT, linewidth=1.3, zorder=2, clip_on=False)
    x, y = [one.predicted for one in bins], [one.observed for one in bins]
    axes.plot(x, y, color=ACCENT, linewidth=0.9, alpha=0.5, zorder=2)
    dots = axes.scatter(x, y, s=26, facecolor=ACCENT, edgecolor=INK, linewidth=0.5, zorder=4)
    dots.set(gid="dots", clip_on=False)
    write_note(figure)
    strip = figure.add_axes((box.x0, box.y0, box.width, share - 27 / RELIABILITY_PX))
    _draw_counts(strip, counts)
    texts |= {"note": note, "counts": count_label}
    return to_svg(figure, label=f"{y_label} / {x_label}: {note}", texts=texts, titles={"dots": [b.title for b in bins]})


def decision_plot(
    thresholds: Floats,
    model: Floats,
    all_: Floats,
    band: tuple[Floats, Floats] | None = None,
    *,
    x_label: str,
    y_label: str,
    names: tuple[str, str, str],
) -> bytes:
    """Net benefit over the threshold probability: of the model with its band, of acting on all cases, and on none (0).

    thresholds, model, all_: (T,). names: of the three lines, in that order. The axis ends a little below 0: how much worse
    than nothing acting on all becomes is of no use.
    """
    figure, axes, texts = panel(DECISION_PX, x_label=x_label, y_label=y_label)
    top = max(float(model.max()), float(all_.max()), 0.01)
    if band is not None:
        axes.fill_between(thresholds, *band, color=ACCENT, alpha=BAND_ALPHA, linewidth=0, zorder=2)
    axes.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
    axes.plot(thresholds, all_, color=MUTED, linewidth=1.1, linestyle=DASHED, zorder=2)
    axes.plot(thresholds, model, color=ACCENT, linewidth=1.6, zorder=3)
    axes.set(xlim=(0, 1), ylim=(-0.15 * top, 1.25 * top))
    _draw_key(axes, texts, names)
    return to_svg(figure, label=f"{y_label} / {x_label}: {', '.join(names)}", texts=texts)


def _draw_counts(axes: Axes, counts: Sequence[int]) -> None:
    axes.patch.set_visible(False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set(color=MUTED, linewidth=0.8)
    parts = max(len(counts), 1)
    axes.bar((np.arange(len(counts)) + 0.5) / parts, counts, width=0.86 / parts, color=MUTED, alpha=0.55)
    most = max([*counts, 1])
    axes.set(xlim=(0, 1), ylim=(0, 1.05 * most), yticks=[most])
    axes.tick_params(axis="x", color=MUTED, labelcolor=MUTED, labelsize=FONT_PT, length=3, width=0.8)
    axes.tick_params(axis="y", labelcolor=MUTED, labelsize=FONT_PT, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(tick_text)
    axes.text(
        0.0, 1.12, PLACEHOLDER, transform=axes.transAxes, color=MUTED, fontsize=FONT_PT, gid="counts", va="bottom"
    )


def _draw_key(axes: Axes, texts: dict[str, str], names: Sequence[str]) -> None:
    """The lines' names beside a stroke of each, in the upper right corner."""
    styles: list[tuple[str, Any]] = [(ACCENT, "solid"), (MUTED, DASHED), (INK, "solid")]
    for row, ((colour, style), name) in enumerate(zip(styles, names, strict=True)):
        y = 0.96 - 0.075 * row
        axes.plot([0.945, 0.99], [y, y], color=colour, linewidth=1.6, linestyle=style, transform=axes.transAxes)
        axes.text(
            0.93, y, PLACEHOLDER, transform=axes.transAxes, ha="right", va="center", color=INK, fontsize=FONT_PT,
            gid=f"key{row}",
        )  # fmt: skip
        texts[f"key{row}"] = name
