"""Small, medium and large boxes: results by the size of what was to be found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.errors import UsageError
from scanwright.geometry.boxes import volumes
from scanwright.types import Bools, Floats, Triple


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeGroups:
    """Names of groups of boxes from small to large, and the limits between them (one fewer), ascending.

    by "area": the area of a box of a picture in pixels. by "diameter": the diameter in mm of the sphere whose bounding box has
    the box's volume, which is the geometric mean of its three edges (a lesion is nearer to the ellipsoid in its box than to the
    box). A box that lies on a limit is in both groups, as in COCO.

    Raises UsageError if the names do not fit the limits, or these do not ascend from above 0.
    """

    names: tuple[str, ...]
    limits: tuple[float, ...]
    by: Literal["area", "diameter"]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.limits) + 1 or len(set(self.names)) != len(self.names):
            raise UsageError("groups of sizes need a name each, and a limit between two", found=", ".join(self.names))
        if any(low >= high for low, high in zip((0.0, *self.limits), self.limits, strict=False)):
            raise UsageError("limits of sizes ascend from above 0", found=self.limits)

    def inside(self, boxes_N23: Floats, spacing: Triple) -> Bools:
        """Whether each box is in each group, (groups, N). spacing: mm along i, j and k, of no matter to areas."""
        size = volumes(boxes_N23)
        if self.by == "diameter":
            size = np.cbrt(size * np.prod(spacing))
        ends = np.array([0.0, *self.limits, np.inf])[:, None]
        within: Bools = (ends[:-1] <= size) & (size <= ends[1:])
        return within


COCO_SIZES = SizeGroups(names=("small", "medium", "large"), limits=(32.0**2, 96.0**2), by="area")
"""COCO's groups of pictures: up to 32 x 32 pixels, up to 96 x 96, and above."""


SMALL_MM, LARGE_MM = 10.0, 30.0
"""RECIST 1.1 measures lesions from 10 mm on (Eisenhauer et al. 2009, Eur J Cancer 45:228); a nodule of more than 30 mm in the
lung is called a mass (Hansell et al. 2008, Radiology 246:697)."""


def diameter_groups(small: float, large: float) -> SizeGroups:
    """Small, medium and large by equivalent diameter in mm: up to `small`, between the two, and from `large` on.

    >>> diameter_groups(6, 15).limits
    (6.0, 15.0)
    """
    return SizeGroups(names=COCO_SIZES.names, limits=(float(small), float(large)), by="diameter")


def usual_groups(boxes: Iterable[Floats]) -> SizeGroups:
    """COCO's groups where all boxes (N, 2, 3) lie in single slices, as in pictures; else those of diameters in mm."""
    return COCO_SIZES if are_flat(boxes) else diameter_groups(SMALL_MM, LARGE_MM)


def are_flat(boxes: Iterable[Floats]) -> bool:
    """Whether all boxes (N, 2, 3) lie in single slices, as in pictures."""
    return all(bool((one[:, 1, 2] - one[:, 0, 2] <= 1).all()) for one in boxes)
