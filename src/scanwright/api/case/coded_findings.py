"""The findings of a study as DICOM has them: a segmentation with a segment each, and what a report says of them.

They come from the same table that the report for a clinician is made of (`findings.table`), so that the two say the same.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from scanwright.findings.follow_up import FollowUp
from scanwright.findings.table import FindingRow, StudyTable
from scanwright.types import Bools, Shape3

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.seg import Segmentation
    from scanwright.io.dicom.derived.seg_write import Numbered
    from scanwright.io.dicom.derived.sr_findings import FindingMeasures, GoneFinding

MOST_CODED = 200
"""Findings that are told one by one, the largest first: each costs a segment and a group, and more are a model's noise."""
MOST_MASKED = 2**31
"""Bytes that masks of findings may take which overlap, and so do not fit into one map."""
UNITS_OF_SIZE = {"ml": ("mm3", 1000.0), "mm²": ("mm2", 1.0), "px": ("px", 1.0)}
"""A table's unit of sizes as a report has it, and how many of that make one."""


def coded(table: StudyTable, shape: Shape3) -> tuple[FindingRow, ...]:
    """The findings that are told one by one: all, or the largest."""
    rows = table.findings[:MOST_CODED]
    if _numbered(rows, shape) is not None:
        return rows
    return rows[: max(1, MOST_MASKED // int(np.prod(shape)))]


def doubts_about(table: StudyTable | None, shape: Shape3) -> tuple[str, ...]:
    """That not all findings are in the DICOM report, where that is so."""
    if table is None or len(table.findings) == len(rows := coded(table, shape)):
        return ()
    return (f"the DICOM report tells the {len(rows)} largest of {len(table.findings)} findings",)


def write_findings(
    file: Path,
    rows: Sequence[FindingRow],
    shape: Shape3,
    *,
    kind: Literal["binary", "labelmap"],
    within: str,
    colours: Mapping[str, Any],
    **given: Any,
) -> "Segmentation | None":
    """Write a segment for each finding, of its kind and in its region; None, and no file, where there is none.

    shape: of the image. kind, within, given: as `write_segmentation` takes them; findings that overlap are binary, whatever is
    asked for. colours: by kind of finding.
    Raises what that raises.
    """
    from scanwright.io.dicom.derived.codes import finding_codes
    from scanwright.io.dicom.derived.seg_write import write_segmentation

    if not rows:
        file.unlink(missing_ok=True)  # an earlier answer of ours to this scan, to which no report refers any more
        return None
    numbered = _numbered(rows, shape)
    return write_segmentation(
        file,
        {called(row): _mask(row, shape) for row in rows} if numbered is None else numbered,
        codes=[finding_codes(row.kind, row.region, within=within) for row in rows],
        colours={called(row): colours[row.kind] for row in rows if row.kind in colours},
        kind="binary" if numbered is None else kind,
        series_number=903,
        description="Findings",
        **given,
    )


def called(row: FindingRow) -> str:
    """A finding's name in segmentation and report: its kind and its number in the study."""
    return f"{row.kind} {row.number}"


def measures_of(
    rows: Sequence[FindingRow], table: StudyTable, changes: Sequence[FollowUp], *, unit: str
) -> "list[FindingMeasures]":
    """What the report says of each finding, in the order of its segments. unit: of the image's values, a key of `sr.UNITS`."""
    from scanwright.io.dicom.derived.sr_findings import FindingMeasures

    became = {row.number: one for one in changes for row in one.now}
    names = {row.number: called(row) for row in table.findings}
    size, each = UNITS_OF_SIZE[table.unit_of_size]
    return [
        FindingMeasures(
            segment=segment,
            size=row.size * each,
            longest=row.longest,
            perpendicular=row.perpendicular,
            mean=row.mean,
            deviation=row.deviation,
            low=row.low,
            high=row.high,
            unit_of_size=size,
            unit_of_length=table.unit_of_length,
            unit=unit,
            share_of_region=row.share_of_region,
            confidence=row.confidence,
            crosses=row.crosses,
            touches=tuple(names[number] for number in row.touches if number in names),
            outside=bool(table.regions) and not row.region,
            cut=row.cut,
            **_change(became.get(row.number), table),
        )
        for segment, row in enumerate(rows, start=1)
    ]


def gone_in(changes: Sequence[FollowUp], table: StudyTable) -> "list[GoneFinding]":
    """The findings of the prior study that are resolved."""
    from scanwright.io.dicom.derived.sr_findings import GoneFinding

    return [
        GoneFinding(
            kind=row.kind,
            region=row.region,
            unit_of_size=UNITS_OF_SIZE[table.unit_of_size][0],
            unit_of_length=table.unit_of_length,
            **_before(one, table),
        )
        for one in changes
        if one.change == "resolved"
        for row in one.before
    ]


def is_coded(one: FollowUp) -> bool:
    """Whether a change is known, so that a report has a code for it."""
    from scanwright.io.dicom.derived.sr_concepts import CHANGES

    return one.change in CHANGES


def _change(one: FollowUp | None, table: StudyTable) -> dict[str, Any]:
    if one is None or not is_coded(one):
        return {}
    if one.has_several:  # what is measured is of sums, which no group of one finding can tell
        return {"change": one.change}
    return {
        "change": one.change,
        "growth": one.growth,
        "size_growth": one.size_growth,
        **_before(one, table),
    }


def _before(one: FollowUp, table: StudyTable) -> dict[str, Any]:
    """Diameter and size in the prior study; {} where its border cut what was there, or nothing was."""
    if not one.before or any(row.cut for row in one.before):
        return {}
    return {"before": one.longest_before, "size_before": one.size_before * UNITS_OF_SIZE[table.unit_of_size][1]}


def _mask(row: FindingRow, shape: Shape3) -> Bools:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[row.around] = row.mask
    return mask


def _numbered(rows: Sequence[FindingRow], shape: Shape3) -> "Numbered | None":
    """All findings as one map; None if two of them, of two kinds, share a voxel."""
    from scanwright.io.dicom.derived.seg_write import Numbered

    values = np.zeros(shape, dtype=np.uint16)
    for number, row in enumerate(rows, start=1):
        part = values[row.around]
        if part[row.mask].any():
            return None
        part[row.mask] = number
    return Numbered(tuple(map(called, rows)), values)
