"""Patches as they lie in a scan, and the same patches as training shows them to the network, one below the other, as PNG."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scanwright.figures.overlay import GROUND, region_mask
from scanwright.figures.palette import structure_colour
from scanwright.figures.svg import new_figure, to_png
from scanwright.types import Array, Floats

PANE_PX, GAP_PX, MARGIN_PX = 170, 6, 84
TITLE_PX, CAPTION_PX, LEGEND_PX = 30, 46, 26
CAPTION_LETTERS = 34
QUIET = "#aab4c0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pane:
    """One slice: image (H, W) of any scale, or (H, W, 3) as colour; labels (H, W); caption: lines of our own words, wrapped.

    aspect: height of a pixel over its width. window: what is shown black and white.
    """

    image: Floats
    labels: Array
    window: tuple[float, float]
    aspect: float = 1.0
    caption: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Patches of one case: as they are, and as they are trained on; as many of one as of the other."""

    title: str
    before: Sequence[Pane]
    after: Sequence[Pane]


def augmented_png(cases: Sequence[Pairs], *, regions: Mapping[str, Sequence[int]]) -> bytes:
    """Every case as two rows of panes, outlines in the colours of the regions, a legend on top; two pixels for a CSS pixel.

    Names are shown in letters that the picture's font has, others as "?".
    """
    columns = max(len(case.after) for case in cases)
    heights = [_pane_height(case) for case in cases]
    width = MARGIN_PX + columns * (PANE_PX + GAP_PX)
    height = LEGEND_PX + sum(TITLE_PX + 2 * one + GAP_PX + CAPTION_PX for one in heights)
    figure = new_figure(width, height)
    figure.patch.set(visible=True, facecolor=GROUND)
    _draw_legend(figure, list(regions), height)
    top = float(LEGEND_PX)
    for case, pane_px in zip(cases, heights, strict=True):
        _write(figure, _shown(case.title), GAP_PX, top + TITLE_PX / 2, width, height, size=10)
        for row, (words, panes) in enumerate((("as it is", case.before), ("trained on", case.after))):
            y = top + TITLE_PX + row * (pane_px + GAP_PX)
            _write(figure, words, GAP_PX, y + pane_px / 2, width, height, colour=QUIET)
            for column, pane in enumerate(panes):
                x = MARGIN_PX + column * (PANE_PX + GAP_PX)
                box = (x / width, 1 - (y + pane_px) / height, PANE_PX / width, pane_px / height)
                _draw_pane(figure.add_axes(box), pane, regions)
                _write(
                    figure,
                    _wrapped(pane.caption),
                    x,
                    y + pane_px + CAPTION_PX / 2,
                    width,
                    height,
                    colour=QUIET,
                    size=6.5,
                )
        top += TITLE_PX + 2 * pane_px + GAP_PX + CAPTION_PX
    return to_png(figure)


def _pane_height(case: Pairs) -> float:
    """Height in px at which the panes of a case have their own proportions, not more than twice their width."""
    pane = case.after[0]
    rows, columns = pane.labels.shape
    return float(min(2.0, max(0.3, rows * pane.aspect / columns)) * PANE_PX)


def _draw_pane(axes: Axes, pane: Pane, regions: Mapping[str, Sequence[int]]) -> None:
    low, high = pane.window
    shown = np.clip((pane.image - low) / max(high - low, 1e-6), 0.0, 1.0)
    axes.imshow(shown, cmap="gray", vmin=0.0, vmax=1.0, aspect="auto", interpolation="nearest")
    for index, values in enumerate(regions.values()):
        mask = region_mask(pane.labels, values)
        if mask.any():
            rows, columns = mask.shape
            across, down = np.arange(-1, columns + 1), np.arange(-1, rows + 1)
            closed = np.pad(mask, 1).astype(np.float32)
            axes.contour(across, down, closed, levels=[0.5], colors=[structure_colour(index)], linewidths=1.1)
    axes.set(xlim=(-0.5, pane.labels.shape[1] - 0.5), ylim=(pane.labels.shape[0] - 0.5, -0.5))
    axes.axis("off")


def _draw_legend(figure: Figure, names: Sequence[str], height: float) -> None:
    lines = [Line2D([], [], color=structure_colour(index), linewidth=2) for index in range(len(names))]
    figure.legend(
        lines,
        [_shown(name) for name in names],
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=min(8, len(names)),
        fontsize=7.5,
        frameon=False,
        labelcolor="white",
        borderaxespad=0.3,
    )


def _write(
    figure: Figure,
    words: str,
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    colour: str = "white",
    size: float = 7.5,
) -> None:
    figure.text(x / width, 1 - y / height, words, color=colour, fontsize=size, va="center", ha="left", parse_math=False)


def _wrapped(caption: str) -> str:
    """A caption in lines no longer than a pane is wide."""
    return "\n".join(textwrap.fill(line, CAPTION_LETTERS) for line in caption.split("\n"))


def _shown(name: str) -> str:
    """A name in letters that the font has; a sign that would begin mathematics is none here."""
    return name.encode("latin-1", errors="replace").decode("latin-1").replace("$", "\\$")
