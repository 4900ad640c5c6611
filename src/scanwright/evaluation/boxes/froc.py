"""FROC: the share of lesions that is found against the false positives in the mean scan, over all thresholds of the score.

A found box that fits a true one (box_matching.HitRule; box_matching.LUNA16 is LUNA16's own) finds it. A lesion found twice
counts once, with the higher score, and the second box is no false positive; a box that fits two lesions finds both. A box that
fits only lesions to be ignored is neither. What remains is a false positive. These are the rules of LUNA16 (Setio et al. 2017,
Med Image Anal 42:1), whose score is the mean of the sensitivities at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives a scan.

The sensitivity at a rate is the highest of any threshold with no more false positives than that. LUNA16 draws straight lines
between points, which is the same unless a hit and a false positive have the same score: no threshold gives what lies between.
All scans count, whether something is to be found in them or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from scanwright.evaluation.boxes.detection_columns import RATES
from scanwright.evaluation.boxes.matched import MatchedCase, Stray
from scanwright.evaluation.classes.confusion import ratio
from scanwright.types import Floats, Ints


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrocCurve:
    """Points (G,) from the highest threshold down, the first (0, 0) above all scores.

    rates: false positives in the mean scan, from 0 up. sensitivity: in [0, 1]. thresholds: a box counts at or above it.
    at: sensitivity at each of RATES. score: their mean.
    """

    rates: Floats
    sensitivity: Floats
    thresholds: Floats
    at: tuple[float, ...]
    score: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RankedLesions:
    """Lesions (T,) and false positives (F,) of one class in all scans, each with its score, patient and weight (mostly 1).

    Both from the highest score down; a lesion that nothing finds has -inf. scans (P,): of each patient.
    """

    lesion_scores: Floats
    lesion_owners: Ints
    lesion_weights: Floats
    false_scores: Floats
    false_owners: Ints
    false_weights: Floats
    scans: Floats

    @classmethod
    def of(cls, cases: Sequence[MatchedCase], owners: Ints, *, code: int, strays: Sequence[Stray] = ()) -> Self:
        """Of a class in cases of patients (N,). strays: more patients, the last ones, each with the mean patient's scans."""
        parts = [case.classes[code] for case in cases]
        lesions = [part.first_touch for part in parts]
        false = [part.scores[part.touches_none] for part in parts]
        lesion_owners, false_owners = (np.repeat(owners, [len(part) for part in each]) for each in (lesions, false))
        mean = len(lesion_owners) / max(len(np.unique(lesion_owners)), 1)
        numbers = int(owners.max()) + 1 + np.arange(len(strays))
        missed = [one.true - one.hits for one in strays]
        found = _ranked(
            (np.full(len(strays), np.inf), numbers, mean * np.array([one.hits for one in strays])),
            (np.concatenate(lesions), lesion_owners, np.ones(len(lesion_owners))),
            (np.full(len(strays), -np.inf), numbers, mean * np.array(missed)),
        )
        wrong = _ranked(
            (np.full(len(strays), np.inf), numbers, mean * np.array([one.false for one in strays])),
            (np.concatenate(false), false_owners, np.ones(len(false_owners))),
        )
        scans = np.bincount(owners).astype(float)
        return cls(
            lesion_scores=found[0],
            lesion_owners=found[1],
            lesion_weights=found[2],
            false_scores=wrong[0],
            false_owners=wrong[1],
            false_weights=wrong[2],
            scans=np.concatenate([scans, np.full(len(strays), scans.mean())]),
        )

    def sensitivity_at(self, counts: Floats, rates: Sequence[float] = RATES) -> Floats:
        """Sensitivity at rates of false positives a scan, (draws, R), in [0, 1]; NaN in a draw without a lesion.

        counts (draws, P): weight of each patient.
        """
        drawn = counts[:, self.lesion_owners] * self.lesion_weights
        total, scans = drawn.sum(axis=1), counts @ self.scans
        found = self.lesion_scores > -np.inf
        drawn, false = drawn[:, found], self._false_until(counts, self.lesion_scores[found])
        hits = [(drawn * (false <= rate * scans[:, None])).sum(axis=1) for rate in rates]
        return ratio(np.stack(hits, axis=1), np.broadcast_to(total[:, None], (len(counts), len(rates))))

    def _false_until(self, counts: Floats, thresholds: Floats) -> Floats:
        """False positives at or above each threshold (T,), in each draw: (draws, T)."""
        until = np.searchsorted(-self.false_scores, -thresholds, side="right")
        summed = np.cumsum(counts[:, self.false_owners] * self.false_weights, axis=1)
        return np.concatenate([np.zeros((len(counts), 1)), summed], axis=1)[:, until]


def _ranked(*parts: tuple[Floats, Ints, Floats]) -> tuple[Floats, Ints, Floats]:
    """Scores, owners and weights of all parts, from the highest score down."""
    scores, owners, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    return scores[order], owners[order], weights[order]


def froc_curve(cases: Sequence[MatchedCase], *, code: int) -> FrocCurve | None:
    """The curve of a class over scans. None without a true box that counts."""
    scans = np.arange(len(cases))
    ranked = RankedLesions.of(cases, scans, code=code)
    if not len(ranked.lesion_scores):
        return None
    found = ranked.lesion_scores[np.isfinite(ranked.lesion_scores)]
    thresholds = np.unique(np.concatenate([found, ranked.false_scores]))[::-1]
    once = np.ones((1, len(cases)))
    hits = np.searchsorted(-found, -thresholds, side="right")
    false = np.searchsorted(-ranked.false_scores, -thresholds, side="right")
    at = ranked.sensitivity_at(once)[0]
    return FrocCurve(
        rates=np.append(0.0, false / len(cases)),
        sensitivity=np.append(0.0, hits / len(ranked.lesion_scores)),
        thresholds=np.append(np.inf, thresholds),
        at=tuple(at.tolist()),
        score=float(at.mean()),
    )
