"""A case small enough to be kept, and large enough for a quick model: image and label on a coarse grid of fixed size.

Axes are canonical (x to the right, y to the front, z up; a picture's as they are), the whole image is one cube or square
whatever its proportions, and grey values are standardised image by image.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.dataset.task import Task
from scanwright.features.fixed import coarse_image, nearest
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE
from scanwright.types import Array

MOST_CHANNELS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Coarse:
    """image: (C, X, Y, Z) float16, mean 0 and deviation 1 in each channel, 0 where constant. codes: (X, Y, Z) uint8 or None."""

    image: Array
    codes: Array | None


def coarse(volume: Volume, label: Volume | None, task: Task) -> Coarse:
    """One case on 32 x 32 x 32 voxels or 96 x 96 pixels (an axis of one slice stays one). Of many channels the first four."""
    small = coarse_image(volume.with_voxels(volume.voxels[:MOST_CHANNELS]))
    if label is None:
        return Coarse(small.astype(np.float16), None)
    codes = canonical(volume.grid.affine).apply(label.voxels[:1])[0]
    return Coarse(small.astype(np.float16), _codes(codes, small.shape[1:], task))


def _codes(label_XYZ: Array, size: tuple[int, ...], task: Task) -> Array:
    for axis, wanted in enumerate(size):
        label_XYZ = label_XYZ.take(nearest(label_XYZ.shape[axis], wanted), axis=axis)
    codes = np.full(label_XYZ.shape, IGNORE, dtype=np.uint8)
    for value, code in Segmentation(task).codes.items():
        codes[label_XYZ == value] = code
    return codes
