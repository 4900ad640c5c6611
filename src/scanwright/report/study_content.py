"""What a study report says, as plain data: for a clinician, on one page, from an answer of a model to one study.

Nothing here is a sentence: words stand in templates that a site may replace (`report.study`). Numbers are in the units that are
stated beside them; None is "not known".
"""

import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from scanwright.doubt import as_data
from scanwright.findings.follow_up import Change, FollowUp
from scanwright.findings.table import FindingRow, RegionRow, StudyTable
from scanwright.report.model_facts import ModelFacts
from scanwright.types import JSON

MOST_FINDINGS = 12
"""Rows of findings on the page; the others are counted, and stand in the JSON."""
LARGEST_SHOWN = 3
"""Rows that the largest have of these; the others go to what has changed since a prior study, then to the next largest."""
MOST_PICTURED = 4
"""Findings with a picture of their own."""
PRECEDENCE: tuple[Change, ...] = (
    *("grown", "resolved", "new", "merged", "split", "shrunk"),
    *("not covered before", "not covered now", "cut", "within error", "stable"),
)
"""What became of a finding, the most telling first."""
DECISION = ""
"""Under which name the answers to the whole image hold what is decided; no class and no quantity is called so."""
DAYS_TOLD = 92
"""Days from which on the time since a prior study is told in months."""
DAYS_OF_MONTH = 365.25 / 12

Span = Literal["same day", "day", "days", "months"]
Shows = Literal["image", "outlines", "numbered", "boxes", "distance", "explanation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyImage:
    """A picture with an overlay and a scale.

    finding: the number of the one that it shows; None: the study as a whole. shows: what is to be seen, as a word of the
    language's `pictures`. legend: names and colours of what is drawn. window: grey values shown as black and as white, where
    they have a unit. caption: names from the task, in nobody's language.
    """

    png: bytes
    finding: int | None = None
    shows: Shows = "image"
    legend: tuple[tuple[str, str], ...] = ()
    window: tuple[float, float] | None = None
    caption: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether it is twice as wide as high, by its header: several planes, and not one."""
        width, height = struct.unpack(">II", self.png[16:24])
        return bool(width >= 2 * height)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionLine:
    """One region. burden: share of it that findings take. before: its size in the prior study, 0 where it was not found there;
    cut_before: whether the border of that image cut it.
    """

    name: str
    size: float
    burden: float | None = None
    cut: bool = False
    missing: bool = False
    before: float | None = None
    cut_before: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingLine:
    """One finding. number: in this study; None for one that was in the prior study alone.

    region: where it lies, "" outside all regions. crosses: further regions that it reaches into. size, longest, perpendicular,
    mean, deviation: measured; None where the model gives no outline; of a box longest and perpendicular are its edges within a
    slice, depth that across the slices of a volume. slices: the first and the last one along the file's
    `axis`, both counted from 1; of an outline the one in which its diameters are measured; None of a picture. image_numbers:
    those that a scanner gave to these slices, the lower first; None where there are none.
    Against the prior study, where there is one, as in `FollowUp`: change, growth, size_growth; before, size_before: diameter
    and size then; cut_before: whether the border of that image cut it. Of several findings that have become one, or one that
    has split, growth, before and size_before are of sums: diameters_before and parts, the numbers of those of now, say of what,
    together and size_together are the sums of their diameters and sizes. error, gain, is_little, by_volume: as of `FollowUp`.
    """

    number: int | None
    kind: str
    region: str = ""
    crosses: tuple[str, ...] = ()
    size: float | None = None
    longest: float | None = None
    perpendicular: float | None = None
    depth: float | None = None
    slices: tuple[int, int] | None = None
    axis: int = 3
    image_numbers: tuple[int, int] | None = None
    mean: float | None = None
    deviation: float | None = None
    share_of_region: float | None = None
    confidence: float | None = None
    touches: tuple[int, ...] = ()
    cut: bool = False
    change: Change | None = None
    growth: float | None = None
    size_growth: float | None = None
    before: float | None = None
    size_before: float | None = None
    cut_before: bool = False
    diameters_before: tuple[float, ...] = ()
    parts: tuple[int, ...] = ()
    together: float | None = None
    size_together: float | None = None
    error: float | None = None
    gain: float | None = None
    is_little: bool = False
    by_volume: bool = False

    def numbered(self, numbers: Sequence[int]) -> "FindingLine":
        """The same with the numbers that a scanner gave to the slices along the third axis, in their order; itself without."""
        if not numbers or self.slices is None or self.axis != 3:
            return self
        first, last = sorted(numbers[place - 1] for place in self.slices)
        return replace(self, image_numbers=(first, last))


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyPart:
    """What a kind of problem tells of one image, for the report of a study.

    table: regions and findings with outlines, which can be followed up; None for an answer that has none. findings: those of
    an answer without outlines; looks_for_findings: whether the model knows any. regions: those that its findings lie among, ()
    where none are known; unit_of_size: of their sizes. answers: of the whole image, what is decided under ""; are_counts: how
    many of each kind there are. certain: how sure they are, each a `Doubt` or a text. images: of the whole; picture_of:
    draws the finding of a number, None where no finding has a picture of its own. with_findings: whether regions are
    measured with the findings in them, which are no part of them in the label map. unit_of_value: of grey values.
    """

    table: StudyTable | None = None
    findings: tuple[FindingLine, ...] = ()
    regions: tuple[RegionRow, ...] = ()
    unit_of_size: str = ""
    looks_for_findings: bool = False
    expected_dice: tuple[float, float | None] | None = None
    """Of the outlines, by what the model knows of itself, and what nine in ten cases are not below; None: not known."""
    answers: Mapping[str, str] = field(default_factory=dict)
    certain: tuple[str, ...] = ()
    are_counts: bool = False
    images: tuple[KeyImage, ...] = ()
    picture_of: Callable[[int], KeyImage] | None = None
    with_findings: bool = False
    unit_of_length: str = "mm"
    unit_of_value: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyContent:
    """The whole report.

    patient: name and value of what the headers say of the patient; empty unless it was asked for. study: the same of the scan.
    prior: of the prior study; days_since_prior: from it to this one, None where a date is not known.
    model: that found the findings; regions_model: that found the regions, where it is another one.
    warnings: reasons to doubt, each a `Doubt`, or a text that stays as it is in every language. answers: probabilities or
    quantities of the whole image, by name with their text, and what is decided under ""; are_counts: how many of each kind
    there are. certain: how sure they are, as warnings are. looks_for_findings: whether it is told that there are none.
    with_findings: whether regions are measured with the findings in them, which are no part of them in the label map.
    unit_of_size, unit_of_length, unit_of_value: of the table's numbers. declined: whether there is no answer, because of the
    warnings.
    """

    title: str
    created: datetime
    model: ModelFacts
    regions_model: ModelFacts | None = None
    study: Mapping[str, str] = field(default_factory=dict)
    patient: Mapping[str, str] = field(default_factory=dict)
    prior: Mapping[str, str] = field(default_factory=dict)
    days_since_prior: int | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    certain: tuple[str, ...] = ()
    are_counts: bool = False
    images: tuple[KeyImage, ...] = ()
    regions: tuple[RegionLine, ...] = ()
    findings: tuple[FindingLine, ...] = ()
    has_regions: bool = False
    looks_for_findings: bool = False
    with_findings: bool = False
    warnings: tuple[str, ...] = ()
    declined: bool = False
    unit_of_size: str = "ml"
    unit_of_length: str = "mm"
    unit_of_value: str = ""
    expected_dice: tuple[float, float | None] | None = None
    """As of `StudyPart`."""

    @property
    def shown(self) -> tuple[FindingLine, ...]:
        """The findings that the page has room for, in their order: the largest, and what has changed before what has not."""
        return _most_telling(self.findings)

    @property
    def changed_beyond(self) -> Mapping[Change, int]:
        """How many findings there are that the page has no room for, by what became of them, but for those that are stable."""
        shown = {id(one) for one in self.shown}
        counts = Counter(one.change for one in self.findings if id(one) not in shown)
        return {change: counts[change] for change in PRECEDENCE if counts[change] and change != "stable"}

    @property
    def since_prior(self) -> tuple[Span, int] | None:
        """The time from the prior study to this one, in a word and a number; None where it is not known or negative."""
        days = self.days_since_prior
        if days is None or days < 0:
            return None
        if days < DAYS_TOLD:
            return ("same day" if days == 0 else "day" if days == 1 else "days"), days
        return "months", round(days / DAYS_OF_MONTH)

    @property
    def missing(self) -> tuple[str, ...]:
        """Regions that are not in the image."""
        return tuple(line.name for line in self.regions if line.missing)

    def to_json(self) -> dict[str, JSON]:
        """The same as plain data; pictures are left out. A warning is its code, its values, and its English text; what is
        decided of the whole image stands apart from the answers, None where nothing is.
        """
        values = asdict(replace(self, images=(), warnings=(), certain=()))
        del values["images"]
        if self.expected_dice is None:
            del values["expected_dice"]
        told = [as_data(warning) for warning in self.warnings]
        answers = dict(self.answers)
        return values | {
            "created": self.created.isoformat(timespec="seconds"),
            "decision": answers.pop(DECISION, None),
            "answers": answers,
            "certain": [as_data(one) for one in self.certain],
            "warnings": told,
        }


def _most_telling(findings: Sequence[FindingLine]) -> tuple[FindingLine, ...]:
    """Up to MOST_FINDINGS of the lines. Without a prior study the first ones, which come in the order of size or of score."""
    if not any(one.change for one in findings):
        return tuple(findings[:MOST_FINDINGS])
    by_size = sorted(
        range(len(findings)), key=lambda place: -max(findings[place].longest or 0, findings[place].before or 0)
    )
    largest, others = by_size[:LARGEST_SHOWN], by_size[LARGEST_SHOWN:]
    others.sort(key=lambda place: PRECEDENCE.index(findings[place].change or "stable"))  # among equals the larger first
    return tuple(findings[place] for place in sorted([*largest, *others][:MOST_FINDINGS]))


def worth_a_picture(findings: Sequence[FindingLine]) -> tuple[int, ...]:
    """Numbers of up to MOST_PICTURED findings that have a row on the page, in their order: of what has grown or is new since a
    prior study, then of the longest.
    """
    there = [(one.number, one) for one in _most_telling(findings) if one.number is not None]
    there.sort(key=lambda one: (one[1].change not in ("grown", "new"), -(one[1].longest or 0)))
    return tuple(sorted(number for number, _ in there[:MOST_PICTURED]))


def region_lines(rows: Sequence[RegionRow], before: Sequence[RegionRow] = ()) -> tuple[RegionLine, ...]:
    """The regions of a study. before: those of the prior study."""
    earlier = {row.name: row for row in before}
    return tuple(_region_line(row, earlier.get(row.name)) for row in rows)


def _region_line(row: RegionRow, before: RegionRow | None) -> RegionLine:
    return RegionLine(
        name=row.name,
        size=row.size,
        burden=row.burden,
        cut=row.cut,
        missing=row.is_missing,
        before=None if before is None else before.size,
        cut_before=before is not None and before.cut,
    )


def finding_lines(table: StudyTable, changes: Sequence[FollowUp] = ()) -> tuple[FindingLine, ...]:
    """The findings of a table; with changes, each with what became of it, and those of the prior study alone behind them."""
    has_slices = table.unit_of_size == "ml"
    became = {row.number: one for one in changes for row in one.now}
    lines = [_finding_line(row, became.get(row.number), has_slices=has_slices) for row in table.findings]
    alone = [(row, one) for one in changes if not one.now for row in one.before]
    return (
        *lines,
        *(FindingLine(number=None, kind=row.kind, region=row.region, **_since_prior(one)) for row, one in alone),
    )


def _finding_line(row: FindingRow, change: FollowUp | None, *, has_slices: bool) -> FindingLine:
    return FindingLine(
        number=row.number,
        kind=row.kind,
        region=row.region,
        crosses=row.crosses,
        size=row.size,
        longest=row.longest,
        perpendicular=row.perpendicular,
        slices=(row.slice_index + 1, row.slice_index + 1) if has_slices else None,
        axis=row.slice_axis + 1,
        mean=row.mean,
        deviation=row.deviation,
        share_of_region=row.share_of_region,
        confidence=row.confidence,
        touches=row.touches,
        cut=row.cut,
        **({} if change is None else _since_prior(change)),
    )


def _since_prior(one: FollowUp) -> dict[str, Any]:
    """What a line says of a change."""
    told: dict[str, Any] = {
        "change": one.change,
        "growth": one.growth,
        "size_growth": one.size_growth,
        "gain": one.gain,
    }
    told |= {"is_little": one.is_little, "by_volume": one.by_volume}
    if one.before:
        told |= {"before": one.longest_before, "size_before": one.size_before}
        told["cut_before"] = any(row.cut for row in one.before)
    if len(one.before) > 1:
        told["diameters_before"] = tuple(row.longest for row in one.before)
    if len(one.now) > 1:
        told |= {"parts": tuple(row.number for row in one.now), "together": one.longest, "size_together": one.size}
    if one.now and one.before:
        told["error"] = one.error
    return told
