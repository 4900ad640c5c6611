"""From which score on a box is said to be there: chosen for each class on out-of-fold answers, so that F1 is largest.

The judged rows of a run are cross-fitted: each fold's boxes are told by what the other folds say. Where one fold alone was
trained, its patients are divided into parts, and each part's boxes are told by what the other parts say. What goes into the
package, and is applied to a test split, is chosen on all of them. DEFAULT_SCORE stands where there was nothing to choose on: a
short training gives scores that never come near it, whatever the order of its boxes is worth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanwright.errors import IntegrityError
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.detection_operating import DEFAULT_SCORE, choose_by_fold
from scanwright.types import JSON, Bools, Floats, Ints

Limits = tuple[float, ...]
"""One score for each class."""
PARTS = 5
"""Into so many parts the patients of a fold are divided that was trained alone."""


def told(scores: Floats, codes: Ints, limits: Limits) -> Bools:
    """(N,) whether each box is said to be there."""
    found: Bools = scores >= np.array(limits, dtype=float)[codes]
    return found


def settle(
    rows: Sequence[DetectedCase], test: Sequence[DetectedCase], *, num_classes: int
) -> tuple[list[DetectedCase], list[DetectedCase], Limits | None]:
    """The rows with the scores by which each is judged, and those chosen on all of them; None without a row."""
    if not rows:
        return [], list(test), None
    parted = [replace(row, fold=part) for row, part in zip(rows, _parts(rows), strict=True)]
    chosen = {part: _limits(found) for part, found in choose_by_fold(parted, num_classes=num_classes).items()}
    judged = [replace(row, thresholds=chosen[part.fold]) for row, part in zip(rows, parted, strict=True)]
    return judged, [replace(row, thresholds=chosen[None]) for row in test], chosen[None]


def _parts(rows: Sequence[DetectedCase]) -> list[int | None]:
    """What each row is judged apart with: its fold, or, where there is one fold alone, a part of that fold's patients."""
    if len({row.fold for row in rows}) > 1:
        return [row.fold for row in rows]
    part_of = {patient: place % PARTS for place, patient in enumerate(sorted({row.patient for row in rows}))}
    return [part_of[row.patient] for row in rows]


def limits_from_json(chosen: Mapping[str, JSON], classes: Sequence[str]) -> Limits:
    """A package's scores, in the order of the classes. Raises IntegrityError for what are none."""
    try:
        found = tuple(float(chosen["thresholds"][name]) for name in classes)
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("no thresholds of boxes", found=str(chosen)[:120]) from error
    if not all(0 <= one <= 1 for one in found):
        raise IntegrityError("thresholds of boxes are scores from 0 to 1", found=str(found)[:120])
    return found


def _limits(found: Sequence[float | None]) -> Limits:
    """The scores that were chosen; DEFAULT_SCORE where there was no box to choose by."""
    return tuple(DEFAULT_SCORE if one is None else one for one in found)
