"""A label and its image as the gate compares them: in patient axes, cut to the label, coarse where it is large, standardised.

Everything that is measured on edges and pieces is measured here, so that a case costs the same whatever its size: a volume
of 256 x 256 x 200 voxels is looked at in at most SIDE voxels along each axis.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scanwright.dataset.measures import NOTHING, Box, box_of, cut_out
from scanwright.dataset.task import Task
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Bools, Floats, Ints, Shape3, Triple

SIDE = 64
MARGIN = 6  # coarse voxels kept around the label
BAND = 4  # voxels around the label whose intensities are its surroundings
MOST_PARTS = 250  # a number of the part fits in 8 bits


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelView:
    """One case's label and the first channel of its image, both (X, Y, Z), axes towards R, A, S.

    parts: uint8, 0 outside of all regions, n where the label holds the n-th of the task's values (part_values).
    image: float32, in standard deviations from the median of the label and its surroundings, clipped to their 2nd and
        98th percentile; of coarse voxels the mean. A constant image is 0 everywhere.
    start: the voxel of the whole label, along X, Y, Z, at which this begins. step: voxels of it that one here stands for.
    spacing: of voxels here, in the grid's unit.
    """

    parts: Ints
    image: Floats
    start: Shape3
    step: Shape3
    spacing: Triple


def part_values(task: Task) -> tuple[int, ...]:
    """The label values of a task that belong to a region, ascending; the first 250 of them."""
    held = {value for region in task.regions for value in region.values}
    return tuple(sorted(held))[:MOST_PARTS]


def part_names(task: Task) -> tuple[str, ...]:
    """A name for each of `part_values`: that of the region that consists of the value alone, else of all regions that hold this
    value and no other ("lung with nodule", "lung alone"), else "label 3".
    """
    alone = {region.values[0]: region.name for region in task.regions if len(set(region.values)) == 1}
    values = part_values(task)
    held = {value: tuple(region.name for region in task.regions if value in region.values) for value in values}
    times = Counter(held.values())
    joint = {
        value: " with ".join(names) if len(names) > 1 else f"{names[0]} alone"
        for value, names in held.items()
        if times[names] == 1
    }
    return tuple(alone.get(value, joint.get(value, f"label {value}")) for value in values)


def parts_of(label: Volume, task: Task) -> Ints:
    """(X, Y, Z) uint8 in canonical axes: the number of each voxel's part, 0 for none."""
    voxels = canonical(label.grid.affine).apply(label.voxels[0])
    values = np.array(part_values(task))
    numbers = np.arange(1, values.size + 1, dtype=np.uint8)
    if voxels.dtype.kind == "u" and values[0] >= 0 and values[-1] < 1 << 16:
        table = np.zeros(max(int(values[-1]), int(voxels.max(initial=0))) + 1, np.uint8)
        table[values] = numbers
        return table[voxels]
    places = np.searchsorted(values, voxels).clip(max=values.size - 1)
    return np.where(values[places] == voxels, numbers[places], np.uint8(0))


def view(image: Volume, parts: Ints) -> LabelView | None:
    """Cut image and parts to the label with a margin, make them coarse, standardise; None if there is no part at all.

    parts: of the whole label, as `parts_of` gives them, on the image's grid.
    """
    start, shape = box_of(parts > 0)
    if (start, shape) == NOTHING:
        return None
    turn = canonical(image.grid.affine)
    step = tuple(-(-size // SIDE) for size in shape)
    box = _widened(start, shape, step, parts.shape)
    grey = _block_means(cut_out(turn.apply(image.voxels[0]), box), step)
    coarse = cut_out(parts, box)[tuple(slice(each // 2, None, each) for each in step)]
    coarse = coarse[tuple(slice(size) for size in grey.shape)]
    spacing = tuple(one * each for one, each in zip(turn.grid(image.grid).spacing, step, strict=True))
    return LabelView(
        parts=np.ascontiguousarray(coarse),
        image=_standardised(grey, _around(coarse > 0)),
        start=box[0],
        step=(step[0], step[1], step[2]),
        spacing=(spacing[0], spacing[1], spacing[2]),
    )


def _widened(start: Shape3, shape: Shape3, step: tuple[int, ...], whole: tuple[int, ...]) -> Box:
    """A box with MARGIN coarse voxels around, inside the image, and a whole number of coarse voxels long."""
    first, sizes = [], []
    for begin, size, each, most in zip(start, shape, step, whole, strict=True):
        low, high = max(0, begin - MARGIN * each), min(most, begin + size + MARGIN * each)
        first.append(low)
        sizes.append((high - low) // each * each)
    return (first[0], first[1], first[2]), (sizes[0], sizes[1], sizes[2])


def _block_means(voxels: Array, step: tuple[int, ...]) -> Floats:
    """Means of blocks of `step` voxels, float64: those of the largest float32 are finite. The shape is a multiple of step."""
    if all(each == 1 for each in step):
        return voxels.astype(np.float64)
    (i, j, k), (a, b, c) = voxels.shape, step
    blocks = np.ascontiguousarray(voxels).reshape(i // a, a, j // b, b, k // c, c)
    return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float64))


def _around(mask: Bools) -> Bools:
    """The mask and BAND voxels around it, along axes that have more than one voxel."""
    reach = np.ones(tuple(3 if size > 1 else 1 for size in mask.shape), bool)
    return np.asarray(ndimage.binary_dilation(mask, reach, iterations=BAND))


def _standardised(grey: Floats, band: Bools) -> Floats:
    inside = grey[band]
    low, high = np.percentile(inside, (2, 98))
    inside = inside.clip(low, high)
    spread = float(inside.std())
    if not spread > 0:
        return np.zeros(grey.shape, np.float32)
    return np.asarray((grey.clip(low, high) - np.median(inside)) / spread, np.float32)
