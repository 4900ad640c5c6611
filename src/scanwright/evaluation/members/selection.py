"""Which members of an ensemble are kept: greedy selection with replacement, on answers to cases that none has learned from.

From nothing on, each round adds the member that makes the pooled answers best, whether it is in already or not; so members come
to have whole numbers as weights. The best of all rounds is taken, the first one of equals. What was chosen is judged
cross-fitted: chosen on the other folds, applied to this one. With one fold nothing is chosen.
Source: Caruana et al. 2004, ICML, sections 2 and 2.1; as there, selection is begun anew from nothing and not bagged: cases are
few, and each fold chooses by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.members.ballots import Ballots
from scanwright.types import Floats, Ints

ROUNDS = 15
PATIENCE = 4
"""Rounds without a better score, after which no more are tried."""
NO_BETTER = 1e-9


@dataclass(frozen=True, slots=True)
class Selection:
    """How often each member was taken, (M,), what that scored where it was chosen, and after how many rounds."""

    counts: tuple[int, ...]
    score: float | None
    rounds: int

    @property
    def weights(self) -> Floats:
        """(M,), the sum is 1."""
        counts = np.array(self.counts, dtype=float)
        return np.asarray(counts / counts.sum())


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """A selection for each fold, made on the others, and the one on all cases, which is what is packaged."""

    by_fold: dict[int, Selection]
    whole: Selection


def select(
    ballots: Ballots, places: Ints | None = None, *, costs: Sequence[float] | None = None, rounds: int = ROUNDS
) -> Selection:
    """The selection on some of the cases (all by default). costs (M,): of equal members the cheaper is taken; the first by
    default.

    A score that is not defined is worse than any. Raises UsageError without a member or a case.
    """
    size = ballots.num_members
    where = np.arange(ballots.num_cases) if places is None else np.asarray(places)
    if not size or not len(where):
        raise UsageError("a selection is of members, on cases", found=f"{size} members and {len(where)} cases")
    order = sorted(range(size), key=lambda k: 0.0 if costs is None else costs[k])
    counts = np.zeros(size)
    best: Selection | None = None
    for number in range(1, rounds + 1):
        scores = {}
        for member in order:
            scores[member] = ballots.score(counts + np.eye(size)[member], where)
        taken = max(order, key=lambda k: _worth(scores[k]))  # the first of equals, which is the cheapest
        counts[taken] += 1
        if best is None or _worth(scores[taken]) > _worth(best.score) + NO_BETTER:
            best = Selection(tuple(counts.astype(int).tolist()), scores[taken], number)
        elif number - best.rounds >= PATIENCE:
            break
    assert best is not None
    return best


def cross_fitted(
    ballots: Ballots, folds: Sequence[int], *, costs: Sequence[float] | None = None, rounds: int = ROUNDS
) -> CrossFitted:
    """Selections by fold. folds (N,): the fold that each case was held out in. Raises UsageError for fewer than two folds."""
    known = np.array(folds)
    names = sorted(set(folds))
    if len(names) < 2:
        raise UsageError("a selection is judged on folds that it was not made on", expected="2 folds or more")
    by_fold = {fold: select(ballots, np.flatnonzero(known != fold), costs=costs, rounds=rounds) for fold in names}
    return CrossFitted(by_fold, select(ballots, costs=costs, rounds=rounds))


def _worth(score: float | None) -> float:
    return -np.inf if score is None else score
