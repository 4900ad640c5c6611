"""The area under the ROC curve of cases that count more or less, for thousands of weightings at once.

Cases are sorted once; a weighting is then two sums along the order. The value agrees with `ranking.auroc` on copies of the
cases, its errors with `ranking.standard_error` on a choice of them.
"""

import numpy as np

from scanwright.evaluation.classes.answers import View
from scanwright.evaluation.intervals.bootstrap import sums_by_owner
from scanwright.types import Bools, Floats, Ints


def weighted_auroc(scores: Floats, positive: Bools, weights_DN: Floats) -> Floats:
    """The AUROC of cases (N,) that count as much as their weights say, (D,); ties count half; NaN where a side has none."""
    high, low, _ = _by_level(scores, positive, weights_DN)
    below = np.cumsum(low, axis=1) - low / 2
    pairs = high.sum(axis=1) * low.sum(axis=1)
    area: Floats = np.divide(
        np.einsum("dl,dl->d", high, below), pairs, out=np.full(len(pairs), np.nan), where=pairs > 0
    )
    return area


def area_moved(view: View, weights_DN: Floats, *, num_patients: int) -> Floats:
    """How far each patient moves the AUROC of the chosen cases, (D, num_patients + 2), as `ranking.influence` has it.

    weights: 0 or 1. NaN where a side has no case.
    """
    high, low, places = _by_level(view.scores, view.positive, weights_DN)
    sides = high.sum(axis=1, keepdims=True), low.sum(axis=1, keepdims=True)
    both = (sides[0] > 0) & (sides[1] > 0)
    below = (np.cumsum(low, axis=1) - low / 2) / np.where(both, sides[1], 1)
    above = (sides[0] - np.cumsum(high, axis=1) + high / 2) / np.where(both, sides[0], 1)
    placed = np.where(view.positive, below[:, places], above[:, places])
    value = np.einsum("dl,dl->d", high, below)[:, None] / np.where(both, sides[0], 1)
    moved = np.zeros((len(weights_DN), num_patients + 2))
    there = np.unique(view.owners)
    for place, (side, number) in enumerate(zip((view.positive, ~view.positive), sides, strict=True)):
        chosen = weights_DN * side
        patients = (sums_by_owner(chosen, view.owners) > 0).sum(axis=1, keepdims=True)
        scale = np.sqrt(patients / np.maximum(patients - 1, 1))
        strays = chosen * (placed - value) / np.where(both, number, 1)
        moved[:, there] += scale * sums_by_owner(strays, view.owners)
        moved[:, [num_patients + place]] = scale * (0.5 - value) / np.maximum(patients, 1)
    return np.where(both, moved, np.nan)


def _by_level(scores: Floats, positive: Bools, weights_DN: Floats) -> tuple[Floats, Floats, Ints]:
    """The weight of positive and of negative cases at each different score, (D, L), from the lowest up, and each case's place
    among these, (N,).
    """
    levels, places = np.unique(scores, return_inverse=True)
    if not len(levels):
        return weights_DN, weights_DN, places
    return sums_by_owner(weights_DN * positive, places), sums_by_owner(weights_DN * ~positive, places), places
