"""Curves, boxes and agreement as small SVG panels in one quiet style.

Each panel is 400 CSS pixels wide: two stand side by side on a desk, one fills a phone, and the letters keep their
size. The axis is named above the panel and not beside it. All words come from the caller.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scanwright.figures.palette import ACCENT, GRID, INK, MUTED, structure_colour
from scanwright.figures.svg import new_figure, to_png, to_svg
from scanwright.types import Floats

WIDTH_PX = 400
FONT_PT = 8.25  # 11 CSS pixels
MARGIN_PX, TITLE_PX = 44, 18
MAX_POINTS = 240
MAX_NAME = 34  # letters that fit beside a note
PLACEHOLDER = "x"


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of (x, y) points; those that are not finite are left out. colour: chosen by position if not given."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """One row of a box plot. values: a number for each case; titles: the tooltip of each; note: set at the row's right end."""

    name: str
    values: Sequence[float]
    titles: Sequence[str] = ()
    note: str = ""
    colour: str = ACCENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Reference and predicted sizes of one structure, a pair for each case."""

    name: str
    reference: Sequence[float]
    predicted: Sequence[float]
    titles: Sequence[str] = ()
    colour: str = ACCENT


def line_plot(lines: Sequence[Line], *, x_label: str, y_label: str, marks: Sequence[tuple[float, str]] = ()) -> bytes:
    """Curves over one x axis as SVG. marks: (x, tooltip) of things that happened, as dotted verticals.

    Long curves are drawn as the means of up to 240 stretches. No lines, or none with a finite point: an empty panel.
    """
    figure, axes, texts = panel(210, x_label=x_label, y_label=y_label)
    _draw_lines(axes, lines)
    for x, _ in marks:
        axes.axvline(x, color=MUTED, linewidth=0.8, linestyle=(0, (1.5, 2.5)), zorder=1)
    top = axes.get_ylim()[1]
    points = axes.scatter([x for x, _ in marks], [top] * len(marks), s=16, color=MUTED, clip_on=False, zorder=4)
    points.set_gid("marks")
    axes.set_ylim(top=top)
    label = f"{y_label} / {x_label}: {', '.join(line.name for line in lines)}"
    return to_svg(figure, label=label, texts=texts, titles={"marks": [words for _, words in marks]})


def curves_png(panels: Sequence[tuple[str, Sequence[Line]]], *, x_label: str) -> bytes:
    """Several (label, lines) panels side by side on white paper, as PNG: the early evidence in a run folder."""
    figure = Figure(figsize=(4.6 * len(panels), 2.5), dpi=96, facecolor="white")
    for column, (label, lines) in enumerate(panels):
        axes = figure.add_axes(((column + 0.11) / len(panels), 0.16, 0.84 / len(panels), 0.7))
        _style(axes)
        _draw_lines(axes, lines)
        axes.set_title(label, loc="left", fontsize=FONT_PT, color=MUTED, parse_math=False)
        axes.set_xlabel(x_label, fontsize=FONT_PT, color=MUTED, parse_math=False)
    return to_png(figure)


def box_plot(
    boxes: Sequence[Box], *, x_label: str, limits: tuple[float, float] | None = None, title: str = ""
) -> bytes:
    """One row for each box as SVG: name, box (quartiles), whiskers (1.5 interquartile ranges), every case as a dot below.

    title: what the panel is of, where several stand side by side.
    limits: the values that are possible, such as (0, 1); the axis covers the data and does not pass them.
    A row without values keeps its name and note and stays empty.
    """
    height_px = 62 * len(boxes) + 42 + TITLE_PX * bool(title)
    figure, axes, texts = panel(height_px, x_label="", y_label=x_label, left_px=12, title=title)
    axes.set(ylim=(len(boxes), 0), xlim=_span([value for box in boxes for value in box.values], limits), yticks=[])
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    titles = {}
    for row, box in enumerate(boxes):
        _draw_box(axes, np.asarray(box.values, dtype=np.float64), row, box.colour, gid=f"dots{row}")
        titles[f"dots{row}"] = box.titles
        write_beside(axes, 0.0, row + 0.24, ha="left", color=INK, gid=f"name{row}")
        write_beside(axes, 1.0, row + 0.24, ha="right", color=MUTED, gid=f"note{row}")
        texts |= {f"name{row}": shortened(box.name), f"note{row}": box.note}
    about = f"{title}: {x_label}" if title else x_label
    return to_svg(figure, label=f"{about}: {', '.join(box.name for box in boxes)}", texts=texts, titles=titles)


def agreement_plot(pairs: Sequence[Pairs], *, x_label: str, y_label: str) -> bytes:
    """Predicted against reference size as SVG, a dot for each case, with the line of equality."""
    figure, axes, texts = panel(320, x_label=x_label, y_label=y_label)
    low, high = _span([value for pair in pairs for value in (*pair.reference, *pair.predicted)], (0.0, math.inf))
    axes.plot([low, high], [low, high], color=MUTED, linewidth=0.9, zorder=1)
    axes.set(xlim=(low, high), ylim=(low, high))
    titles = _draw_pairs(axes, [_with_arrays(pair) for pair in pairs])
    return to_svg(figure, label=f"{y_label} / {x_label}", texts=texts, titles=titles)


def bland_altman_plot(pair: Pairs, *, x_label: str, y_label: str, limits: bool = True) -> bytes:
    """One structure's differences (predicted less reference) against the mean of the two as SVG, a dot for each case.

    Lines at the mean difference and, with `limits`, at the limits of agreement, each with its number at the right end. Of one
    structure alone: limits over structures of different sizes would describe none of them. No pairs: an empty panel.
    """
    figure, axes, texts = panel(270, x_label=x_label, y_label=y_label, right_px=60, title=pair.name)
    _, reference, predicted = _with_arrays(pair)
    differences = predicted - reference
    axes.axhline(0.0, color=GRID, linewidth=0.8, zorder=1)
    if differences.size:
        bias, ends = agreement_limits(differences)
        ends = ends if limits else None
        largest = max(map(abs, (bias, *(ends or ()))))
        _level(axes, bias, largest=largest, color=INK, linewidth=1.1)
        for limit in ends or ():
            _level(axes, limit, largest=largest, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    titles = _draw_pairs(axes, [(pair, (reference + predicted) / 2, differences)])
    axes.margins(y=0.08)
    return to_svg(figure, label=f"{pair.name}: {y_label} / {x_label}", texts=texts, titles=titles)


def agreement_limits(differences: Floats) -> tuple[float, tuple[float, float] | None]:
    """The mean difference, and 1.96 standard deviations below and above it, in the differences' unit.

    The limits are None below three differences, and if all are equal. Source: Bland & Altman, Lancet 1986, 327:307-310.
    """
    mean = float(differences.mean())
    reach = 1.96 * float(differences.std(ddof=1)) if differences.size >= 3 else 0.0
    return mean, (mean - reach, mean + reach) if reach > 0 else None


def _level(axes: Axes, y: float, *, largest: float, color: str, **style: Any) -> None:
    """A line across the panel, and its height beside its right end, with the digits of a number as large as `largest`."""
    axes.axhline(y, color=color, zorder=1, **style)
    across = axes.get_yaxis_transform()
    text = signed_text(y, largest=largest)
    axes.text(1.015, y, text, transform=across, va="center", color=color, fontsize=FONT_PT)


def signed_text(value: float, *, largest: float) -> str:
    """A number with its sign, to three digits of the largest of its kind, and all digits before the point; 0 has none.

    >>> [signed_text(value, largest=0.254) for value in (0.254, -0.0163, 0.0001)], signed_text(-12345.6, largest=12345.6)
    (['+0.254', '−0.016', '0.000'], '−12\u2009346')
    """
    digits = max(0, 2 - math.floor(math.log10(largest))) if largest > 0 else 0
    text = f"{value:+,.{digits}f}".replace(",", "\N{THIN SPACE}").replace("-", "\N{MINUS SIGN}")
    return text if round(value, digits) else text[1:]


def fixed_text(value: float, *, digits: int) -> str:
    """A number with so many digits after the point and a true minus sign; 0 has none.

    >>> fixed_text(0.5, digits=3), fixed_text(-0.25, digits=2), fixed_text(-0.0001, digits=3)
    ('0.500', '−0.25', '0.000')
    """
    text = f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text if float(f"{value:.{digits}f}") else text.lstrip("\N{MINUS SIGN}")


def _with_arrays(pair: Pairs) -> tuple[Pairs, Floats, Floats]:
    return pair, np.asarray(pair.reference, dtype=np.float64), np.asarray(pair.predicted, dtype=np.float64)


def panel(
    height_px: int, *, x_label: str, y_label: str, left_px: int = MARGIN_PX, right_px: int = 12, title: str = ""
) -> tuple[Figure, Axes, dict[str, str]]:
    """An empty panel with its title and its axis names as placeholders, and the words that belong there.

    right_px: room on the right, for words beside the panel.
    """
    figure = new_figure(WIDTH_PX, height_px)
    bottom_px, top_px, title_px = (36 if x_label else 24), 24, (TITLE_PX if title else 0)
    width, height = WIDTH_PX - left_px - right_px, height_px - bottom_px - top_px - title_px
    axes = figure.add_axes((left_px / WIDTH_PX, bottom_px / height_px, width / WIDTH_PX, height / height_px))
    _style(axes)
    if title:
        figure.text(0, 1 - 11 / height_px, PLACEHOLDER, fontsize=FONT_PT, color=INK, weight="bold", gid="title")
    figure.text(0, 1 - (11 + title_px) / height_px, PLACEHOLDER, fontsize=FONT_PT, color=MUTED, gid="y_label")
    if x_label:
        right, low = 1 - right_px / WIDTH_PX, 4 / height_px
        figure.text(right, low, PLACEHOLDER, fontsize=FONT_PT, color=MUTED, ha="right", gid="x_label")
    return figure, axes, {"x_label": x_label, "y_label": y_label, "title": shortened(title)}


def shortened(name: str) -> str:
    """A name that fits beside a note."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def write_beside(axes: Axes, x: float, y: float, *, ha: Literal["left", "right"], color: str, gid: str) -> None:
    """A placeholder at a fraction of the panel's width and a height in data units."""
    across = axes.get_yaxis_transform()
    axes.text(x, y, PLACEHOLDER, transform=across, ha=ha, color=color, fontsize=FONT_PT, gid=gid)


def _style(axes: Axes) -> None:
    axes.patch.set_visible(False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.spines["bottom"].set_linewidth(0.8)
    axes.tick_params(axis="x", color=MUTED, labelcolor=MUTED, labelsize=FONT_PT, length=3, width=0.8)
    axes.tick_params(axis="y", labelcolor=MUTED, labelsize=FONT_PT, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(tick_text)


def tick_text(value: float, _position: float | None = None) -> str:
    """An axis number as people write it: up to four digits, no exponent between 0.0001 and a million, a true minus sign."""
    if value and not 1e-4 <= abs(value) < 1e6:
        text = f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")
    else:
        text = (
            f"{value:.6f}".rstrip("0").rstrip(".")
            if abs(value) < 10_000
            else f"{value:,.0f}".replace(",", "\N{THIN SPACE}")
        )
    return text.replace("-", "\N{MINUS SIGN}") if text not in ("-0", "0") else "0"


def _draw_lines(axes: Axes, lines: Sequence[Line]) -> None:
    for number, line in enumerate(lines):
        chosen = structure_colour(number) if len(lines) > 1 else ACCENT
        x, y = thin(np.array(line.points, dtype=np.float64).reshape(-1, 2).T)
        (drawn,) = axes.plot(x, y, color=line.colour or chosen, linewidth=1.4, solid_capstyle="round")
        if len(x) == 1:
            drawn.set(marker="o", markersize=3.0)
    axes.margins(x=0.01)
    if axes.get_xlim()[0] < 0.05 * axes.get_xlim()[1]:
        axes.set_xlim(left=0.0)


def thin(points_2N: Floats, *, most: int = MAX_POINTS) -> Floats:
    """The finite points of a curve, (2, N); if there are more than `most`, the means of that many stretches of them."""
    points = points_2N[:, np.isfinite(points_2N).all(axis=0)]
    count = points.shape[1]
    if count <= most:
        return points
    edges = np.linspace(0, count, most + 1).astype(int)
    means: Floats = np.add.reduceat(points, edges[:-1], axis=1) / np.diff(edges)
    return means


def _draw_box(axes: Axes, values: Floats, row: int, colour: str, *, gid: str) -> None:
    if not len(values):
        return
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    reach = 1.5 * (high - low)
    ends = values[(values >= low - reach) & (values <= high + reach)]
    y, half = row + 0.48, 0.12
    axes.hlines(y, ends.min(), ends.max(), color=MUTED, linewidth=1.0, zorder=2)
    axes.fill_between(
        [low, high], y - half, y + half, facecolor=colour, edgecolor=INK, linewidth=0.8, alpha=None, zorder=3
    )
    axes.vlines(middle, y - half, y + half, color=INK, linewidth=2.0, zorder=4)
    # Multiples of the golden ratio spread any number of dots evenly, and the same way each time.
    spread = (np.arange(len(values)) * 0.6180339887) % 1.0
    _draw_dots(axes, values, row + 0.69 + 0.22 * spread, colour, gid=gid, size=13)


def _draw_pairs(axes: Axes, rows: Sequence[tuple[Pairs, Floats, Floats]]) -> dict[str, Sequence[str]]:
    for number, (pair, x, y) in enumerate(rows):
        _draw_dots(axes, x, y, pair.colour, gid=f"dots{number}", size=18)
    return {f"dots{number}": pair.titles for number, (pair, *_) in enumerate(rows)}


def _draw_dots(axes: Axes, x: Floats, y: Floats, colour: str, *, gid: str, size: float) -> None:
    """A dot for each value. The thin rim keeps pale colours apart from pale paper."""
    dots = axes.scatter(x, y, s=size, facecolor=colour, edgecolor=INK, linewidth=0.35, alpha=0.8, zorder=3)
    dots.set_gid(gid)


def _span(values: Sequence[float], limits: tuple[float, float] | None) -> tuple[float, float]:
    """The axis for the values: six per cent of room on both sides, inside the limits; (0, 1) if there are none."""
    if not values:
        return (0.0, 1.0)
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    least, most = limits or (-math.inf, math.inf)
    # A hair past the limit, so that a dot on it is not cut in half.
    return max(low - room, least - 0.1 * room), min(high + room, most + 0.1 * room if math.isfinite(most) else math.inf)
