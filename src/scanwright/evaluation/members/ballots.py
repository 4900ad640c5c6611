"""What members said of cases, held so that any weighting of them is scored quickly: what a choice among members looks at.

Ballots are of one kind of problem and know the truth; `score` is the headline's measure of the pooled answers to some of the
cases, in the problem's own sense, without interval. Higher is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.classes.discrimination import discrimination_measures
from scanwright.evaluation.numbers.regression import measure_numbers
from scanwright.types import Array, Bools, Floats, Ints

MOST_VOXELS = 200_000
"""Of a case's disputed voxels, so many at most are looked at, drawn evenly, each standing for several."""


class Ballots(Protocol):
    """What M members said of N cases."""

    @property
    def num_members(self) -> int:
        """M."""
        ...

    @property
    def num_cases(self) -> int:
        """N."""
        ...

    def score(self, weights_M: Floats, places: Ints) -> float | None:
        """The headline's measure of what the members say together of the cases at these places; None if it is not defined.

        weights_M: not negative, with a positive sum.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClassBallots:
    """AUROC. chances (M, N, K): what each member says. rows: the truth of each case; their probabilities are not looked at."""

    chances: Floats
    rows: Sequence[ClassifiedCase]
    choice: Choice

    @property
    def num_members(self) -> int:
        """M."""
        return len(self.chances)

    @property
    def num_cases(self) -> int:
        """N."""
        return len(self.rows)

    def score(self, weights_M: Floats, places: Ints) -> float | None:
        """The area under the ROC curve, of several classes their mean."""
        pooled = np.tensordot(weights_M / weights_M.sum(), self.chances[:, places], axes=1)
        some = [self._row(place, pooled[k]) for k, place in enumerate(places.tolist())]
        return area_of(some, choice=self.choice)

    def _row(self, place: int, chances: Floats) -> ClassifiedCase:
        row = self.rows[place]
        told = tuple(float(one) for one in chances)
        return ClassifiedCase(
            case=row.case, patient=row.patient, probabilities=told, truth=row.truth, decision=row.decision
        )


@dataclass(frozen=True, slots=True)
class NumberBallots:
    """R². values (M, N, Q): what each member says. truth (N, Q): NaN where it is not known."""

    values: Floats
    truth: Floats

    @property
    def num_members(self) -> int:
        """M."""
        return len(self.values)

    @property
    def num_cases(self) -> int:
        """N."""
        return len(self.truth)

    def score(self, weights_M: Floats, places: Ints) -> float | None:
        """R² in the mean over the quantities."""
        pooled = np.tensordot(weights_M / weights_M.sum(), self.values[:, places], axes=1)
        return determination(pooled, self.truth[places])


def area_of(rows: Sequence[ClassifiedCase], *, choice: Choice) -> float | None:
    """AUROC of probabilities, of several classes the mean; None where it is not defined."""
    return _finite(discrimination_measures(answers_of(rows, choice=choice), seed=0, samples=0)[0]["auroc"].value)


def determination(predicted_NQ: Floats, truth_NQ: Floats) -> float | None:
    """R² in the mean over quantities, of which a true NaN is not known; None where it is not defined."""
    return _finite(measure_numbers(predicted_NQ, truth_NQ, range(len(truth_NQ)), samples=0)[0]["r2"].value)


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


@dataclass(frozen=True, slots=True)
class VoxelVotes:
    """What members said of one case, of which only disputed voxels matter: where all decide alike, any weighting decides so.

    chances (M, K, D): of the disputed voxels. truth (R, D): which regions they belong to. both, predicted, true (R,): voxels of
    each region among all others. scale: how many voxels a disputed one stands for. exclusive: K is R and the background, and
    the most probable is told; else each region from one half on. judged (R,): regions that were looked for.
    """

    chances: Floats
    truth: Bools
    both: Floats
    predicted: Floats
    true: Floats
    scale: float
    exclusive: bool
    judged: Bools

    def dice(self, weights_M: Floats) -> float | None:
        """The mean Dice over the regions that are there or told; None where none is."""
        used = np.flatnonzero(weights_M)
        pooled = np.tensordot(weights_M[used].astype(np.float32), self.chances[used].astype(np.float32), axes=1)
        told = decided(pooled / weights_M.sum(), exclusive=self.exclusive)
        both = self.both + self.scale * (told & self.truth).sum(axis=1)
        sizes = self.predicted + self.true + self.scale * (told.sum(axis=1) + self.truth.sum(axis=1))
        there = (sizes > 0) & self.judged
        return float((2 * both[there] / sizes[there]).mean()) if there.any() else None


def decided(chances: Floats, *, exclusive: bool) -> Bools:
    """Which regions are told in each voxel, (R, …), of probabilities (K, …): the first class is the background of exclusive
    ones.
    """
    if not exclusive:
        return np.asarray(chances > 0.5)
    most = chances.argmax(axis=0)
    return np.stack([most == index for index in range(1, len(chances))])


def voxel_votes(
    chances: Sequence[Array], truth: Bools, *, exclusive: bool, valid: Bools, judged: Bools, seed: int = 0
) -> VoxelVotes:
    """The votes of a case. chances: of each member (K, …). truth (R, …). valid (…): voxels that count.

    The most probable class of a mean is that of all members where they agree, and so is what lies above one half.
    """
    each = [decided(np.asarray(one, dtype=np.float32), exclusive=exclusive) for one in chances]
    agreed = np.logical_and.reduce([(one == each[0]).all(axis=0) for one in each])
    clear, disputed = valid & agreed, np.flatnonzero((valid & ~agreed).ravel())
    scale = 1.0
    if len(disputed) > MOST_VOXELS:
        scale = len(disputed) / MOST_VOXELS
        disputed = np.sort(np.random.default_rng(seed).choice(disputed, MOST_VOXELS, replace=False))
    regions = range(len(truth))
    flat = np.stack([np.asarray(one).reshape(len(one), -1)[:, disputed] for one in chances]).astype(np.float16)
    return VoxelVotes(
        chances=flat,
        truth=truth.reshape(len(truth), -1)[:, disputed],
        both=np.array([np.count_nonzero(each[0][k] & truth[k] & clear) for k in regions], dtype=float),
        predicted=np.array([np.count_nonzero(each[0][k] & clear) for k in regions], dtype=float),
        true=np.array([np.count_nonzero(truth[k] & clear) for k in regions], dtype=float),
        scale=scale,
        exclusive=exclusive,
        judged=judged,
    )


@dataclass(frozen=True, slots=True)
class LabelBallots:
    """Dice, in the mean over the regions of a case and then over cases. votes: of each case."""

    votes: Sequence[VoxelVotes]

    @property
    def num_members(self) -> int:
        """M."""
        return len(self.votes[0].chances) if self.votes else 0

    @property
    def num_cases(self) -> int:
        """N."""
        return len(self.votes)

    def score(self, weights_M: Floats, places: Ints) -> float | None:
        """The mean over the cases of which it is defined."""
        found = [self.votes[place].dice(weights_M) for place in places.tolist()]
        defined = [one for one in found if one is not None]
        return float(np.mean(defined)) if defined else None


@dataclass(frozen=True, slots=True)
class RowBallots:
    """Any measure of pooled answers that have no shorter form. pooled: the row of a case by these weights. measure: of rows."""

    members: int
    cases: int
    pooled: Callable[[Floats, int], Any]
    measure: Callable[[Sequence[Any]], float | None]

    @property
    def num_members(self) -> int:
        """M."""
        return self.members

    @property
    def num_cases(self) -> int:
        """N."""
        return self.cases

    def score(self, weights_M: Floats, places: Ints) -> float | None:
        """The measure of the pooled rows."""
        return self.measure([self.pooled(weights_M, place) for place in places.tolist()])
