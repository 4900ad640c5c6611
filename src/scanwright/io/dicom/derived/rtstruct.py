"""DICOM RT structure sets, read as they stand: regions of interest as contours in RAS+ millimetres (DICOM's LPS+ turned).

    structures = read_structures(path)
    structures.find("GTV").contours[0].points_xyz

`rtstruct_masks` places them on a grid, `rtstruct_writing` makes such files from masks. Source: DICOM PS3.3 sections A.19
(RT Structure Set IOD), C.8.8.5 (structure set), C.8.8.6 (ROI contour) and C.8.8.8 (RT ROI observations).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from scanwright.errors import InputError
from scanwright.io.dicom.elements import item, items, numbers, text, whole
from scanwright.io.dicom.intake import kind_of, open_instance
from scanwright.io.guard import as_unreadable
from scanwright.types import Floats

EXPECTED = "an RT structure set"
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
CONTOUR_DATA = 0x30060050
MAX_COORDINATE = 1e8  # mm
MAX_NAMES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One contour: its geometric type ("CLOSED_PLANAR", "POINT", …) and its points (n, 3) in RAS+ mm, in drawing order.

    instance: UID of the image that it was drawn on, "" where the file names none.
    """

    kind: str
    points_xyz: Floats = field(repr=False)
    instance: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """A region of interest. interpreted: "GTV", "ORGAN", … or "". colour: red, green, blue from 0 to 255.

    origin: how it was made ("MANUAL", "AUTOMATIC", "SEMIAUTOMATIC" or ""). frame: UID of its frame of reference.
    """

    number: int
    name: str
    interpreted: str
    colour: tuple[int, int, int] | None
    origin: str
    frame: str
    contours: tuple[Contour, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class StructureSet:
    """All structures of a file, in its order. series: UID of each image series referred to, and of its instances."""

    path: Path
    label: str
    study: str
    frame: str
    series: dict[str, tuple[str, ...]] = field(repr=False)
    structures: tuple[Structure, ...]
    notes: tuple[str, ...] = ()

    def find(self, which: str | int) -> Structure:
        """The structure of this ROI number, or of this name. Raises InputError if there is none, or several of the name."""
        matches = [one for one in self.structures if which == (one.number if isinstance(which, int) else one.name)]
        if len(matches) == 1:
            return matches[0]
        names = [f"{one.number} {one.name}" for one in self.structures]
        raise InputError(
            "several structures of this name" if matches else "no such structure",
            where=self.path,
            expected="one of the structures in the file",
            found=which,
            details=[*names[:MAX_NAMES], *(["…"] if len(names) > MAX_NAMES else [])],
            hint="Name it by its number." if matches else "Choose one of these names or numbers.",
        )


def read_structures(path: Path) -> StructureSet:
    """An RT structure set with all its contours; each structure may have none.

    Raises UnreadableFile (not DICOM, cut, malformed), InputError (another kind of object, a number used twice, contour
    data that are not triplets of finite numbers below 1e8).
    """
    header = open_instance(path).dataset
    if text(header, "SOPClassUID") != RT_STRUCTURE_SET:
        raise InputError("not a structure set", where=path, expected=EXPECTED, found=kind_of(header))
    with as_unreadable(path, expected=EXPECTED):
        drawn, observed = _by_number(header, "ROIContourSequence"), _by_number(header, "RTROIObservationsSequence")
        structures = [_structure(one, drawn, observed, path) for one in items(header, "StructureSetROISequence")]
        counts = Counter(one.number for one in structures)
        repeated = [number for number, count in counts.items() if count > 1]
        if repeated:
            raise InputError("an ROI number is used twice", where=path, expected="a number each", found=repeated[0])
        lost = len(drawn.keys() - counts.keys())
        return StructureSet(
            path,
            text(header, "StructureSetLabel"),
            text(header, "StudyInstanceUID"),
            text(header, "FrameOfReferenceUID")
            or text(item(header, "ReferencedFrameOfReferenceSequence"), "FrameOfReferenceUID"),
            dict(_referenced_series(header)),
            tuple(structures),
            (f"{lost} sets of contours belong to no structure: left out",) if lost else (),
        )


def _by_number(header: Dataset, sequence: str) -> dict[int, Dataset]:
    """The items of a sequence by the ROI that they belong to; of two for one ROI, the first."""
    found: dict[int, Dataset] = {}
    for one in items(header, sequence):
        number = whole(one, "ReferencedROINumber")
        if number is not None:
            found.setdefault(number, one)
    return found


def _structure(one: Dataset, drawn: dict[int, Dataset], observed: dict[int, Dataset], path: Path) -> Structure:
    number = whole(one, "ROINumber")
    if number is None:
        raise InputError("a structure without a number", where=path, expected="ROI Number (3006,0022)")
    shape, observation = drawn.get(number, Dataset()), observed.get(number, Dataset())
    colour = numbers(shape, "ROIDisplayColor")
    known = len(colour) == 3 and all(0 <= part <= 255 for part in colour)
    return Structure(
        number,
        text(one, "ROIName"),
        text(observation, "RTROIInterpretedType"),
        (int(colour[0]), int(colour[1]), int(colour[2])) if known else None,
        text(one, "ROIGenerationAlgorithm"),
        text(one, "ReferencedFrameOfReferenceUID"),
        tuple(_contour(part, f"{path}, structure {number}") for part in items(shape, "ContourSequence")),
    )


def _contour(one: Dataset, about: str) -> Contour:
    points_xyz = _points(one, about)
    promised = whole(one, "NumberOfContourPoints")
    if promised is not None and len(points_xyz) < promised:
        raise InputError("a contour has lost points", where=about, expected=promised, found=len(points_xyz))
    instance = text(item(one, "ContourImageSequence"), "ReferencedSOPInstanceUID")
    return Contour(text(one, "ContourGeometricType"), points_xyz, instance)


def _points(one: Dataset, about: str) -> Floats:
    """Contour data as points in RAS+ mm, (n, 3). Read from the bytes: pydicom makes an object of each number."""
    element = one.get_item(CONTOUR_DATA)
    stored: Any = element.value if element is not None else None
    parts = stored.strip(b"\0 ").split(b"\\") if isinstance(stored, bytes) else list(stored or ())
    try:
        values = np.array([] if parts == [b""] else parts).astype(np.float64)
    except ValueError as error:
        raise InputError("contour data are not numbers", where=about, expected="decimal numbers") from error
    if len(values) % 3 or not (np.abs(values) < MAX_COORDINATE).all():
        found = f"{len(values)} values" if len(values) % 3 else "values that are not finite or too far away"
        raise InputError("contour data are no points", where=about, expected="triplets of numbers", found=found)
    return np.asarray(values.reshape(-1, 3) * (-1.0, -1.0, 1.0))


def _referenced_series(header: Dataset) -> Iterator[tuple[str, tuple[str, ...]]]:
    """UID of each series that the structures were drawn on, and of its instances."""
    for frame in items(header, "ReferencedFrameOfReferenceSequence"):
        for study in items(frame, "RTReferencedStudySequence"):
            for series in items(study, "RTReferencedSeriesSequence"):
                images = items(series, "ContourImageSequence")
                yield text(series, "SeriesInstanceUID"), tuple(text(one, "ReferencedSOPInstanceUID") for one in images)
