"""The report of a run as one self-contained HTML file, from a ReportContent."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from scanwright.evaluation.intervals.statistics import FEW_PATIENTS, MIN_PATIENTS
from scanwright.figures.palette import ACCENT, STRUCTURES, structure_colour
from scanwright.figures.plots import Box, Line, Pairs, agreement_plot, bland_altman_plot, box_plot, line_plot
from scanwright.report import notation
from scanwright.report.content import ReportContent, TrainingPart
from scanwright.report.html import Words, markup, page_environment, style, words_of
from scanwright.report.results_content import CaseRow, Estimate, ResultSet

MAX_BOXES = 24
MAX_REGION_COLUMNS = 8
MAX_COLUMNS = 8
MAX_PANELS = 4  # regions with limits of agreement of their own
MAX_NAMES = 6  # regions that a caption names
NEVER_SURE = frozenset(
    {"ece", "ece_before", "temperature", "fewer_false_lesions", "lesion_f1", *notation.COUNTS}
)  # measures that have no interval, however many patients there are


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Sizes, predicted against true. scatter: `regions` in one panel; panels: limits of agreement, a panel for each of `own`.

    left_out: the regions without a panel of their own, by name if they are few, in number else.
    few: whether a panel has no limits, as too few patients are drawn in it. absent: whether cases are not drawn, having the
    region of a panel on neither side.
    """

    scatter: Markup
    panels: list[Markup]
    regions: list[str]
    own: list[str]
    left_out: list[str]
    number_left_out: int
    few: bool
    absent: bool


def build(content: ReportContent, *, language: str = "en") -> str:
    """The page as text. Sections without content are left out; figures are drawn here from the numbers.

    Raises jinja2.TemplateNotFound for a language without a template.
    """
    words = words_of(language)
    page = (
        _environment(content, words)
        .get_template(f"report.{language}.html")
        .render(
            report=content,
            **style(),
            curves=_curves(content.training, words) if content.training else [],
            box_plots=[_box_plots(result, content, words) for result in content.results],
            agreement=[_agreement(result, content, words) for result in content.results],
            plan_groups=_grouped(content.plan),
            side_by_side=all(_is_narrow(picture.png) for picture in content.pictures),
        )
    )
    return page.lstrip()


def _is_narrow(png: bytes) -> bool:
    """Whether a PNG is less than half as wide again as it is high, by its header: one slice, and not three planes."""
    width, height = struct.unpack(">II", png[16:24])
    return bool(width < 1.5 * height)


def _environment(content: ReportContent, words: Words) -> Environment:
    """Jinja with the names that this page uses."""
    environment = page_environment()
    environment.filters.update(metric_of=notation.metric, section_link=lambda part: (part.name, part.title, part))
    environment.globals.update(
        metric=notation.metric,
        digits=notation.digits_of,
        case_digits=lambda kind, value: notation.digits_of(kind, Estimate(mean=value)),
        label=lambda key: label(notation.metric(key), words),
        meaning=lambda key: words["metrics"].get(notation.metric(key).stem, ("", ""))[1],
        stated=lambda kind: notation.stated(kind, content.tolerance, content.unit),
        min_patients=MIN_PATIENTS,
        few_patients=FEW_PATIENTS,
        without_interval=without_interval,
        blocks=column_blocks,
        case_columns=lambda result: case_columns(result, content),
        colour_class=lambda index: f"c{index % len(STRUCTURES)}",
    )
    return environment


def label(metric: notation.Metric, words: Words) -> str:
    """A metric's name for people, with its unit: "HD95 (mm)". One that the words lack keeps its own name, spaced out."""
    name = words["metrics"].get(metric.stem, (metric.stem.replace("_", " "), ""))[0]
    return f"{name} ({metric.unit})" if metric.unit else str(name)


def without_interval(tables: Iterable[Mapping[str, Estimate]], columns: Iterable[notation.Metric]) -> bool:
    """Whether a mean in these columns stands without an interval although its measure has one (`NEVER_SURE` has none)."""
    keys = {one.key for one in columns} - NEVER_SURE
    found = [one for metrics in tables for key, one in metrics.items() if key in keys]
    return any(one.mean is not None and one.low is None for one in found)


def column_blocks(tables: Sequence[Mapping[str, Estimate]]) -> list[list[notation.Metric]]:
    """The columns of a results table in the order of first use: one block, or scores and measures apart when over five.

    A block of more than MAX_COLUMNS is cut into equal ones.
    """
    keys = dict.fromkeys(key for metrics in tables for key in metrics)
    found = [notation.metric(key) for key in keys]
    if len(found) <= 5:
        return [found] if found else []
    apart = [block for block in ([one for one in found if not one.unit], [one for one in found if one.unit]) if block]
    return [part for block in apart for part in _equal_parts(block)]


def _equal_parts(block: list[notation.Metric]) -> list[list[notation.Metric]]:
    parts = -(-len(block) // MAX_COLUMNS)
    each = -(-len(block) // parts)
    return [block[start : start + each] for start in range(0, len(block), each)]


def case_columns(result: ResultSet, content: ReportContent) -> list[tuple[str, notation.Metric]]:
    """(region, metric) for each column of the table of all cases: the primary metric and the first measure with a unit; where
    measures are of all cases together, whatever is told of a single one.

    None beyond eight regions: cases.csv holds them all.
    """
    regions = _regions(result, content)
    if len(regions) > MAX_REGION_COLUMNS:
        return []
    if result.of_each_case:
        return [(region, metric) for region in regions for metric in _plotted(result, content)]
    told = {(region, key) for case in result.cases for region, metrics in case.regions.items() for key in metrics}
    return [(region, metric) for region in regions for metric in _measures(result) if (region, metric.key) in told]


def _measures(result: ResultSet) -> list[notation.Metric]:
    """What is told of single cases, in the order of first use."""
    keys = dict.fromkeys(key for case in result.cases for metrics in case.regions.values() for key in metrics)
    return [notation.metric(key) for key in keys]


def _regions(result: ResultSet, content: ReportContent) -> list[str]:
    """The regions of a result, those of the report first and in its order."""
    found = {row.region for row in result.regions} | {name for case in result.cases for name in case.regions}
    known = [name for name in content.region_names if name in found]
    return known + sorted(found.difference(known))


def _plotted(result: ResultSet, content: ReportContent) -> list[notation.Metric]:
    """The headline's metric, then a distance: HD95 where there is one, else the first measure with a unit and no sign."""
    metrics = _measures(result)
    primary = content.headline.metric if content.headline else next((one.key for one in metrics), "")
    first = [one for one in metrics if one.key == primary] or metrics[:1]
    measures = [one for one in metrics if one.unit and one.better == "lower" and one not in first]
    return first + sorted(measures, key=lambda one: one.stem != "hd95")[:1]


def _box_plots(result: ResultSet, content: ReportContent, words: Words) -> list[Markup]:
    """A panel for each plotted metric, a row for each region; with over 24 regions, those of the lowest scores."""
    plotted = _plotted(result, content)
    regions = _regions(result, content)
    if not result.cases or not plotted or not result.of_each_case:
        return []
    if len(regions) > MAX_BOXES:
        worst_first = sorted(regions, key=lambda name: median(_values(result.cases, name, plotted[0].key) or [2.0]))
        regions = [name for name in regions if name in worst_first[:MAX_BOXES]]
    plots = []
    for metric in plotted:
        boxes = [_box(result, name, metric, content, words) for name in regions]
        plots.append(markup(box_plot(boxes, x_label=label(metric, words), limits=metric.limits)))
    return plots


def _values(cases: Sequence[CaseRow], region: str, key: str) -> list[float]:
    return [value for case in cases if (value := case.regions.get(region, {}).get(key)) is not None]


def _box(result: ResultSet, region: str, metric: notation.Metric, content: ReportContent, words: Words) -> Box:
    scores = [(case.case, case.regions.get(region, {}).get(metric.key)) for case in result.cases]
    known = [(case, value) for case, value in scores if value is not None]
    values = [value for _, value in known]
    middle = notation.number(median(values) if values else None, metric.digits)
    text = words["axes"]["median" if len(known) == len(scores) else "median_of"]
    return Box(
        name=region,
        values=values,
        titles=[f"{case}: {notation.number(value, metric.digits)} {metric.unit}".strip() for case, value in known],
        note=text.format(value=f"{middle} {metric.unit}".strip(), defined=len(known), all=len(scores)),
        colour=_colour(region, content),
    )


def _agreement(result: ResultSet, content: ReportContent, words: Words) -> Agreement | None:
    """Sizes against each other, and the limits of agreement of each of the largest regions; None without sizes.

    Of more than eight regions the scatter too shows the largest alone. Size is the median over the cases.
    """
    unit, axes = ("ml" if content.unit == "mm" else "px"), words["axes"]
    pairs = {name: _pairs(result, name, unit, content) for name in _regions(result, content)}
    pairs = {name: pair for name, pair in pairs.items() if pair.reference}
    if not pairs:
        return None
    largest = sorted(pairs, key=lambda name: median(pairs[name].reference), reverse=True)[:MAX_PANELS]
    own = [name for name in pairs if name in largest]
    shown = list(pairs) if len(pairs) <= MAX_REGION_COLUMNS else own
    left_out = [name for name in pairs if name not in own]
    enough = {name: len(_drawn_patients(result, name)) >= MIN_PATIENTS for name in own}
    one, two = axes["reference_size"].format(unit=unit), axes["predicted_size"].format(unit=unit)
    mean, rest = axes["mean_size"].format(unit=unit), axes["difference"].format(unit=unit)
    return Agreement(
        scatter=markup(agreement_plot([pairs[name] for name in shown], x_label=one, y_label=two)),
        panels=[
            markup(bland_altman_plot(pairs[name], x_label=mean, y_label=rest, limits=enough[name])) for name in own
        ],
        regions=shown,
        own=own,
        left_out=left_out if len(left_out) <= MAX_NAMES else [],
        number_left_out=len(left_out),
        few=not all(enough.values()),
        absent=any(name in case.sizes and not any(case.sizes[name]) for case in result.cases for name in own),
    )


def _drawn(result: ResultSet, region: str) -> list[CaseRow]:
    """The cases with a region on either side: those without it would count as an exact agreement."""
    return [case for case in result.cases if any(case.sizes.get(region, ()))]


def _drawn_patients(result: ResultSet, region: str) -> set[str]:
    return {case.patient or case.case for case in _drawn(result, region)}


def _pairs(result: ResultSet, region: str, unit: str, content: ReportContent) -> Pairs:
    """The sizes of a region in the cases that have it."""
    known = [(case.case, *case.sizes[region]) for case in _drawn(result, region)]
    return Pairs(
        name=region,
        reference=[true for _, true, _ in known],
        predicted=[found for *_, found in known],
        titles=[
            f"{case}: {notation.size(true, unit)} \N{RIGHTWARDS ARROW} {notation.size(found, unit)} {unit}"
            for case, true, found in known
        ],
        colour=_colour(region, content),
    )


def _curves(training: TrainingPart, words: Words) -> list[Markup]:
    """Loss, validation score and learning rate over steps, a colour for each fold; panels without a point are left out."""
    axes = words["axes"]
    score = axes["score"].format(metric=label(notation.metric(training.score_metric), words))
    plots = []
    for name, title in (("loss", axes["loss"]), ("score", score), ("learning_rate", axes["learning_rate"])):
        lines = [
            Line(fold.fold, getattr(fold, name), structure_colour(index) if len(training.folds) > 1 else ACCENT)
            for index, fold in enumerate(training.folds)
        ]
        if any(line.points for line in lines):
            marks = [(event.step, f"{event.fold}: {event.text}") for event in training.events]
            plots.append(markup(line_plot(lines, x_label=axes["step"], y_label=title, marks=marks)))
    return plots


def _colour(region: str, content: ReportContent) -> str:
    return structure_colour(content.region_names.index(region)) if region in content.region_names else ACCENT


def _grouped(rows: Iterable[Any]) -> dict[str, list[Any]]:
    """Plan rows by group, groups in the order of their first row."""
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return groups
