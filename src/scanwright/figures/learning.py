"""A learning curve: what models were worth by the number of training cases, and where the law through them leads."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import NullLocator

from scanwright.figures.palette import ACCENT, INK, MUTED
from scanwright.figures.plots import fixed_text, panel
from scanwright.figures.style import BAND_ALPHA, DASHED
from scanwright.figures.svg import to_svg

HEIGHT_PX = 300
ROOM = 1.15
"""Beyond the first and the last number of cases, as a factor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A value at a number of training cases, with its interval; low, high: None without one."""

    cases: float
    value: float
    low: float | None = None
    high: float | None = None


def learning_plot(
    measured: Sequence[Measured],
    *,
    fitted: Sequence[tuple[float, float]] = (),
    expected: Sequence[Measured] = (),
    x_label: str,
    y_label: str,
) -> bytes:
    """Measured values as dots with intervals over the number of cases, on a logarithmic axis, as SVG.

    fitted: points (cases, value) of the law, drawn solid as far as there were cases and dashed beyond. expected: where the law
    is read off beyond them, drawn hollow, with their intervals as a band from the last measured point on.
    """
    figure, axes, texts = panel(HEIGHT_PX, x_label=x_label, y_label=y_label)
    last = measured[-1].cases
    ticks = [one.cases for one in (*measured, *expected)]
    axes.set_xscale("log")
    axes.set_xlim(min(ticks) / ROOM, max(ticks) * ROOM)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    inside, beyond = ([point for point in fitted if (point[0] <= last) is side] for side in (True, False))
    axes.plot(*_columns(inside), color=MUTED, linewidth=1.2, zorder=1)
    axes.plot(*_columns([*inside[-1:], *beyond]), color=MUTED, linewidth=1.2, linestyle=DASHED, zorder=1)
    band = (
        [one for one in (measured[-1], *expected) if one.low is not None and one.high is not None] if expected else []
    )
    if len(band) > 1:
        low, high = ([value for one in band if (value := getattr(one, end)) is not None] for end in ("low", "high"))
        axes.fill_between([one.cases for one in band], low, high, color=MUTED, alpha=BAND_ALPHA, linewidth=0, zorder=0)
    for one in measured:
        if one.low is not None and one.high is not None:
            axes.plot((one.cases,) * 2, (one.low, one.high), color=ACCENT, linewidth=1.6, zorder=2)
    axes.scatter(*_columns([(one.cases, one.value) for one in measured]), s=26, color=ACCENT, gid="measured", zorder=3)
    hollow = _columns([(one.cases, one.value) for one in expected])
    axes.scatter(*hollow, s=26, facecolor="none", edgecolor=INK, linewidth=1.0, gid="expected", zorder=3)
    titles = {"measured": [_title(one) for one in measured], "expected": [_title(one) for one in expected]}
    return to_svg(figure, label=f"{y_label} / {x_label}", texts=texts, titles=titles)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _title(one: Measured) -> str:
    reach = (
        ""
        if one.low is None or one.high is None
        else f" [{fixed_text(one.low, digits=3)}, {fixed_text(one.high, digits=3)}]"
    )
    return f"{one.cases:.0f}: {fixed_text(one.value, digits=3)}{reach}"
