"""One case with the boxes that a model found and those that are true, and many of them as a table for cases.csv."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol, TypeAlias

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.boxes.box_matching import IOU_50, LUNA16, ClassBoxes, HitRule, match_boxes
from scanwright.evaluation.boxes.box_sizes import are_flat
from scanwright.evaluation.cases.judged import cases_to_csv
from scanwright.types import Bools, Floats, Ints, Triple, Unit

Thresholds: TypeAlias = Sequence[float | None] | Mapping[int | None, Sequence[float | None]]
"""The score at or above which a box of each class counts, None for a class without one: the same for all cases; or of each
fold, chosen on the other folds, and under None for cases of no fold."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DetectedCase:
    """A case of a detection. fold: the one that it was predicted in, None if not cross-validated.

    found (M, 2, 3): boxes as geometry/boxes.py has them, with scores (M,) in [0, 1] and codes (M,) of their classes.
    true (T, 2, 3): with true_codes (T,). ignored (T,): neither learned from nor scored (difficult, a crowd).
    spacing: voxel edges along i, j and k in `unit`; a picture without a physical scale has 1 px.
    thresholds (K,): the score at or above which a box of each class counts here; () where none was chosen.

    Raises UsageError if these do not fit each other, or a score is not in [0, 1].
    """

    case: str
    patient: str
    fold: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    found: Floats
    scores: Floats
    codes: Ints
    true: Floats
    true_codes: Ints
    ignored: Bools
    spacing: Triple = (1.0, 1.0, 1.0)
    unit: Unit = "px"
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for boxes, others in ((self.found, (self.scores, self.codes)), (self.true, (self.true_codes, self.ignored))):
            if boxes.shape != (len(boxes), 2, 3) or any(other.shape != (len(boxes),) for other in others):
                shapes = ", ".join(str(array.shape) for array in (boxes, *others))
                raise UsageError("each box needs what belongs to it", where=self.case, found=shapes)
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise UsageError("a score of a box is in [0, 1]", where=self.case)

    def of_class(self, code: int) -> ClassBoxes:
        """The boxes of one class, found ones from the highest score down."""
        own, real = self.codes == code, self.true_codes == code
        return ClassBoxes.of(self.found[own], self.scores[own], self.true[real], self.ignored[real])


def usual_froc_rule(rows: Iterable[DetectedCase]) -> HitRule:
    """Half of a box by IoU where all true ones lie in single slices, as in pictures; in volumes a centre, as in LUNA16."""
    return IOU_50 if are_flat(row.true for row in rows) else LUNA16


class Limited(Protocol):
    """A row with what says which of its boxes count."""

    @property
    def fold(self) -> int | None:
        """The fold that it was predicted in."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Of each class, or ()."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxCounts:
    """Boxes of one class in one case: true ones that count, found ones, and what these are."""

    true: int
    found: int
    hits: int
    misses: int
    false_positives: int


COUNTS = tuple(one.name for one in fields(BoxCounts))


def require_detected(rows: Sequence[DetectedCase], num_classes: int) -> None:
    """Raises UsageError without rows, or if a box is of no class."""
    if not rows:
        raise UsageError("no case to judge")
    for row in rows:
        for code in (*row.codes.tolist(), *row.true_codes.tolist()):
            if not 0 <= code < num_classes:
                raise UsageError("a box is of no class", where=row.case, expected=f"0 to {num_classes - 1}", found=code)


def thresholds_by_class(
    rows: Sequence[Limited], thresholds: Thresholds | None, num_classes: int
) -> list[list[float] | None]:
    """Of each class the threshold of each case (N,); None for a class that has one for no case.

    thresholds: None for those that the rows hold. Where only some cases have one, no box counts in the others: infinity.
    Raises UsageError if the cases of a fold have no thresholds, or not one for each class.
    """
    given = [_thresholds_of(row, thresholds, num_classes) for row in rows]
    each: list[list[float] | None] = []
    for code in range(num_classes):
        own = [one[code] for one in given]
        known = [np.inf if threshold is None else threshold for threshold in own]
        each.append(known if any(threshold is not None for threshold in own) else None)
    return each


def _thresholds_of(row: Limited, thresholds: Thresholds | None, num_classes: int) -> Sequence[float | None]:
    if thresholds is None:
        found: Sequence[float | None] = row.thresholds or (None,) * num_classes
    elif not isinstance(thresholds, Mapping):
        found = thresholds
    elif row.fold in thresholds:
        found = thresholds[row.fold]
    else:
        stated = ", ".join(map(str, thresholds))
        raise UsageError("cases of this fold need thresholds", expected=stated, found=str(row.fold))
    if len(found) != num_classes:
        raise UsageError("each class needs a threshold, or None", expected=num_classes, found=len(found))
    return found


def count_boxes(row: DetectedCase, code: int, *, threshold: float, rule: HitRule = IOU_50) -> BoxCounts:
    """What the boxes of a class with a score at or above a threshold are. `found` has those that are neither, too."""
    boxes = row.of_class(code)
    boxes = boxes.first(int(np.count_nonzero(boxes.scores >= threshold)))
    matched = match_boxes(rule.fit(boxes), np.array([rule.limit]), ignored_T=boxes.ignored)
    hits, neither = int(matched.hit.sum()), int(matched.neither.sum())
    found = len(boxes.scores)
    return BoxCounts(
        true=matched.num_true,
        found=found,
        hits=hits,
        misses=matched.num_true - hits,
        false_positives=found - hits - neither,
    )


def detected_rows_to_csv(
    rows: Sequence[DetectedCase],
    *,
    classes: Sequence[str],
    thresholds: Thresholds | None = None,
    rule: HitRule = IOU_50,
) -> str:
    """cases.csv: case, patient, fold, group columns, and of each class its numbers of boxes at its threshold.

    They are true[class], found[class], hits[class], misses[class] and false_positives[class]; of a class without a threshold
    only the first is there, and the other cells are empty. thresholds: None for those that the rows hold.
    Raises UsageError as `thresholds_by_class` does, or if a box is of no class.
    """
    if rows:
        require_detected(rows, len(classes))
    each = thresholds_by_class(rows, thresholds, len(classes))
    header = [f"{word}[{name}]" for name in classes for word in COUNTS]

    def cells(place: int, row: DetectedCase) -> list[str]:
        found: list[str] = []
        for code, own in enumerate(each):
            counts = count_boxes(row, code, threshold=np.inf if own is None else own[place], rule=rule)
            known = (counts.found, counts.hits, counts.misses, counts.false_positives)
            found += [str(counts.true), *("" if own is None else str(number) for number in known)]
        return found

    return cases_to_csv(rows, header, [cells(place, row) for place, row in enumerate(rows)])
