"""Measures of an answer as a DICOM report codes them: of boxes, regions, classes and quantities."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanwright.api.case import coded_findings
from scanwright.api.case.coded_remarks import Remarks
from scanwright.api.case.endings import FINDINGS, SEG, SR
from scanwright.dataset.classes import ABNORMAL
from scanwright.dataset.task import Task
from scanwright.findings.follow_up import FollowUp
from scanwright.findings.table import RegionRow, StudyTable, size_of_voxel
from scanwright.geometry.diameters import diameters
from scanwright.geometry.volume import Volume
from scanwright.types import Bools, Floats

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.sr_boxes import BoxMeasures
    from scanwright.io.dicom.derived.sr_groups import Answer, RegionSize


SPELLED = {"percent": "%", "hu": "HU", "year": "years"}
UNITS = {"ct": "HU", "pet": "SUVbw"}
NO_TABLE = StudyTable(regions=(), findings=(), unit_of_size="ml", unit_of_length="mm")


def boxes_in(found: Mapping[str, Any]) -> "list[BoxMeasures]":
    """The boxes that are told, as a report has them."""
    from scanwright.io.dicom.derived.sr_boxes import BoxMeasures

    return [
        BoxMeasures(
            name=box["class"],
            score=box["score"],
            start=tuple(box["start"]),
            end=tuple(box["end"]),
            region=box.get("region"),
            crosses=tuple(box.get("crosses", ())),
        )
        for box in found.get("boxes", ())
    ]


def sizes_in(found: Mapping[str, Any]) -> "list[RegionSize]":
    """The regions among which findings are told, as a report has them; [] where none are known."""
    from scanwright.io.dicom.derived.sr_groups import RegionSize

    if "regions" not in found:
        return []
    told = found["regions"]
    unit, times = coded_findings.UNITS_OF_SIZE[told["unit"]]
    return [
        RegionSize(name=name, size=size * times or None, unit_of_size=unit, cut=name in told["cut"])
        for name, size in told["sizes"].items()
    ]


def answers_in(found: Mapping[str, Any], classes: Sequence[str] = ()) -> "list[Answer]":
    """What a kind of problem tells of an image as a whole, as a report has it: probabilities with what is decided, how
    unusual it is, quantities with their units, or how many boxes of each class there are, 0 too.
    """
    from scanwright.io.dicom.derived.sr import UNITS as KNOWN_UNITS
    from scanwright.io.dicom.derived.sr_groups import Answer

    decided = found.get("decision") or []
    told = {decided} if isinstance(decided, str) else set(decided)
    answers = [
        Answer(name, chance, conclusion="" if "declined" in found else "present" if name in told else "absent")
        for name, chance in found.get("probabilities", {}).items()
    ]
    if "score" in found:  # that something is abnormal, or that nothing is, does not follow from a limit
        answers.append(Answer(ABNORMAL, found["score"], unit="confidence"))
    for name, value in found.get("quantities", {}).items():
        unit = found.get("units", {}).get(name) or "1"
        unit = SPELLED.get(unit, unit)
        if unit in KNOWN_UNITS:  # a number in a unit that has no code here would be told without one
            answers.append(Answer(name, value, unit=unit))
    if "boxes" in found:
        counts = Counter(box["class"] for box in found["boxes"])
        for name in classes:
            answers.append(Answer(name, counts[name], unit="1", conclusion="present" if counts[name] else "absent"))
    return answers


def write_measured(
    file: Path,
    masks: Mapping[str, Bools],
    image: Volume,
    unit: str,
    *,
    labelmap: bool,
    table: StudyTable,
    changes: Sequence[FollowUp],
    remarks: Remarks,
    within: str,
    **given: Any,
) -> list[Path]:
    """Write a segmentation, one of the findings if there are any, and the report of what was measured in both; the files but
    the first.
    """
    from scanwright.io.dicom.derived.seg_write import write_segmentation
    from scanwright.io.dicom.derived.sr_groups import RegionMeasures
    from scanwright.io.dicom.derived.sr_write import write_measurements

    given["kind"] = "labelmap" if labelmap else "binary"
    segmentation = write_segmentation(file, masks, within=within, **given)
    base = file.name.removesuffix(SEG)
    rows, shape = coded_findings.coded(table, image.grid.shape), image.grid.shape
    marked = coded_findings.write_findings(file.with_name(base + FINDINGS), rows, shape, within=within, **given)
    anatomy = {row.name: row for row in table.regions}
    measures = [
        RegionMeasures(
            segment=number,
            unit=unit,
            is_sum=table is not NO_TABLE and name not in anatomy,
            **{**measure(mask, image), **_in_table(anatomy.get(name), table, is_empty=not mask.any())},
        )
        for number, (name, mask) in enumerate(masks.items(), start=1)
    ]
    report = file.with_name(base + SR)
    write_measurements(
        report,
        regions=measures,
        findings=coded_findings.measures_of(rows, table, changes, unit=unit),
        gone=coded_findings.gone_in(changes, table),
        segmentation=segmentation,
        marked=marked,
        sources=given["sources"],
        model=given["model"],
        within=within,
        comments=remarks.comments,
        prior=remarks.prior,
    )
    return [*([marked.path] if marked else []), report]


def _in_table(row: RegionRow | None, table: StudyTable, *, is_empty: bool) -> dict[str, Any]:
    """What the table says of a region beyond what its own segment does; {} of one that is missing or a finding.

    is_empty: whether that segment has no voxel: of a region that is not missing, findings take all of it.
    """
    if row is None or row.is_missing:
        return {}
    told: dict[str, Any] = {"cut": row.cut, **({"size": 0.0} if is_empty else {})}
    if table.findings:
        told |= {"burden": row.burden, "with_findings": row.size * coded_findings.UNITS_OF_SIZE[table.unit_of_size][1]}
    return told


def measure(mask: Bools, image: Volume) -> dict[str, Any]:
    """Size, diameters and intensities of a region, as `RegionMeasures` has them; of an empty one none."""
    each, unit = size_of_voxel(image.grid)
    unit_of_size, times = coded_findings.UNITS_OF_SIZE[unit]
    found = diameters(mask, image.grid)
    if found is None:
        return {"size": None, "unit_of_size": unit_of_size}
    size = {"size": float(mask.sum()) * each * times, "unit_of_size": unit_of_size}
    inside: Floats = image.voxels[0][mask].astype(np.float64)
    return size | {
        "longest": found.longest,
        "perpendicular": found.perpendicular,
        "mean": float(inside.mean()),
        "deviation": float(inside.std()),
    }


def unit_of_values(task: Task) -> str:
    """The unit of the values that are measured, a key of `sr.UNITS`."""
    return UNITS.get(task.channels[0].modality, "arbitrary")
