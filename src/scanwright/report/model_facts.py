"""Which model answered a study, and how it did when it was tested, as plain data: numbers, and no words.

None is "not known", or "not defined by these cases". Intervals are of 95 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

How = Literal["apart", "folds", "fold"]
Interval = tuple[float, float]
ENOUGH = 20
"""True findings, or abnormal images, from which on a test on cases set apart says more than a larger cross-validation: models
were chosen on the latter, and its cases are of the places that the model learned from.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundInTest:
    """How findings, or boxes, were found in a test: how many true ones there were, how many of them were hit, and how many
    marks hit none. sensitivity: hits of the true ones. false_per_case: false marks in the mean case.
    """

    true: int
    hits: int
    false: int
    false_per_case: float
    sensitivity: float | None = None
    sensitivity_interval: Interval | None = None
    false_interval: Interval | None = None

    @property
    def marks(self) -> int:
        """All that was marked."""
        return self.hits + self.false

    @property
    def misses_most(self) -> bool:
        """Whether less than half of the true ones were found."""
        return 2 * self.hits < self.true

    @property
    def marks_mostly_false(self) -> bool:
        """Whether less than half of the marks hit a true one."""
        return 2 * self.hits < self.marks


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagesTold:
    """How a model of what is normal told whole images of a test: how many were abnormal and how many of them it told as such
    (told_abnormal), how many were normal and how many of them it did not (told_normal).
    """

    abnormal: int
    told_abnormal: int
    normal: int
    told_normal: int
    sensitivity: float | None = None
    sensitivity_interval: Interval | None = None
    specificity: float | None = None
    specificity_interval: Interval | None = None

    @property
    def misses_most(self) -> bool:
        """Whether less than half of the abnormal ones were told."""
        return 2 * self.told_abnormal < self.abnormal

    @property
    def alarms_mostly(self) -> bool:
        """Whether more than half of the normal ones were told as abnormal."""
        return 2 * self.told_normal < self.normal


@dataclass(frozen=True, kw_only=True, slots=True)
class HowTested:
    """One way in which a model was measured: on cases set "apart", by "folds" of a cross-validation, or on one "fold".

    metric, value: its headline. findings: of one that looks for them. images: of a model of what is normal. unexplained:
    quantities whose estimates were not shown to be better than their mean.
    """

    how: How
    cases: int
    patients: int
    metric: str
    value: float | None = None
    interval: Interval | None = None
    findings: FoundInTest | None = None
    images: ImagesTold | None = None
    unexplained: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """Which model answered. kind: of its task; parts: what it tells apart, by the task's names."""

    name: str
    version: str
    digest: str
    kind: str
    parts: tuple[str, ...] = ()
    tested_on: tuple[HowTested, ...] = ()

    @property
    def test_of_findings(self) -> HowTested | None:
        """The test by which what the model finds is known (`_telling`); None if findings were looked for in none."""
        return _telling([(one, one.findings.true) for one in self.tested_on if one.findings])

    @property
    def test_of_images(self) -> HowTested | None:
        """The test by which it is known how whole images are told; None without one."""
        return _telling([(one, one.images.abnormal) for one in self.tested_on if one.images])

    @property
    def found_in_test(self) -> FoundInTest | None:
        """What came of `test_of_findings`."""
        return None if self.test_of_findings is None else self.test_of_findings.findings

    @property
    def images_in_test(self) -> ImagesTold | None:
        """What came of `test_of_images`."""
        return None if self.test_of_images is None else self.test_of_images.images


def _telling(tests: Sequence[tuple[HowTested, int]]) -> HowTested | None:
    """That on cases set apart if it held ENOUGH of what there was to find, else that with most. tests: each with how much."""
    apart = [one for one, true in tests if one.how == "apart" and true >= ENOUGH]
    return apart[0] if apart else max(tests, key=lambda one: one[1], default=(None, 0))[0]
