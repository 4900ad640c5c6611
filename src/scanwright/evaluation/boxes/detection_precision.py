"""Average precision and recall of found boxes by the rules of COCO, for one set of images or for thousands of draws of them.

Precision is read at 101 levels of recall, each as the highest that is reached at that recall or a larger one, and averaged; 0
at a recall that is never reached. This agrees with pycocotools (`COCOeval.accumulate`) to rounding, where the same found boxes
stand in the same order: of equal scores, the earlier case's box comes first there and here.

Boxes are sorted once. A draw of patients is a weight for each box, as often as its patient was drawn: a weight of 2 gives
what a second copy of the patient's images would, unless a hit and a false positive have the same score; then copies would
alternate, and weights leave them in their order. Precision is highest at a hit, so it is computed at hits alone.

Sources: Lin et al. 2014, ECCV (COCO); Everingham et al. 2010, Int J Comput Vis 88:303, section 4.2.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from scanwright.evaluation.boxes.detection_columns import FIRSTS
from scanwright.evaluation.boxes.matched import MatchedCase, Stray
from scanwright.evaluation.classes.confusion import ratio
from scanwright.evaluation.intervals.bootstrap import BLOCK_ENTRIES
from scanwright.types import Bools, Floats, Ints

RECALLS: Floats = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RankedBoxes:
    """Found boxes (D,) of one class in all images, from the highest score down, and true ones by patient (P,).

    Boxes that are neither hits nor false positives at any limit are left out.

    owners (D,): patients as numbers. weights (D,): mostly 1. hit, neither (L, D): as `Matched` has them, at L limits.
    hits_among (P, F, L): hits of each patient among the first boxes of each image, as many as each of FIRSTS says.
    """

    owners: Ints
    weights: Floats
    hit: Bools
    neither: Bools
    true: Floats
    hits_among: Floats

    @classmethod
    def of(
        cls, cases: Sequence[MatchedCase], owners: Ints, *, code: int, size: int = 0, strays: Sequence[Stray] = ()
    ) -> Self:
        """The boxes of a class in cases of patients (N,). size: 0 for all, or the number of a group of sizes.

        strays: more patients, the last ones; a draw in which they have no weight is as if they were not.
        """
        num_patients = int(owners.max()) + 1
        parts = [case.classes[code].by_size[size] for case in cases]
        counts = [part.hit.shape[1] for part in parts]
        scores = np.concatenate([case.classes[code].scores[:n] for case, n in zip(cases, counts, strict=True)])
        places = np.concatenate([np.arange(n) for n in counts])
        hit, neither = (np.concatenate([getattr(part, word) for part in parts], axis=1) for word in ("hit", "neither"))
        holders = np.repeat(owners, counts)
        order = np.argsort(-scores, kind="stable")
        order = order[~neither[:, order].all(axis=0)]
        among = np.zeros((num_patients, len(FIRSTS), len(hit)))
        for place, first in enumerate(FIRSTS):
            np.add.at(among[:, place], holders, (hit & (places < first)).T)
        ranked = cls(
            owners=holders[order],
            weights=np.ones(len(order)),
            hit=hit[:, order],
            neither=neither[:, order],
            true=np.bincount(owners, weights=[part.num_true for part in parts]).astype(float),
            hits_among=among,
        )
        return ranked._with(strays) if strays else ranked

    def _with(self, strays: Sequence[Stray]) -> Self:
        """More patients, whose boxes come before all others: of each, false positives and then hits."""
        mean = float(self.true.sum()) / max(int(np.count_nonzero(self.true)), 1)
        num_limits, numbers = len(self.hit), len(self.true) + np.arange(len(strays))
        hits = np.full((len(strays), *self.hits_among.shape[1:]), mean) * [[[one.hits]] for one in strays]
        return type(self)(
            owners=np.concatenate([np.repeat(numbers, 2), self.owners]),
            weights=np.concatenate([[mean * part for one in strays for part in (one.false, one.hits)], self.weights]),
            hit=np.concatenate([np.tile([False, True], (num_limits, len(strays))), self.hit], axis=1),
            neither=np.concatenate([np.zeros((num_limits, 2 * len(strays)), bool), self.neither], axis=1),
            true=np.concatenate([self.true, [mean * one.true for one in strays]]),
            hits_among=np.concatenate([self.hits_among, hits]),
        )

    def average_precision(self, counts: Floats, *, limits: slice = slice(None)) -> Floats:
        """At each limit, in [0, 1], (draws, L); NaN in a draw without a true box. counts (draws, P): weight of each patient.

        limits: which of them.
        """
        true = counts @ self.true
        drawn = counts[:, self.owners] * self.weights
        above = np.cumsum(drawn, axis=1)
        areas = [
            _area(drawn, above, hit=np.flatnonzero(hit), neither=np.flatnonzero(neither), true=true)
            for hit, neither in zip(self.hit[limits], self.neither[limits], strict=True)
        ]
        return np.where(true[:, None] > 0, np.stack(areas, axis=1), np.nan)

    def recall(self, counts: Floats) -> Floats:
        """Share of the true boxes that are found, in the mean over limits, among the FIRSTS of each image: (draws, F)."""
        found = np.tensordot(counts, self.hits_among.mean(axis=2), axes=1)
        return ratio(found, np.broadcast_to((counts @ self.true)[:, None], found.shape))


def _area(drawn: Floats, above: Floats, *, hit: Ints, neither: Ints, true: Floats) -> Floats:
    """Average precision (draws,) from weights and their sums down to each box (draws, D), and places of hits and of neither."""
    if not len(hit):
        return np.zeros(len(drawn))
    judged = above[:, hit]
    if len(neither):
        aside = np.cumsum(drawn[:, neither], axis=1)
        before = np.searchsorted(neither, hit)
        judged = judged - np.where(before > 0, aside[:, before - 1], 0.0)
    found = np.cumsum(drawn[:, hit], axis=1)
    precision = np.divide(found, judged, out=np.zeros_like(found), where=judged > 0)
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = np.divide(found, true[:, None], out=np.zeros_like(found), where=true[:, None] > 0)
    levels = np.searchsorted(RECALLS, recall, side="right")
    steps = np.diff(levels, axis=1, prepend=0)
    area: Floats = (highest * steps).sum(axis=1) / len(RECALLS)
    return area


def in_blocks(draws: Iterable[Floats], *, entries: int) -> Iterator[Floats]:
    """Draws (rows, P) in blocks of fewer rows, so that an array of `entries` numbers a row does not outgrow memory."""
    rows = max(1, BLOCK_ENTRIES // max(entries, 1))
    for counts in draws:
        for start, stop in pairwise([*range(0, len(counts), rows), len(counts)]):
            yield counts[start:stop]
