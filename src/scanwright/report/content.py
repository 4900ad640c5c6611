"""Everything that a report says, as plain data. Knows nothing of runs, folders or arrays.

A part that is left empty has no section on the page. Numbers stay numbers here; `notation.py` writes them. A metric is
named as in metrics.json ("dice", "hd95_mm"); None is "not defined".
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from scanwright.report.results_content import (
    SEGMENTATION,
    CasePicture,
    Difference,
    Estimate,
    Fact,
    Figure,
    ResultSet,
    Wording,
)
from scanwright.types import JSON, Unit

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """The one number. scope says what it was measured on: "five folds, out of fold", "fold 0 only", "test split".

    num_scored: patients for whom the metric is defined, on whom the interval rests; None: all of them.
    name: of the set of cases, where there are several: "Cross-validation", "Test split", "New data".
    caveats: sentences without which the number would be misread. chosen_without: of the best of several models, as ModelsPart
    has it.
    """

    metric: str
    estimate: Estimate
    num_cases: int
    num_patients: int | None
    scope: str
    num_scored: int | None = None
    name: str = ""
    caveats: tuple[str, ...] = ()
    chosen_without: Estimate | None = None

    @property
    def rests_on(self) -> int | None:
        """How many patients the interval rests on; None if it is not known."""
        return self.num_patients if self.num_scored is None else self.num_scored


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A fault that the checks found, in the words of its fault code. waived: why it was let pass; empty: it was not."""

    severity: Severity
    code: str
    case: str = ""
    file: str = ""
    expected: str = ""
    found: str = ""
    action: str = ""
    waived: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetPart:
    """What was learned from. stated: the layout in one line. facts: cases, patients, shapes, spacings, channels, regions."""

    stated: str
    facts: tuple[Fact, ...] = ()
    excluded: tuple[Fact, ...] = ()
    """Case and reason."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitRow:
    """One fold, or the test split: how many cases and patients train, and how many judge."""

    name: str
    num_train: int
    num_validation: int
    num_train_patients: int | None = None
    num_validation_patients: int | None = None
    trained: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitPart:
    """How cases were set apart. source: a sentence: made here by which rule and seed, or read from which file.

    apart: whether no patient is on two sides; false where somebody let that pass.
    """

    source: str
    rows: tuple[SplitRow, ...] = ()
    apart: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanRow:
    """One decided value with its reason. chosen_by_user marks a value set by hand."""

    group: str
    name: str
    value: str
    reason: str
    source: str = ""
    chosen_by_user: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldTraining:
    """The course of one fold. Pairs of step and value; score is the validation score of the metric named beside it.

    fitted: what was fitted, of a model that takes no steps; "" of one that does.
    """

    fold: str
    loss: tuple[tuple[float, float], ...] = ()
    score: tuple[tuple[float, float], ...] = ()
    learning_rate: tuple[tuple[float, float], ...] = ()
    num_steps: int = 0
    seconds: float | None = None
    best_score: float | None = None
    fitted: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened while training, such as a schedule that was cut or a run that was resumed."""

    fold: str
    step: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingPart:
    """How training went. score_metric: what the validation score is, for example "dice"; note: a sentence about it."""

    folds: tuple[FoldTraining, ...] = ()
    events: tuple[Event, ...] = ()
    score_metric: str = "dice"
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """A model that was tried. title: what it is called. seconds: that it took. differences: none of the chosen one."""

    name: str
    title: str
    estimate: Estimate
    seconds: float
    chosen: bool
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelsPart:
    """Models that were tried on the same folds. metric: by which the best one was chosen, out of fold.

    chosen_without: the same metric where each fold's model is the one that is best in the other folds: what the choice is
    worth on cases that had no part in it. left_out: models for which budget or memory did not suffice, and why.
    """

    metric: str
    models: tuple[ModelRow, ...]
    chosen_without: Estimate | None = None
    left_out: tuple[Fact, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Plain data for trials.json."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldRow:
    """A measure on new data, and on the sets of cases that the package itself was tested on, in the order of their names.

    part: a class or region; "" of all together. differences: new less known, from both intervals; None where there are none.
    """

    part: str
    metric: str
    new: Estimate
    known: tuple[Estimate | None, ...]
    differences: tuple[Estimate | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldPart:
    """Whether what a package's own test said holds on new data. names: of the sets that it was tested on."""

    names: tuple[str, ...]
    rows: tuple[HeldRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeRow:
    """One test of whether the model was made for an image: of the held-out cases, how many it would decline or warn of."""

    name: str
    declined: int
    warned: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RangePart:
    """How images are told that the model was not made for, in sentences, and how often that is said of held-out cases.

    declined, warned: the shares that would be declined under `--strict`, and of which is warned, those among them.
    """

    cases: int
    declined: Estimate
    warned: Estimate
    rows: tuple[RangeRow, ...]
    text: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCost:
    """Wall time and peak memory of one stage."""

    stage: str
    seconds: float
    peak_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """How to get the same again: the command, versions, machine, seed and hashes, and what each stage cost."""

    command: str = ""
    facts: tuple[Fact, ...] = ()
    stages: tuple[StageCost, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Text in rows. The first column names the row; numeric: whether the others are numbers, set to the right."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section of the page in plain data: sentences, then figures, then tables, then further sentences. name: its anchor."""

    name: str
    title: str
    said: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    beneath: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContent:
    """The whole report. region_names: in the order that gives colours. unit: "px" if lengths are not physical.

    genre: what the page is of its kind: "report" of a run, "evaluation" on other data.
    beside: the same metric as the headline on other sets of cases: a test split, or those that a package was tested on.
    tolerance: of the surface Dice scores, in `unit`; None if it is not known.
    """

    title: str
    created: datetime
    wording: Wording = SEGMENTATION
    headline: Headline | None = None
    genre: str = "report"
    beside: tuple[Headline, ...] = ()
    held: HeldPart | None = None
    summary: tuple[str, ...] = ()
    region_names: tuple[str, ...] = ()
    unit: Unit = "mm"
    tolerance: float | None = None
    results: tuple[ResultSet, ...] = ()
    models: ModelsPart | None = None
    ablations: tuple[ModelsPart, ...] = ()
    """Of each, the chosen row is the model that the others differ from."""
    seen: tuple[Figure, ...] = ()
    """How the model sees cases, and what it goes by."""
    pictures: tuple[CasePicture, ...] = ()
    checked: str = ""
    """Whether the explanations beneath the pictures depend on what was learned, in a sentence or two."""
    range: RangePart | None = None
    limits: tuple[str, ...] = ()
    dataset: DatasetPart | None = None
    split: SplitPart | None = None
    plan: tuple[PlanRow, ...] = ()
    training: TrainingPart | None = None
    provenance: Provenance | None = None
    further: tuple[Section, ...] = ()
    """Sections before the provenance, in plain data."""
