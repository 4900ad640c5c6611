"""Losses: each a function of logits and target, with its source. Voxels outside the mask count for nothing.

Shapes: logits (N, K, *size); one_hot (N, K, *size) of 0 and 1; mask (N, 1, *size) of 0 and 1. All give one scalar, float32.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1e-5


def soft_dice(probabilities: Tensor, one_hot: Tensor, mask: Tensor) -> Tensor:
    """1 - soft Dice, each class over the whole batch, mean over classes; in [0, 1].

    A class that is absent from the batch and not predicted costs nothing. Over the batch, not the sample, because a patch
    often lacks a class, and Dice on nothing is noise. Source: Milletari et al. 2016, 3DV; Drozdzal et al. 2016 (batch form).
    """
    axes = (0, *range(2, probabilities.ndim))
    overlap = (probabilities * one_hot * mask).sum(axes)
    total = ((probabilities + one_hot) * mask).sum(axes)
    return 1 - ((2 * overlap + SMOOTH) / (total + SMOOTH)).mean()


def cross_entropy(logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of exclusive classes over the voxels that are not ignored; codes (N, *size) int64.

    weights: (K,) of each class; the mean is then a weighted one.

    Zero, with a gradient of zero, if every voxel is ignored.
    """
    kept = codes != ignore
    counted = kept.sum() if weights is None else weights[codes[kept]].sum()
    total = functional.cross_entropy(logits, codes, weights, ignore_index=ignore, reduction="sum")
    return total / counted.clamp_min(SMOOTH)


def binary_cross_entropy(logits: Tensor, one_hot: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy of regions that may overlap, over the voxels of the mask."""
    each = functional.binary_cross_entropy_with_logits(logits, one_hot, reduction="none")
    return (each * mask).sum() / (mask.sum() * logits.shape[1]).clamp_min(1)


def exclusive_dice_ce(logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None) -> Tensor:
    """Dice plus cross-entropy for exclusive classes; class 0 is background and has no Dice term.

    Source: Isensee et al. 2021, Nat Methods 18:203 (the sum, both weights 1).
    """
    logits = logits.float()
    codes = codes.long()
    mask = (codes != ignore)[:, None]
    one_hot = functional.one_hot(codes.masked_fill(~mask[:, 0], 0), logits.shape[1]).movedim(-1, 1)
    probabilities = logits.softmax(1)
    dice = soft_dice(probabilities[:, 1:], one_hot[:, 1:].to(logits.dtype), mask)
    return dice + cross_entropy(logits, codes, ignore=ignore, weights=weights)


def overlapping_dice_ce(logits: Tensor, regions: Tensor, mask: Tensor) -> Tensor:
    """Dice plus binary cross-entropy for regions that may overlap or nest; regions (N, K, *size) of 0 and 1."""
    logits = logits.float()
    regions = regions.to(logits.dtype)
    return soft_dice(logits.sigmoid(), regions, mask) + binary_cross_entropy(logits, regions, mask)


def deep_supervision_weights(levels: int) -> list[float]:
    """Weights of the losses from fine to coarse: each half of the one before, summing to 1 (as nnU-Net)."""
    weights = [0.5**level for level in range(levels)]
    return [weight / sum(weights) for weight in weights]


def shrink_codes(codes: Tensor, size: Sequence[int]) -> Tensor:
    """Integer codes (N, *size) brought to a coarser size by the nearest voxel."""
    coarse = functional.interpolate(codes[:, None].to(torch.float32), size=tuple(size), mode="nearest-exact")
    return coarse[:, 0].to(codes.dtype)
