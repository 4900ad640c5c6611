"""What is known of an image file without its voxels."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scanwright.geometry.grid import Grid


@dataclass(frozen=True, slots=True)
class Header:
    """Grid, number of channels, and the number type that reading the file will give. notes: as in `Volume`."""

    grid: Grid
    channels: int
    dtype: np.dtype[Any]
    notes: tuple[str, ...] = ()
