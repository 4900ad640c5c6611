"""Random changes of shape: rotate, scale, mirror, bend. Drawn as data, then applied to a whole batch at once.

`draw` turns random numbers into `Warp`, plain arrays that can be kept, replayed and inverted; `apply` is deterministic and
runs where the tensors are. A patch is sampled straight out of a larger block of the case, so nothing is interpolated
twice and no corner is empty.

Rotation happens in physical space: with anisotropic voxels the matrix is S^-1 R S, S the spacing.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scanwright.plan.plan import AugmentPlan
from scanwright.protocols import IGNORE
from scanwright.types import Floats, Shape3, Triple, three

CONTROL_POINTS = 5
LEAST_SEEN = 0.3
"""Of a box, what must be left inside a patch for it to be learned there."""
TINY = 1e-9
ROUNDING = 1e-6
"""Voxels: what a sum of rounded products may lie beyond the last voxel; the edge is repeated there."""


@dataclass(frozen=True, slots=True)
class Warp:
    """For each of N samples: where a patch voxel is read from, in voxels relative to the patch's centre.

    matrix: (N, 3, 3) float64, patch offset to source offset. bend: (N, 3, d, h, w) float32 displacement at control points,
    voxels; d, h, w are CONTROL_POINTS or 1.
    """

    matrix: Floats
    bend: Floats

    def reach(self, patch: Shape3) -> Shape3:
        """Size of the smallest centred block that holds every voxel read, in voxels, at least the patch's.

        The block is larger by an even number, so that both centres lie alike among the voxels: else an unturned patch of even
        length would be read half-way between voxels, blurred, where inference sees voxels as they are.
        """
        own = (np.array(patch) - 1) / 2
        corners = np.abs(self.matrix) @ own
        bent = np.abs(self.bend).max(axis=(2, 3, 4)) if self.bend.size else 0.0
        beyond = np.ceil((corners + bent).max(axis=0) - own - ROUNDING).clip(0)
        size = [p + 2 * int(more) if p > 1 else 1 for more, p in zip(beyond, patch, strict=True)]
        return (size[0], size[1], size[2])


def draw(rng: np.random.Generator, plan: AugmentPlan, *, samples: int, patch: Shape3, spacing: Triple) -> Warp:
    """Random warps for a batch. The number of random numbers consumed does not depend on the plan's ranges."""
    warped = np.where(rng.random((samples, 1)) < plan.warp_share, 1.0, 0.0)
    angles = rng.uniform(-1, 1, (samples, 3)) * warped * np.radians(plan.rotate_deg)
    scales = np.exp(rng.uniform(-1, 1, (samples, 3)) * warped * math.log1p(plan.scale))
    flips = np.where((rng.random((samples, 3)) < 0.5) & np.array(plan.mirror), -1.0, 1.0)
    control = tuple(CONTROL_POINTS if length > 1 else 1 for length in patch)
    bend = rng.standard_normal((samples, 3, *control)) * plan.elastic_voxels * warped.reshape(-1, 1, 1, 1, 1)
    flat = np.array(patch) == 1
    scales[:, flat], flips[:, flat], bend[:, flat] = 1.0, 1.0, 0.0
    physical = np.diag(spacing)
    matrix = np.stack(
        [
            np.linalg.inv(physical) @ rotation(angle) @ physical @ np.diag(scale * flip)
            for angle, scale, flip in zip(angles, scales, flips, strict=True)
        ]
    )
    return Warp(matrix, bend.astype(np.float32))


def rotation(angles: Floats) -> Floats:
    """3 x 3 rotation by three angles (radians) about the D, H and W axes: R_D R_H R_W, the turn about W comes first."""
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = (k for k in range(3) if k != axis)
        once = np.eye(3)
        once[first, first] = once[second, second] = math.cos(angle)
        once[first, second], once[second, first] = -math.sin(angle), math.sin(angle)
        turned = turned @ once
    return turned


def apply(warp: Warp, image_NCDHW: Tensor, target: Tensor, *, patch: Shape3) -> tuple[Tensor, Tensor]:
    """Sample a patch from the centre of each block: image trilinear (float32), target nearest (its own dtype).

    image (N, C, *block), target (N, *block) to (N, C, *patch) and (N, *patch). Outside the block the edge is repeated.
    A target that does not lie on the block, (N, T) numbers of each image, stays as it is; boxes (N, M, 7) in voxels of the
    block become boxes in voxels of the patch (see `move_boxes`).
    """
    grid = _sampling_grid(warp, block=tuple(image_NCDHW.shape[2:]), patch=patch, device=image_NCDHW.device)
    image = functional.grid_sample(image_NCDHW, grid, mode="bilinear", padding_mode="border", align_corners=True)
    if target.ndim == 2:
        return image, target
    if target.ndim == 3:
        return image, move_boxes(warp, target, block=three(image_NCDHW.shape[2:]), patch=patch)
    codes = target[:, None].to(torch.float32)
    moved = functional.grid_sample(codes, grid, mode="nearest", padding_mode="border", align_corners=True)
    return image, moved[:, 0].to(target.dtype)


def move_boxes(warp: Warp, boxes_NM7: Tensor, *, block: Shape3, patch: Shape3) -> Tensor:
    """Boxes (code, corners) in voxels of each block, as they lie in the patch sampled from its centre; bends are left out.

    A box is turned as the ellipsoid that fills it, which most of what is marked by boxes is nearer to: the corners of a turned
    box lie outside what was marked. What is cut by the patch's border ends there; of a box less than LEAST_SEEN is left is
    ignored (IGNORE), and where nothing is left the row is empty (-1).
    """
    codes, corners = boxes_NM7[..., 0], boxes_NM7[..., 1:].reshape(*boxes_NM7.shape[:2], 2, 3)
    back = torch.as_tensor(np.linalg.inv(warp.matrix), dtype=corners.dtype, device=corners.device)
    own, size = corners.new_tensor(block) / 2, corners.new_tensor(patch)
    middle = torch.einsum("nij,nmj->nmi", back, corners.mean(dim=2) - own) + size / 2
    half = torch.einsum("nij,nmj->nmi", back**2, ((corners[:, :, 1] - corners[:, :, 0]) / 2) ** 2).sqrt()
    moved = torch.stack([middle - half, middle + half], dim=2)
    cut = torch.minimum(moved.clamp_min(0), size)
    left = (cut[:, :, 1] - cut[:, :, 0]).prod(dim=2) / (2 * half).prod(dim=2).clamp_min(TINY)
    codes = torch.where((codes >= 0) & (left < LEAST_SEEN), torch.full_like(codes, IGNORE), codes)
    codes = torch.where(left <= 0, torch.full_like(codes, -1), codes)
    return torch.cat([codes[..., None], cut.flatten(2)], dim=2)


def _sampling_grid(warp: Warp, *, block: tuple[int, ...], patch: Shape3, device: torch.device) -> Tensor:
    """(N, *patch, 3) positions as `grid_sample` wants them: -1 to 1 over voxel centres of the block, order W, H, D."""
    matrix = torch.as_tensor(warp.matrix, dtype=torch.float32, device=device)
    axes = [torch.arange(length, device=device, dtype=torch.float32) - (length - 1) / 2 for length in patch]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)  # (*patch, 3)
    source = torch.einsum("nij,dhwj->ndhwi", matrix, offsets)
    if warp.bend.any():
        bend = functional.interpolate(
            torch.as_tensor(warp.bend, device=device), size=patch, mode="trilinear", align_corners=True
        )
        source = source + bend.permute(0, 2, 3, 4, 1)
    half = torch.tensor([max(length - 1, 1) / 2 for length in block], device=device)
    return (source / half).flip(-1)
