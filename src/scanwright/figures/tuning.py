"""What a search for hyper-parameters looks like: its history, what mattered, each parameter by itself, and all together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from scanwright.figures.palette import ACCENT, GRID, INK, MUTED, STRUCTURES
from scanwright.figures.plots import FONT_PT, fixed_text, panel, shortened, tick_text, write_beside
from scanwright.figures.svg import to_svg

BAR_PX = 30
NARROW = 0.12
"""Of the distance between two choices, how far dots of one lie from its middle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialDot:
    """A trial. scores: on the rungs that it reached, the first first. title: a tooltip. is_default, is_best: of these two."""

    number: int
    scores: Sequence[float]
    title: str
    is_default: bool = False
    is_best: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A parameter. values: of each trial in order, None where it has none. choices: in their order; empty for numbers.

    planned: the default's value.
    """

    name: str
    values: Sequence[float | str | None]
    choices: Sequence[float | str] = ()
    log: bool = False
    planned: float | str | None = None

    def place(self, value: float | str) -> float:
        """Where a value lies: the number of a choice, or the number, its logarithm on a logarithmic scale."""
        if self.choices:
            return float(list(self.choices).index(value))
        return float(np.log10(float(value))) if self.log else float(value)


def history_plot(trials: Sequence[TrialDot], *, rungs: Sequence[str], y_label: str) -> bytes:
    """Each trial's score on the last rung that it reached, in the colour of that rung, and the best at the top so far, as SVG.

    rungs: what each is called, the first first. No trials: an empty panel.
    """
    figure, axes, texts = panel(260, x_label="trial", y_label=y_label)
    titles: dict[str, Sequence[str]] = {}
    for place in range(len(rungs)):
        there = [one for one in trials if len(one.scores) == place + 1]
        dots = axes.scatter(
            [one.number for one in there],
            [one.scores[-1] for one in there],
            s=[64 if one.is_default or one.is_best else 22 for one in there],
            marker="o",
            facecolor=STRUCTURES[place % len(STRUCTURES)],
            edgecolor=INK,
            linewidth=0.5,
            zorder=3,
        )
        dots.set_gid(f"rung{place}")
        titles[f"rung{place}"] = [one.title for one in there]
    for one in trials:
        if one.is_default and one.scores:
            axes.axhline(one.scores[-1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    return to_svg(figure, label=f"{y_label} of {len(trials)} trials", texts=texts, titles=titles)


def importance_plot(shares: Sequence[tuple[str, float]], *, x_label: str) -> bytes:
    """A bar for each parameter, the share of the scores' variance that it explains, as SVG."""
    figure, axes, texts = panel(BAR_PX * len(shares) + 42, x_label="", y_label=x_label, left_px=12)
    axes.set(ylim=(len(shares), 0), xlim=(0.0, 1.0), yticks=[])
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    for row, (name, share) in enumerate(shares):
        axes.barh(row + 0.68, share, height=0.28, color=ACCENT, zorder=3)
        write_beside(axes, 0.0, row + 0.4, ha="left", color=INK, gid=f"name{row}")
        write_beside(axes, 1.0, row + 0.4, ha="right", color=MUTED, gid=f"note{row}")
        texts |= {f"name{row}": shortened(name), f"note{row}": fixed_text(share, digits=2)}
    return to_svg(figure, label=f"{x_label}: {', '.join(name for name, _ in shares)}", texts=texts)


def slice_plot(axis: Axis, scores: Sequence[float], *, y_label: str) -> bytes:
    """The score of each trial over one parameter, and a dotted line at what is planned, as SVG."""
    figure, axes, texts = panel(190, x_label="", y_label=y_label, title=axis.name)
    found = [(value, score) for value, score in zip(axis.values, scores, strict=True) if value is not None]
    spread = (np.arange(len(found)) * 0.6180339887) % 1.0 - 0.5
    x = [
        axis.place(value) + (NARROW * 2 * shift if axis.choices else 0.0)
        for (value, _), shift in zip(found, spread, strict=True)
    ]
    axes.scatter(
        x, [score for _, score in found], s=18, facecolor=ACCENT, edgecolor=INK, linewidth=0.35, alpha=0.8, zorder=3
    )
    if axis.planned is not None:
        axes.axvline(axis.place(axis.planned), color=MUTED, linewidth=1.0, linestyle=(0, (1.5, 2.5)), zorder=1)
    _mark(axes, axis)
    return to_svg(figure, label=f"{y_label} / {axis.name}", texts=texts)


def parallel_plot(axes_of: Sequence[Axis], scores: Sequence[float], *, y_label: str, higher_is_better: bool) -> bytes:
    """A line for each trial through its value on every parameter's axis, the best tenth in colour, as SVG.

    Each axis runs from the least to the largest value; where a conditional parameter has none the line passes below it.
    """
    figure, axes, texts = panel(250, x_label="", y_label=f"the best tenth by {y_label} in colour")
    order = np.argsort(scores) if higher_is_better else np.argsort(scores)[::-1]
    marked = set(order[-max(1, len(scores) // 10) :].tolist()) if len(scores) else set()
    heights = np.array([_heights(axis) for axis in axes_of]).reshape(len(axes_of), len(scores))
    for number in order.tolist():
        best = number in marked
        axes.plot(
            range(len(axes_of)),
            heights[:, number],
            color=ACCENT if best else GRID,
            linewidth=1.5 if best else 0.8,
            zorder=3 if best else 2,
        )
    axes.set(xlim=(-0.2, max(0.2, len(axes_of) - 0.8)), ylim=(-0.14, 1.04), yticks=[])
    axes.xaxis.set_major_locator(FixedLocator(list(range(len(axes_of)))))
    axes.xaxis.set_major_formatter(FixedFormatter([chr(ord("A") + place) for place in range(len(axes_of))]))
    axes.grid(axis="x", color=MUTED, linewidth=0.8)
    return to_svg(figure, label=f"{len(scores)} trials over {len(axes_of)} parameters", texts=texts)


def _heights(axis: Axis) -> list[float]:
    """Each trial's value between 0 and 1 along the axis; a little below where there is none."""
    known = [axis.place(value) for value in axis.values if value is not None]
    low, high = (0.0, len(axis.choices) - 1.0) if axis.choices else (min(known, default=0.0), max(known, default=1.0))
    reach = (high - low) or 1.0
    return [-0.1 if value is None else (axis.place(value) - low) / reach for value in axis.values]


def _mark(axes: Axes, axis: Axis) -> None:
    """Ticks: the choices by name, or powers of ten and what lies between them."""
    if axis.choices:
        axes.xaxis.set_major_locator(FixedLocator(list(range(len(axis.choices)))))
        axes.xaxis.set_major_formatter(FixedFormatter([_short(choice) for choice in axis.choices]))
        axes.set_xlim(-0.5, len(axis.choices) - 0.5)
        if sum(len(_short(choice)) for choice in axis.choices) > 40:
            axes.tick_params(axis="x", labelsize=FONT_PT - 1.5, rotation=12)
    elif axis.log:
        low, high = axes.get_xlim()
        decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
        marks = [decade + np.log10(times) for decade in decades for times in (1, 2, 5)]
        shown = [mark for mark in marks if low <= mark <= high]
        shown = shown if len(shown) <= 7 else [mark for mark in shown if abs(mark - round(mark)) < 1e-9]
        axes.xaxis.set_major_locator(FixedLocator(shown))
        axes.xaxis.set_major_formatter(FixedFormatter([tick_text(round(float(10**mark), 9)) for mark in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _short(choice: float | str) -> str:
    return f"{choice:g}" if isinstance(choice, int | float) else choice.replace("_", " ")
