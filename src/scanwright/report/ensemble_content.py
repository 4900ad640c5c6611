"""Everything that the page about ensembles says, as plain data: one table of what they are worth and what they cost."""

from dataclasses import asdict, dataclass
from datetime import datetime

from scanwright.report.results_content import Difference, Estimate, Fact
from scanwright.types import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Worth:
    """A row on one set of cases. gains: differences from the best single model, none of that one itself."""

    estimate: Estimate
    gains: tuple[Difference, ...] = ()

    def shown(self, metric: str) -> tuple[Difference, ...]:
        """The differences of the headline's metric; all of them where none is of that."""
        return tuple(one for one in self.gains if one.metric == metric and not one.part) or self.gains


@dataclass(frozen=True, kw_only=True, slots=True)
class EnsembleRow:
    """A single model or an ensemble. sort: "single", "semi" or "full".

    held_out: on cases that were held out by their folds, None of what no fold can judge. test: on the declared test split, None
    where there is none. passes, ms, megabytes: as measured. fits: whether it is within what the user is ready to pay.
    verdict: whether it pays, in a sentence.
    """

    name: str
    sort: str
    title: str
    how: str
    held_out: Worth | None
    test: Worth | None
    passes: int
    ms: float
    megabytes: float
    fits: bool = True
    is_best_single: bool = False
    is_kept: bool = False
    verdict: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Plain data for ensemble.json."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnsembleReport:
    """The whole page. metric: the headline's. answered: how many cases were held out, in words; tested: of the test split.

    chosen_without: the kept row's metric where each fold takes what is best in the others. limits: what the user would pay.
    """

    title: str
    created: datetime
    metric: str
    summary: tuple[str, ...]
    rows: tuple[EnsembleRow, ...]
    answered: str
    tested: str = ""
    chosen_without: Estimate | None = None
    limits: str = ""
    left_out: tuple[Fact, ...] = ()
    caveats: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    provenance: tuple[Fact, ...] = ()

    @property
    def kept(self) -> EnsembleRow:
        """The row that is in the package."""
        return next(row for row in self.rows if row.is_kept)
