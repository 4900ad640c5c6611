"""A structure's contours as a mask on a grid.

    structures = read_structures(path)
    placed = place_structure(structures, "GTV", grid)       placed.mask_IJK, placed.notes
    mask = structure_mask(structures, "GTV", grid)          the same without the notes

Placed by these rules:

    slice        a contour goes to the slice nearest to its plane. It may be tilted against the slices by no more than a
                 quarter of their distance from end to end. Where contours lie closer than slices do, each slice takes
                 the plane nearest to it
    inside       a voxel whose centre is inside an odd number of the slice's contours: inner contours, keyholes and
                 CLOSEDPLANAR_XOR all give holes. A CLOSED_PLANAR contour that is there twice counts once
    between      nothing is ever filled in between. Some slices without a contour are noted; three contours or more of
                 which no two lie on neighbouring slices are refused, for such a mask is stripes
    outside      what lies beyond the grid is clipped and noted; a structure wholly beyond it is refused
    other kinds  points and open contours enclose nothing: noted, and refused where there is nothing else

Source: DICOM PS3.3 sections C.8.8.6.1 (geometric types) and C.8.8.6.3 (inner and outer contours).
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from scanwright.errors import GeometryError, InputError
from scanwright.geometry.contours import fill
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.rtstruct import Contour, StructureSet
from scanwright.types import Bools, Floats

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
MAX_TILT = 0.25  # of the distance between slices, from one end of a contour to the other
SAME_PLANE = 0.1  # contours closer than this, in slices, were drawn on one plane
BETWEEN = 0.1  # further than this from its slice, a contour is noted to lie between slices
TIE = 1e-3  # contours half-way between two slices all go to the lower, whatever their rounding


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A structure on a grid: booleans (I, J, K), and what a reader of the mask should know."""

    mask_IJK: Bools = field(repr=False)
    notes: tuple[str, ...]


def structure_mask(structures: StructureSet, which: str | int, grid: Grid) -> Bools:
    """The mask of a structure on a grid, booleans (I, J, K): `place_structure` without its notes; errors as there."""
    return place_structure(structures, which, grid).mask_IJK


def place_structure(
    structures: StructureSet,
    which: str | int,
    grid: Grid,
    *,
    frame: str | None = None,
    sparse: Literal["refuse", "keep"] = "refuse",
) -> Placed:
    """Fill the contours of a structure on the slices (k) of a grid in RAS+ mm, by the rules at the head of this module.

    which: ROI number or name. frame: UID of the grid's frame of reference, compared with the structure's if given.
    sparse: "keep" gives the stripes of contours on every second slice or less, with a note. Without any contours the
    mask is empty, with a note.
    Raises InputError (no such structure, nothing closed in it), GeometryError (another frame of reference, a grid in
    pixels, planes that are not the grid's, wholly outside, sparse).
    """
    structure = structures.find(which)
    about = f"{structures.path}, structure {structure.number}"
    _require_same_space(structure.frame or structures.frame, frame, grid, about)
    if not structure.contours:
        return Placed(np.zeros(grid.shape, np.bool_), ("the structure has no contours: its mask is empty",))
    notes: list[str] = []
    located = [_locate(contour, grid, about) for contour in _closed(structure.contours, about, notes)]
    slices = _by_slice(_on_grid(located, grid, about, notes), notes)
    _check_gaps(sorted(slices), sparse, about, notes)
    mask_KIJ = np.zeros((grid.shape[2], *grid.shape[:2]), np.bool_)
    crossing = 0
    for k, polygons in slices.items():
        mask_KIJ[k] = fill(polygons, grid.shape[:2])
        crossing += len(polygons) > 1 and _cross(polygons, mask_KIJ[k])
    _note(notes, crossing, "slices with contours that cross: what lies in two of them is left out")
    if not mask_KIJ.any():
        notes.append("the contours enclose no voxel's centre: the mask is empty")
    return Placed(np.ascontiguousarray(mask_KIJ.transpose(1, 2, 0)), tuple(notes))


@dataclass(frozen=True, slots=True, eq=False)
class _Located:
    """A closed contour in index coordinates: where its plane is along k, and its points (n, 2)."""

    k: float
    polygon_IJ: Floats
    slice: int


def _note(notes: list[str], number: int, what: str) -> None:
    """Add "3 contours …" unless there are none."""
    if number:
        notes.append(f"{number} {what}")


def _require_same_space(drawn_in: str, frame: str | None, grid: Grid, about: str) -> None:
    if grid.unit != "mm":
        raise GeometryError("structures need a grid in millimetres", where=about, found=f"a grid in {grid.unit}")
    require_same_frame(drawn_in, frame, about=about)


def require_same_frame(drawn_in: str, frame: str | None, *, about: str) -> None:
    """Raise GeometryError if something was drawn in another frame of reference than the image's; UIDs, where known."""
    if frame and drawn_in and frame != drawn_in:
        raise GeometryError(
            "drawn in another frame of reference than the image's",
            where=about,
            expected="one FrameOfReferenceUID",
            found="two",
            hint="Use the series that it was drawn on (in a data set, as the first channel), or register the two first.",
        )


def _closed(contours: Sequence[Contour], about: str, notes: list[str]) -> list[Contour]:
    """The contours that enclose something. Raises InputError if there are contours, but none of that kind."""
    other = Counter(contour.kind or "unnamed" for contour in contours if contour.kind not in CLOSED)
    closed = [contour for contour in contours if contour.kind in CLOSED]
    if not closed:
        kinds = ", ".join(f"{count} {kind}" for kind, count in other.items())
        raise InputError("the structure encloses nothing", where=about, expected="closed contours", found=kinds)
    for kind, count in other.items():
        _note(notes, count, f"contours of type {kind}: they enclose nothing and are left out")
    kept = [contour for contour in closed if len(contour.points_xyz) >= 3]
    _note(notes, len(closed) - len(kept), "contours of fewer than three points: left out")
    once = {
        _drawing(contour) if contour.kind == "CLOSED_PLANAR" else place: contour for place, contour in enumerate(kept)
    }
    _note(notes, len(kept) - len(once), "contours that are there twice: counted once")
    return list(once.values())


def _drawing(contour: Contour) -> bytes:
    """The same for two contours through the same points, wherever they begin."""
    points = contour.points_xyz
    return points[np.lexsort(points.T)].tobytes()


def _locate(contour: Contour, grid: Grid, about: str) -> _Located:
    """A contour on its nearest slice. Raises GeometryError if it does not lie along the slices."""
    points_ijk = grid.indices(contour.points_xyz)
    k = float(points_ijk[:, 2].mean())
    if np.ptp(points_ijk[:, 2]) > MAX_TILT:
        raise GeometryError(
            "a contour does not lie along the slices of the image",
            where=about,
            expected=f"at most {MAX_TILT} slices from end to end",
            found=f"{np.ptp(points_ijk[:, 2]):.3g} slices",
            hint="Use the image series that the structures were drawn on.",
        )
    return _Located(k, points_ijk[:, :2], int(np.floor(k + 0.5 - TIE)))


def _on_grid(located: list[_Located], grid: Grid, about: str, notes: list[str]) -> list[_Located]:
    """The contours that reach the grid. Raises GeometryError if none does."""
    far = np.array(grid.shape[:2]) - 0.5
    within = [one for one in located if 0 <= one.slice < grid.shape[2]]
    reaching = [
        one for one in within if (one.polygon_IJ.max(axis=0) > -0.5).all() and (one.polygon_IJ.min(axis=0) < far).all()
    ]
    if located and not reaching:
        low, high = (round(edge([one.k for one in located]), 1) for edge in (min, max))
        raise GeometryError(
            "the structure lies outside the image",
            where=about,
            expected=f"contours on slices 0 to {grid.shape[2] - 1}",
            found=f"contours at {low} to {high}" if not within else "contours beside the slices",
            hint="Use the image series that the structures were drawn on.",
        )
    _note(notes, len(located) - len(within), "contours beyond the first or last slice: left out")
    _note(notes, len(within) - len(reaching), "contours beside their slice: left out")
    cut = [(one.polygon_IJ < -0.5 - TIE).any() or (one.polygon_IJ > far + TIE).any() for one in reaching]
    _note(notes, sum(map(bool, cut)), "contours reach beyond their slice: clipped")
    return reaching


def _by_slice(located: list[_Located], notes: list[str]) -> dict[int, list[Floats]]:
    """The polygons of each slice: those on the plane nearest to it."""
    planes: dict[int, float] = {}
    for one in located:
        nearest = planes.setdefault(one.slice, one.k)
        if abs(one.k - one.slice) < abs(nearest - one.slice):
            planes[one.slice] = one.k
    kept = [one for one in located if abs(one.k - planes[one.slice]) <= SAME_PLANE]
    slices: dict[int, list[Floats]] = {}
    for one in kept:
        slices.setdefault(one.slice, []).append(one.polygon_IJ)
    _note(notes, len(located) - len(kept), "contours between slices that have one nearer: left out")
    _note(notes, sum(abs(one.k - one.slice) > BETWEEN for one in kept), "contours between slices: put on the nearest")
    return slices


def _check_gaps(occupied: list[int], sparse: str, about: str, notes: list[str]) -> None:
    """Note slices without contours between others. Raises GeometryError where no two neighbours have some."""
    gaps = [high - low - 1 for low, high in itertools.pairwise(occupied)]
    if len(gaps) > 1 and min(gaps) > 0 and sparse == "refuse":
        raise GeometryError(
            "the contours lie further apart than the slices: filled, they would be stripes",
            where=about,
            expected="contours on neighbouring slices",
            found=f"{len(occupied)} slices with contours between slice {occupied[0]} and {occupied[-1]}",
            hint="Use the series that the structures were drawn on, or have the contours interpolated first.",
        )
    _note(notes, sum(gaps), "slices without contours between others: left empty")


def _cross(polygons: list[Floats], combined: Bools) -> bool:
    """Whether two polygons of a slice overlap without one holding the other."""
    masks = np.array([fill([polygon], combined.shape).ravel() for polygon in polygons])
    if masks.any(axis=0).sum() == combined.sum():
        return False
    sizes = masks.sum(axis=1)
    both = masks[:, masks.sum(axis=0) > 1].astype(np.float32)
    shared = both @ both.T
    np.fill_diagonal(shared, 0)
    return bool(((shared > 0) & (shared < np.minimum.outer(sizes, sizes))).any())
