"""How well a classifier tells cases apart, as small SVG panels: ROC and precision-recall curve, each with its band.

All words and numbers come from the caller.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from scanwright.figures.palette import ACCENT, INK, MUTED
from scanwright.figures.plots import panel
from scanwright.figures.style import BAND_ALPHA, DASHED, write_note
from scanwright.figures.svg import to_svg
from scanwright.types import Floats

HEIGHT_PX = 330


@dataclass(frozen=True, kw_only=True, slots=True)
class Banded:
    """A curve: points x, y (G,) in [0, 1], and its band low, high over an even grid of x from 0 to 1; None without one."""

    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """The operating point on a curve, with its tooltip."""

    x: float
    y: float
    title: str


def roc_plot(curve: Banded, *, x_label: str, y_label: str, note: str = "", mark: Mark | None = None) -> bytes:
    """Sensitivity over the false positive rate, with its band, the dashed diagonal of chance and the operating point.

    note: words at the upper right, such as the AUROC with its interval.
    """
    figure, axes, texts = panel(HEIGHT_PX, x_label=x_label, y_label=y_label)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=1)
    _draw_band(axes, curve)
    axes.plot(curve.x, curve.y, color=ACCENT, linewidth=1.6, solid_capstyle="round", zorder=3, clip_on=False)
    titles = _draw_mark(axes, mark)
    write_note(figure)
    return to_svg(figure, label=f"{y_label} / {x_label}: {note}", texts=texts | {"note": note}, titles=titles)


def pr_plot(
    curve: Banded, *, prevalence: float, x_label: str, y_label: str, note: str = "", mark: Mark | None = None
) -> bytes:
    """Precision over recall as steps, with its band, a dashed line at the prevalence (chance) and the operating point.

    note: words at the upper right.
    """
    figure, axes, texts = panel(HEIGHT_PX, x_label=x_label, y_label=y_label)
    axes.axhline(prevalence, color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=1)
    _draw_band(axes, curve)
    x, y = np.append(0.0, curve.x), np.append(curve.y[:1], curve.y)
    axes.plot(x, y, color=ACCENT, linewidth=1.6, drawstyle="steps-pre", zorder=3, clip_on=False)
    titles = _draw_mark(axes, mark)
    write_note(figure)
    return to_svg(figure, label=f"{y_label} / {x_label}: {note}", texts=texts | {"note": note}, titles=titles)


def _draw_band(axes: Axes, curve: Banded) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1))
    if curve.low is not None and curve.high is not None:
        grid = np.linspace(0, 1, len(curve.low))
        axes.fill_between(grid, curve.low, curve.high, color=ACCENT, alpha=BAND_ALPHA, linewidth=0, zorder=2)


def _draw_mark(axes: Axes, mark: Mark | None) -> dict[str, list[str]]:
    if mark is None:
        return {}
    point = axes.scatter([mark.x], [mark.y], s=42, facecolor=ACCENT, edgecolor=INK, linewidth=1.0, zorder=5)
    point.set(gid="mark", clip_on=False)
    return {"mark": [mark.title]}
