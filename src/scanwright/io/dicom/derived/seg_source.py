"""The images that a segmentation is made from: which of their planes is which slice, and what highdicom reads of them.

A plane is known by where it lies, never by its number or name. Source: DICOM PS3.3 C.7.6.2 and C.7.6.16.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from scanwright.errors import GeometryError, InputError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.provenance import study_of
from scanwright.io.dicom.elements import numbers, whole
from scanwright.io.dicom.frame import frame_headers
from scanwright.io.dicom.place import Place, read_place

SAME_MM, SAME_SHARE = (
    0.03,
    0.015,
)  # a plane may lie this far from its slice: series as even as `stack` accepts them pass
PLANE_GROUPS = ("PlaneOrientationSequence", "PixelMeasuresSequence")


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """The planes of a source in the order of k. frames: of a multi-frame source, which frame each is; else None.

    placed: whether the source has places at all (projections and captures have none).
    """

    count: int
    frames: tuple[int, ...] | None
    placed: bool


def match_planes(sources: Sequence[Dataset], grid: Grid) -> Planes:
    """Which plane of the source is the k-th slice of the grid.

    Raises GeometryError, naming both, if the source has other planes than the grid has slices.
    """
    count = whole(sources[0], "NumberOfFrames") or 1
    if count > 1 and len(sources) > 1:
        raise InputError("several multi-frame images as one source", expected="one", found=len(sources))
    where = Path("the source images")
    headers = frame_headers(sources[0], count) if count > 1 else [frame_headers(one, 1)[0] for one in sources]
    places = [read_place(header, where=where) for header in headers]
    size = (whole(sources[0], "Columns") or 0, whole(sources[0], "Rows") or 0)
    if any(place is None for place in places):
        if len(places) > 1 or grid.shape != (*size, 1):
            raise _other_grid(grid, f"{len(places)} images of {size[0]} x {size[1]} without a position")
        return Planes(1, (0,) if count > 1 else None, placed=False)
    found = [place for place in places if place is not None]
    order = _in_order_of_k(found, grid) if count > 1 else list(range(len(found)))
    if len(order) != grid.shape[2] or size != grid.shape[:2]:
        raise _other_grid(grid, f"{len(order)} planes of {size[0]} x {size[1]}")
    for k, index in enumerate(order):
        apart = _distance(found[index], grid, k, size)
        if apart > max(SAME_MM, SAME_SHARE * grid.spacing[2]):
            raise _other_grid(grid, f"a plane {apart:.3g} mm from slice {k}")
    return Planes(len(order), tuple(order) if count > 1 else None, placed=True)


def _other_grid(grid: Grid, found: str) -> GeometryError:
    return GeometryError(
        "the masks are not on the grid of the source images",
        expected=str(grid),
        found=found,
        hint="Resample them to the source, and give its headers in the order of the slices.",
    )


def _in_order_of_k(places: Sequence[Place], grid: Grid) -> list[int]:
    """The frame that lies at each slice of the grid; the nearest, to be checked."""
    heights = grid.indices(np.array([place.origin for place in places]))[:, 2]
    return [int(np.abs(heights - k).argmin()) for k in range(grid.shape[2])]


def _distance(place: Place, grid: Grid, k: int, size: tuple[int, int]) -> float:
    """How far a plane's corners lie from those of slice k, in mm."""
    columns, rows = size
    ends = (place, place.moved(columns=columns), place.moved(rows=rows))
    expected = grid.points(np.array([(0, 0, k), (columns, 0, k), (0, rows, k)]))
    gaps = np.linalg.norm(np.array([end.origin for end in ends]) - expected, axis=1)
    return float(gaps.max())


def header_for(source: Dataset) -> Dataset:
    """What highdicom reads of a source: study and identifiers, made valid, and the plane groups as they are.

    Orientation and pixel measures that each frame states for itself are given as shared ones: `match_planes` has seen
    that they are the same.
    """
    header = study_of(source)
    for name in ("Modality", "Rows", "Columns", "NumberOfFrames", "ImageOrientationPatient", "ImagePositionPatient"):
        _copy(source, header, name)
    for name in ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "PositionReferenceIndicator", "ImageType"):
        _copy(source, header, name)
    _copy(source, header, "PerFrameFunctionalGroupsSequence")
    if "SharedFunctionalGroupsSequence" in source or "PerFrameFunctionalGroupsSequence" in source:
        shared, frame = Dataset(), frame_headers(source, 1)[0]
        for name in PLANE_GROUPS:
            _copy(frame.own if name in frame.own else frame.shared, shared, name)
        header.SharedFunctionalGroupsSequence = Items([shared])
    return header


def _copy(source: Dataset, header: Dataset, name: str) -> None:
    if name in source:
        header[name] = source[name]


def positions(source: Dataset, frames: Sequence[int]) -> list[Any]:
    """The planes of these frames of a multi-frame source, with its own numbers."""
    import highdicom

    headers = frame_headers(source, whole(source, "NumberOfFrames") or 1)
    return [
        highdicom.PlanePositionSequence(
            coordinate_system=highdicom.CoordinateSystemNames.PATIENT,
            image_position=numbers(headers[frame].group("PlanePositionSequence"), "ImagePositionPatient"),
        )
        for frame in frames
    ]
