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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanwright.api.case import coded_findings
from scanwright.api.case.coded_measures import NO_TABLE, answers_in, boxes_in, sizes_in, unit_of_values, write_measured
from scanwright.api.case.coded_remarks import NO_REMARKS, Remarks
from scanwright.api.case.endings import CAPTURE, FINDINGS, PICTURE, RTSTRUCT, SEG, SR
from scanwright.dataset.measures import region_masks
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.figures.overlay import CT_SOFT_TISSUE, overlay_slices
from scanwright.figures.palette import structure_colour
from scanwright.files import write_bytes
from scanwright.findings.follow_up import FollowUp
from scanwright.findings.table import StudyTable
from scanwright.geometry.volume import Volume
from scanwright.io.source import DicomVolume, Source, place_of
from scanwright.types import Array

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.provenance import Model
    from scanwright.io.dicom.volumes import Stack


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
    unit = unit_of_values(task)
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
        written += write_measured(file, masks, image, unit, labelmap=labelmap, **known, **given)
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
        "findings": coded_findings.measures_of(rows, table, changes, unit=unit_of_values(task)),
        "gone": coded_findings.gone_in(changes, table),
    }


def headers_of(stack: "Stack") -> list[Any]:
    """The headers of the images that a scan was read from, each once."""
    from scanwright.io.dicom.intake import open_instance

    return [open_instance(path).dataset for path in dict.fromkeys(one.path for one in stack.slices)]


def model_of(card: Mapping[str, Any], digest: str) -> "Model":
    """How a package is named in results: the card's name, the version that trained it, the package's own hash."""
    from scanwright.io.dicom.derived.provenance import Model

    return Model(str(card.get("name") or "model"), str(card.get("versions", {}).get("scanwright", "")), digest)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _pixels(picture: bytes) -> Array:
    """A PNG as (rows, columns, 3)."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        return np.asarray(opened.convert("RGB"))
