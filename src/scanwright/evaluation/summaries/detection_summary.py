"""The content of metrics.json for detection, in the shape of summary.py, from found and true boxes."""

from collections.abc import Sequence

from scanwright.evaluation.boxes.box_matching import COCO_MOST, IOU_50, HitRule
from scanwright.evaluation.boxes.box_sizes import SizeGroups
from scanwright.evaluation.boxes.detected import DetectedCase, Thresholds
from scanwright.evaluation.boxes.detection_measures import SAMPLES, measure_detections
from scanwright.evaluation.boxes.matched import MatchedCase, match_cases
from scanwright.evaluation.intervals.bootstrap import Measures
from scanwright.evaluation.summaries.summary import summarise_rows
from scanwright.types import JSON


def summarise_detection(
    rows: Sequence[DetectedCase],
    *,
    classes: Sequence[str],
    primary: str = "map50",
    problem: str = "detection",
    thresholds: Thresholds | None = None,
    rule: HitRule = IOU_50,
    froc_rule: HitRule | None = None,
    sizes: SizeGroups | None = None,
    most: int = COCO_MOST,
    seed: int = 0,
    samples: int = SAMPLES,
    test: Sequence[DetectedCase] = (),
) -> dict[str, JSON]:
    """metrics.json of a detection, in the shape of `summary.summarise_classification`.

    Measures are named as detection_measures.py has them: the mean over classes is "map50" overall where one class has "ap50"
    (`class_measure`).

    thresholds: chosen elsewhere, for sensitivity, precision, F1 and the numbers of boxes; None: those that the rows hold, and
    without any these are not defined.
    rule: when a box is a hit, for these, and froc_rule for FROC (None: the same); "hit_rule" has both in words. Average
    precision and recall have COCO's own limits.
    sizes: groups to give results by, such as box_sizes.COCO_SIZES. most: found boxes of an image and class that average
    precision and recall look at.

    Raises UsageError without rows, if a box is of no class, if thresholds do not fit, or if `primary` is none of the measures.
    """

    def matched(of: Sequence[DetectedCase]) -> list[MatchedCase]:
        if not of:
            return []
        return match_cases(of, num_classes=len(classes), rule=rule, froc_rule=froc_rule, sizes=sizes, most=most)

    def measure(of: Sequence[MatchedCase], draws: int) -> tuple[Measures, dict[str, Measures]]:
        overall, each = measure_detections(
            of,
            num_classes=len(classes),
            thresholds=thresholds,
            size_names=() if sizes is None else sizes.names,
            seed=seed,
            samples=draws,
        )
        return overall, dict(zip(classes, each, strict=True))

    stated = {"told": rule.stated, "froc": (froc_rule or rule).stated}
    head = {"problem": problem, "primary": primary, "hit_rule": stated}
    return summarise_rows(matched(rows), matched(test), measure, head, samples=samples)
