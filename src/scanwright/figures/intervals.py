"""Measured values with their intervals, a row each: a forest plot."""

from collections.abc import Sequence
from dataclasses import dataclass

from scanwright.figures.palette import ACCENT, GRID, INK, MUTED
from scanwright.figures.plots import fixed_text, panel, shortened, write_beside
from scanwright.figures.svg import to_svg

ROW_PX = 38


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """One row: a value between low and high. note: set at the row's right end. is_marked: drawn in the accent colour."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""
    is_marked: bool = False


def interval_plot(
    rows: Sequence[Interval], *, x_label: str, limits: tuple[float, float], null: float, limit: float
) -> bytes:
    """Each row's value as a dot on its interval, as SVG; a solid line at `null`, where nothing is, a dashed one at `limit`."""
    figure, axes, texts = panel(ROW_PX * len(rows) + 42, x_label="", y_label=x_label, left_px=12)
    axes.set(ylim=(len(rows), 0), xlim=limits, yticks=[])
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.axvline(null, color=MUTED, linewidth=1.0)
    axes.axvline(limit, color=MUTED, linewidth=1.0, linestyle=(0, (3, 3)))
    titles = {}
    for number, row in enumerate(rows):
        colour = ACCENT if row.is_marked else MUTED
        axes.plot((row.low, row.high), (number + 0.66,) * 2, color=colour, linewidth=1.6, solid_capstyle="butt")
        axes.scatter([row.value], [number + 0.66], s=22, color=colour, gid=f"dot{number}", zorder=3)
        value, low, high = (fixed_text(one, digits=3) for one in (row.value, row.low, row.high))
        titles[f"dot{number}"] = [f"{row.name}: {value} [{low}, {high}]"]
        write_beside(axes, 0.0, number + 0.34, ha="left", color=INK, gid=f"name{number}")
        write_beside(axes, 1.0, number + 0.34, ha="right", color=MUTED, gid=f"note{number}")
        texts |= {f"name{number}": shortened(row.name), f"note{number}": row.note}
    return to_svg(figure, label=f"{x_label}: {', '.join(row.name for row in rows)}", texts=texts, titles=titles)
