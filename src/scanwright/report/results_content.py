"""What came of judged cases, as plain data: measures, tables of them, figures and pictures. A part of what a report says.

A metric is named as in metrics.json ("dice", "hd95_mm"); None is "not defined". `notation.py` writes numbers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from scanwright.report.certainty import CertaintyPart
from scanwright.types import JSON

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
