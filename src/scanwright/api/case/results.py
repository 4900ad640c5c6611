"""An answer as DICOM, to lie beside the study in a PACS: segmentation, measurement report, overlay.

NAME.seg.dcm       segmentation, coded
NAME.findings.dcm  where the task has findings: the same with a segment for each of them
NAME.sr.dcm        sizes, diameters, intensities of every region and finding (TID 1500), and what people should know of them
NAME.overlay.png   where the regions are, for people
NAME.overlay.dcm   the same as secondary capture, for viewers without SEG

Or NAME.rtstruct.dcm in place of the first three: contours, for treatment planning. Of an answer to the whole image, and of
boxes, there is NAME.sr.dcm, NAME.findings.dcm where findings were outlined too, and of each picture that was drawn a secondary
capture: NAME.explanation.dcm, NAME.found.dcm.
"""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanwright.api.case import coded_findings
from scanwright.api.case.coded_remarks import NO_REMARKS, Remarks
from scanwright.dataset.classes import ABNORMAL
from scanwright.dataset.measures import region_masks
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.figures.overlay import CT_SOFT_TISSUE, overlay_slices
from scanwright.figures.palette import structure_colour
from scanwright.files import write_bytes
from scanwright.findings.follow_up import FollowUp
from scanwright.findings.table import RegionRow, StudyTable, size_of_voxel
from scanwright.geometry.diameters import diameters
from scanwright.geometry.volume import Volume
from scanwright.io.source import DicomVolume, Source, place_of
from scanwright.types import Array, Bools, Floats

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.provenance import Model
    from scanwright.io.dicom.derived.sr_boxes import BoxMeasures
    from scanwright.io.dicom.derived.sr_groups import Answer, RegionSize
    from scanwright.io.dicom.volumes import Stack

SEG, RTSTRUCT, FINDINGS = ".seg.dcm", ".rtstruct.dcm", ".findings.dcm"
SR, PICTURE, CAPTURE = ".sr.dcm", ".overlay.png", ".overlay.dcm"
EXPLAINED, DRAWN = ".explanation.dcm", ".found.dcm"
BESIDE = (SR, FINDINGS, PICTURE, CAPTURE, EXPLAINED, DRAWN)
"""What the names of files end in that may be written beside an answer."""
SPELLED = {"percent": "%", "hu": "HU", "year": "years"}
UNITS = {"ct": "HU", "pet": "SUVbw"}
NO_TABLE = StudyTable(regions=(), findings=(), unit_of_size="ml", unit_of_length="mm")


def can_refer_to(source: Source) -> bool:
    """Whether DICOM results can refer to an image: to a series that lies in a frame of reference (most radiographs do not), and
    whose images are its slices (those of a mosaic are not).
    """
    return isinstance(source, DicomVolume) and bool(source.frame) and not source.tiled


def dicom_source(source: Source) -> DicomVolume:
    """The series that a result refers to. Raises InputError for an image that is none, or to which no result can refer."""
    if isinstance(source, DicomVolume):
        if not can_refer_to(source):
            raise InputError(
                "a scan to which no DICOM result can refer",
                where=source.path,
                expected="a frame of reference, and an image a slice",
                found="a mosaic" if source.frame else "no frame of reference",
                hint="Choose --format nifti.",
            )
        return source
    raise InputError(
        "a DICOM result needs a DICOM scan",
        where=place_of(source),
        expected="a series to refer to",
        found=place_of(source).suffix or "another file",
        hint="Give the scan as DICOM, or choose --format nifti.",
    )


def write_dicom(
    file: Path,
    scan: DicomVolume,
    image: Volume,
    labels: Volume,
    *,
    task: Task,
    model: "Model",
    labelmap: bool = False,
    table: StudyTable | None = None,
    changes: Sequence[FollowUp] = (),
    remarks: Remarks = NO_REMARKS,
) -> list[Path]:
    """Write what one scan was answered with beside `file`, whose name ends in .seg.dcm or .rtstruct.dcm; the files, that one
    first.

    image, labels: on the scan's grid. labelmap: write the segmentation as a label map, not as a binary one a region.
    table, changes: regions and findings as measured on the image, and what became of the findings since a prior study.
    remarks: what the report says for people.
    Raises what the writers raise.
    """
    from scanwright.io.dicom.derived.capture import write_capture
    from scanwright.io.dicom.derived.rtstruct_writing import write_structures
    from scanwright.io.dicom.scan import find_stack

    base = file.name.removesuffix(SEG).removesuffix(RTSTRUCT)
    stack = find_stack(scan)
    sources = headers_of(stack)
    masks = region_masks(labels.voxels[0], task)
    unit = _unit(task)
    colours = {region: _rgb(structure_colour(index)) for index, region in enumerate(masks)}
    given: dict[str, Any] = {"grid": stack.grid, "sources": sources, "model": model, "colours": colours}
    written = [file]
    if file.name.endswith(RTSTRUCT):
        write_structures(file, masks, **given)
    else:
        known: dict[str, Any] = {
            "table": table or NO_TABLE,
            "changes": changes,
            "within": task.name,
            "remarks": remarks,
        }
        written += _measured(file, masks, image, unit, labelmap=labelmap, **known, **given)
    picture = overlay_slices(
        image.voxels,
        truth_IJK=None,
        prediction_IJK=labels.voxels[0],
        grid=image.grid,
        regions={region.name: region.values for region in task.regions},
        window=CT_SOFT_TISSUE if unit == "HU" else None,
    )
    write_bytes(file.with_name(base + PICTURE), picture)
    write_capture(file.with_name(base + CAPTURE), _pixels(picture), sources=sources, model=model, has_text=True)
    return [*written, file.with_name(base + PICTURE), file.with_name(base + CAPTURE)]


def write_beside(
    file: Path,
    scan: DicomVolume,
    found: Mapping[str, Any],
    pictures: Sequence[Path],
    model: "Model",
    *,
    task: Task,
    table: StudyTable | None = None,
    changes: Sequence[FollowUp] = (),
    regions_by: "Model | None" = None,
    remarks: Remarks = NO_REMARKS,
) -> list[Path]:
    """An answer that is no label map as files to lie beside the study: a report, a segmentation of the findings if any were
    outlined, and PNG pictures as secondary captures.

    found: as the kind of problem gives it, {"probabilities", "decision"}, {"score", "decision"}, {"quantities", "units"} or
    {"boxes"}; of other kinds no report is written, nor does it tell a quantity whose unit has no code here. table, changes,
    remarks: as of `write_dicom`; findings are told of a scan that a segmentation can refer to (`can_refer_to`). regions_by: the
    model that found the regions of `found`, whose sizes are then told.
    Raises what the writers raise.
    """
    from scanwright.io.dicom.derived.capture import write_capture
    from scanwright.io.dicom.derived.sr_write import write_measurements
    from scanwright.io.dicom.scan import find_stack

    stack = find_stack(scan)
    sources, answers = headers_of(stack), answers_in(found, task.classes)
    written: list[Path] = []
    if answers:
        told: dict[str, Any] = {}
        if table is not None and can_refer_to(scan):
            told = _marked(file, table, changes, stack=stack, sources=sources, model=model, task=task)
        written += [told["marked"].path] if told.get("marked") else []
        written.append(file.with_name(file.stem + SR))
        write_measurements(
            written[-1],
            boxes=boxes_in(found),
            sizes=sizes_in(found),
            sizes_by=regions_by,
            answers=answers,
            **told,
            stack=stack,
            sources=sources,
            model=model,
            within=task.name,
            description="Answers",
            comments=remarks.comments,
            prior=remarks.prior,
        )
    for picture in pictures:
        capture = picture.with_suffix(".dcm")
        write_capture(capture, _pixels(picture.read_bytes()), sources=sources, model=model, has_text=True)
        written.append(capture)
    return written


def _marked(
    file: Path,
    table: StudyTable,
    changes: Sequence[FollowUp],
    *,
    stack: "Stack",
    sources: Sequence[Any],
    model: "Model",
    task: Task,
) -> dict[str, Any]:
    """Write the segmentation of the findings beside `file`, if there are any; what the report says of them, and of those that
    are gone, as `write_measurements` takes it.
    """
    rows, shape = coded_findings.coded(table, stack.grid.shape), stack.grid.shape
    kinds = dict.fromkeys(row.kind for row in rows)
    return {
        "marked": coded_findings.write_findings(
            file.with_name(file.stem + FINDINGS),
            rows,
            shape,
            kind="binary",
            within=task.name,
            colours={kind: _rgb(structure_colour(place)) for place, kind in enumerate(kinds)},
            grid=stack.grid,
            sources=sources,
            model=model,
        ),
        "findings": coded_findings.measures_of(rows, table, changes, unit=_unit(task)),
        "gone": coded_findings.gone_in(changes, table),
    }


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


def headers_of(stack: "Stack") -> list[Any]:
    """The headers of the images that a scan was read from, each once."""
    from scanwright.io.dicom.intake import open_instance

    return [open_instance(path).dataset for path in dict.fromkeys(one.path for one in stack.slices)]


def _measured(
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


def model_of(card: Mapping[str, Any], digest: str) -> "Model":
    """How a package is named in results: the card's name, the version that trained it, the package's own hash."""
    from scanwright.io.dicom.derived.provenance import Model

    return Model(str(card.get("name") or "model"), str(card.get("versions", {}).get("scanwright", "")), digest)


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


def _unit(task: Task) -> str:
    """The unit of the values that are measured, a key of `sr.UNITS`."""
    return UNITS.get(task.channels[0].modality, "arbitrary")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _pixels(picture: bytes) -> Array:
    """A PNG as (rows, columns, 3)."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        return np.asarray(opened.convert("RGB"))
