"""Measures that are means over cases: Dice, surface distances, absolute errors, whether a decision is right.

The permutation test decides: it flips the sign of all differences of a patient at once, and is exact for the hypothesis that
models could be exchanged, whatever the distribution and however many cases a patient has (statistics.py). The interval is of
the differences that it would not reject (inverted.py). Beside it stand the bootstrap interval, Wilcoxon's signed-rank test of
the patients' mean differences with Hodges and Lehmann's estimate, and, of decisions that are right or wrong in patients of
one case each, McNemar's exact test.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.comparing.comparison import mcnemar
from scanwright.evaluation.comparing.contrast import MCNEMAR, MID, PERMUTATION, WILCOXON, Better, Contrast
from scanwright.evaluation.intervals.bootstrap import number_patients, sums_by_owner
from scanwright.evaluation.intervals.hodges_lehmann import Effect, hodges_lehmann
from scanwright.evaluation.intervals.inverted import inverted_interval, mid_p
from scanwright.evaluation.intervals.statistics import paired_difference
from scanwright.types import Array, Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class CaseMeans:
    """Scores of cases (N, M), NaN for "not defined", of which the mean counts. Made by `case_means`.

    All models are judged on the cases of which every one of them has a score. is_share: each score is 0 or 1, and is told right
    or wrong. is_ranked: whether sizes of differences mean something, so that they are ranked too. sizes: how many things a
    case's score is a mean of, such as true boxes, each of which counts; None: one.
    """

    metric: str
    part: str
    better: Better
    models: tuple[str, ...]
    owners: Ints
    scores: Floats
    is_share: bool = False
    is_ranked: bool = True
    sizes: Ints | None = None

    @cached_property
    def counted(self) -> Bools:
        """The cases of which all models have a score."""
        found = np.asarray(np.isfinite(self.scores).all(axis=1))
        return found if self.sizes is None else found & (self.sizes > 0)

    @property
    def sides(self) -> Ints:
        """Nothing stays apart."""
        return np.zeros(len(self.owners), int)

    def values(self, weights_DN: Floats) -> Floats:
        """Weighted means, (D, M)."""
        weights = self._weights(weights_DN)
        total = weights.sum(axis=1, keepdims=True)
        sums = weights @ self.scores[self.counted]
        means: Floats = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
        return means

    def errors(self, weights_DN: Floats) -> Floats:
        """Of the mean over chosen cases, patients being the units, (D, M); NaN without a case.

        As if one more patient, whose mean is as far off as patients are on the whole, were in it: cases that are all alike, as
        a few right answers, would else have no error at all.
        """
        weights, scores, owners = self._weights(weights_DN), self.scores[self.counted], self.owners[self.counted]
        sizes = sums_by_owner(weights, owners)  # (D, P)
        total, number = sizes.sum(axis=1), (sizes > 0).sum(axis=1)
        each = np.divide(total, number, out=np.zeros(len(total)), where=number > 0)  # cases of a patient
        scale = np.divide(number, np.maximum(number - 1, 1), out=np.ones(len(total)), where=number > 1)
        found = []
        for column in scores.T:
            mean = np.divide(weights @ column, total, out=np.zeros(len(total)), where=total > 0)
            strays = sums_by_owner(weights * (column - mean[:, None]), owners)
            typical = np.square(patient_means(column, owners) - column.mean()).mean()
            squares = np.square(strays).sum(axis=1) + typical * np.square(each)
            found.append(np.where(total > 0, np.sqrt(scale * squares) / np.maximum(total, 1), np.nan))
        return np.stack(found, axis=1)

    def pair(self, first: str, second: str, *, level: float, seed: int, samples: int) -> Contrast:
        """First less second."""
        one, other, owners = (self._each(of) for of in (self._of(first), self._of(second), self.owners[self.counted]))
        found = paired_difference(one.tolist(), other.tolist(), owners.tolist(), seed=seed, samples=samples)
        alone = len(owners) == found.n_patients
        tests: dict[str, float | None] = {PERMUTATION: found.p_permutation}
        if self.is_share:
            tests = {MID: mid_p(one - other, owners, seed=seed, samples=samples), **tests}
        effect = Effect(value=None, interval=None)
        if self.is_share:
            tests |= {MCNEMAR: mcnemar(int((one > other).sum()), int((one < other).sum()))} if alone else {}
        elif self.is_ranked:
            tests |= {WILCOXON: found.p_wilcoxon}
            effect = hodges_lehmann(patient_means(one - other, owners))
        interval, wide = (
            inverted_interval(one - other, owners, level=part, seed=seed, samples=samples) for part in (0.95, level)
        )
        return Contrast(
            value=found.mean,
            interval=interval,
            wide=wide,
            bootstrap=found.ci95,
            p=tests,
            n=found.n,
            n_patients=found.n_patients,
            effect=effect.value,
            effect_interval=effect.interval,
        )

    def _weights(self, weights_DN: Floats) -> Floats:
        """Of the counted cases, each by its size."""
        chosen = weights_DN[:, self.counted]
        return chosen if self.sizes is None else chosen * self.sizes[self.counted]

    def _each(self, of_cases: Array) -> Array:
        """Once for each thing that the counted cases are a mean of."""
        return of_cases if self.sizes is None else np.repeat(of_cases, self.sizes[self.counted])

    def _of(self, model: str) -> Floats:
        found: Floats = self.scores[self.counted, self.models.index(model)]
        return found


def case_means(
    metric: str,
    scores: Mapping[str, Sequence[float | None] | Floats],
    patients: Sequence[Hashable],
    *,
    better: Better,
    part: str = "",
    is_share: bool = False,
    is_ranked: bool = True,
    sizes: Sequence[int] | None = None,
) -> CaseMeans:
    """A measure of models by name, each with a score of every case (N,), None or NaN for "not defined"; as `CaseMeans` has it.

    Raises UsageError if models have not as many scores as there are patients.
    """
    if any(len(one) != len(patients) for one in scores.values()):
        found = ", ".join(str(len(one)) for one in scores.values())
        raise UsageError("models are compared on the same cases", expected=len(patients), found=found)
    columns = [np.array([np.nan if value is None else value for value in one], float) for one in scores.values()]
    return CaseMeans(
        metric=metric,
        part=part,
        better=better,
        models=tuple(scores),
        owners=number_patients(patients, len(patients)),
        scores=np.stack(columns, axis=1) if columns else np.empty((len(patients), 0)),
        is_share=is_share,
        is_ranked=is_ranked,
        sizes=None if sizes is None else np.array(sizes, int),
    )


def patient_means(values: Floats, owners: Ints) -> Floats:
    """The mean of each patient's values (N,), in the order of their numbers."""
    _, places = np.unique(owners, return_inverse=True)
    means: Floats = np.bincount(places, weights=values) / np.bincount(places)
    return means
