"""Sets of classes that hold the truth as often as is stated, of cases like those that the scores come from (conformal
prediction).

Each class of a case has a score of how little it conforms; each case of known truth, answered by a model that never saw it,
has that of its true class. A class is in the set of a new case unless too few of those scores are as large as its own:

    p = (1 + number of known scores >= its own) / (n + 1),   in the set where p > 1 - coverage

(Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World). Where each fold's model answers the new case too, its
answer is held against the scores of the cases of that fold (cross-conformal: Vovk 2015, Ann Math Artif Intell 74:9; CV+ of
classes: Romano, Sesia & Candès 2020, NeurIPS). Of one model the coverage is at least what is stated, in the mean over sets of
known cases; of folds it is so in practice, and at least 2 · coverage - 1 for certain (Barber et al. 2021, Ann Stat 49:486). It
is of all cases together: a class, or a hospital, may have less. by_class compares with cases of the same class alone, and so
holds for each class (Mondrian; Vovk 2012, ACML 475); a class of few cases is then in most sets.

    lac     1 - probability of the class: the smallest sets (Sadinle, Lei & Wasserman 2019, J Am Stat Assoc 114:223)
    aps     the probability of all classes that are more probable, and a random share of its own: larger sets where the
            model is unsure (Romano, Sesia & Candès 2020). Without that share each wrong answer to one of two classes scores
            1, and a model that is wrong in more than 1 - coverage of cases says both classes of each (BreastMNIST). The share
            is drawn from the case's own probabilities (`own_draw`), so that a case always has the same set
    raps    aps, and PENALTY for each class from the FREE most probable ones on (Angelopoulos et al. 2021, ICLR)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.types import Array, Bools, Floats, Ints

Score = Literal["lac", "aps", "raps"]
PENALTY, FREE = 0.1, 1
"""Of raps. Angelopoulos et al. tune both for 1,000 classes; of a handful, a second one is to be hard to add."""
DIGITS_BEHIND, SATURATED = 1e4, 1e-12
TIE = 1e-9
"""Scores that differ by less are equal: they were added up in another order."""


def class_scores(probabilities: Floats, score: Score) -> Floats:
    """How little each class conforms, (..., K), from probabilities (..., K) of exclusive classes."""
    if score == "lac":
        lacking: Floats = 1.0 - probabilities
        return lacking
    order = np.argsort(-probabilities, axis=-1, kind="stable")
    ranks = np.argsort(order, axis=-1, kind="stable")
    up_to = np.take_along_axis(np.cumsum(np.take_along_axis(probabilities, order, axis=-1), axis=-1), ranks, axis=-1)
    up_to = up_to - (1 - own_draw(probabilities)[..., None]) * probabilities
    penalty = PENALTY * np.maximum(0, ranks + 1 - FREE) if score == "raps" else 0.0
    total: Floats = up_to + penalty
    return total


def own_draw(probabilities: Floats) -> Floats:
    """A number in [0, 1) for each case, (...,), that is as good as random and always the same: the digits far behind
    the point of the log odds of its most probable class.
    """
    best = np.clip(probabilities.max(axis=-1), SATURATED, 1 - SATURATED)
    drawn: Floats = np.mod(DIGITS_BEHIND * (np.log(best) - np.log1p(-best)), 1.0)
    return drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Scores of the true classes of known cases: (n,) of each fold in turn, ascending not needed; truths: their codes.

    by_class: compare a class with cases of that class alone.
    """

    scores: tuple[Floats, ...]
    truths: tuple[Ints, ...]
    by_class: bool = False

    @property
    def cases(self) -> int:
        """All known cases."""
        return sum(map(len, self.scores))

    @classmethod
    def of(cls, scores: Floats, truth: Ints, folds: Ints, *, by_class: bool = False) -> "Known":
        """From scores (N, K), codes and folds (N,), folds in ascending order."""
        own = np.take_along_axis(scores, truth[:, None], axis=1)[:, 0]
        names = sorted(set(folds.tolist()))
        return cls(
            scores=tuple(own[folds == fold] for fold in names),
            truths=tuple(truth[folds == fold] for fold in names),
            by_class=by_class,
        )


def conforming(members: Floats, known: Known) -> Floats:
    """The p of each class (K,) of a new case, from its scores by each model (M, K).

    As many models as known has folds: each is held against its own fold; else the mean of the models against all.
    """
    scores, truths = known.scores, known.truths
    if len(members) != len(scores):
        members, scores, truths = members.mean(axis=0)[None], (np.concatenate(scores),), (np.concatenate(truths),)
    counts, cases = np.zeros(members.shape[1]), np.zeros(members.shape[1])
    for own, of, codes in zip(members, scores, truths, strict=True):
        for k in range(len(own)):
            alike = of[codes == k] if known.by_class else of
            counts[k] += np.count_nonzero(alike >= own[k] - TIE)
            cases[k] += len(alike)
    p: Floats = (1 + counts) / (1 + cases)
    return p


def held_against(scores: Floats, known: Known) -> Floats:
    """The p (N, K) of each class of many cases, each with scores by one model (N, K), against all known cases."""
    scores_of, truths = np.concatenate(known.scores), np.concatenate(known.truths)
    p = np.empty(scores.shape)
    for k in range(scores.shape[1]):
        alike = np.sort(scores_of[truths == k] if known.by_class else scores_of)
        p[:, k] = (1 + len(alike) - np.searchsorted(alike, scores[:, k] - TIE, side="left")) / (1 + len(alike))
    return p


def sets_of(p: Floats, coverage: float, *, probabilities: Floats, ordered: bool = False) -> Bools:
    """Which classes are in the set, (..., K) bool: those with p over 1 - coverage, and the most probable one always, so that no
    set is empty; of grades also those between two that are in it.
    """
    inside = p > 1 - coverage + 1e-12
    best = np.argmax(probabilities, axis=-1)[..., None]
    inside = inside | (np.arange(p.shape[-1]) == best)
    if ordered:
        up = np.maximum.accumulate(inside, axis=-1)
        down = np.flip(np.maximum.accumulate(np.flip(inside, axis=-1), axis=-1), axis=-1)
        inside = up & down
    return np.asarray(inside, bool)


def least_cases(coverage: float) -> int:
    """The fewest known cases that can keep anything out of a set or an interval at this coverage.

    >>> least_cases(0.9), least_cases(0.95)
    (9, 19)
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def cross_fitted_p(scores: Floats, truth: Ints, folds: Ints, *, by_class: bool = False) -> Floats:
    """The p (N, K) of cases of known truth: each fold is held against the cases of the others alone."""
    p = np.ones(scores.shape)
    for fold in sorted(set(folds.tolist())):
        here = folds == fold
        if not here.all():
            others = Known.of(scores[~here], truth[~here], folds[~here], by_class=by_class)
            p[here] = held_against(scores[here], others)
    return p


def known_from_json(scores: Sequence[Sequence[float]], truths: Sequence[Sequence[int]], *, by_class: bool) -> Known:
    """What a package keeps. Raises ValueError where scores and truths are not of the same cases."""
    of, codes = tuple(_numbers(one) for one in scores), tuple(np.asarray(one, int) for one in truths)
    if [len(one) for one in of] != [len(one) for one in codes] or not of:
        raise ValueError("scores and truths of other cases")
    return Known(scores=of, truths=codes, by_class=by_class)


def _numbers(values: Array | Sequence[float]) -> Floats:
    found = np.asarray(values, np.float64)
    if not np.isfinite(found).all():
        raise ValueError("a score that is not finite")
    return found
