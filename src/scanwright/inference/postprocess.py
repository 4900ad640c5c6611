"""What is done with a label map after the network: holes filled, specks and what lies in no region taken away. As data.

A step is of one region, whose mask is the union of its label values. Parts are connected by faces, edges or corners, and so is
what lies between them. Of one region steps are done in the order of ACTIONS, whatever order they are given in:

    fill      background that the region's mask encloses (that does not reach the image's border) becomes the region's
    touch     a part that neither shares a voxel with the regions `of` nor lies next to one is taken away
    least     a part smaller than `least` is taken away
    largest   all but the largest part is taken away; parts of equal size stay together

What is taken away becomes what its voxels are without this region, where label values say that (a core within a tumour is then
tumour); else what most voxels around it are, so that a false lesion within an organ becomes organ and not a hole in it.

All steps are repeated until nothing changes: what one takes away may be what the next one counts. Where label values exclude
each other each change merges connected parts of one value, so that this ends; a second time changes nothing (a law test).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from scanwright.types import Array, Bools, Ints

Action = Literal["fill", "touch", "least", "largest"]
ACTIONS: tuple[Action, ...] = get_args(Action)
TOUCHING = np.ones((3, 3, 3), np.bool_)
ROUNDS = 20
"""Repetitions at most; label maps of networks are done after two, of which the second finds nothing to do."""

Box = tuple[slice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """least: in the unit of sizes, ml, mm² or pixels (`findings.table.size_of_voxel`). of: names of regions, for "touch"."""

    region: str
    action: Action
    least: float = 0.0
    of: tuple[str, ...] = ()


def postprocess(
    labels_IJK: Array, steps: Sequence[Step], *, regions: Mapping[str, Sequence[int]], voxel: float
) -> Array:
    """The label map after these steps, of the same shape and dtype; the very array where nothing changes.

    regions: the label values of each, in the order in which they are worked on; they may overlap. voxel: the size of one, in
    the unit of `Step.least`. Steps of regions that are not there do nothing.
    """
    mine = {name: [one for one in steps if one.region == name] for name in regions}
    labels = labels_IJK
    for _ in range(ROUNDS):
        before = labels
        for name, own in mine.items():
            if any(step.action == "fill" for step in own):
                labels = _fill(labels, name, regions)
            if removing := [step for step in own if step.action != "fill"]:
                labels = _without_parts(labels, name, removing, regions, voxel=voxel)
        if labels is before:
            break
    return labels


def filled(mask_IJK: Bools, background_IJK: Bools) -> Bools:
    """A mask with the background that it encloses: of each part of what is not in the mask that does not reach the image's
    border, those voxels that are background. An axis of one slice has no border.
    """
    return mask_IJK | (_holes(mask_IJK) & background_IJK)


def touching(parts_IJK: Ints, others_IJK: Bools) -> Bools:
    """Of each part, numbered from 1, whether a voxel of it is in another mask or next to one; (parts,)."""
    near = ndimage.binary_dilation(others_IJK, TOUCHING)
    found = np.zeros(int(parts_IJK.max(initial=0)) + 1, np.bool_)
    found[np.unique(parts_IJK[near])] = True
    return found[1:]


def kept_parts(sizes: Array, touches: Bools, steps: Sequence[Step]) -> Bools:
    """Which parts of a region, of these sizes, its steps leave, (parts,)."""
    kept = np.ones(len(sizes), np.bool_)
    by_action = {step.action: step for step in steps}
    if "touch" in by_action:
        kept &= touches
    if "least" in by_action:
        kept &= sizes >= by_action["least"].least
    if "largest" in by_action and kept.any():
        kept &= sizes == sizes[kept].max()
    return kept


def _holes(mask_IJK: Bools) -> Bools:
    """What a mask encloses."""
    outside, number = ndimage.label(~mask_IJK, TOUCHING)
    opened = np.zeros(number + 1, np.bool_)
    opened[0] = True
    for axis, length in enumerate(mask_IJK.shape):
        if length > 1:
            for end in (0, -1):
                opened[np.unique(outside.take(end, axis=axis))] = True
    return np.asarray(~opened[outside])


def _box(labels_IJK: Array, values: Sequence[int]) -> Box | None:
    """The box around a region, wider by a voxel where the image reaches so far; None where the region is not there."""
    places = ndimage.find_objects(np.isin(labels_IJK, values).view(np.uint8), max_label=1)[0]
    return None if places is None else _wider(places)


def _wider(box: Box) -> Box:
    return tuple(slice(max(0, one.start - 1), one.stop + 1) for one in box)


def _fill(labels: Array, region: str, regions: Mapping[str, Sequence[int]]) -> Array:
    """The labels with a region's holes filled: with its values, of several with what lies most around the hole."""
    box = _box(labels, regions[region])
    if box is None:
        return labels
    inside = labels[box].copy()
    mask = np.isin(inside, regions[region])
    holes, number = ndimage.label(filled(mask, inside == 0) & ~mask, TOUCHING)
    if not number:
        return labels
    may = _alone(region, regions) or list(regions[region])
    for hole, around in _parts(holes):
        beside = _beside(hole, inside[around])
        inside[around][hole] = _most(beside[np.isin(beside, may)], otherwise=may[0])
    return _with(labels, box, inside)


def _without_parts(
    labels: Array, region: str, steps: Sequence[Step], regions: Mapping[str, Sequence[int]], *, voxel: float
) -> Array:
    """The labels without the parts of a region that these steps take away."""
    box = _box(labels, regions[region])
    if box is None:
        return labels
    inside = labels[box].copy()
    parts, number = ndimage.label(np.isin(inside, regions[region]), TOUCHING)
    sizes = np.bincount(parts.ravel(), minlength=number + 1)[1:] * voxel
    others = [value for step in steps for name in step.of for value in regions.get(name, ())]
    touches = touching(parts, np.isin(inside, others))
    kept = kept_parts(sizes, touches, steps)
    if kept.all():
        return labels
    for number_of, (part, around) in enumerate(_parts(parts)):
        if not kept[number_of]:
            _take_away(inside[around], part, region, regions)
    return _with(labels, box, inside)


def _take_away(around: Array, part: Bools, region: str, regions: Mapping[str, Sequence[int]]) -> None:
    """Change a part of a region, in place, into what it is without the region, or into what lies around it."""
    beside = _most(_beside(part, around), otherwise=0)
    for value in np.unique(around[part]).tolist():
        around[part & (around == value)] = _without(value, region, regions, otherwise=beside)


def _without(value: int, region: str, regions: Mapping[str, Sequence[int]], *, otherwise: int) -> int:
    """The smallest label value that lies in the regions of this one but one; `otherwise` where there is none, or in none."""
    left = {name for name, values in regions.items() if value in values} - {region}
    same = (
        one for one in sorted({one for values in regions.values() for one in values}) if _held(one, regions) == left
    )
    return next(same, otherwise) if left else otherwise


def _alone(region: str, regions: Mapping[str, Sequence[int]]) -> list[int]:
    """The values of a region that are in no other one."""
    return [value for value in regions[region] if _held(value, regions) == {region}]


def _held(value: int, regions: Mapping[str, Sequence[int]]) -> set[str]:
    return {name for name, values in regions.items() if value in values}


def _parts(numbered: Ints) -> Iterator[tuple[Bools, Box]]:
    """Each numbered part: its mask in a box one voxel wider than it, and that box."""
    for number, place in enumerate(ndimage.find_objects(numbered), start=1):
        box = _wider(place)
        yield numbered[box] == number, box


def _beside(part: Bools, around: Array) -> Array:
    """The values (V,) of the voxels next to a part."""
    found: Array = around[ndimage.binary_dilation(part, TOUCHING) & ~part]
    return found


def _most(values: Array, *, otherwise: int) -> int:
    """The most frequent value, of several the smallest; `otherwise` without any."""
    known, counts = np.unique(values, return_counts=True)
    return int(known[counts.argmax()]) if len(known) else otherwise


def _with(labels: Array, box: Box, inside: Array) -> Array:
    changed = labels.copy()
    changed[box] = inside
    return changed
