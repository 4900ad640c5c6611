"""Where a DICOM segmentation lies: its segments on a given grid, and the grid that its frames span.

    segment_mask(segmentation, 1, grid)                  (I, J, K) bool, or float32 where the segmentation is fractional
    own_grid(segmentation)                               the grid that the frames themselves span

Nothing is resampled: a segment is placed on a grid only where its pixels are voxels of that grid, whatever the order and
direction of the grid's axes. Frames that are not there are empty slices; segments may overlap, each is a mask of its own.
Source: DICOM PS3.3 C.7.6.2 (image plane) and C.7.6.16 (functional groups).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.errors import GeometryError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.seg import Segmentation
from scanwright.io.dicom.place import Place
from scanwright.types import Array, Bools, Floats, Ints

TOLERANCE = 0.1  # of a voxel: how far a corner of a frame may lie from a corner of the grid's voxels
SAME_MM = 1e-3  # heights closer than this are one slice
RAS_PIXELS = np.diag((-1.0, -1.0, 1.0, 1.0))  # the affine of a picture without a place


def segment_mask(
    segmentation: Segmentation, number: int, grid: Grid, *, tolerance: float = TOLERANCE
) -> Bools | Floats:
    """One segment on a grid, (I, J, K): bool, or float32 from 0 to 1 for a fractional segmentation.

    tolerance: in voxels of the grid. A frame may be smaller than the grid's slices, but its pixels must be voxels of it.
    Without a place (projections, captures) the frame must have the grid's size, pixel for pixel.
    Raises GeometryError if the segmentation lies on another grid, or two frames of the segment at one place; InputError if
    there is no such segment; UnreadableFile for damaged pixels.
    """
    segmentation.segment(number)
    wanted = [index for index, frame in enumerate(segmentation.frames) if frame.segment in (0, number)]
    mask: Array = np.zeros(grid.shape, np.float32 if segmentation.kind == "fractional" else np.bool_)
    _require_slices(segmentation)
    if any(frame.place is None for frame in segmentation.frames):
        return _place_picture(segmentation, number, wanted, mask)
    taken: set[tuple[int, int]] = set()
    for index in wanted:
        slot = _slot(segmentation, index, grid, tolerance)
        if slot.key in taken:
            raise GeometryError(
                "two frames of one segment at the same place", where=segmentation.path, found=f"frame {index + 1}"
            )
        taken.add(slot.key)
        slot.write(mask, segmentation.pixels(index, number))
    return mask


def own_grid(segmentation: Segmentation) -> Grid:
    """The grid that the frames span, from the first slice with a frame to the last: i column, j row, k along the normal.

    The slice distance is the stated one if every position fits it, else the smallest that is found, if all others are
    multiples of it. Without a place: unit "px".
    Raises GeometryError if the frames are not parallel, do not lie on one line at whole steps, or if there is one slice and
    nothing says how thick it is; and for tiles of a slide.
    """
    _require_slices(segmentation)
    columns, rows = segmentation.columns, segmentation.rows
    places = [frame.place for frame in segmentation.frames if frame.place is not None]
    if len(places) < len(segmentation.frames):
        return Grid((columns, rows, 1), RAS_PIXELS, "px")
    first = places[0]
    if any(_apart(first, place, segmentation) > TOLERANCE for place in places):
        raise GeometryError("the frames of a segmentation are not parallel", where=segmentation.path)
    origins = np.array([place.origin for place in places])
    heights = (origins - first.origin) @ first.normal
    lowest, highest = origins[heights.argmin()], origins[heights.argmax()]
    step = _slice_step(heights - heights.min(), segmentation)
    count = round(float(np.ptp(heights)) / step)
    towards = (highest - lowest) / count if count else first.normal * step
    places_k = (heights - heights.min()) / step
    off = np.linalg.norm(origins - lowest - np.round(places_k)[:, None] * towards, axis=1)
    if off.max() > TOLERANCE * min(*first.spacing, step):
        raise GeometryError(
            "the frames of a segmentation do not lie on one line",
            where=segmentation.path,
            expected=f"at most {TOLERANCE:g} of a voxel beside it",
            found=f"{off.max():.3g} mm",
        )
    affine = np.eye(4)
    affine[:3, :] = np.stack((first.right * first.spacing[0], first.down * first.spacing[1], towards, lowest), axis=1)
    return Grid((columns, rows, count + 1), affine)


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a frame goes in a mask: axes of its columns and rows, the third axis and its index, first index and sign."""

    axes: tuple[int, int, int]
    first: tuple[int, int, int]
    signs: tuple[int, int]

    @property
    def key(self) -> tuple[int, int]:
        """The slice, whatever part of it."""
        return self.axes[2], self.first[self.axes[2]]

    def write(self, mask: Array, pixels: Array) -> None:
        """Put (rows, columns) into the mask (I, J, K)."""
        across, along, through = self.axes
        plane = mask.transpose(across, along, through)[:, :, self.first[through]]
        lines = [
            slice(self.first[axis], self.first[axis] + sign * size, sign)
            if self.first[axis] + sign * size >= 0
            else slice(self.first[axis], None, sign)
            for axis, sign, size in zip((across, along), self.signs, pixels.T.shape, strict=True)
        ]
        plane[lines[0], lines[1]] = pixels.T


def _slot(segmentation: Segmentation, index: int, grid: Grid, tolerance: float) -> _Slot:
    """Where frame `index` lies on the grid. Raises GeometryError if its pixels are not voxels of the grid."""
    place = segmentation.frames[index].place
    assert place is not None
    columns, rows = segmentation.columns, segmentation.rows
    ends = (place, place.moved(columns=columns), place.moved(rows=rows))
    found = grid.indices(
        np.array([end.origin for end in ends])
    )  # one pixel beyond the last: a single one has a direction
    whole: Ints = np.round(found).astype(np.int64)
    steps = whole[1:] - whole[0]
    drift = float(np.abs(found - whole).max())
    across, along = (int(np.abs(step).argmax()) for step in steps)
    exact = np.zeros((2, 3), np.int64)
    exact[0, across], exact[1, along] = columns * np.sign(steps[0, across]), rows * np.sign(steps[1, along])
    last = whole[0] + steps.sum(axis=0) - np.sign(steps.sum(axis=0))
    shape = np.array(grid.shape)
    fits = across != along and drift <= tolerance and np.array_equal(steps, exact)
    if not fits or (np.minimum(whole[0], last) < 0).any() or (np.maximum(whole[0], last) >= shape).any():
        raise GeometryError(
            "a segmentation on another grid",
            where=segmentation.path,
            expected=str(grid),
            found=f"{_grid_text(segmentation)}; frame {index + 1} begins at index {_indices_text(found[0])}",
            hint="Give the image that it was made on, or resample the segmentation to this one.",
        )
    i, j, k = whole[0].tolist()
    signs = (1 if steps[0, across] > 0 else -1, 1 if steps[1, along] > 0 else -1)
    return _Slot((across, along, 3 - across - along), (i, j, k), signs)


def _grid_text(segmentation: Segmentation) -> str:
    """The segmentation's own grid in words, or at least the size of its frames."""
    try:
        return str(own_grid(segmentation))
    except GeometryError:
        return f"frames of {segmentation.columns} x {segmentation.rows}"


def _indices_text(indices: Floats) -> str:
    return "(" + ", ".join(f"{index:.3g}" for index in indices.tolist()) + ")"


def _place_picture(segmentation: Segmentation, number: int, wanted: Sequence[int], mask: Array) -> Array:
    """A frame without a place, pixel for pixel."""
    expected = (segmentation.columns, segmentation.rows, 1)
    if mask.shape != expected or len(wanted) > 1:
        raise GeometryError(
            "a segmentation without a position fits only an image of its size",
            where=segmentation.path,
            expected=" x ".join(map(str, expected)),
            found=" x ".join(map(str, mask.shape)) + (f" and {len(wanted)} frames" if len(wanted) > 1 else ""),
        )
    for index in wanted:
        mask[:, :, 0] = segmentation.pixels(index, number).T
    return mask


def _require_slices(segmentation: Segmentation) -> None:
    if segmentation.tiled:
        raise GeometryError(
            "a segmentation of a slide",
            where=segmentation.path,
            expected="slices",
            found="tiles of a microscopic image",
        )


def _apart(first: Place, other: Place, segmentation: Segmentation) -> float:
    """How far the last corners of two frames drift apart once their first ones are laid upon each other, in pixels."""
    size = {"columns": segmentation.columns - 1, "rows": segmentation.rows - 1}
    ends = [place.moved(**size).origin - place.origin for place in (first, other)]
    directions = max(np.abs(first.right - other.right).max(), np.abs(first.down - other.down).max())
    return float(max(np.linalg.norm(ends[0] - ends[1]) / min(first.spacing), directions))


def _slice_step(heights: Floats, segmentation: Segmentation) -> float:
    """The distance between slices for frames at these heights (mm, the lowest at 0)."""
    gaps = np.diff(np.unique(heights))
    gaps = gaps[gaps > SAME_MM]
    if not gaps.size:
        if single := segmentation.slice_step or segmentation.thickness:
            return single
        raise GeometryError(
            "one slice, and nothing says how thick it is",
            where=segmentation.path,
            expected="SpacingBetweenSlices or SliceThickness",
            found="none",
        )
    for step in (segmentation.slice_step, float(gaps.min())):
        if step and np.abs(heights / step - np.round(heights / step)).max() <= TOLERANCE:
            return float(heights.max() / max(round(heights.max() / step), 1))
    raise GeometryError(
        "the frames of a segmentation do not lie at whole steps",
        where=segmentation.path,
        expected=f"multiples of {segmentation.slice_step or gaps.min():.4g} mm",
        found=", ".join(f"{gap:.4g}" for gap in gaps[:8].tolist()),
    )
