"""Which found box is of which true one, in one image and of one class, by the rules of COCO.

From the highest score down, each found box takes the true box that it fits best, if it fits at all: no true box is taken twice.
True boxes to be ignored (difficult, a crowd) can be taken any number of times, but only by what fits no other that is left. A
found box is then a hit, neither (it took one that is ignored), or else a false positive; a true box that none took is a miss.

Source: `COCOeval.evaluateImg` of pycocotools, of which this gives the same for the same boxes: so of true boxes that fit
equally well the later one is taken, and a limit is just met by an IoU that equals it.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from scanwright.errors import UsageError
from scanwright.geometry.boxes import centre_in_ellipsoid, holds_centre, iou_matrix, share_inside
from scanwright.types import Bools, Floats, Ints

COCO_LIMITS: Floats = np.linspace(0.5, 0.95, 10)
"""The limits of IoU that COCO takes the mean over."""
COCO_MOST = 100
"""Of one image and class, COCO judges the boxes of so many highest scores."""
NEAR_ONE = 1 - 1e-10


@dataclass(frozen=True, kw_only=True, slots=True)
class HitRule:
    """When a found box is taken to be of a true one: their IoU is at or above `iou`; None: its centre lies in the true one, or,
    with `ellipsoid`, in the ellipsoid that fills the true one.

    Of a true box to be ignored, the share of the found box that lies inside counts in place of the IoU, as in COCO.
    Raises UsageError for a limit outside (0, 1].
    """

    iou: float | None = 0.5
    ellipsoid: bool = False

    def __post_init__(self) -> None:
        if self.iou is not None and not 0 < self.iou <= 1:
            raise UsageError("a limit of IoU is above 0 and up to 1", found=self.iou)
        if self.iou is not None and self.ellipsoid:
            raise UsageError("a hit is told by an IoU or by a centre", found=f"IoU {self.iou:g} and an ellipsoid")

    @property
    def stated(self) -> str:
        """The rule in words."""
        if self.iou is not None:
            return f"IoU {self.iou:g}"
        return f"centre of the found box in the {'ellipsoid that fills the ' if self.ellipsoid else ''}true one"

    @property
    def limit(self) -> float:
        """How well a found box must fit."""
        return 0.0 if self.iou is None else self.iou

    def fit(self, boxes: "ClassBoxes") -> Floats:
        """How well each found box fits each true one, (M, T); where its centre is not inside, and it has to be: -1."""
        found: Floats = boxes.overlaps()
        if self.iou is not None:
            return found
        is_inside = centre_in_ellipsoid if self.ellipsoid else holds_centre
        return np.where(is_inside(boxes.found, boxes.true), found, -1.0)


IOU_50 = HitRule()
LUNA16 = HitRule(iou=None, ellipsoid=True)
"""A found centre nearer to that of a nodule than its radius (Setio et al. 2017, Med Image Anal 42:1), whose box is a cube."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassBoxes:
    """Found and true boxes of one class in one image.

    found (M, 2, 3) with scores (M,), from the highest down. true (T, 2, 3); ignored (T,): neither a miss nor a false positive.
    """

    found: Floats
    scores: Floats
    true: Floats
    ignored: Bools

    @classmethod
    def of(cls, found: Floats, scores: Floats, true: Floats, ignored: Bools) -> Self:
        """Boxes in any order. Of equal scores the box that stands first comes first."""
        order = np.argsort(-scores, kind="stable")
        return cls(found=found[order], scores=scores[order], true=true, ignored=ignored)

    def first(self, most: int) -> "ClassBoxes":
        """With the found boxes of so many highest scores."""
        return ClassBoxes(found=self.found[:most], scores=self.scores[:most], true=self.true, ignored=self.ignored)

    def overlaps(self) -> Floats:
        """IoU of found and true boxes (M, T); where the true one is ignored, the share of the found one inside it."""
        found = iou_matrix(self.found, self.true)
        if self.ignored.any():
            found[:, self.ignored] = share_inside(self.found, self.true[self.ignored])
        return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Matched:
    """What became of the found boxes (M,) at each of L limits.

    partners (L, M): the place of the true box that was taken, -1 for none. hit: it counts. neither: it does not count, nor does
    the found box. What is not one of both is a false positive. num_true: true boxes that count.
    """

    partners: Ints
    hit: Bools
    neither: Bools
    num_true: int


def match_boxes(
    fit_MT: Floats,
    limits_L: Floats,
    *,
    ignored_T: Bools,
    true_outside_T: Bools | None = None,
    found_outside_M: Bools | None = None,
) -> Matched:
    """Match found boxes, from the highest score down, with true ones at each limit of how well they fit.

    fit: how well each found box fits each true one, mostly `ClassBoxes.overlaps`; one that equals a limit meets it.
    ignored: true boxes that do not count and can be taken again. true_outside: of a size that is not asked for: they do not
    count either, but are taken once. found_outside: found boxes of such a size, which are no false positives.
    """
    aside = ignored_T if true_outside_T is None else ignored_T | true_outside_T
    limits = np.minimum(limits_L, NEAR_ONE)[:, None]
    partners = np.full((len(limits), len(fit_MT)), -1)
    untaken = np.ones((len(limits), len(aside)), np.bool_)
    by_place = np.argsort(aside, kind="stable")  # ignored ones last, as in COCO, where the later of equals is taken
    for m in np.flatnonzero((fit_MT >= limits.min(initial=np.inf)).any(axis=1)).tolist():
        wish = by_place[np.lexsort((fit_MT[m, by_place], ~aside[by_place]))[::-1]]
        possible = (untaken & (fit_MT[m] >= limits))[:, wish]
        best = possible.argmax(axis=1)
        rows = np.flatnonzero(possible[np.arange(len(limits)), best])
        taken = wish[best[rows]]
        partners[rows, m] = taken
        untaken[rows, taken] = ignored_T[taken]
    took = partners >= 0
    in_vain = took & aside[partners] if len(aside) else took
    outside = np.zeros(len(fit_MT), np.bool_) if found_outside_M is None else found_outside_M
    return Matched(
        partners=partners,
        hit=took & ~in_vain,
        neither=in_vain | (~took & outside),
        num_true=int(np.count_nonzero(~aside)),
    )
