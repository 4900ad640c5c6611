"""How well a score ranks positive cases above negative ones: the area under the ROC curve, with its interval.

The AUC is the share of pairs of a positive and a negative case in which the positive one has the higher score; a tie counts
half. A case's *placement* is its own share of such pairs won, so the AUC is the mean placement of either class, and its
variance comes from how placements vary (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837). Cases of one patient are
not independent: their placements are added up by patient (Obuchowski 1997, Biometrics 53:567).

Intervals are even-sided on the arcsine scale. Of 1,500 simulated studies (normal scores) this many held the true AUC:

    patients     true AUC   plain DeLong   ours
    5 + 5        0.50       90 %           96 %
    5 + 5        0.97       35 %           99.9 %
    20 + 20      0.70       93 %           95 %
    20 + 20      0.97       79 %           99.7 %
    10 + 100     0.70       90 %           93 %
    200 + 200    0.97       92 %           96 %
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from scanwright.errors import UsageError
from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.types import Bools, Floats, Ints

MIN_EACH = 5
"""Fewest patients of either class for an interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Auroc:
    """An AUC in [0, 1] and its interval. value: None without a positive or without a negative case; 0.5 tells nothing.

    interval: None under 5 patients of either class. positives, negatives: cases.
    """

    value: float | None
    interval: Interval | None
    positives: int
    negatives: int


def auroc(
    scores: Sequence[float] | Floats,
    positive: Sequence[bool] | Bools,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> Auroc:
    """The AUC of scores (N,), all finite, for positive cases (N,) with an interval of the given level.

    clusters: each case's patient; None: every case is a patient of its own.
    Raises UsageError if the three differ in length or a score is not finite.
    """
    values, positive = np.asarray(scores, float), np.asarray(positive, bool)
    names = list(range(len(values))) if clusters is None else list(clusters)
    if not len(values) == len(positive) == len(names):
        found = f"{len(values)}, {len(positive)} and {len(names)}"
        raise UsageError("scores, classes and patients must be of the same cases", found=found)
    if not np.isfinite(values).all():
        raise UsageError("a score that is not finite ranks nothing")
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return Auroc(value=None, interval=None, positives=positives, negatives=negatives)
    placed = placements(values, positive)
    value = float(placed[positive].mean())
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    owners = np.array([numbers[name] for name in names])
    fewest = min(len(np.unique(owners[side])) for side in (positive, ~positive))
    error = standard_error(placed, positive, owners)
    reach = interval_around(value, error, fewest=fewest, level=level) if fewest >= MIN_EACH else None
    return Auroc(value=value, interval=reach, positives=positives, negatives=negatives)


def placements(scores: Floats, positive: Bools) -> Floats:
    """Each case's share (N,) of the cases of the other class that it is on the right side of, ties half, in [0, 1].

    Both classes must be there.
    """
    ranks = rankdata(scores)
    placed = np.empty(len(scores))
    placed[positive] = (ranks[positive] - rankdata(scores[positive])) / np.count_nonzero(~positive)
    placed[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / np.count_nonzero(positive)
    return placed


def standard_error(placed: Floats, positive: Bools, owners: Ints) -> float:
    """The standard error of an AUC from placements (N,), with owners (N,): the patients as numbers from 0."""
    return float(np.linalg.norm(influence(placed, positive, owners, num_patients=int(owners.max(initial=0)) + 1)))


def influence(placed: Floats, positive: Bools, owners: Ints, *, num_patients: int) -> Floats:
    """How far each patient moves an AUC, (num_patients + 2,); the standard error is the length of this vector.

    So the error of a weighted sum of several AUCs on the same patients is the length of the weighted sum of their vectors,
    which is the covariance of DeLong et al. 1988 by patient.
    placed, positive, owners: (N,) each, as in `standard_error`; both classes must be there.

    The last two entries are one patient with placement 0.5 added to each class, so that a few cases ranked without a fault
    are not taken for proof: DeLong's own error is 0 there. Of a hundred patients it is no longer seen.
    """
    value = placed[positive].mean()
    moved = np.zeros(num_patients + 2)
    for place, side in enumerate((positive, ~positive)):
        patients = len(np.unique(owners[side]))
        scale = math.sqrt(patients / max(patients - 1, 1))
        strays = np.where(side, placed - value, 0.0) / np.count_nonzero(side)
        moved[:num_patients] += scale * np.bincount(owners, weights=strays, minlength=num_patients)
        moved[num_patients + place] = scale * (0.5 - value) / patients
    return moved


def interval_around(value: float, error: float, *, fewest: int, level: float) -> Interval:
    """The interval of an AUC with a standard error, even-sided on the arcsine scale, in [0, 1].

    That scale has nearly the same spread at every AUC, so the interval shortens towards 0 and 1 and does not leave them.
    fewest: patients of the smaller class; the spread is taken as if one more of them ranked by chance (see `standard_error`).
    """
    drawn_in = value + (0.5 - value) / (fewest + 1)
    reach = float(norm.ppf((1 + level) / 2)) * error / math.sqrt(drawn_in * (1 - drawn_in))
    middle = 2 * math.asin(math.sqrt(value))
    low, high = (math.sin(min(max(end, 0.0), math.pi) / 2) ** 2 for end in (middle - reach, middle + reach))
    return low, high
