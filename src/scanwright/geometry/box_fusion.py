"""Many boxes of the same thing become one: the best of them is kept, or all of them are averaged.

Boxes are as in boxes.py; each has a score, where more is surer, and the code of a class. Boxes of different classes never
touch each other here. Of equal scores the box that stands first comes first.
"""

import numpy as np

from scanwright.errors import UsageError
from scanwright.geometry.boxes import iou_matrix
from scanwright.types import Floats, Ints

SUPPRESS_IOU = 0.5
FUSE_IOU = 0.55
"""The best of those that Solovyev et al. tried, on COCO and Open Images."""


def suppress(boxes_N23: Floats, scores_N: Floats, codes_N: Ints, *, iou: float = SUPPRESS_IOU) -> Ints:
    """Places of the boxes that are kept, from the highest score down: greedy non-maximum suppression in each class.

    A box goes if its IoU with a kept box of its class is above `iou`. A degenerate box overlaps nothing and stays.
    4,500 boxes of one class, of which 2,500 are kept, take 0.3 s.

    Raises UsageError if there is not a score and a code for each box.
    Source: Neubeck & Van Gool 2006, ICPR, 3:850.
    """
    _require_each(boxes_N23, scores_N, codes_N)
    order = np.argsort(-np.asarray(scores_N), kind="stable")
    kept: list[int] = []
    for code in np.unique(codes_N):
        left = order[codes_N[order] == code]
        while len(left):
            kept.append(int(left[0]))
            overlaps = iou_matrix(boxes_N23[left[:1]], boxes_N23[left[1:]])[0]
            left = left[1:][overlaps <= iou]
    places = np.zeros(len(order), np.int64)
    places[order] = np.arange(len(order))
    return np.array(sorted(kept, key=lambda place: places[place]), np.int64)


def fuse(
    boxes_N23: Floats,
    scores_N: Floats,
    codes_N: Ints,
    *,
    iou: float = FUSE_IOU,
    voters: int = 1,
    shares_N: Floats | None = None,
) -> tuple[Floats, Floats, Ints]:
    """Weighted box fusion: boxes (C, 2, 3), scores (C,) and codes (C,), from the highest score down.

    From the highest score down, each box joins the cluster of its class whose mean box it overlaps most, if their IoU is above
    `iou`, or founds one. A cluster's box is the mean of its boxes weighted by their scores; its score is their mean, times
    min(boxes, voters) / voters: what few of the models found counts less.

    voters: how many models, views or folds the boxes come from, all in one list; 1 leaves scores as they are.
    shares_N: how much the voter counts that each box comes from, as a share of 1 of all voters, in place of `voters`: boxes and
    scores of a cluster are means with these weights, and its score is times the shares in it together, at most 1. Equal shares
    give what `voters` gives.
    4,500 boxes of one class in 2,700 clusters take 0.35 s.

    Raises UsageError if there is not a score and a code for each box, a score is negative or not finite, nobody votes, or a
    share is not above 0.
    Source: Solovyev et al. 2021, Image Vis Comput 107:104117, section 3 and equation 5.
    """
    _require_each(boxes_N23, scores_N, codes_N)
    if voters < 1:
        raise UsageError("boxes to fuse come from one model at least", expected="voters of 1 or more", found=voters)
    if not (np.isfinite(scores_N).all() and (scores_N >= 0).all()):
        raise UsageError("a weight of a mean is a score of 0 or more")
    shares = np.ones(len(scores_N)) if shares_N is None else np.asarray(shares_N, np.float64)
    if len(shares) != len(scores_N) or not (shares > 0).all():
        raise UsageError("each box comes from a voter that counts", expected="a share above 0 for each box")
    order = np.argsort(-np.asarray(scores_N), kind="stable")
    parts = []
    for code in np.unique(codes_N):
        own = order[codes_N[order] == code]
        scored = np.asarray(scores_N, np.float64)[own]
        if shares_N is None:
            boxes, scores = _fuse_class(boxes_N23[own], scored, iou=iou, voters=voters)
        else:
            boxes, scores = _fuse_shares(boxes_N23[own], scored, shares[own], iou=iou)
        parts.append((boxes, scores, np.full(len(boxes), code, np.int64)))
    if not parts:
        return np.zeros((0, 2, 3)), np.zeros(0), np.zeros(0, np.int64)
    boxes, scores, codes = (np.concatenate(part) for part in zip(*parts, strict=True))
    ranked = np.argsort(-scores, kind="stable")
    return boxes[ranked], scores[ranked], codes[ranked]


def _fuse_class(boxes_N23: Floats, scores_N: Floats, *, iou: float, voters: int) -> tuple[Floats, Floats]:
    """The clusters of one class, in the order of their founding, from boxes in descending order of score."""
    means, sums = np.empty_like(boxes_N23), np.zeros_like(boxes_N23)
    weights, members = np.zeros(len(boxes_N23)), np.zeros(len(boxes_N23))
    count = 0
    for box, score in zip(boxes_N23, scores_N, strict=True):
        overlaps = iou_matrix(box[None], means[:count])[0]
        place = int(overlaps.argmax()) if count else 0
        if not count or overlaps[place] <= iou:
            place, count = count, count + 1
        sums[place] += score * box
        weights[place] += score
        members[place] += 1
        if members[place] == 1:
            means[place] = box
        elif weights[place] > 0:
            means[place] = sums[place] / weights[place]
    weights, members = weights[:count], members[:count]
    return means[:count], weights / members * np.minimum(members, voters) / voters


def _fuse_shares(boxes_N23: Floats, scores_N: Floats, shares_N: Floats, *, iou: float) -> tuple[Floats, Floats]:
    """The same where voters count differently: means are weighted by shares too, and shares are added up, not boxes."""
    means, moved = np.empty_like(boxes_N23), np.zeros_like(boxes_N23)
    weights, held, counted = (np.zeros(len(boxes_N23)) for _ in range(3))
    count = 0
    for box, score, share in zip(boxes_N23, scores_N, shares_N, strict=True):
        overlaps = iou_matrix(box[None], means[:count])[0]
        place = int(overlaps.argmax()) if count else 0
        if not count or overlaps[place] <= iou:
            place, count = count, count + 1
            means[place] = box
        moved[place] += share * score * box
        weights[place] += share * score
        held[place] += share
        counted[place] += 1
        if counted[place] > 1 and weights[place] > 0:
            means[place] = moved[place] / weights[place]
    return means[:count], weights[:count] / held[:count] * np.minimum(held[:count], 1.0)


def _require_each(boxes_N23: Floats, scores_N: Floats, codes_N: Ints) -> None:
    if not len(boxes_N23) == len(scores_N) == len(codes_N):
        found = f"{len(boxes_N23)}, {len(scores_N)} and {len(codes_N)}"
        raise UsageError("each box needs a score and a class", found=found)
