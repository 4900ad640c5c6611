"""AUROC as a measure to be compared, of one class or in the mean over classes.

The permutation test decides: in each patient the two models' answers are exchanged or not, whole, by their ranks among all
answers of their model, for two models may have different scales (Bandos, Rockette & Gur 2005, Stat Med 24:2873). Beside it
stands DeLong's test (1988, Biometrics 44:837), with the covariance added up by patient; intervals are DeLong's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.confusion import mean_defined
from scanwright.evaluation.classes.weighted_area import area_moved, weighted_auroc
from scanwright.evaluation.comparing.comparison import AurocDifference, compare_auroc
from scanwright.evaluation.comparing.contrast import DELONG, PERMUTATION, Better, Contrast
from scanwright.evaluation.intervals.bootstrap import BLOCK_ENTRIES, draw_counts, percentile_interval
from scanwright.evaluation.intervals.statistics import EXACT_PATIENTS, MIN_TESTED
from scanwright.runtime import generator
from scanwright.types import Bools, Floats, Ints

DRAWS = 2_000
"""Of patients for the bootstrap interval beside DeLong's; and the fewest exchanges of the permutation test."""
ENOUGH = 5_000_000
"""Exchanges times cases above which there are fewer exchanges, so that thousands of cases do not take minutes for a pair."""


@dataclass(frozen=True, eq=False)
class Areas:
    """AUROC of models' answers to the same cases. classes: of which it is the mean; one that is not ranked is left out."""

    answers: Mapping[str, Answers]
    classes: tuple[int, ...]
    part: str = ""
    metric: str = "auroc"
    better: Better = "higher"

    @property
    def models(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.answers)

    @property
    def first(self) -> Answers:
        """Of any model: truth and patients are the same for all."""
        return next(iter(self.answers.values()))

    @property
    def owners(self) -> Ints:
        """The patient of each case."""
        return self.first.owners

    @cached_property
    def ranked(self) -> tuple[int, ...]:
        """The classes that have positive and negative cases."""
        return tuple(k for k in self.classes if self.first.view(k).is_ranked)

    @property
    def counted(self) -> Bools:
        """The cases of which some class is known."""
        return np.asarray(self.first.known[:, list(self.classes)].any(axis=1))

    @cached_property
    def sides(self) -> Ints:
        """Cases with the same truth."""
        truth = self.first.indicators * 2 - 1
        _, places = np.unique(np.where(self.first.known, truth, 0), axis=0, return_inverse=True)
        return np.asarray(places, int).reshape(-1)

    def values(self, weights_DN: Floats) -> Floats:
        """(D, M)."""
        columns = [
            mean_defined(np.stack([self._area(one, k, weights_DN) for k in self.ranked], axis=1))
            if self.ranked
            else np.full(len(weights_DN), np.nan)
            for one in self.answers.values()
        ]
        return np.stack(columns, axis=1)

    def _area(self, answers: Answers, k: int, weights_DN: Floats) -> Floats:
        view, known = answers.view(k), answers.known[:, k]
        return weighted_auroc(view.scores, view.positive, weights_DN[:, known])

    def errors(self, weights_DN: Floats) -> Floats:
        """DeLong's, by patient, of the cases that are chosen: (D, M)."""
        size = self.first.num_patients
        columns = []
        for one in self.answers.values():
            moved = np.zeros((len(weights_DN), size + 2))
            for k in self.ranked:
                view, known = one.view(k), one.known[:, k]
                moved += area_moved(view, weights_DN[:, known], num_patients=size) / len(self.ranked)
            columns.append(np.linalg.norm(moved, axis=1) if self.ranked else np.full(len(weights_DN), np.nan))
        return np.stack(columns, axis=1)

    def pair(self, first: str, second: str, *, level: float, seed: int, samples: int) -> Contrast:
        """First less second."""
        one, other = (self._of(name) for name in (first, second))
        found, wide = compare_auroc(one, other, classes=self.classes), None
        if found.interval is not None:
            wide = compare_auroc(one, other, classes=self.classes, level=level).interval
        owners = self.owners[self.counted]
        return Contrast(
            value=found.value,
            interval=found.interval,
            wide=wide,
            bootstrap=None if found.interval is None else self._drawn(first, second, found, seed=seed, samples=samples),
            p={PERMUTATION: self._exchanged(one, other, found, seed=seed, samples=samples), DELONG: found.p_plain},
            n=int(self.counted.sum()),
            n_patients=len(np.unique(owners)),
        )

    def _of(self, model: str) -> Answers:
        return self.answers[model]

    def _drawn(
        self, first: str, second: str, found: AurocDifference, *, seed: int, samples: int
    ) -> tuple[float, float] | None:
        """Percentiles of draws of the patients."""
        pair = Areas({name: self.answers[name] for name in (first, second)}, self.classes)
        drawn = [
            np.diff(pair.values(part[:, self.owners])[:, ::-1], axis=1)[:, 0]
            for counts in draw_counts(self.first.num_patients, seed=seed, samples=min(samples, DRAWS))
            for part in blocks_of(counts, width=len(self.owners))
        ]
        fewest = min(self.first.view(k).fewest_patients for k in self.ranked)
        assert found.value is not None
        return percentile_interval(np.concatenate(drawn), found.value, num_patients=fewest)

    def _exchanged(
        self, one: Answers, other: Answers, found: AurocDifference, *, seed: int, samples: int
    ) -> float | None:
        """The p of the permutation test; None under 3 patients on either side of a class."""
        fewest = min((one.view(k).fewest_patients for k in self.ranked), default=0)
        if found.value is None or fewest < MIN_TESTED:
            return None
        size, samples = one.num_patients, min(samples, max(DRAWS, ENOUGH // len(one)))
        exact = size <= EXACT_PATIENTS
        apart = [
            np.mean(
                [
                    weighted_auroc(scores, positive, np.concatenate([1 - swapped, swapped], axis=1)[:, known])
                    - weighted_auroc(scores, positive, np.concatenate([swapped, 1 - swapped], axis=1)[:, known])
                    for scores, positive, known in (_pooled(one, other, k) for k in self.ranked)
                ],
                axis=0,
            )
            for rows in exchanges(size, seed=seed, samples=samples)
            for part in blocks_of(rows, width=2 * len(one))
            for swapped in [part[:, one.owners]]
        ]
        drawn = np.concatenate(apart)
        extreme = int(np.count_nonzero(np.abs(drawn) >= abs(found.value) - 1e-12))
        return extreme / len(drawn) if exact else (extreme + 1) / (len(drawn) + 1)


def exchanges(num_patients: int, *, seed: int, samples: int) -> Sequence[Floats]:
    """Which patients are exchanged, 1 or 0, in blocks (rows, P): every way where they are few, else random ones."""
    if num_patients <= EXACT_PATIENTS:
        return [(np.arange(2**num_patients)[:, None] >> np.arange(num_patients) & 1).astype(float)]
    rng, rows = generator(seed, 1), max(1, BLOCK_ENTRIES // num_patients)
    sizes = [min(rows, samples - start) for start in range(0, samples, rows)]
    return [rng.integers(2, size=(size, num_patients)).astype(float) for size in sizes]


def blocks_of(rows: Floats, *, width: int) -> list[Floats]:
    """Rows in parts, so that an array of `width` numbers a row does not outgrow memory."""
    each = max(1, BLOCK_ENTRIES // max(width, 1))
    return [rows[start : start + each] for start in range(0, len(rows), each)]


def _pooled(one: Answers, other: Answers, k: int) -> tuple[Floats, Bools, Bools]:
    """The answers of both models to class k as ranks among those of their own, one behind the other; and whose are known."""
    view = one.view(k)
    ranks = [rankdata(answers.view(k).scores) for answers in (one, other)]
    return np.concatenate(ranks), np.tile(view.positive, 2), np.tile(one.known[:, k], 2)
