"""What is known of an image file without its voxels."""

from dataclasses import dataclass

import numpy as np

from scanwright.geometry.grid import Grid
from scanwright.types import Array


@dataclass(frozen=True, slots=True)
class Header:
    """Grid, number of channels, and the number type that reading the file will give. notes: as in `Volume`."""

    grid: Grid
    channels: int
    dtype: np.dtype[Array]
    notes: tuple[str, ...] = ()
