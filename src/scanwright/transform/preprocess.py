"""From a case's own grid to network input, and an answer back, voxel for voxel.

The way in: turn to canonical orientation and the plan's axis order (exact), cut away a border of zeros, normalise, resample to
the plan's spacing. `Placement` remembers the way, and `Placement.back` walks it in reverse, so a result always lies on the
grid of its input.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation, canonical
from scanwright.geometry.resample import resize, resize_labels
from scanwright.geometry.volume import Volume
from scanwright.plan.plan import PreprocessPlan
from scanwright.transform.normalize import NORMALIZERS
from scanwright.types import Array, Bools, Floats, Ints, Shape3, three


@dataclass(frozen=True, slots=True)
class Placement:
    """Where network input lies in its case.

    grid: the case's own. turn: to network axis order. start, stop: the kept box, in network order, voxels of the case.
    shape: of the network input.
    """

    grid: Grid
    turn: Reorientation
    start: Shape3
    stop: Shape3
    shape: Shape3

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The kept part of the turned case."""
        d, h, w = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return d, h, w

    @property
    def box_shape(self) -> Shape3:
        """Its shape."""
        d, h, w = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return d, h, w

    def target(self, codes_IJK: Ints) -> Ints:
        """A label on the case's grid to network order and shape, (D, H, W), same dtype."""
        turned = self.turn.apply(codes_IJK)[self.box]
        return resize_labels(np.ascontiguousarray(turned), self.shape)

    def boxes(self, boxes_N23: Floats) -> Floats:
        """Boxes (N, 2, 3) in voxels of the case (corners along I, J, K), in voxels of the network input (along D, H, W)."""
        turned = self.turn.boxes(boxes_N23, self.grid.shape)
        moved: Floats = (turned - np.array(self.start)) * self._scale
        return moved

    def boxes_back(self, boxes_N23: Floats) -> Floats:
        """Boxes (N, 2, 3) in voxels of the network input, in voxels of the case; cut at its border."""
        turned = boxes_N23 / self._scale + np.array(self.start)
        own = self.turn.inverse().boxes(turned, self.turn.shape(self.grid.shape))
        return np.clip(own, 0, np.array(self.grid.shape))

    @property
    def _scale(self) -> Floats:
        factors: Floats = np.array(self.shape, dtype=float) / np.array(self.box_shape)
        return factors

    def back(self, labels_DHW: Array) -> Array:
        """Labels of the kept box at the case's own resolution, to the case's grid (I, J, K); zero outside the box."""
        whole = np.zeros(self.turn.shape(self.grid.shape), dtype=labels_DHW.dtype)
        whole[self.box] = labels_DHW
        return np.ascontiguousarray(self.turn.invert(whole))


OUTLINE_MARGIN = 8
"""Voxels kept around an outline: what interpolation reaches, at most."""
INSIDE = 0.5
"""Of a voxel, the least share that is outlined if it counts as inside."""


def to_network(volume: Volume, plan: PreprocessPlan) -> tuple[Floats, Placement]:
    """Image (C, I, J, K) to (C, D, H, W) float32, and where it lies. Of an image with an outline what lies around that, and the
    outline (0 or 1) as one more channel.

    Raises InputError on another number of channels, and for an outline of which nothing is left on the plan's voxels.
    """
    if volume.channels != len(plan.normalization):
        raise InputError(
            "another number of channels than the model was made for",
            expected=len(plan.normalization),
            found=volume.channels,
            hint="Give one file for each channel, in the task's order.",
        )
    turn = canonical(volume.grid.affine).permuted(plan.axes)
    turned = turn.apply(volume.voxels)
    outline = None if volume.outline is None else turn.apply(volume.outline)
    start, stop = nonzero_box(turned) if plan.crop_to_nonzero else ((0, 0, 0), three(turned.shape[1:]))
    start, stop = (start, stop) if outline is None else outlined_box(outline)
    placement = Placement(volume.grid, turn, start, stop, planned_shape(turn.grid(volume.grid), start, stop, plan))
    image = np.empty((volume.channels, *placement.shape), dtype=np.float32)
    for index, scheme in enumerate(plan.normalization):
        # a contiguous copy: sums over a view would depend on how the file orders its axes
        channel = np.ascontiguousarray(turned[(index, *placement.box)], dtype=np.float32)
        normal = NORMALIZERS[scheme.scheme](channel, scheme)
        image[index] = resize(normal[None], placement.shape, order=plan.image_order)[0]
    if outline is None:
        return image, placement
    return np.concatenate([image, _resized(outline[placement.box], placement.shape)[None]]), placement


def _resized(outline_DHW: Bools, shape: Shape3) -> Floats:
    """An outline in another resolution, (D, H, W) float32 of 0 and 1."""
    share = resize(np.ascontiguousarray(outline_DHW, dtype=np.float32)[None], shape, order=1)[0]
    if not (share >= INSIDE).any():
        raise InputError(
            "what is outlined is too small for the model",
            expected="as much as one of its voxels (preprocess.spacing)",
            found=f"{np.count_nonzero(outline_DHW)} voxels of the image",
        )
    inside: Floats = (share >= INSIDE).astype(np.float32)
    return inside


def whole(grid: Grid, plan: PreprocessPlan) -> Placement:
    """Where a case would lie if nothing were cut away: the largest that its network input can be, from the header alone."""
    turn = canonical(grid.affine).permuted(plan.axes)
    stop = turn.shape(grid.shape)
    return Placement(grid, turn, (0, 0, 0), stop, planned_shape(turn.grid(grid), (0, 0, 0), stop, plan))


def planned_shape(turned: Grid, start: Shape3, stop: Shape3, plan: PreprocessPlan) -> Shape3:
    """Shape of the network input for a box of a turned grid: by spacing where there is one, else by the longer side."""
    lengths = [b - a for a, b in zip(start, stop, strict=True)]
    if plan.spacing is not None and turned.unit == "mm":
        factors = [have / want for have, want in zip(turned.spacing, plan.spacing, strict=True)]
    else:
        factors = [(plan.long_side or max(lengths[1:])) / max(lengths[1:])] * 3
    return three(
        max(1, round(length * factor)) if length > 1 else 1 for length, factor in zip(lengths, factors, strict=True)
    )


def outlined_box(outline_DHW: Bools) -> tuple[Shape3, Shape3]:
    """The box (start, stop) around an outline with a margin, inside the array."""
    start, stop = nonzero_box(outline_DHW[None])
    return (
        three(max(0, place - OUTLINE_MARGIN) for place in start),
        three(min(size, place + OUTLINE_MARGIN) for place, size in zip(stop, outline_DHW.shape, strict=True)),
    )


def nonzero_box(turned: Array) -> tuple[Shape3, Shape3]:
    """The smallest box (start, stop) with every voxel of (C, D, H, W) that is not zero; all of it if there is none."""
    occupied = (turned != 0).any(axis=0)
    if not occupied.any():
        return (0, 0, 0), three(occupied.shape)
    lines = [np.flatnonzero(occupied.any(axis=tuple(k for k in range(3) if k != axis))) for axis in range(3)]
    return three(int(line[0]) for line in lines), three(int(line[-1]) + 1 for line in lines)
