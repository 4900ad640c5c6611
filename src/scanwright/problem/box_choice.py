"""From which score on a box is said to be there: chosen for each class on out-of-fold answers, so that F1 is largest.

The judged rows of a run are cross-fitted: each fold's boxes are told by what the other folds say. What goes into the package,
and is applied to a test split, is chosen on all of them. With one fold there is nothing to choose on, and DEFAULT_SCORE
stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanwright.errors import IntegrityError
from scanwright.evaluation.detected import DetectedCase
from scanwright.evaluation.detection_operating import DEFAULT_SCORE, choose_by_fold
from scanwright.types import JSON, Bools, Floats, Ints

Limits = tuple[float, ...]
"""One score for each class."""


def told(scores: Floats, codes: Ints, limits: Limits) -> Bools:
    """(N,) whether each box is said to be there."""
    found: Bools = scores >= np.array(limits, dtype=float)[codes]
    return found


def settle(
    rows: Sequence[DetectedCase], test: Sequence[DetectedCase], *, num_classes: int
) -> tuple[list[DetectedCase], list[DetectedCase], Limits | None]:
    """The rows with the scores by which each is judged, and those chosen on all of them; None where there is one fold."""
    if len({row.fold for row in rows if row.fold is not None}) < 2:
        return list(rows), list(test), None
    chosen = {fold: _limits(found) for fold, found in choose_by_fold(rows, num_classes=num_classes).items()}
    judged = [replace(row, thresholds=chosen[row.fold]) for row in rows]
    return judged, [replace(row, thresholds=chosen[None]) for row in test], chosen[None]


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
