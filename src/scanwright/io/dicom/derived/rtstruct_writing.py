"""Masks written as a DICOM RT structure set.

Written by these rules:

    contours    along the outer faces of the voxels (`geometry.contours`): filled by the centre rule they give the mask
                again, voxel for voxel, and enclose the voxels' volume
    holes       keyholes, the technique that readers of any age know: CLOSED_PLANAR contours of which no two overlap
    numbers     rounded to 1e-6 mm, at most 16 characters (VR DS)
    references  each contour names the image, and of a multi-frame image the frame, that it lies on
    nothing     a mask without a voxel keeps its structure, without contours: "looked for, and not there" is a result
    encoding    implicit VR: a contour of more than 64 KiB has no place in explicit VR (PS3.3 C.8.8.6)

Source: DICOM PS3.3 sections A.19, C.8.8.5, C.8.8.6 and C.8.8.8.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, ImplicitVRLittleEndian

from scanwright.errors import GeometryError, InputError
from scanwright.files import sha256_bytes, writing
from scanwright.geometry.contours import trace_keyholed
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.codes import label_of
from scanwright.io.dicom.derived.provenance import (
    MANUFACTURER,
    MAX_SERIES_NUMBER,
    RESEARCH,
    Model,
    derived_uid,
    quietly,
    require_sources,
    study_of,
)
from scanwright.io.dicom.derived.rtstruct import (
    CONTOUR_DATA,
    MAX_COORDINATE,
    RT_STRUCTURE_SET,
    StructureSet,
    read_structures,
)
from scanwright.io.dicom.derived.seg_source import Planes, match_planes
from scanwright.io.dicom.elements import text
from scanwright.types import Bools, Floats

Colour = tuple[int, int, int]
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management (retired): what a structure set names a study by
DECIMALS = 6  # of a millimetre; with sign, eight digits in front and the point that is 16 characters
CODE_STRING = r"[A-Z0-9_ ]{0,16}"
MAX_NAME = 64  # characters of an ROI name (VR LO)
COLOURS: tuple[Colour, ...] = (
    (230, 75, 53), (77, 187, 213), (0, 160, 135), (244, 196, 48), (126, 97, 180), (243, 155, 127), (145, 209, 194),
    (220, 0, 120), (60, 84, 136), (176, 156, 133),
)  # fmt: skip


def write_structures(
    path: Path,
    masks: Mapping[str, Bools],
    *,
    grid: Grid,
    sources: Sequence[Dataset],
    model: Model,
    colours: Mapping[str, Colour] | None = None,
    interpreted: Mapping[str, str] | None = None,
    series_number: int = 902,
    description: str = "Structures",
    made: datetime | None = None,
) -> StructureSet:
    """Write masks, booleans (I, J, K) by name, as one structure set in one atomic step; read it back and return that.

    sources: headers of the source images in the order of k; of a multi-frame image the one header. colours: RGB by name,
    0 to 255; others are chosen. interpreted: RT ROI interpreted type by name ("ORGAN", "GTV", …); empty by default, for
    nobody has said it. made: the moment that the object states; now by default. ROIs are numbered from 1 in the order of
    `masks`; the same masks of the same series have the same UIDs.
    Raises GeometryError (another grid than the source's, no patient space), InputError (no mask, a name that DICOM cannot
    hold, source images that do not belong together), ResourceError (the place to write).
    """
    require_sources(sources)
    _require_masks(masks, grid)
    images = _Images(sources, match_planes(sources, grid))
    moment = made or datetime.now()
    digest = sha256_bytes(b"".join(np.packbits(mask).tobytes() for mask in masks.values()))
    about = [text(sources[0], "SOPInstanceUID"), list(masks), model.name, model.version, model.hash, digest]
    with quietly():
        dataset = _object(
            study_of(sources[0]), model, about, moment, series_number=series_number, description=description
        )
        dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(images)]
        dataset.StructureSetROISequence = [
            _named(number, name, images, model) for number, name in enumerate(masks, start=1)
        ]
        dataset.ROIContourSequence = [
            _drawn(number, mask, grid, images, (colours or {}).get(name, COLOURS[(number - 1) % len(COLOURS)]))
            for number, (name, mask) in enumerate(masks.items(), start=1)
        ]
        dataset.RTROIObservationsSequence = [
            _observed(number, (interpreted or {}).get(name, "")) for number, name in enumerate(masks, start=1)
        ]
        with writing(path) as stream:
            dataset.save_as(stream, enforce_file_format=True)
    return read_structures(path)


class _Images:
    """The source images as a structure set refers to them."""

    def __init__(self, sources: Sequence[Dataset], planes: Planes) -> None:
        frames = {text(source, "FrameOfReferenceUID") for source in sources}
        if len(frames) != 1 or not all(frames) or not planes.placed:
            raise GeometryError(
                "the source images share no patient space to draw in",
                expected="positions, and one frame of reference UID",
                found="no positions" if not planes.placed else f"{len(frames - {''})} frames of reference",
            )
        self.sources = sources
        self.planes = planes
        self.frame = frames.pop()

    def at(self, k: int) -> Dataset:
        """A reference to the image, and of a multi-frame image the frame, of slice k."""
        if self.planes.frames is None:
            return _reference(self.sources[k])
        reference = _reference(self.sources[0])
        reference.ReferencedFrameNumber = self.planes.frames[k] + 1
        return reference


def _require_masks(masks: Mapping[str, Bools], grid: Grid) -> None:
    if not masks:
        raise InputError("a structure set without structures", expected="at least one mask", found="none")
    for name, mask in masks.items():
        if not name.strip() or len(name) > MAX_NAME or "\\" in name or not name.isprintable():
            raise InputError(
                "a name that DICOM cannot hold",
                where=name[:MAX_NAME],
                expected=f"1 to {MAX_NAME} characters without a backslash",
                found=f"{len(name)} characters",
            )
        if mask.shape != grid.shape or mask.dtype != np.bool_:
            found = f"{mask.dtype} {mask.shape}"
            raise GeometryError("a mask does not fill its grid", where=name, expected=f"bool {grid.shape}", found=found)


def _object(
    dataset: Dataset, model: Model, about: Sequence[object], moment: datetime, *, series_number: int, description: str
) -> Dataset:
    """The structure set without structures, in the study of `dataset`, which it is made from."""
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(RT_STRUCTURE_SET), derived_uid("rtstruct", *about)
    dataset.SeriesInstanceUID = derived_uid("rtstruct series", *about)
    dataset.Modality, dataset.SeriesDescription = "RTSTRUCT", label_of(description)
    dataset.SeriesNumber, dataset.InstanceNumber = min(max(series_number, 1), MAX_SERIES_NUMBER), 1
    dataset.SeriesDate, dataset.SeriesTime, dataset.OperatorsName = date, time, ""
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.StructureSetDate, dataset.StructureSetTime = date, time
    dataset.StructureSetLabel, dataset.StructureSetDescription = "STRUCTURES", RESEARCH
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, label_of(model.name)
    dataset.SoftwareVersions, dataset.DeviceSerialNumber = label_of(model.version), label_of(model.hash or "none")
    dataset.PositionReferenceIndicator, dataset.ApprovalStatus = "", "UNAPPROVED"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return dataset


def _frame_of_reference(images: _Images) -> Dataset:
    """The frame of reference, and in it the study, series and images that were drawn on."""
    frame, study, series = Dataset(), Dataset(), Dataset()
    source = images.sources[0]
    series.SeriesInstanceUID = text(source, "SeriesInstanceUID")
    series.ContourImageSequence = [_reference(one) for one in images.sources]
    study.ReferencedSOPClassUID = UID(STUDY_CLASS)
    study.ReferencedSOPInstanceUID = text(source, "StudyInstanceUID")
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = images.frame
    frame.RTReferencedStudySequence = [study]
    return frame


def _reference(source: Dataset) -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID = text(source, "SOPClassUID")
    made.ReferencedSOPInstanceUID = text(source, "SOPInstanceUID")
    return made


def _named(number: int, name: str, images: _Images, model: Model) -> Dataset:
    """An item of the structure set: number, name, and the model that made it."""
    made, algorithm, family = Dataset(), Dataset(), Dataset()
    made.ROINumber, made.ROIName = number, name
    made.ReferencedFrameOfReferenceUID = images.frame
    made.ROIGenerationAlgorithm = "AUTOMATIC"
    made.ROIGenerationDescription = label_of(f"{model.name} {model.version}")
    family.CodeValue, family.CodingSchemeDesignator, family.CodeMeaning = "123110", "DCM", "Artificial Intelligence"
    algorithm.AlgorithmFamilyCodeSequence = [family]
    algorithm.AlgorithmName, algorithm.AlgorithmVersion = label_of(model.name), label_of(model.version)
    made.ROIDerivationAlgorithmIdentificationSequence = [algorithm]
    return made


def _observed(number: int, kind: str) -> Dataset:
    """An item of the observations: what kind of region it is, where that was said."""
    if not re.fullmatch(CODE_STRING, kind):
        raise InputError("no RT ROI interpreted type", expected="such as ORGAN, GTV or CTV", found=kind[:MAX_NAME])
    made = Dataset()
    made.ObservationNumber, made.ReferencedROINumber = number, number
    made.RTROIInterpretedType, made.ROIInterpreter = kind, ""
    return made


def _drawn(number: int, mask_IJK: Bools, grid: Grid, images: _Images, colour: Colour) -> Dataset:
    """The contours of a mask, slice by slice."""
    made = Dataset()
    made.ReferencedROINumber = number
    made.ROIDisplayColor = [min(max(int(part), 0), 255) for part in colour]
    mask_KIJ = np.ascontiguousarray(mask_IJK.transpose(2, 0, 1))
    contours = [
        _contour(polygon, k, grid, images)
        for k in np.flatnonzero(mask_KIJ.any(axis=(1, 2))).tolist()
        for polygon in trace_keyholed(mask_KIJ[k])
    ]
    if contours:
        for place, contour in enumerate(contours, start=1):
            contour.ContourNumber = place
        made.ContourSequence = contours
    return made


def _contour(polygon: Floats, k: int, grid: Grid, images: _Images) -> Dataset:
    made = Dataset()
    made.ContourImageSequence = [images.at(k)]
    made.ContourGeometricType = "CLOSED_PLANAR"
    made.NumberOfContourPoints = len(polygon)
    # begun at the second corner, so that first and last point differ along i: plastimatch 1.9.4 takes two that differ
    # along z alone, as in sagittal and coronal images, for the same one and drops it
    around = np.roll(polygon, -1, axis=0)
    points_xyz = grid.points(np.column_stack([around, np.full(len(around), float(k))]))
    decimals = "\\".join(as_decimals(points_xyz * (-1.0, -1.0, 1.0))).encode()
    value = decimals + b" " * (len(decimals) % 2)
    # As bytes that are written as they are: pydicom would make an object of each number, which takes longer than all else.
    made[CONTOUR_DATA] = RawDataElement(BaseTag(CONTOUR_DATA), "DS", len(value), value, 0, True, True)
    made.set_original_encoding(True, True, default_encoding)
    return made


def as_decimals(points: Floats) -> list[str]:
    """Coordinates in mm as decimal strings of at most 16 characters (VR DS), rounded to 1e-6.

    >>> as_decimals(np.array([[-0.0, 12.5, -1234.56789012]]))
    ['0', '12.5', '-1234.56789']
    """
    if not (np.abs(points) < MAX_COORDINATE).all():
        raise GeometryError("a point too far away to be written", expected=f"below {MAX_COORDINATE:g} mm")
    return [f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".") for value in (np.round(points, DECIMALS) + 0.0).ravel()]
