"""Slices to a grid: sorted by position, and refused unless they lie evenly.

Number and name of a file say nothing about its place. The grid's axes are i along rows, j along columns, k from slice to
slice; k follows the planes' right-handed normal. Slices that are shifted sideways from one to the next (a tilted gantry)
give a grid whose axes are not at right angles: true to the place of every voxel, and noted.
Source: DICOM PS3.3 C.7.6.2.1.1 (the plane's equation).
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scanwright.doubt import Doubt
from scanwright.errors import GeometryError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.place import Place
from scanwright.io.dicom.slices import Slice
from scanwright.types import Floats

SAME_PLACE_MM = 0.01  # closer than this along the normal, two slices lie in one place
EVEN_SHARE, EVEN_MM = 0.01, 0.02  # how far a slice may lie from its place on the grid: of the step, or in mm
WHOLE = 0.05  # a gap this close to a multiple of the smallest one is a missing slice
SAME_STEP = 0.02  # how far a header's spacing between slices may be from theirs, of it
TILT_DEGREES = 0.1
NO_THICKNESS = Doubt("no-thickness", "one slice without a thickness: taken as 1 mm")

Placed = tuple[Slice, Place]


def stack(slices: Sequence[Slice]) -> tuple[list[Slice], Grid, tuple[str, ...]]:
    """Slices of one volume in the order of k, their grid, and notes on it.

    All must have a place, and the same size, directions and spacing. One slice gets its thickness as third spacing.
    Raises GeometryError, saying which gaps, if slices are missing or lie unevenly.
    """
    placed = sorted(_placed(slices), key=lambda one: float(one[1].origin @ placed_normal(slices)))
    ordered = [one for one, _ in placed]
    first = placed[0][1]
    origins = np.array([place.origin for _, place in placed])
    if len(placed) == 1:
        thick = ordered[0].spacing or ordered[0].thickness
        step = first.normal * (thick or 1.0)
        notes: tuple[str, ...] = () if thick else (NO_THICKNESS,)
    else:
        step, notes = _even_step(origins, first, where=ordered[0].path)
        notes += _contradiction(ordered[0].spacing, float(step @ first.normal))
    affine = np.eye(4)
    affine[:3, 0] = first.right * first.spacing[0]
    affine[:3, 1] = first.down * first.spacing[1]
    affine[:3, 2] = step
    affine[:3, 3] = first.origin
    window = ordered[0].window
    return ordered, Grid((window.columns, window.rows, len(ordered)), affine), notes


def placed_normal(slices: Sequence[Slice]) -> Floats:
    """The right-handed normal of the first slice that has a place."""
    return next(one.place.normal for one in slices if one.place is not None)


def heights(slices: Sequence[Slice]) -> Floats:
    """How far along the common normal each slice lies, mm. All must have a place."""
    normal = placed_normal(slices)
    return np.array([float(place.origin @ normal) for _, place in _placed(slices)])


def levels(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Slices by place along the normal, the lowest first; those in one place (0.01 mm) together."""
    result: list[list[Slice]] = []
    last = -np.inf
    for height, one in sorted(zip(heights(slices), slices, strict=True), key=lambda pair: pair[0]):
        if height - last > SAME_PLACE_MM:
            result.append([])
            last = height
        result[-1].append(one)
    return result


def _placed(slices: Sequence[Slice]) -> list[Placed]:
    return [(one, one.place) for one in slices if one.place is not None]


def _even_step(origins: Floats, plane: Place, *, where: Path) -> tuple[Floats, tuple[str, ...]]:
    """The vector from slice to slice, by least squares, and a note if it is not at right angles to the planes."""
    gaps = np.diff(origins @ plane.normal)
    _require_complete(gaps, where=where)
    number = np.arange(len(origins)) - (len(origins) - 1) / 2
    step = number @ (origins - origins.mean(axis=0)) / (number @ number)
    away = np.linalg.norm(origins - origins.mean(axis=0) - number[:, None] * step, axis=1)
    if away.max() > max(EVEN_MM, EVEN_SHARE * float(np.linalg.norm(step))):
        raise GeometryError(
            "slices that do not lie evenly",
            where=where.parent,
            expected=f"a slice every {np.median(gaps):.4g} mm",
            found=f"gaps of {gaps.min():.4g} to {gaps.max():.4g} mm, slices up to {away.max():.2g} mm off their place",
            hint="Resample the series with software of the scanner's maker, or leave it out.",
        )
    tilt = float(np.degrees(np.arccos(np.clip(step @ plane.normal / np.linalg.norm(step), -1, 1))))
    if tilt > TILT_DEGREES:
        said = "tilted: slices are shifted sideways, {degrees:.1f} degrees from a right angle to their planes"
        return step, (Doubt("tilted", said, degrees=tilt),)
    return step, ()


def _contradiction(said: float | None, step: float) -> tuple[str, ...]:
    """A note if a header's spacing between slices is not the distance of their places: slices may have been left out."""
    if said is None or abs(said - step) <= SAME_STEP * step:
        return ()
    differs = "slices lie {step:.4g} mm apart, the header says {stated:.4g} mm: their places are taken"
    return (Doubt("other-spacing", differs, step=step, stated=said),)


def _require_complete(gaps: Floats, *, where: Path) -> None:
    """Raise GeometryError if some gaps are whole multiples of the smallest: slices are missing there."""
    least = float(gaps.min())
    if least < SAME_PLACE_MM:
        again = int((gaps < SAME_PLACE_MM).sum())
        raise GeometryError(
            "several slices in one place, and nothing in their headers tells them apart",
            where=where.parent,
            expected="one slice for each place",
            found=f"{len(gaps) + 1} slices in {len(gaps) + 1 - again} places",
            hint="Keep the files of each scan in a folder of their own, or remove copies.",
        )
    shares = gaps / least
    if np.abs(shares - np.round(shares)).max() <= WHOLE and shares.max() > 1.5:
        after = list(itertools.islice((index + 1 for index, share in enumerate(shares) if share > 1.5), 5))
        missing = int((np.round(shares) - 1).sum())
        raise GeometryError(
            f"{missing} slice{'s are' if missing > 1 else ' is'} missing",
            where=where.parent,
            expected=f"a slice every {least:.4g} mm",
            found=f"{len(gaps) + 1} slices, gaps up to {gaps.max():.4g} mm, after slice {', '.join(map(str, after))}",
            hint="Copy the series again from its source.",
        )
