"""Gaussian derivatives of small arrays as products with matrices: the same as scipy's, several times as fast in 3-D.

A filter along an axis of 32 voxels is a matrix of 32 x 32, its reflection at the ends included. scipy's loop takes a step for
each voxel and each place of a kernel, which at the widest scale is longer than the axis.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from scipy import ndimage

from scanwright.types import Array, Floats


def gaussian_derivatives(array: Floats, scale: float, wanted: Iterable[tuple[int, ...]]) -> list[Floats]:
    """float32 arrays like `ndimage.gaussian_filter(array, scale, order=orders)`, for each of the orders: one for each axis.

    scale: in voxels. As there, each axis in turn is summed in float64 and kept in float32. What several have in common is
    made once.
    """
    made: dict[tuple[int, ...], Floats] = {(): array}
    found = []
    for orders in wanted:
        for axis in range(array.ndim):
            if orders[: axis + 1] not in made:
                made[orders[: axis + 1]] = _along(made[orders[:axis]], axis, scale, orders[axis])
        found.append(made[orders])
    return found


def _along(array: Floats, axis: int, scale: float, order: int) -> Floats:
    matrix = _matrix(array.shape[axis], scale, order)
    found = np.moveaxis(array, axis, -1).astype(np.float64) @ matrix.T
    return np.moveaxis(found.astype(np.float32), -1, axis)


@lru_cache(maxsize=64)
def _matrix(length: int, scale: float, order: int) -> Array:
    """(length, length) float64: what the filter makes of each unit vector."""
    return np.asarray(ndimage.gaussian_filter1d(np.eye(length), scale, axis=0, order=order))
