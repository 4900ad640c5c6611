"""A confusion matrix as an SVG panel: numbers of cases, and the share of each row. All words come from the caller."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scanwright.figures.palette import ACCENT, GRID, INK, MUTED
from scanwright.figures.plots import FONT_PT, PLACEHOLDER, WIDTH_PX
from scanwright.figures.svg import new_figure, to_svg
from scanwright.types import Ints

ROW_PX = 44
LOW_ROW_PX = 26
MANY = 6  # classes: rows are low from here on, and hold the number alone
LETTER_PX = 6.4
MOST_LETTERS = 16
LABEL_PX = 22
DARKEST = 0.55  # so that the ink of the numbers stays legible on paper and in dark mode


def confusion_plot(counts: Ints, names: Sequence[str], *, row_label: str, column_label: str) -> bytes:
    """Counts (K, K) of cases by true class (rows) and decision (columns); a cell is as dark as its share of its row.

    Up to six classes each cell has its number and its share of the row in percent, with more the number alone; a row without
    cases has no shares. Names (K,) longer than 16 letters are cut; column names that do not fit stand upright. Meant for up
    to about 14 classes.
    """
    words = [
        name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}" for name in names
    ]
    longest_px = LETTER_PX * max(map(len, words))
    left_px, row_px = 10 + longest_px, ROW_PX if len(names) <= MANY else LOW_ROW_PX
    cell_px = (WIDTH_PX - left_px) / len(names)
    upright = longest_px > cell_px - 4
    top_px = LABEL_PX + (longest_px + 14 if upright else LABEL_PX)
    height_px = top_px + row_px * len(names) + 4
    figure = new_figure(WIDTH_PX, height_px)
    axes = figure.add_axes((left_px / WIDTH_PX, 4 / height_px, 1 - left_px / WIDTH_PX, row_px * len(names) / height_px))
    axes.set(xlim=(0, len(names)), ylim=(len(names), 0))
    axes.set_axis_off()
    _draw_cells(axes, counts, with_share=len(names) <= MANY)
    texts = {"row_label": row_label, "column_label": column_label}
    for k, word in enumerate(words):
        texts |= {f"row{k}": word, f"column{k}": word}
        beside: dict[str, Any] = {"color": INK, "fontsize": FONT_PT, "rotation_mode": "anchor", "clip_on": False}
        axes.text(-8 / cell_px, k + 0.5 + 4 / row_px, PLACEHOLDER, ha="right", gid=f"row{k}", **beside)
        turn: dict[str, Any] = {"rotation": 90, "ha": "left"} if upright else {"ha": "center"}
        axes.text(
            k + 0.5 + (4 / cell_px if upright else 0), -7 / row_px, PLACEHOLDER, gid=f"column{k}", **turn, **beside
        )
    label: dict[str, Any] = {"y": 1 - 12 / height_px, "fontsize": FONT_PT, "color": MUTED}
    figure.text(0, s=PLACEHOLDER, gid="row_label", **label)
    figure.text(1, s=PLACEHOLDER, gid="column_label", ha="right", **label)
    return to_svg(figure, label=f"{row_label} / {column_label}: {', '.join(names)}", texts=texts)


def _draw_cells(axes: Axes, counts: Ints, *, with_share: bool) -> None:
    for i, row in enumerate(np.asarray(counts)):
        total = int(row.sum())
        for j, number in enumerate(row):
            share = number / total if total else 0.0
            place = (j + 0.02, i + 0.02)
            axes.add_patch(Rectangle(place, 0.96, 0.96, facecolor=GRID, alpha=0.45, linewidth=0))
            axes.add_patch(Rectangle(place, 0.96, 0.96, facecolor=ACCENT, alpha=DARKEST * share, linewidth=0))
            middle = i + (0.34 if with_share and total else 0.5)
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": FONT_PT}
            weight = "bold" if i == j else "normal"
            axes.text(j + 0.5, middle, f"{number:,}".replace(",", "\N{THIN SPACE}"), color=INK, weight=weight, **style)
            if with_share and total:
                axes.text(j + 0.5, i + 0.7, f"{100 * share:.0f} %", color=INK, **style)
