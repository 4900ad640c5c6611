"""A case small enough to be kept, and large enough for a quick model: image and label on a coarse grid of fixed size.

Axes are canonical (x to the right, y to the front, z up; a picture's as they are), the whole image is one cube or square
whatever its proportions, and grey values are standardised image by image.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.dataset.task import Task
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE
from scanwright.types import Array, Floats, Shape3

SIDE_3D, SIDE_2D = 32, 96
MOST_CHANNELS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Coarse:
    """image: (C, X, Y, Z) float16, mean 0 and deviation 1 in each channel, 0 where constant. codes: (X, Y, Z) uint8 or None."""

    image: Array
    codes: Array | None


def coarse(volume: Volume, label: Volume | None, task: Task) -> Coarse:
    """One case on 32 x 32 x 32 voxels or 96 x 96 pixels (an axis of one slice stays one). Of many channels the first four."""
    turn = canonical(volume.grid.affine)
    image = turn.apply(volume.voxels[:MOST_CHANNELS])
    side = SIDE_2D if 1 in image.shape[1:] else SIDE_3D
    size = tuple(1 if length == 1 else side for length in image.shape[1:])
    small = np.stack([standardised(shrunk(channel, size)) for channel in image])
    return Coarse(
        small.astype(np.float16), None if label is None else _codes(turn.apply(label.voxels[:1])[0], size, task)
    )


def shrunk(voxels_XYZ: Array, size: Shape3 | tuple[int, ...]) -> Floats:
    """An array brought to a size: means over equal stretches of each longer axis, nearest values along shorter ones."""
    for axis, wanted in enumerate(size):
        length = voxels_XYZ.shape[axis]
        if length > wanted:
            edges = np.arange(wanted) * length // wanted
            counts = np.diff(np.append(edges, length)).astype(np.float32)
            sums = np.add.reduceat(voxels_XYZ, edges, axis=axis, dtype=np.float32)
            voxels_XYZ = sums / counts.reshape([-1 if other == axis else 1 for other in range(voxels_XYZ.ndim)])
        else:
            voxels_XYZ = voxels_XYZ.take(_nearest(length, wanted), axis=axis)
    return voxels_XYZ.astype(np.float32)


def standardised(voxels: Floats) -> Floats:
    """Clipped to the 0.5 and 99.5 percentiles, less the mean, over the deviation; zeros where nothing varies."""
    low, high = np.percentile(voxels, (0.5, 99.5))
    clipped = np.clip(voxels, low, high)
    deviation = float(clipped.std())
    return (clipped - clipped.mean()) / deviation if deviation > 0 else np.zeros_like(clipped)


def _codes(label_XYZ: Array, size: tuple[int, ...], task: Task) -> Array:
    for axis, wanted in enumerate(size):
        label_XYZ = label_XYZ.take(_nearest(label_XYZ.shape[axis], wanted), axis=axis)
    codes = np.full(label_XYZ.shape, IGNORE, dtype=np.uint8)
    for value, code in Segmentation(task).codes.items():
        codes[label_XYZ == value] = code
    return codes


def _nearest(length: int, wanted: int) -> Array:
    return ((np.arange(wanted) + 0.5) * length / wanted).astype(np.int64)
