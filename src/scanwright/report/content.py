"""Everything that a report says, as plain data. Knows nothing of runs, folders or arrays.

A part that is left empty has no section on the page. Numbers stay numbers here; `notation.py` writes them. A metric is
named as in metrics.json ("dice", "hd95_mm"); None is "not defined".
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

from scanwright.report.certainty import CertaintyPart
from scanwright.types import JSON, Unit

Severity = Literal["error", "warning", "note"]
Role = Literal["best", "median", "worst", "example"]

MOST_GROUPS, MOST_GROUP_ROWS = 12, 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A mean with its 95 % confidence interval, over the n_defined of n cases for which the metric is defined."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    n_defined: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One line of a description list: what it is, and its value as text."""

    name: str
    value: str


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
class RegionRow:
    """The metrics of one region over all cases."""

    region: str
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRow:
    """The metrics of the cases that share one value of a group column, such as scanner = A. part: a class or a quantity of
    theirs; "" of all together.
    """

    group: str
    value: str
    num_cases: int
    metrics: Mapping[str, Estimate]
    part: str = ""
    small: str = ""
    """Why it is too small to be read, "" where it is not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SubgroupRow:
    """Whether a measure differs between the groups of a column. worst: of the tested groups; apart: that one less the others.

    p: of the test, None where it was not made, for `small` says why; corrected: for the columns (and measures). tested: groups.
    """

    column: str
    metric: str
    part: str
    decides: bool
    p: float | None
    corrected: float | None
    tested: tuple[str, ...]
    worst: str
    apart: Estimate | None
    small: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SubgroupPart:
    """The rows that decide, and those of other measures; found: in sentences, what differs by the measure that decides."""

    rows: tuple[SubgroupRow, ...]
    others: tuple[SubgroupRow, ...]
    found: tuple[str, ...]
    least_patients: int
    least_each_side: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PointRow:
    """A rule for the threshold of a class or label, and what it is worth. thresholds: least and largest of the folds."""

    part: str
    rule: str
    threshold: float
    metrics: Mapping[str, Estimate]
    thresholds: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRow:
    """One case. regions: region -> metric -> value. sizes: region -> (reference, predicted) in ml or pixels."""

    case: str
    regions: Mapping[str, Mapping[str, float | None]]
    mean: float | None = None
    """The primary metric, averaged over regions."""
    patient: str = ""
    fold: str = ""
    flags: tuple[str, ...] = ()
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """Panels that stand side by side, each as SVG, with one caption below them all. legend: parts whose colours they use."""

    panels: tuple[bytes, ...]
    caption: str
    legend: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultSet:
    """Results on one set of cases: cross-validation, or a test split. note: a sentence on how they were obtained.

    failures: which regions were missed or invented, in how many cases, as a phrase; empty if none was.
    of_each_case: whether the measures are those of single cases, of which means are shown; else of all cases together.
    figures: drawn by the kind of problem, beside those that the page draws from the numbers.
    units: of quantities, by name, where the name does not say it. points: rules for thresholds, class by class.
    positive: of two classes the one that measures of both together are of, as sensitivity; "" where they are means over parts.
    """

    name: str
    overall: Mapping[str, Estimate]
    regions: tuple[RegionRow, ...] = ()
    groups: tuple[GroupRow, ...] = ()
    cases: tuple[CaseRow, ...] = ()
    note: str = ""
    failures: str = ""
    of_each_case: bool = True
    figures: tuple[Figure, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    points: tuple[PointRow, ...] = ()
    positive: str = ""
    subgroups: SubgroupPart | None = None
    comparisons: tuple[Fact, ...] = ()
    """Numbers of others on the same cases, with their source."""
    certainty: CertaintyPart | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """What a kind of problem is called on the page, and what its rows are: "Segmentation", "region", "regions".

    pictures: a sentence on how its cases are drawn; explained: one more where what answers rest on is drawn too.
    ranked_by: by what cases are best and worst; else the headline's mean.
    together: whether measures are of all cases together, not means over cases.
    outlined: whether truth and answer are drawn over the image, with a legend. learned: what alone is learned from, where it
    is not every case of a training part.
    """

    kind: str
    part: str
    parts: str
    pictures: str = ""
    explained: str = ""
    ranked_by: str = ""
    outlined: bool = False
    together: bool = False
    learned: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CasePicture:
    """One case drawn by figures.overlay. png: the picture's bytes; note: a sentence below it.

    explained: where in the image lies what the answer rests on, drawn over it; None where the picture shows that itself.
    """

    role: Role
    case: str
    png: bytes
    explained: bytes | None = None
    facts: tuple[Fact, ...] = ()
    note: str = ""


SEGMENTATION = Wording(
    kind="Segmentation",
    part="region",
    parts="regions",
    outlined=True,
    pictures="The prediction is filled in the region’s colour; the reference is the thin white outline.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What a model's measure is less the chosen one's, on the same cases. p: two-sided, corrected for the number of models;
    the interval is of this difference alone.

    part: the quantity that is measured, where there are several.
    """

    metric: str
    estimate: Estimate
    p: float | None
    part: str = ""


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


def estimate(value: Mapping[str, JSON]) -> Estimate:
    """One entry of metrics.json."""
    low, high = value["ci95"] or (None, None)
    return Estimate(mean=value["mean"], low=low, high=high, n=value["n"], n_defined=value["n_defined"])


def entry(value: Estimate) -> dict[str, JSON]:
    """An estimate as one entry of metrics.json."""
    reach = None if value.low is None or value.high is None else [value.low, value.high]
    return {"mean": value.mean, "ci95": reach, "n": value.n, "n_defined": value.n_defined}


def estimates(block: Mapping[str, JSON]) -> dict[str, Estimate]:
    """A table of metrics.json as estimates."""
    return {name: estimate(value) for name, value in block.items()}


def group_rows(by_group: Mapping[str, JSON], by_part: Mapping[str, JSON] | None = None) -> tuple[GroupRow, ...]:
    """The groups of metrics.json, of columns that have 2 to 12 values. by_part: the same by class or quantity within each
    value, which are rows too as long as all of them are few.
    """
    few = {group: values for group, values in by_group.items() if 1 < len(values) <= MOST_GROUPS}
    every = list(_group_rows(few, by_part or {}))
    return tuple(every if len(every) <= MOST_GROUP_ROWS else (row for row in every if not row.part))


def _group_rows(by_group: Mapping[str, JSON], by_part: Mapping[str, JSON]) -> Iterator[GroupRow]:
    for group, values in by_group.items():
        for value, overall in values.items():
            for part, block in (("", overall), *by_part.get(group, {}).get(value, {}).items()):
                number = max(one["n"] for one in block.values())
                yield GroupRow(group=group, value=value, num_cases=number, metrics=estimates(block), part=part)
