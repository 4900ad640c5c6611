"""An image as a function of the point in space: linear interpolation with its slope, and a weight where it ends."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scanwright.geometry.affine import Affine
from scanwright.geometry.grid import Grid
from scanwright.types import Bools, Floats, Shape3


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Values that can be asked for anywhere, with a weight: 1 inside, falling to 0 within a voxel of the outermost centres.

    `pairs`: (voxels, 2) float32, value and weight, with a rim of weight 0 around; `to_index`: point to index in it.
    """

    pairs: Floats
    shape: Shape3
    to_index: Affine

    @classmethod
    def of(cls, values_IJK: Floats, valid_IJK: Bools, grid: Grid) -> "Field":
        """Where a voxel is not valid, the weight is 0 and the value that of the nearest valid voxel (there is one)."""
        values = values_IJK
        if not valid_IJK.all():
            nearest = ndimage.distance_transform_edt(~valid_IJK, return_distances=False, return_indices=True)
            values = values[tuple(nearest)]
        padded = np.stack((np.pad(values, 1, mode="edge"), np.pad(valid_IJK.astype(np.float32), 1)), axis=-1)
        i, j, k = padded.shape[:3]
        to_index = np.linalg.inv(grid.affine)
        to_index[:3, 3] += 1
        return cls(padded.reshape(-1, 2), (i, j, k), to_index)

    def at(self, points_xyz: Floats) -> tuple[Floats, Floats]:
        """Value and weight (N, 2) at points (N, 3), and their slopes by x, y, z (3, N, 2), per millimetre."""
        positions = points_xyz @ self.to_index[:3, :3].T + self.to_index[:3, 3]
        most = np.array(self.shape) - 1
        i, j, k = ((positions > 0) & (positions < most)).T
        outside = ~(i & j & k)
        first = np.clip(positions.astype(np.int64), 0, most - 1)
        ti, tj, tk = np.clip(positions - first, 0, 1).astype(np.float32).T[..., None]
        _, rows, columns = self.shape
        start = (first[:, 0] * rows + first[:, 1]) * columns + first[:, 2]
        steps = np.add.outer(np.add.outer((0, rows * columns), (0, columns)), (0, 1))
        corners = self.pairs[steps[..., None] + start]  # (2, 2, 2, N, 2)
        plane, along_i = _between(corners, ti), corners[1] - corners[0]
        line, along_j, along_i = _between(plane, tj), plane[1] - plane[0], _between(along_i, tj)
        found, along_k = _between(line, tk), line[1] - line[0]
        slopes = np.stack((_between(along_i, tk), _between(along_j, tk), along_k))
        found[outside, 1] = 0
        slopes[:, outside] = 0
        return found, (self.to_index[:3, :3].T.astype(np.float32) @ slopes.reshape(3, -1)).reshape(slopes.shape)


def _between(ends: Floats, t: Floats) -> Floats:
    return np.asarray(ends[0] + t * (ends[1] - ends[0]))
