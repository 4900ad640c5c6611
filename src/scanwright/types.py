"""Words for shapes and units: the legend that every other file keeps to.

Axes, always in this order and named in variable suffixes (`voxels_CIJK`, `batch_NCDHW`):

    N          samples of a batch
    C          channels of an image, or of a network's output
    I  J  K    voxel indices of a file's own grid, in the order of the affine's columns (as nibabel reads them)
    D  H  W    the same volume in network order: canonical orientation, then the plan's axis order; D is 1 in 2-D

Frames: `_ijk` is a voxel index, whole numbers at voxel centres; `_xyz` is a point in patient space, RAS+: x grows to the
patient's right, y to anterior, z to superior. Units stand in names: `_mm`, `_ml`, `_s`, `_bytes`. An image without a
physical scale (PNG, JPEG) has unit "px": one pixel is one unit, and results are reported in pixels, never in mm.
"""

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.floating[Any]]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.integer[Any]]

Shape3: TypeAlias = tuple[int, int, int]
Triple: TypeAlias = tuple[float, float, float]
Unit: TypeAlias = Literal["mm", "px"]
JSON: TypeAlias = Any


def three(lengths: Iterable[float]) -> Shape3:
    """A shape of three whole numbers, as what it is typed to be. Raises ValueError for more or fewer."""
    first, second, third = lengths
    return int(first), int(second), int(third)
