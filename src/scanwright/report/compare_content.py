"""Everything that the page of `compare` says, as plain data: models, their ranking, and the pairs in every measure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanwright.report.content import Provenance
from scanwright.report.results_content import Estimate, Fact


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedModel:
    """A model. about: what it is, such as "run, cross-validation". rank: on all cases; ranks: of 95 % of the draws. shares:
    of the draws at rank 1, 2, …. others: its further measures, by their names.
    """

    name: str
    about: str
    estimate: Estimate
    rank: int | None
    ranks: tuple[int, int] | None
    shares: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TestRow:
    """A test by its name for people, with its p before and after the correction."""

    name: str
    p: float | None
    corrected: float | None
    decides: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PairRow:
    """First less second in one measure. wide: the interval that holds for all pairs at once. effect: Hodges and Lehmann's, None
    where the measure has none. verdict: in a few words; is_shown: that the two are told apart.
    """

    first: str
    second: str
    estimate: Estimate
    wide: Estimate | None
    effect: Estimate | None
    tests: tuple[TestRow, ...]
    verdict: str
    is_shown: bool
    num_patients: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureRows:
    """One measure of all models, and every pair. values: by model."""

    metric: str
    part: str
    values: Mapping[str, float | None]
    pairs: tuple[PairRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareContent:
    """The whole page. kind: of problem, in words. margin: of the first measure, None where none was set. family: what the
    p-values were corrected for, in a sentence. measures: the first decides.
    """

    title: str
    created: datetime
    kind: str
    num_cases: int
    num_patients: int
    summary: tuple[str, ...]
    models: tuple[ComparedModel, ...]
    measures: tuple[MeasureRows, ...]
    family: str
    margin: float | None
    draws: int
    limits: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
