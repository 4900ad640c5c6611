"""An answer as DICOM, to lie beside the study in a PACS: segmentation, measurement report, overlay.

NAME.seg.dcm       segmentation, coded
NAME.sr.dcm        volumes, diameters, intensities of every region (TID 1500); 0 ml where nothing was found
NAME.overlay.png   where the regions are, for people
NAME.overlay.dcm   the same as secondary capture, for viewers without SEG

Or NAME.rtstruct.dcm in place of the first two: contours, for treatment planning. Of an answer to the whole image there is
NAME.sr.dcm alone, and where an explanation was asked for, NAME.explanation.dcm.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.figures.overlay import CT_SOFT_TISSUE, overlay_slices
from scanwright.figures.palette import structure_colour
from scanwright.files import write_bytes
from scanwright.geometry.diameters import diameters
from scanwright.geometry.volume import Volume
from scanwright.io.source import DicomVolume, Source, place_of
from scanwright.types import Array, Bools, Floats

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.provenance import Model
    from scanwright.io.dicom.derived.sr_groups import Answer
    from scanwright.io.dicom.volumes import Stack

SEG, RTSTRUCT = ".seg.dcm", ".rtstruct.dcm"
SR, PICTURE, CAPTURE = ".sr.dcm", ".overlay.png", ".overlay.dcm"
EXPLAINED = ".explanation.dcm"
BESIDE = (SR, PICTURE, CAPTURE, EXPLAINED)
"""What the names of files end in that may be written beside an answer."""
SPELLED = {"percent": "%", "hu": "HU", "year": "years"}
UNITS = {"ct": "HU", "pet": "SUVbw"}


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
) -> list[Path]:
    """Write what one scan was answered with beside `file`, whose name ends in .seg.dcm or .rtstruct.dcm; the files, that one
    first.

    image, labels: on the scan's grid. labelmap: write the segmentation as a label map, not as a binary one a region.
    Raises what the writers raise.
    """
    from scanwright.io.dicom.derived.capture import write_capture
    from scanwright.io.dicom.derived.rtstruct_writing import write_structures
    from scanwright.io.dicom.scan import find_stack

    base = file.name.removesuffix(SEG).removesuffix(RTSTRUCT)
    stack = find_stack(scan)
    sources = headers_of(stack)
    masks = region_masks(labels, task)
    unit = UNITS.get(task.channels[0].modality, "arbitrary")
    colours = {region: _rgb(structure_colour(index)) for index, region in enumerate(masks)}
    given: dict[str, Any] = {"grid": stack.grid, "sources": sources, "model": model, "colours": colours}
    written = [file]
    if file.name.endswith(RTSTRUCT):
        write_structures(file, masks, **given)
    else:
        written.append(_measured(file, masks, image, unit, labelmap=labelmap, within=task.name, **given))
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
    file: Path, scan: DicomVolume, found: Mapping[str, Any], explained: Sequence[Path], model: "Model"
) -> list[Path]:
    """The answer to a whole image as files to lie beside the study: a report, and PNG pictures as secondary captures.

    Raises what the writers raise.
    """
    from scanwright.io.dicom.derived.capture import write_capture
    from scanwright.io.dicom.scan import find_stack

    sources = headers_of(find_stack(scan))
    written = _write_report(file, found, sources, model)
    for picture in explained:
        capture = picture.with_suffix(".dcm")
        write_capture(capture, _pixels(picture.read_bytes()), sources=sources, model=model, has_text=True)
        written.append(capture)
    return written


def _write_report(file: Path, found: Mapping[str, Any], sources: Sequence[Any], model: "Model") -> list[Path]:
    """What is told of a whole image, beside `file`: NAME.sr.dcm with a number for each class or quantity, and what is decided.

    found: as the kind of problem gives it, {"probabilities", "decision"} or {"quantities", "units"}; of other kinds nothing is
    written, nor of a quantity whose unit has no code here.
    """
    from scanwright.io.dicom.derived.sr_write import write_measurements

    answers = answers_in(found)
    if not answers:
        return []
    report = file.with_name(file.stem + SR)
    write_measurements(report, answers=answers, sources=sources, model=model, description="Answers")
    return [report]


def answers_in(found: Mapping[str, Any]) -> "list[Answer]":
    """What a kind of problem tells, as a report has it: probabilities with what is decided, or quantities with their units."""
    from scanwright.io.dicom.derived.sr import UNITS as KNOWN_UNITS
    from scanwright.io.dicom.derived.sr_groups import Answer

    decided = found.get("decision", [])
    told = {decided} if isinstance(decided, str) else set(decided)
    answers = [
        Answer(name, chance, conclusion="present" if name in told else "absent")
        for name, chance in found.get("probabilities", {}).items()
    ]
    for name, value in found.get("quantities", {}).items():
        unit = found.get("units", {}).get(name) or "1"
        unit = SPELLED.get(unit, unit)
        if unit in KNOWN_UNITS:  # a number in a unit that has no code here would be told without one
            answers.append(Answer(name, value, unit=unit))
    return answers


def headers_of(stack: "Stack") -> list[Any]:
    """The headers of the images that a scan was read from, each once."""
    from scanwright.io.dicom.intake import open_instance

    return [open_instance(path).dataset for path in dict.fromkeys(one.path for one in stack.slices)]


def _measured(
    file: Path, masks: Mapping[str, Bools], image: Volume, unit: str, *, labelmap: bool, within: str, **given: Any
) -> Path:
    """Write a segmentation and the report of what was measured in it; a region that was not found has a volume of 0."""
    from scanwright.io.dicom.derived.seg_write import write_segmentation
    from scanwright.io.dicom.derived.sr_groups import RegionMeasures
    from scanwright.io.dicom.derived.sr_write import write_measurements

    segmentation = write_segmentation(file, masks, kind="labelmap" if labelmap else "binary", within=within, **given)
    measures = [
        RegionMeasures(segment=number, unit=unit, **measure(mask, image))
        for number, mask in enumerate(masks.values(), start=1)
    ]
    report = file.with_name(file.name.removesuffix(SEG) + SR)
    write_measurements(
        report, regions=measures, segmentation=segmentation, sources=given["sources"], model=given["model"]
    )
    return report


def model_of(card: Mapping[str, Any], digest: str) -> "Model":
    """How a package is named in results: the card's name, the version that trained it, the package's own hash."""
    from scanwright.io.dicom.derived.provenance import Model

    return Model(str(card.get("name") or "model"), str(card.get("versions", {}).get("scanwright", "")), digest)


def region_masks(labels: Volume, task: Task) -> dict[str, Bools]:
    """Where each region is, (I, J, K), by its name."""
    return {region.name: np.isin(labels.voxels[0], region.values) for region in task.regions}


def measure(mask: Bools, image: Volume) -> Mapping[str, float]:
    """Volume, diameters and intensities of a region; of an empty one the volume alone, 0."""
    found = diameters(mask, image.grid)
    if found is None:
        return {"volume_mm3": 0.0}
    inside: Floats = image.voxels[0][mask].astype(np.float64)
    return {
        "volume_mm3": float(mask.sum()) * image.grid.voxel_volume,
        "longest_mm": found.longest,
        "perpendicular_mm": found.perpendicular,
        "mean": float(inside.mean()),
        "deviation": float(inside.std()),
    }


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _pixels(picture: bytes) -> Array:
    """A PNG as (rows, columns, 3)."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        return np.asarray(opened.convert("RGB"))
