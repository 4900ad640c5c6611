"""Boxes in a measurement report: a group each, with its place in the image.

    one slice     TID 1410: an image region, the closed rectangle on that instance, column and row
    a volume      TID 1411: a volume surface, the six faces of the box as polygons in the patient's space

Corners are counted in voxels from the first voxel's outer corner. So are columns and rows of an image region (PS3.3 C.18.6:
0\\0 is the outer corner of the first pixel), which are therefore the same numbers. In a volume an index is a voxel's centre:
half a voxel is taken off, and RAS turned to DICOM's LPS. Six faces, because a box need not end at a slice: a rectangle on each
slice would lose how far it reaches between them, and an ellipsoid would be another shape. They need a report of the kind
Comprehensive 3D. Numbers of a place are stored in single precision.
Source: DICOM PS3.16 TID 1410 and 1411, CID 219; PS3.3 C.18.6 and C.18.9.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from scanwright.errors import InputError
from scanwright.geometry.diameters import axis_of_slices
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.codes import codes_of, finding_codes
from scanwright.io.dicom.derived.provenance import Model, derived_uid
from scanwright.io.dicom.derived.sr_concepts import BOUNDED_BY, CONFIDENCE, DEPTH, HEIGHT, WIDTH
from scanwright.io.dicom.derived.sr_content import algorithm, concept, measurement, sites_of, tracking
from scanwright.io.dicom.derived.sr_findings import placed
from scanwright.io.dicom.elements import text, whole
from scanwright.io.dicom.volumes import Stack
from scanwright.types import Floats, Triple

LPS = (-1.0, -1.0, 1.0)
FACES = (
    ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)),
    ((0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)),
    ((0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)),
    ((0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1)),
    ((0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1)),
    ((1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)),
)
"""Corners of each face: 0 for the box's start along an axis, 1 for its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxMeasures:
    """One box. name: its class. score: the model's, in [0, 1]. start, end: corners in voxels of the stack's grid; 0 is the
    first voxel's outer corner. region: that it lies in, "" outside all; None where none are known. crosses: names of further
    regions that it reaches into.
    """

    name: str
    score: float
    start: Triple
    end: Triple
    region: str | None = None
    crosses: tuple[str, ...] = ()


def is_flat(stack: Stack) -> bool:
    """Whether boxes lie on one image, and not in space."""
    return len(stack.slices) == 1


def box_groups(
    boxes: Sequence[BoxMeasures],
    stack: Stack | None,
    model: Model,
    source: Dataset,
    about: Sequence[Any],
    *,
    within: str = "",
) -> Iterator[Any]:
    """The groups, in the order of the boxes, which are numbered in it. stack: the image that they lie in. source: its first
    header. within: as for `codes.codes_of`. Raises InputError for a volume without a frame of reference.
    """
    from highdicom import sr

    for number, box in enumerate(boxes, start=1):
        assert stack is not None
        coded = (
            codes_of(box.name, within=within)
            if box.region is None
            else finding_codes(box.name, box.region, within=within)
        )
        said: dict[str, Any] = {
            "tracking_identifier": tracking(f"{box.name} {number}", derived_uid("box", number, *about)),
            "finding_type": concept(coded.type),
            "finding_category": concept(coded.category),
            "finding_sites": sites_of(coded),
            "algorithm_id": algorithm(model),
            "measurements": [*_measurements(box, stack.grid)],
            "qualitative_evaluations": [*placed(box.crosses, outside=box.region == "")] or None,
            "geometric_purpose": concept(BOUNDED_BY),
        }
        if is_flat(stack):
            yield sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                referenced_region=_on_image(box, stack, source), **said
            )
        else:
            yield sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                referenced_volume_surface=_in_space(box, stack.grid, source), **said
            )


def _measurements(box: BoxMeasures, grid: Grid) -> Iterator[Any]:
    """Score and edges: width and height within a slice, along a row of the image and along a column where these are the series'
    own images, and depth across the slices of a volume (`axis_of_slices`).
    """
    yield measurement(CONFIDENCE, box.score, "1")
    edges, across = (np.array(box.end) - np.array(box.start)) * grid.spacing, axis_of_slices(grid)
    width, height = np.delete(edges, across)
    yield measurement(WIDTH, width, grid.unit)
    yield measurement(HEIGHT, height, grid.unit)
    if 1 not in grid.shape:
        yield measurement(DEPTH, edges[across], grid.unit)


def _on_image(box: BoxMeasures, stack: Stack, source: Dataset) -> Any:
    from highdicom import sr

    one = stack.slices[0]
    several = (whole(source, "NumberOfFrames") or 1) > 1
    image = sr.SourceImageForRegion(
        referenced_sop_class_uid=text(source, "SOPClassUID"),
        referenced_sop_instance_uid=text(source, "SOPInstanceUID"),
        referenced_frame_numbers=[one.frame + 1] if several else None,
    )
    place = rectangle(box) + np.array([one.window.column, one.window.row])
    return sr.ImageRegion(graphic_type="POLYLINE", graphic_data=place, source_image=image)


def _in_space(box: BoxMeasures, grid: Grid, source: Dataset) -> Any:
    from highdicom import sr

    frame = text(source, "FrameOfReferenceUID")
    if not frame:
        raise InputError(
            "a scan to which no DICOM box can refer", expected="a frame of reference", found="a volume without one"
        )
    return sr.VolumeSurface(
        graphic_type="POLYGON",
        graphic_data=list(faces(box, grid)),
        frame_of_reference_uid=frame,
        source_series=sr.SourceSeriesForSegmentation(text(source, "SeriesInstanceUID")),
    )


def rectangle(box: BoxMeasures) -> Floats:
    """(5, 2): the corners on the image as column and row, the first one again at the end."""
    (left, top, _), (right, bottom, _) = box.start, box.end
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], dtype=np.float64)


def faces(box: BoxMeasures, grid: Grid) -> Floats:
    """(6, 5, 3): the faces as closed polygons, in mm of the patient's space (LPS)."""
    ends = np.array([box.start, box.end])
    corners = np.array([[[ends[which, axis] for axis, which in enumerate(one)] for one in face] for face in FACES])
    closed = np.concatenate([corners, corners[:, :1]], axis=1)
    places: Floats = grid.points(closed.reshape(-1, 3) - 0.5) * LPS
    return places.reshape(6, 5, 3)
