"""Is there enough data? A learning curve and the size of a test set, as a section of the page and as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanwright.evaluation.intervals.learning_curve import Curve, Expected, Point
from scanwright.evaluation.intervals.sample_size import CORRELATIONS, Basis, Needed, SampleSize
from scanwright.figures.learning import Measured, learning_plot
from scanwright.report import notation
from scanwright.report.content import Section, Table
from scanwright.report.html import words_of
from scanwright.report.results_content import Estimate, Figure
from scanwright.types import JSON

BASES: Mapping[Basis, str] = {
    "share": "Wilson’s interval",
    "auroc": "the variance of Hanley and McNeil",
    "mean": "the standard deviation of the patients",
    "interval": "the width of the interval that was found, which shrinks with the square root of the number",
}
DRAWN = 40
"""Points at which the fitted law is drawn."""
MANY = "over a million"


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePart:
    """A learning curve of a metric. model: what was trained. left_out: shares that could not be trained, and why."""

    metric: str
    model: str
    curve: Curve
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Plain data for learning_curve.json."""
        return {"metric": self.metric, "model": self.model, **self.curve.to_json(), "left_out": list(self.left_out)}


@dataclass(frozen=True, kw_only=True, slots=True)
class SizePart:
    """How large a test set has to be. judged: the set of cases that it is read from. headline: None where nothing can be said
    of it. shares: sensitivity and the like, where measures are of all cases together.
    """

    judged: str
    headline: SampleSize | None = None
    shares: tuple[SampleSize, ...] = ()

    @property
    def sizes(self) -> tuple[SampleSize, ...]:
        """All of them, the headline's first."""
        return (*([] if self.headline is None else [self.headline]), *self.shares)

    def to_json(self) -> dict[str, JSON]:
        """Plain data for sample_size.json."""
        return {
            "judged": self.judged,
            "headline": None if self.headline is None else self.headline.to_json(),
            "shares": [one.to_json() for one in self.shares],
        }


def enough_section(curve: CurvePart | None, size: SizePart, *, language: str = "en") -> Section | None:
    """Whether there is enough data to learn from, and to judge by; None where nothing can be said of either."""
    labels = words_of(language)["metrics"]
    if curve is None and not size.sizes:
        return None
    said, figures, tables = _of_curve(curve, labels) if curve else ([NOT_DRAWN], [], [])
    more, sizes = _of_sizes(size, labels)
    return Section(
        name="enough",
        title="Is there enough data?",
        said=(*said, *more),
        figures=tuple(figures),
        tables=(*tables, *sizes),
    )


NOT_DRAWN = (
    "Whether more training cases would help was not asked: scanwright train … --learning-curve trains the model again on "
    "shares of its patients."
)


def _of_curve(part: CurvePart, labels: Mapping[str, Any]) -> tuple[list[str], list[Figure], list[Table]]:
    curve, kind = part.curve, notation.metric(part.metric)
    name = label_of(part.metric, labels)
    said = [
        f"The model ({part.model}) was trained again on shares of each fold’s training patients, the smaller ones "
        "part of the larger, and judged on the same held-out cases. None of these models was kept, and nothing was "
        "chosen by them."
    ]
    said += [f"Left out: {one}." for one in part.left_out]
    if curve.gained is not None and curve.gained_interval is not None:
        reach = between(curve.gained, curve.gained_interval, kind.digits)
        first = curve.points[0]
        said.append(
            f"From {first.cases:.0f} training cases to {curve.points[-1].cases:.0f}, {name} became better by "
            f"{notation.number(curve.gained, kind.digits)}{reach}."
        )
    if curve.withheld:
        said.append(f"Nothing is expected of more cases than there were: {curve.withheld}.")
    elif late := [one for one in curve.expected if one.extrapolated and one.value is not None]:
        told = "; ".join(
            f"{_text(one.value, one.interval, kind.digits)} with {one.multiple:g} times the cases ({one.cases:.0f})"
            for one in late
        )
        said.append(
            f"If the curve goes on as it went so far, {name} would be {told}. This is an extrapolation, not a measurement."
        )
    rows = [_measured_row(point, kind.digits) for point in curve.points]
    tables = [
        Table(
            caption=f"{name} by the number of training cases, as measured, with 95% confidence intervals by judged patient.",
            head=("Share of the patients", "Training cases", "Patients", name),
            rows=tuple(rows),
        )
    ]
    if curve.law:
        tables.append(
            Table(
                caption=f"What is expected by the inverse power law through these points: an error of {curve.law.floor:.3f} + "
                f"{curve.law.drop:.3f} · share^−{curve.law.rate:.2f}. {_of_chance(curve)}",
                head=("Times the cases", "Training cases", name, ""),
                rows=tuple(_expected_row(one, kind.digits) for one in curve.expected),
            )
        )
    return said, [_figure(part, name)], tables


def _of_chance(curve: Curve) -> str:
    if curve.draw_deviation is None:
        return "Intervals are by judged patient alone: one fold does not show what the draw of training patients does."
    return "Intervals are by judged patient and by the draw of training patients, as far as folds differ by it."


def _figure(part: CurvePart, name: str) -> Figure:
    curve = part.curve
    measured = [
        Measured(cases=one.cases, value=one.value, low=_end(one.interval, 0), high=_end(one.interval, 1))
        for one in curve.points
        if one.value is not None
    ]
    expected = [
        Measured(cases=one.cases, value=one.value, low=_end(one.interval, 0), high=_end(one.interval, 1))
        for one in curve.expected
        if one.extrapolated and one.value is not None
    ]
    law, fitted = curve.law, []
    if law is not None and not curve.withheld:
        whole, first = curve.points[-1].cases, curve.points[0].share
        last = max([1.0, *(one.multiple for one in curve.expected if one.value is not None)])
        shares = [first * (last / first) ** (place / DRAWN) for place in range(DRAWN + 1)]
        is_error = notation.metric(part.metric).better == "lower"
        fitted = [(share * whole, law.at(share) if is_error else 1 - law.at(share)) for share in sorted({*shares, 1.0})]
    picture = learning_plot(measured, fitted=fitted, expected=expected, x_label="training cases", y_label=name)
    caption = f"Learning curve: {name} by the number of training cases of a fold, with 95% confidence intervals."
    if fitted:
        caption += " The line is the inverse power law; dashed and hollow is what lies beyond all cases."
    return Figure(panels=(picture,), caption=caption)


def _of_sizes(part: SizePart, labels: Mapping[str, Any]) -> tuple[list[str], list[Table]]:
    if not part.sizes:
        return [
            "How many patients a narrower interval takes cannot be said: too few were judged, or they do not differ."
        ], []
    first = part.sizes[0]
    name, digits = label_of(first.seen.metric, labels), notation.metric(first.seen.metric).digits
    said = []
    if first.half_width is not None:
        reach = notation.number(first.half_width, digits)
        said.append(
            f"The interval of {name} now reaches {reach} to either side, on {first.seen.patients} patients "
            f"({part.judged.lower()})."
        )
    rows = tuple(_size_row(one, labels) for one in part.sizes)
    head = ("Measure", "Patients", "± now", *(f"for ±{one.wanted:g}" for one in first.widths))
    widths = Table(
        caption="Patients in a test set for an interval as narrow as stated, of a model that is as good as this one; of a "
        "sensitivity those with the finding, of a specificity those without. Computed "
        "from "
        + "; ".join(f"{', '.join(names)}: {BASES[basis]}" for basis, names in _by_basis(part.sizes, labels))
        + ".",
        head=head,
        rows=rows,
    )
    pairs = Table(
        caption=f"Patients with whom a paired test finds a true difference in {name} in 80 of 100 studies, at the level 0.05. "
        "How closely two models’ scores go together is assumed: it is not known before there is a second model.",
        head=(
            "Difference",
            *(f"correlation {assumed:g}" for assumed in CORRELATIONS),
        ),
        rows=tuple(
            (f"{wanted:g}", *(number_of(one) for one in first.paired if one.wanted == wanted))
            for wanted in dict.fromkeys(one.wanted for one in first.paired)
        ),
    )
    return said, [widths, pairs] if first.paired else [widths]


def _by_basis(sizes: Sequence[SampleSize], labels: Mapping[str, Any]) -> list[tuple[Basis, list[str]]]:
    found: dict[Basis, list[str]] = {}
    for one in sizes:
        found.setdefault(one.seen.basis, []).append(label_of(one.seen.metric, labels))
    return list(found.items())


def _size_row(one: SampleSize, labels: Mapping[str, Any]) -> tuple[str, ...]:
    digits = notation.metric(one.seen.metric).digits
    now = notation.number(one.half_width, digits)
    return (label_of(one.seen.metric, labels), str(one.seen.patients), now, *(number_of(need) for need in one.widths))


def number_of(need: Needed) -> str:
    """How many patients, as text."""
    return MANY if need.patients is None else notation.number(need.patients, 0)


def label_of(key: str, labels: Mapping[str, Any]) -> str:
    """A metric's name for people."""
    kind = notation.metric(key)
    name = labels.get(kind.stem, (kind.stem.replace("_", " "),))[0]
    return f"{name} ({kind.unit})" if kind.unit else str(name)


def _measured_row(point: Point, digits: int) -> tuple[str, ...]:
    return f"{point.share:g}", f"{point.cases:.0f}", f"{point.patients:.0f}", _text(point.value, point.interval, digits)


def _expected_row(one: Expected, digits: int) -> tuple[str, ...]:
    kind = "extrapolated" if one.extrapolated else "within the cases"
    return f"{one.multiple:g}", f"{one.cases:.0f}", _text(one.value, one.interval, digits), one.withheld or kind


def _text(value: float | None, interval: tuple[float, float] | None, digits: int) -> str:
    return notation.number(value, digits) + (
        "" if value is None or interval is None else between(value, interval, digits)
    )


def between(value: float, interval: tuple[float, float], digits: int) -> str:
    """An interval in brackets, after a space."""
    return f" ({notation.interval(Estimate(mean=value, low=interval[0], high=interval[1]), digits)})"


def _end(interval: tuple[float, float] | None, place: int) -> float | None:
    return None if interval is None else interval[place]
