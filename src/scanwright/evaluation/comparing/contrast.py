"""One measure of one or several models on the same cases, as everything that compares sees it.

A measure gives its value on any weighting of the cases. All else follows from that: draws of the patients (the ranking and how
stable it is), cases of a sub-group, shuffled sub-groups. What a pair of models differs by, and by which tests, each measure
says itself: `contrast_means` (means over cases: Dice, distances, absolute errors, accuracy), `contrast_auroc` and
`contrast_boxes`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np

from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.types import Bools, Floats, Ints

Better: TypeAlias = Literal["higher", "lower", "zero"]

PERMUTATION, MID, WILCOXON, DELONG, MCNEMAR = "permutation", "permutation_mid", "wilcoxon", "delong", "mcnemar"
TESTS: Mapping[str, str] = {
    PERMUTATION: "permutation, by patient",
    MID: "permutation, by patient, mid-p",
    DELONG: "DeLong, by patient",
    MCNEMAR: "McNemar, exact",
    WILCOXON: "Wilcoxon signed ranks, of patients' means",
}
"""The tests by name, as people call them."""
TITLES: Mapping[str, str] = {
    "dice": "Dice",
    "auroc": "AUROC",
    "mae": "Mean absolute error",
    "r2": "R²",
    "map50": "mAP 50",
}
"""Measures that decide, as a sentence calls them; others go by the name that metrics.json has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contrast:
    """First less second model in one measure, on the cases of which both have it.

    interval: 95 %, of this difference alone. wide: at the level that was asked for, so that all pairs' intervals hold at once.
    bootstrap: of patients, 95 %, where `interval` is another.
    p: two-sided, of each test that the measure has, before any correction; the first one decides. None: not defined, as under
    3 patients.
    effect, effect_interval: Hodges and Lehmann's, over patients' mean differences; None where a measure is no mean over cases.
    n, n_patients: cases and patients that the difference rests on.
    """

    value: float | None
    interval: Interval | None
    wide: Interval | None
    p: Mapping[str, float | None]
    n: int
    n_patients: int
    bootstrap: Interval | None = None
    effect: float | None = None
    effect_interval: Interval | None = None


class Measured(Protocol):
    """A measure of models (M) on cases (N)."""

    @property
    def metric(self) -> str:
        """As metrics.json calls it."""

    @property
    def part(self) -> str:
        """The region, class or quantity; "" of all together."""

    @property
    def better(self) -> Better:
        """Where the best value lies."""

    @property
    def models(self) -> tuple[str, ...]:
        """Their names, in the order of `values`."""

    @property
    def owners(self) -> Ints:
        """The patient of each case as a number from 0, (N,)."""

    @property
    def counted(self) -> Bools:
        """The cases that the measure rests on, (N,)."""

    @property
    def sides(self) -> Ints:
        """(N,) what stays apart when cases are shuffled, as positive and negative cases of an AUROC do; all 0 where nothing."""

    def values(self, weights_DN: Floats) -> Floats:
        """The measure of each model at each weighting of the cases, (D, M); NaN where it is not defined."""

    def errors(self, weights_DN: Floats) -> Floats | None:
        """Standard errors by patient of `values` where weights are 0 or 1, (D, M); None for a measure that has none."""

    def pair(self, first: str, second: str, *, level: float, seed: int, samples: int) -> Contrast:
        """What the first model differs from the second by. level: of `Contrast.wide`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurable:
    """What a kind of problem has to say of some models' rows of the same cases. measures: the first one decides, the others
    are beside it. patients, cases: of the rows, in their order.
    """

    measures: tuple[Measured, ...]
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of_rows(cls, rows: Sequence[JudgedCase], measures: Iterable[Measured]) -> "Measurable":
        """By the cases and patients of one model's rows."""
        cases, patients = tuple(row.case for row in rows), tuple(row.patient for row in rows)
        return cls(measures=tuple(measures), cases=cases, patients=patients)


def all_values(measure: Measured) -> dict[str, float | None]:
    """Each model's value on all cases."""
    found = measure.values(np.ones((1, len(measure.owners))))[0]
    return {
        name: float(value) if np.isfinite(value) else None for name, value in zip(measure.models, found, strict=True)
    }


def signed(measure: Measured, value: float) -> float:
    """A difference turned so that above 0 the first model is better."""
    return -value if measure.better == "lower" else value
