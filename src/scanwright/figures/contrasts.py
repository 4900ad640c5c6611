"""Models beside each other: differences with their intervals around 0, and in which share of draws each takes which rank."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.patches import Rectangle

from scanwright.figures.palette import ACCENT, GRID, INK, MUTED
from scanwright.figures.plots import (
    FONT_PT,
    PLACEHOLDER,
    WIDTH_PX,
    fixed_text,
    panel,
    shortened,
    write_beside,
)
from scanwright.figures.style import BAND_ALPHA
from scanwright.figures.svg import new_figure, to_svg

ROW_PX, RANK_PX, LABEL_PX = 42, 30, 40
LETTER_PX, MOST_LETTERS = 6.4, 18
DARKEST = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A row: a difference within its own interval, and a wider one that holds for all rows at once. Both may be None.

    note: set at the row's right end. is_shown: whether the two are told apart, and drawn in the accent colour.
    """

    name: str
    value: float
    interval: tuple[float, float] | None
    wide: tuple[float, float] | None
    note: str = ""
    is_shown: bool = False


def difference_plot(rows: Sequence[Difference], *, x_label: str, margin: float | None = None, digits: int = 3) -> bytes:
    """Each row's difference as a dot on a thick interval and a thin wide one, as SVG; a line at 0, and a pale band within the
    margin, if there is one.
    """
    figure, axes, texts = panel(ROW_PX * len(rows) + 44, x_label="", y_label=x_label, left_px=12)
    ends = [abs(end) for row in rows for end in (row.value, *(row.interval or ()), *(row.wide or ()))]
    reach = 1.08 * max([*ends, margin or 0.0, 1e-6])
    axes.set(ylim=(len(rows), 0), xlim=(-reach, reach), yticks=[])
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    if margin is not None:
        axes.axvspan(-margin, margin, color=ACCENT, alpha=BAND_ALPHA, linewidth=0)
    axes.axvline(0.0, color=INK, linewidth=1.0)
    titles = {}
    for number, row in enumerate(rows):
        colour, y = ACCENT if row.is_shown else MUTED, number + 0.66
        for reach_of, width in ((row.wide, 1.0), (row.interval, 2.6)):
            if reach_of is not None:
                axes.plot(reach_of, (y, y), color=colour, linewidth=width, solid_capstyle="butt")
        axes.scatter([row.value], [y], s=24, color=colour, gid=f"dot{number}", zorder=3)
        said = [fixed_text(one, digits=digits) for one in (row.value, *(row.interval or ()))]
        titles[f"dot{number}"] = [f"{row.name}: {said[0]}" + (f" [{said[1]}, {said[2]}]" if row.interval else "")]
        write_beside(axes, 0.0, number + 0.34, ha="left", color=INK, gid=f"name{number}")
        write_beside(axes, 1.0, number + 0.34, ha="right", color=MUTED, gid=f"note{number}")
        texts |= {f"name{number}": shortened(row.name), f"note{number}": row.note}
    return to_svg(figure, label=f"{x_label}: {', '.join(row.name for row in rows)}", texts=texts, titles=titles)


def rank_plot(names: Sequence[str], shares: Sequence[Sequence[float]], *, row_label: str, column_label: str) -> bytes:
    """The share of draws in which each model (a row) takes each rank (a column), in percent, as SVG; cells are as dark."""
    words = [shortened(name[: MOST_LETTERS - 1] + "…" if len(name) > MOST_LETTERS else name) for name in names]
    left_px, number = 14 + LETTER_PX * max(map(len, words)), len(names)
    height_px = LABEL_PX + RANK_PX * number + 6
    figure = new_figure(WIDTH_PX, height_px)
    axes = figure.add_axes((left_px / WIDTH_PX, 6 / height_px, 1 - left_px / WIDTH_PX, RANK_PX * number / height_px))
    axes.set(xlim=(0, number), ylim=(number, 0))
    axes.set_axis_off()
    texts = {"row_label": row_label, "column_label": column_label}
    across = axes.get_yaxis_transform()
    for i, (word, row) in enumerate(zip(words, shares, strict=True)):
        texts[f"row{i}"] = word
        axes.text(
            -8 / (WIDTH_PX - left_px),
            i + 0.5,
            PLACEHOLDER,
            ha="right",
            transform=across,
            gid=f"row{i}",
            color=INK,
            fontsize=FONT_PT,
            va="center",
        )
        for j, share in enumerate(row):
            place = (j + 0.02, i + 0.04)
            axes.add_patch(Rectangle(place, 0.96, 0.92, facecolor=GRID, alpha=0.45, linewidth=0))
            axes.add_patch(Rectangle(place, 0.96, 0.92, facecolor=ACCENT, alpha=DARKEST * share, linewidth=0))
            if share >= 0.005:
                axes.text(
                    j + 0.5, i + 0.5, f"{100 * share:.0f} %", ha="center", va="center", color=INK, fontsize=FONT_PT
                )
    for j in range(number):
        axes.text(j + 0.5, -0.14, str(j + 1), ha="center", va="bottom", color=MUTED, fontsize=FONT_PT)
    top = 1 - 11 / height_px
    figure.text(0, top, PLACEHOLDER, gid="row_label", fontsize=FONT_PT, color=MUTED)
    figure.text(1, top, PLACEHOLDER, gid="column_label", ha="right", fontsize=FONT_PT, color=MUTED)
    return to_svg(figure, label=f"{row_label} / {column_label}: {', '.join(names)}", texts=texts)
