"""How far every voxel lies from the boundary of a class, for losses that weigh errors by it."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from scanwright.types import Bools, Floats


def signed_distances(one_hot: Tensor, mask: Tensor) -> Tensor:
    """Distance of each voxel centre to each class's boundary, in voxels: positive outside the class, negative inside.

    one_hot: (N, K, *size) of 0 and 1. mask: (N, 1, *size), 0 where a voxel counts for nothing: it belongs to no side, and
    its distance is 0. Returns (N, K, *size) float32 on the device of `one_hot`, without a gradient. The boundary lies
    halfway between neighbours, so no counted voxel has 0; a class without a voxel in a sample, or with all of them, has no
    boundary and is 0 everywhere there. Axes of one voxel (2-D) change nothing. Computed on the CPU, once a class and sample.
    """
    inside = one_hot.detach().cpu().numpy().astype(np.bool_)
    counted = np.broadcast_to(mask.detach().cpu().numpy().astype(np.bool_), inside.shape)
    distances = np.zeros(inside.shape, dtype=np.float32)
    for index in np.ndindex(inside.shape[:2]):
        distances[index] = _signed(inside[index] & counted[index], ~inside[index] & counted[index])
    return torch.from_numpy(distances).to(one_hot.device)


def _signed(inside: Bools, outside: Bools) -> Floats:
    if not inside.any() or not outside.any():
        return np.zeros(inside.shape, dtype=np.float32)
    to_inside: Floats = ndimage.distance_transform_edt(~inside)
    to_outside: Floats = ndimage.distance_transform_edt(~outside)
    return np.where(outside, to_inside - 0.5, 0.0) - np.where(inside, to_outside - 0.5, 0.0)
