"""Where windows lie and how they are blended.

Windows stand on a product of positions along each axis, and the Gaussian weight is a product too, so the total weight of a
voxel is a product of three short vectors: no weight volume is ever held.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.plan.rules import windows_along
from scanwright.types import Floats, Shape3

SIGMA_SHARE = 1 / 8
SMALLEST_WEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class Axis:
    """Windows along one axis. starts: first voxel of each. weight: (patch,) of one window. total: (length,) of them all."""

    starts: tuple[int, ...]
    weight: Floats
    total: Floats


def plan_axis(length: int, patch: int, *, step_share: float) -> Axis:
    """Evenly spread windows that cover `length` voxels, at most `step_share` of a patch apart.

    Needs length >= patch: smaller images are padded first. Source of spread and weight: Isensee et al. 2021, Nat Methods.
    """
    count = windows_along(length, patch, step_share=step_share)
    starts = tuple(round(k * (length - patch) / max(1, count - 1)) for k in range(count))
    weight = gaussian(patch)
    total = np.zeros(length, dtype=np.float32)
    for start in starts:
        total[start : start + patch] += weight
    return Axis(starts, weight, total)


def gaussian(patch: int) -> Floats:
    """A bell of height 1 whose standard deviation is an eighth of the patch, never under a twentieth; (patch,) float32.

    The floor keeps the product of three weights above 1e-4, where float16 still has all its digits.
    """
    offset = np.arange(patch) - (patch - 1) / 2
    bell = np.exp(-0.5 * (offset / max(patch * SIGMA_SHARE, 1e-6)) ** 2) if patch > 1 else np.ones(1)
    weight: Floats = np.maximum(bell / bell.max(), SMALLEST_WEIGHT).astype(np.float32)
    return weight


def plan_windows(shape: Shape3, patch: Shape3, *, step_share: float) -> tuple[Axis, Axis, Axis]:
    """The three axes of a sliding window over `shape`."""
    d, h, w = (plan_axis(n, p, step_share=step_share) for n, p in zip(shape, patch, strict=True))
    return d, h, w
