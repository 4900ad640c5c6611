"""Volumes for a model that has learned from single slices: each slice is answered as if it were a scan of its own.

Its grey values, its border of zeros and its size are brought to the network's by that slice alone, as in training, and no
slice is mixed with its neighbours.
"""

from collections.abc import Iterator
from pathlib import Path

from scanwright.doubt import Doubt
from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.plan.plan import PreprocessPlan
from scanwright.types import three

DIRECTIONS = "left to right", "back to front", "feet to head"
SQUARE = 0.01
"""Share by which the sides of a pixel may differ and still count as equal."""


def axis_across(grid: Grid, plan: PreprocessPlan) -> int:
    """The axis of a file across its slices: the one that the network has as its first."""
    return canonical(grid.affine).permuted(plan.axes).order[0]


def slice_grid(grid: Grid, index: int, *, axis: int) -> Grid:
    """The grid of one slice."""
    start, stop = [0, 0, 0], list(grid.shape)
    start[axis], stop[axis] = index, index + 1
    return grid.crop(three(start), three(stop))


def slices_of(volume: Volume, *, axis: int) -> Iterator[Volume]:
    """Every slice as a volume of its own, in order; voxels are views."""
    for index in range(volume.shape[axis]):
        cut = [slice(None)] * 4
        cut[axis + 1] = slice(index, index + 1)
        yield Volume(volume.voxels[tuple(cut)], slice_grid(volume.grid, index, axis=axis))


def require_slices(grid: Grid, plan: PreprocessPlan, *, where: Path) -> None:
    """Raise InputError for several slices that are lines: those of an image whose own slices lie another way."""
    across, *along = canonical(grid.affine).permuted(plan.axes).shape(grid.shape)
    if across > 1 and min(along) == 1:
        raise InputError(
            "the slice lies another way than those that the model has learned from",
            where=where,
            expected=f"slices that follow each other from {DIRECTIONS[plan.axes[0]]}",
            found=f"{across} of {along[0]} x {along[1]} voxels",
            hint="Give slices of that direction.",
        )


def require_volume(grid: Grid, *, where: Path) -> None:
    """Raise InputError for a single slice, given to a model that has learned from volumes alone."""
    if 1 in grid.shape:
        raise InputError(
            "a single slice, and the model has learned from volumes",
            where=where,
            expected="several slices",
            found=f"{' x '.join(map(str, grid.shape))} voxels",
            hint="Give the whole volume, or use a model that has learned from single slices.",
        )


def notes_of(grid: Grid, plan: PreprocessPlan) -> list[Doubt]:
    """What is done with an image because the model has learned from single slices; nothing for one of its own kind."""
    turn = canonical(grid.affine).permuted(plan.axes)
    (num_slices, *_), turned = turn.shape(grid.shape), turn.grid(grid)
    notes: list[Doubt] = []
    if num_slices > 1:
        notes.append(
            Doubt(
                "single-slices",
                "the model has learned from single slices: each of the {number} is answered by itself",
                number=num_slices,
            )
        )
    if grid.unit == "mm" and plan.spacing is None:
        notes.append(_without_scale(plan.long_side))
        _, height, width = turned.spacing
        if abs(height - width) > SQUARE * max(height, width):
            said = "voxels of {height:.3g} x {width:.3g} mm are taken as square"
            notes.append(Doubt("square-voxels", said, height=height, width=width))
    return notes


def _without_scale(long_side: int | None) -> Doubt:
    if not long_side:
        return Doubt(
            "no-scale",
            "the model has learned from pictures without a scale: voxel sizes are not used, each slice is taken as it is",
        )
    return Doubt(
        "no-scale-resized",
        "the model has learned from pictures without a scale: voxel sizes are not used, each slice is brought to {pixels} "
        "pixels along its longer side",
        pixels=long_side,
    )
