"""Region masks out of label maps, cut to the box in which anything is, so that large volumes cost little."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.ndimage import find_objects

from scanwright.errors import GeometryError, InputError, UsageError
from scanwright.evaluation.label_maps.surface import Box, joint_box, union_box
from scanwright.types import Array, Bools

# Label values of one array, or a bool mask for each region.
Source: TypeAlias = Array | Mapping[str, Bools]


@dataclass(frozen=True, slots=True)
class RegionMasks:
    """The regions of one map. boxes: the box around each, None where it is empty."""

    source: Source
    values: Mapping[str, Sequence[int]]
    boxes: Mapping[str, Box | None]

    def within(self, region: str, box: Box) -> Bools:
        """The mask of a region inside a box: for labels the union of its values."""
        if isinstance(self.source, Mapping):
            return self.source[region][box].astype(bool, copy=False)
        labels = self.source[box]
        mask = np.zeros(labels.shape, bool)
        for value in self.values[region]:
            mask |= labels == value
        return mask


def find_regions(source: Source, values: Mapping[str, Sequence[int]], *, shape: tuple[int, ...]) -> RegionMasks:
    """Find the box around every region, in one pass over a label array or one over each given mask.

    values: region to label values; regions may overlap. shape: what every array must have.
    Raises GeometryError for another shape, InputError if labels are not whole numbers, UsageError if a region has no
    mask or holds a value that cannot be foreground (under 1).
    """
    for array in source.values() if isinstance(source, Mapping) else [source]:
        if array.shape != shape:
            raise GeometryError("truth and prediction have different shapes", expected=shape, found=array.shape)
    if isinstance(source, Mapping):
        return RegionMasks(source, values, {region: joint_box(_mask(source, region)) for region in values})
    if source.dtype.kind not in "iub":
        raise InputError("labels are not whole numbers", expected="an integer array", found=source.dtype)
    if any(value < 1 for region in values.values() for value in region):
        raise UsageError("a region holds a background value", expected="label values from 1", found=dict(values))
    largest = max((value for region in values.values() for value in region), default=0)
    boxes = find_objects(source.view(np.uint8) if source.dtype == bool else source, max_label=largest)
    around = {name: union_box([boxes[value - 1] for value in region]) for name, region in values.items()}
    return RegionMasks(source, values, around)


def _mask(masks: Mapping[str, Bools], region: str) -> Bools:
    if region not in masks:
        raise UsageError("a region was not predicted", expected=region, found=", ".join(masks) or "no masks")
    return masks[region].astype(bool, copy=False)
