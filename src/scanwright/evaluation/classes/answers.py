"""What a classifier answered on a set of cases, beside the truth: the input of every measure of classification.

`choice` is the task's: "one" of K classes, one of K "ordered" grades, or "several" of K labels at once. Two classes under
"one" are a binary problem, of which class 1 is the positive one.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.errors import UsageError
from scanwright.evaluation.intervals.bootstrap import number_patients
from scanwright.types import Array, Bools, Floats, Ints

SUM_TOLERANCE = 1e-3  # of probabilities that went through float16


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One class against all others, of the cases with a known truth: scores, truth, decision and patient, (N,) each."""

    scores: Floats
    positive: Bools
    decided: Bools
    owners: Ints

    @property
    def is_ranked(self) -> bool:
        """Whether there are a positive and a negative case to tell apart."""
        return bool(self.positive.any()) and not bool(self.positive.all())

    @property
    def fewest_patients(self) -> int:
        """Patients with a case of the class, positive or negative, that fewer patients have."""
        return min(len(np.unique(self.owners[side])) for side in (self.positive, ~self.positive))


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Probabilities (N, K) in [0, 1]; truth and decisions; the patient of each case as a number (N,).

    choice "one", "ordered": truth and decisions are codes (N,), and probabilities sum to 1.
    choice "several": truth and decisions are bool (N, K), and `known` (N, K) says where the truth is; elsewhere it is ignored.
    Made by `of`, which checks all that.
    """

    probabilities: Floats
    truth: Array
    decisions: Array
    owners: Ints
    choice: Choice
    known: Bools

    @classmethod
    def of(
        cls,
        probabilities: Array,
        truth: Array,
        decisions: Array,
        patients: Sequence[Hashable],
        *,
        choice: Choice = "one",
        known: Array | None = None,
    ) -> Self:
        """Answers of arrays, or of lists, of the same cases.

        Raises UsageError if shapes differ, K is under 2 ("several": 1), a code is none of the classes, or a probability is not
        finite, outside [0, 1], or they do not sum to 1 where they must.
        """
        chances, right, decided = np.asarray(probabilities, np.float64), np.asarray(truth), np.asarray(decisions)
        several = choice == "several"
        _require_probabilities(chances, several=several)
        shape = chances.shape if several else chances.shape[:1]
        if right.shape != shape or decided.shape != shape:
            found = f"{right.shape} and {decided.shape}"
            raise UsageError("truth and decisions must be of the same cases", expected=shape, found=found)
        if not several and not all(np.isin(codes, np.arange(chances.shape[1])).all() for codes in (right, decided)):
            raise UsageError("a code that is none of the classes", expected=f"0 to {chances.shape[1] - 1}")
        there = np.ones(chances.shape, bool) if known is None else np.asarray(known, bool)
        if there.shape != chances.shape:
            raise UsageError("each label of each case is known or not", expected=chances.shape, found=there.shape)
        kind = bool if several else int
        return cls(
            probabilities=chances,
            truth=right.astype(kind),
            decisions=decided.astype(kind),
            owners=number_patients(patients, len(chances)),
            choice=choice,
            known=there,
        )

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def num_classes(self) -> int:
        """K, the columns of the probabilities."""
        return int(self.probabilities.shape[1])

    @property
    def num_patients(self) -> int:
        """Patients of these cases."""
        return len(np.unique(self.owners))

    @property
    def is_binary(self) -> bool:
        """Whether there are one positive and one negative class."""
        return self.choice == "one" and self.num_classes == 2

    @property
    def indicators(self) -> Floats:
        """The truth as 0 and 1, (N, K)."""
        if self.choice == "several":
            return self.truth.astype(float)
        found: Floats = np.eye(self.num_classes)[self.truth]
        return found

    def right_share(self) -> Floats:
        """Whether each case was decided rightly, 1 or 0; of several labels the share of the known ones, NaN without. (N,)"""
        right: Floats = (self.decisions == self.truth).astype(float)
        if self.choice != "several":
            return right
        number = self.known.sum(axis=1)
        share: Floats = np.divide(
            (right * self.known).sum(axis=1), number, out=np.full(len(self), np.nan), where=number > 0
        )
        return share

    def where(self, chosen: Bools) -> Self:
        """The chosen (N,) of these cases; patients are numbered anew."""
        return replace(
            self,
            probabilities=self.probabilities[chosen],
            truth=self.truth[chosen],
            decisions=self.decisions[chosen],
            owners=number_patients(self.owners[chosen].tolist(), int(chosen.sum())),
            known=self.known[chosen],
        )

    def view(self, k: int) -> View:
        """Class k against the others; its score is its probability."""
        if self.choice == "several":
            there = self.known[:, k]
            positive, decided = self.truth[there, k], self.decisions[there, k]
            return View(
                scores=self.probabilities[there, k], positive=positive, decided=decided, owners=self.owners[there]
            )
        positive, decided = self.truth == k, self.decisions == k
        return View(scores=self.probabilities[:, k], positive=positive, decided=decided, owners=self.owners)


def _require_probabilities(chances: Floats, *, several: bool) -> None:
    if chances.ndim != 2 or chances.shape[1] < (1 if several else 2):
        raise UsageError("probabilities must be a column for each class", expected="(N, K)", found=chances.shape)
    if not (np.isfinite(chances).all() and (chances >= 0).all() and (chances <= 1).all()):
        raise UsageError("a probability outside 0 to 1")
    if not several and np.abs(chances.sum(axis=1) - 1).max(initial=0.0) > SUM_TOLERANCE:
        raise UsageError("probabilities of exclusive classes must sum to 1")
