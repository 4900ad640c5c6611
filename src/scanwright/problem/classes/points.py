"""Operating points of a classification: in metrics.json, and as rows of the page."""

from collections.abc import Iterator, Mapping, Sequence

from scanwright.dataset.task import Task
from scanwright.evaluation.calibration.calibration_choice import Choice as Calibrator
from scanwright.evaluation.calibration.points import TOLD, PointMeasures, measures_at, operating_points
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.classes.operating import Rule
from scanwright.problem.classes.figures import MOST_CLASSES
from scanwright.report.results_content import PointRow, estimate
from scanwright.types import JSON

POINTS = "operating_points"
"""In metrics.json, beside "overall": by class or label; absent where nothing was chosen out of fold."""


def points_of(
    rows: Sequence[ClassifiedCase], test: Sequence[ClassifiedCase], task: Task, *, method: Calibrator = "auto"
) -> tuple[dict[str, JSON], dict[str, JSON]]:
    """By class, of cases out of fold and of a test split; {} where there are none. rows, test: as the model gives them."""
    folds = [row.fold for row in rows if row.fold is not None]
    if len(folds) < len(rows) or not rows:
        return {}, {}
    other = answers_of(test, choice=task.choice) if test else None
    found = operating_points(answers_of(rows, choice=task.choice), folds, other, method=method)
    return _by_class(found[0], task), _by_class(found[1], task)


def points_at(rows: Sequence[ClassifiedCase], task: Task, metrics: Mapping[str, JSON]) -> dict[str, JSON]:
    """By class, what the thresholds that a package's metrics.json lists are worth on other cases; {} where it lists none.

    rows: with calibrated probabilities, as the package gives them.
    """
    answers = answers_of(rows, choice=task.choice)
    found = [
        PointMeasures(
            column=task.classes.index(name),
            rule=one["rule"],
            target=one["target"],
            threshold=one["threshold"],
            measures=measures_at(answers, task.classes.index(name), one["threshold"]),
        )
        for name, points in metrics.get(POINTS, {}).items()
        for one in points
    ]
    return _by_class(found, task)


def _by_class(points: Sequence[PointMeasures], task: Task) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for one in points:
        found.setdefault(task.classes[one.column], []).append(one.to_json())
    return found


def point_rows(summary: Mapping[str, JSON], task: Task) -> tuple[PointRow, ...]:
    """Those of metrics.json for the page, of at most MOST_CLASSES classes."""
    by_class: Mapping[str, JSON] = summary.get(POINTS, {})
    return tuple(
        row
        for name in [name for name in task.classes if name in by_class][:MOST_CLASSES]
        for row in _rows(name, by_class[name])
    )


def _rows(name: str, points: Sequence[Mapping[str, JSON]]) -> Iterator[PointRow]:
    for one in points:
        spread = list(one.get("fold_thresholds", {}).values())
        yield PointRow(
            part=name,
            rule=rule_text(one["rule"], one["target"]),
            threshold=one["threshold"],
            thresholds=(min(spread), max(spread)) if spread else None,
            metrics={measure: estimate(one[measure]) for measure in TOLD},
        )


def rule_text(rule: Rule, target: float | None) -> str:
    """A rule in words.

    >>> rule_text("youden", None), rule_text("sensitivity", 0.9)
    ('Youden\u2019s index', 'sensitivity 0.90')
    """
    return "Youden\N{RIGHT SINGLE QUOTATION MARK}s index" if target is None else f"{rule} {target:.2f}"
