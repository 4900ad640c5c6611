"""One case after its found boxes were matched with its true ones: all that measures of detection need, matched once.

Two things are asked of a found box. COCO asks which true box it took (box_matching.py), and the second that finds a lesion is a
false positive. A FROC curve asks what it touches (froc.py): a second one that finds a lesion is no false positive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scanwright.evaluation.boxes.box_matching import (
    COCO_LIMITS,
    COCO_MOST,
    IOU_50,
    ClassBoxes,
    HitRule,
    Matched,
    match_boxes,
)
from scanwright.evaluation.boxes.box_sizes import SizeGroups
from scanwright.evaluation.boxes.detected import DetectedCase, require_detected
from scanwright.types import Bools, Floats, Triple


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MatchedClass:
    """Boxes of one class in one case.

    scores (M,): of the found boxes, from the highest down.
    by_size: COCO's matching of the boxes of the highest scores at its limits, first of all sizes, then of each group.
    by_rule: the matching of all found boxes at the one limit of the hit rule.
    first_touch (T,): of each true box that counts, the highest score of a found box that fits it by FROC's rule, or -inf.
    touches_none (M,): found boxes that fit no true box by it, not even one to be ignored.
    """

    scores: Floats
    by_size: tuple[Matched, ...]
    by_rule: Matched
    first_touch: Floats
    touches_none: Bools


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MatchedCase:
    """A case with its boxes matched; a row as `DetectedCase` is one. classes: by code."""

    case: str
    patient: str
    fold: int | None
    groups: Mapping[str, str]
    thresholds: tuple[float, ...] = ()
    classes: tuple[MatchedClass, ...]


class Stray(NamedTuple):
    """A patient who was not in the study but might be in a draw of it, so that few cases without an error are no proof.

    Of each class, in shares of the true boxes that the mean patient with one has: true boxes, those of them that are found
    before all others are, and false positives found before these.
    """

    true: float
    hits: float
    false: float


BY_HALVES = Stray(true=1.0, hits=0.5, false=0.5)
"""Found with a sensitivity and a precision of a half."""


def match_cases(
    rows: Sequence[DetectedCase],
    *,
    num_classes: int,
    rule: HitRule = IOU_50,
    froc_rule: HitRule | None = None,
    sizes: SizeGroups | None = None,
    most: int = COCO_MOST,
) -> list[MatchedCase]:
    """Every case with its boxes matched. rule: for all but average precision and recall, which have COCO's own limits, and
    FROC, where froc_rule is another.

    Raises UsageError without rows, or if a box is of no class.
    """
    require_detected(rows, num_classes)
    return [
        MatchedCase(
            case=row.case,
            patient=row.patient,
            fold=row.fold,
            groups=row.groups,
            thresholds=row.thresholds,
            classes=tuple(
                match_class(row.of_class(code), row.spacing, rule=rule, froc_rule=froc_rule, sizes=sizes, most=most)
                for code in range(num_classes)
            ),
        )
        for row in rows
    ]


def match_class(
    boxes: ClassBoxes,
    spacing: Triple,
    *,
    rule: HitRule,
    froc_rule: HitRule | None,
    sizes: SizeGroups | None,
    most: int,
) -> MatchedClass:
    """Match the boxes of one class in one image in every way that is asked for."""
    free = froc_rule or rule
    touched = free.fit(boxes) >= free.limit
    first = np.where(touched, boxes.scores[:, None], -np.inf).max(axis=0, initial=-np.inf)
    return MatchedClass(
        scores=boxes.scores,
        by_size=_match_sizes(boxes.first(most), spacing, sizes),
        by_rule=match_boxes(rule.fit(boxes), np.array([rule.limit]), ignored_T=boxes.ignored),
        first_touch=first[~boxes.ignored],
        touches_none=np.logical_not(touched.any(axis=1)),
    )


def _match_sizes(boxes: ClassBoxes, spacing: Triple, sizes: SizeGroups | None) -> tuple[Matched, ...]:
    """COCO's matching for all sizes, and for each group with the boxes outside of it set aside."""
    overlaps = boxes.overlaps()
    found = [match_boxes(overlaps, COCO_LIMITS, ignored_T=boxes.ignored)]
    if sizes is not None:
        true_GT, found_GM = sizes.inside(boxes.true, spacing), sizes.inside(boxes.found, spacing)
        for true, of_found in zip(true_GT, found_GM, strict=True):
            found.append(
                match_boxes(
                    overlaps, COCO_LIMITS, ignored_T=boxes.ignored, true_outside_T=~true, found_outside_M=~of_found
                )
            )
    return tuple(found)
