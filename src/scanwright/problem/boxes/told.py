"""Boxes as a report shows them: measures by class, curves, and the cases in which found and true boxes agree best and worst."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.task import Task
from scanwright.evaluation.boxes.box_matching import IOU_50
from scanwright.evaluation.boxes.detected import DetectedCase, count_boxes
from scanwright.evaluation.boxes.detection_columns import AT_RATES
from scanwright.evaluation.comparing.detection_comparison import compare_detections_with_best
from scanwright.figures.boxed import Drawn, boxed
from scanwright.problem.boxes import figures as box_figures
from scanwright.problem.boxes.choice import told
from scanwright.problem.told import best_to_worst, difference, in_order, of_all_together
from scanwright.problem.windows import around_boxes, window_of
from scanwright.report import results_content as page_content
from scanwright.report.results_content import CasePicture, Difference, Fact, ResultSet, Wording
from scanwright.types import JSON

UNSHOWN = set(AT_RATES) - {"sensitivity_at_1fp"}

WORDING = Wording(
    kind="Detection",
    part="class",
    parts="classes",
    pictures="Found boxes are in the colour of their class, with their score; true ones are thin and white.",
    ranked_by="F1 of found and true boxes",
    outlined=True,
    together=True,
)


def result_set(
    name: str, summary: Mapping[str, JSON], rows: Sequence[DetectedCase], task: Task, *, note: str
) -> ResultSet:
    """One set of cases as tables. summary: its part of metrics.json. note: on how the cases were judged."""
    cases = [page_case(row, task) for row in rows]
    return of_all_together(name, _shown(summary), cases=cases, figures=box_figures.figures(rows, task), note=note)


def _shown(summary: Mapping[str, JSON]) -> dict[str, JSON]:
    """Without the sensitivities at rates other than one false positive an image, which FROC's curve shows."""

    def kept(measures: Mapping[str, JSON]) -> dict[str, JSON]:
        return {key: value for key, value in measures.items() if key not in UNSHOWN}

    return {
        **summary,
        "overall": kept(summary["overall"]),
        "by_class": {name: kept(block) for name, block in summary["by_class"].items()},
        "by_group": {
            column: {value: kept(block) for value, block in values.items()}
            for column, values in summary["by_group"].items()
        },
    }


def page_case(row: DetectedCase, task: Task) -> page_content.CaseRow:
    """A row of the evaluation as the page shows it: of each class sensitivity and precision in this case."""
    measures: dict[str, dict[str, float | None]] = {}
    for code, name in enumerate(task.classes):
        counts = count_boxes(row, code, threshold=row.thresholds[code], rule=IOU_50)
        judged = counts.hits + counts.false_positives
        measures[name] = {
            "sensitivity": counts.hits / counts.true if counts.true else None,
            "precision": counts.hits / judged if judged else None,
        }
    return page_content.CaseRow(
        case=row.case, regions=measures, patient=row.patient, fold="" if row.fold is None else str(row.fold)
    )


def silence_text(rows: Sequence[DetectedCase]) -> str:
    """That no box of any class was told where there were some; "" else."""
    if not any((~row.ignored).any() for row in rows):
        return ""
    if any(told(row.scores, row.codes, row.thresholds).any() for row in rows):
        return ""
    return (
        f"No box of any class reached the score from which on it is told, in any of {len(rows)} cases: sensitivity, precision "
        "and F1 say this of that score; how well boxes are ranked, mAP says."
    )


def differences(
    rows: Mapping[str, Sequence[DetectedCase]], best: str, task: Task, *, seed: int
) -> dict[str, tuple[Difference, ...]]:
    """mAP of each other model less that of the best one (evaluation.detection_comparison)."""
    ordered = {name: in_order(of) for name, of in rows.items()}
    compared = compare_detections_with_best(ordered, best, num_classes=len(task.classes), seed=seed)
    return {
        name: (difference("map50", one.map50.value, one.map50.interval, one.map50.p, n=len(ordered[best])),)
        for name, one in compared.items()
    }


def agreement(row: DetectedCase) -> float:
    """F1 of found and true boxes of all classes of one case; 1 where nothing is there and nothing was told."""
    counts = [count_boxes(row, code, threshold=limit, rule=IOU_50) for code, limit in enumerate(row.thresholds)]
    hits = sum(one.hits for one in counts)
    wrong = sum(one.misses + one.false_positives for one in counts)
    return 2 * hits / (2 * hits + wrong) if hits or wrong else 1.0


def pictures(rows: Sequence[DetectedCase], task: Task, *, case_of: Callable[[str], Case]) -> tuple[CasePicture, ...]:
    """The case that agrees best, the median one and the two worst, drawn."""
    ranked = sorted(rows, key=lambda row: (agreement(row), row.case))
    return tuple(picture(row, role, task, case=case_of(row.case)) for role, row in best_to_worst(ranked))


def picture(row: DetectedCase, role: page_content.Role, task: Task, *, case: Case) -> CasePicture:
    """One case with its true boxes and those that are told."""
    image = read_case_image(case, task)
    shown = np.flatnonzero(told(row.scores, row.codes, row.thresholds))
    true = [Drawn(row.true[place], int(row.true_codes[place])) for place in range(len(row.true))]
    found = [Drawn(row.found[place], int(row.codes[place]), float(row.scores[place])) for place in shown]
    facts = []
    for code, name in enumerate(task.classes):
        counts = count_boxes(row, code, threshold=row.thresholds[code], rule=IOU_50)
        if counts.true or counts.found:
            said = f"{counts.hits} of {counts.true} found, {counts.false_positives} false"
            facts.append(Fact(name=name, value=said))
    window = window_of(around_boxes(image.voxels[0], [one.corners for one in (*true, *found)]), task)
    png = boxed(image.voxels, grid=image.grid, boxes=[*true, *found], window=window)
    return CasePicture(role=role, case=row.case, png=png, facts=tuple(facts))
