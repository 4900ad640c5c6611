"""Terms of the losses of masks: each a function with its source. Voxels outside the mask count for nothing.

Shapes: logits and probabilities (N, K, *size); one_hot (N, K, *size) of 0 and 1; mask of 0 and 1, (N, 1, *size), or of regions
that were not all looked for (N, K, *size); codes
(N, *size), the class of each voxel. All give one scalar, float32. `masks` puts them together under names.

Overlap is measured over the whole batch, not the sample, because a patch often lacks a class, and Dice on nothing is noise.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from scanwright.training.losses.distance_maps import signed_distances
from scanwright.training.losses.precision import single

SMOOTH = 1e-5


def soft_dice(probabilities: Tensor, one_hot: Tensor, mask: Tensor) -> Tensor:
    """1 - soft Dice, each class over the whole batch, mean over classes; in [0, 1].

    A class that is absent from the batch and not predicted costs nothing.
    Source: Milletari et al. 2016, 3DV; Drozdzal et al. 2016 (batch form).
    """
    axes = (0, *range(2, probabilities.ndim))
    overlap = (probabilities * one_hot * mask).sum(axes)
    total = ((probabilities + one_hot) * mask).sum(axes)
    return 1 - ((2 * overlap + SMOOTH) / (total + SMOOTH)).mean()


def generalised_dice(probabilities: Tensor, one_hot: Tensor, mask: Tensor) -> Tensor:
    """1 - Dice of all classes together, each divided by its squared size, so that small ones count as much; in [0, 1].

    An absent class weighs as much as the smallest that is present; where all are absent, they weigh alike.
    Source: Sudre et al. 2017, DLMIA, LNCS 10553:240.
    """
    axes = (0, *range(2, probabilities.ndim))
    sizes = (one_hot * mask).sum(axes)
    present = sizes > 0
    smallest = torch.where(present, sizes, torch.inf).min()
    weights = torch.where(present, smallest / sizes.clamp_min(1), 1.0).square()
    overlap = (weights * (probabilities * one_hot * mask).sum(axes)).sum()
    total = (weights * ((probabilities + one_hot) * mask).sum(axes)).sum()
    return 1 - (2 * overlap + SMOOTH) / (total + SMOOTH)


def tversky(
    probabilities: Tensor, one_hot: Tensor, mask: Tensor, *, missed: float = 0.7, invented: float = 0.3
) -> Tensor:
    """1 - Tversky index, each class over the whole batch, mean over classes; in [0, 1].

    missed, invented: what a false negative and a false positive count; with a half each, this is soft Dice.
    Source: Salehi et al. 2017, MLMI, LNCS 10541:379 (0.7 and 0.3 were best there).
    """
    return (1 - _tversky_indices(probabilities, one_hot, mask, missed, invented)).mean()


def focal_tversky(
    probabilities: Tensor,
    one_hot: Tensor,
    mask: Tensor,
    *,
    missed: float = 0.7,
    invented: float = 0.3,
    exponent: float = 0.75,
) -> Tensor:
    """(1 - Tversky index) ** exponent, each class over the whole batch, mean over classes; in [0, 1].

    exponent: 1 / gamma of the source. Below 1 the slope grows towards a perfect answer, where SMOOTH keeps it finite.
    Source: Abraham and Khan 2019, ISBI, p. 683 (gamma 4/3).
    """
    cost = 1 - _tversky_indices(probabilities, one_hot, mask, missed, invented)
    each: Tensor = (cost + SMOOTH) ** exponent - SMOOTH**exponent
    return each.mean()


def _tversky_indices(probabilities: Tensor, one_hot: Tensor, mask: Tensor, missed: float, invented: float) -> Tensor:
    axes = (0, *range(2, probabilities.ndim))
    hits = (probabilities * one_hot * mask).sum(axes)
    misses = ((1 - probabilities) * one_hot * mask).sum(axes)
    inventions = (probabilities * (1 - one_hot) * mask).sum(axes)
    indices: Tensor = (hits + SMOOTH) / (hits + missed * misses + invented * inventions + SMOOTH)
    return indices


def boundary(probabilities: Tensor, one_hot: Tensor, mask: Tensor) -> Tensor:
    """What is wrong times its distance to the class's boundary in voxels, mean over voxels and classes; 0 or more.

    A class without a boundary in a sample has no say there, so this is an addition to a loss of overlap, not a loss alone.
    Source: Kervadec et al. 2019, MIDL, PMLR 102:285; 2021, Med Image Anal 67:101851. Theirs is lower by what a perfect
    answer costs, a constant, so that here a perfect answer costs 0.
    """
    distances = signed_distances(one_hot, mask).to(probabilities.dtype)
    counted = mask.expand_as(probabilities).sum()
    return (distances * (probabilities - one_hot)).sum() / counted.clamp_min(1)


def cross_entropy(logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of exclusive classes over the voxels that are not ignored; codes (N, *size) int64.

    weights: (K,) of each class; the mean is then a weighted one.

    Zero, with a gradient of zero, if every voxel is ignored.
    """
    kept = codes != ignore
    counted = kept.sum() if weights is None else weights[codes[kept]].sum()
    total = functional.cross_entropy(logits, codes, weights, ignore_index=ignore, reduction="sum")
    return total / counted.clamp_min(SMOOTH)


def top_k_cross_entropy(
    logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None, share: float = 0.1
) -> Tensor:
    """Mean cross-entropy over the hardest voxels: those, of the ones not ignored, where it is largest.

    share: of the voxels, in (0, 1], rounded up. weights: (K,) of each class; the mean is then a weighted one, and the
    choice of voxels is not. Zero, with a gradient of zero, if every voxel is ignored.
    Source: Wu et al. 2016, arXiv:1605.06885 (there a fixed number of pixels).
    """
    kept = codes != ignore
    each = functional.cross_entropy(logits, codes, ignore_index=ignore, reduction="none")[kept]
    hardest, places = each.topk(math.ceil(share * len(each)))
    counted = torch.ones_like(hardest) if weights is None else weights.to(hardest.dtype)[codes[kept][places]]
    return (hardest * counted).sum() / counted.sum().clamp_min(SMOOTH)


def binary_cross_entropy(logits: Tensor, one_hot: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy of regions that may overlap, over the voxels of the mask."""
    each = functional.binary_cross_entropy_with_logits(logits, one_hot, reduction="none")
    return (each * mask).sum() / mask.expand_as(each).sum().clamp_min(1)


def top_k_binary_cross_entropy(logits: Tensor, one_hot: Tensor, mask: Tensor, *, share: float = 0.1) -> Tensor:
    """Mean binary cross-entropy over the hardest voxels of the mask, all regions in one ranking.

    Zero, with a gradient of zero, if the mask is empty. Source: as `top_k_cross_entropy`.
    """
    each = functional.binary_cross_entropy_with_logits(logits, one_hot, reduction="none")
    each = each[(mask != 0).expand_as(each)]
    return each.topk(math.ceil(share * len(each))).values.sum() / max(math.ceil(share * len(each)), 1)


def exclusive_dice_ce(logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None) -> Tensor:
    """Dice plus cross-entropy for exclusive classes; class 0 is background and has no Dice term.

    Source: Isensee et al. 2021, Nat Methods 18:203 (the sum, both weights 1).
    """
    logits = single(logits)
    codes = codes.long()
    one_hot, mask = exclusive_parts(codes, logits.shape[1], ignore=ignore)
    dice = soft_dice(logits.softmax(1)[:, 1:], one_hot[:, 1:].to(logits.dtype), mask)
    return dice + cross_entropy(logits, codes, ignore=ignore, weights=weights)


def overlapping_dice_ce(logits: Tensor, regions: Tensor, mask: Tensor) -> Tensor:
    """Dice plus binary cross-entropy for regions that may overlap or nest; regions (N, K, *size) of 0 and 1."""
    logits = single(logits)
    regions = regions.to(logits.dtype)
    return soft_dice(logits.sigmoid(), regions, mask) + binary_cross_entropy(logits, regions, mask)


def exclusive_parts(codes: Tensor, classes: int, *, ignore: int) -> tuple[Tensor, Tensor]:
    """Codes (N, *size) int64 as 0 and 1 of each class, (N, K, *size) int64, and the mask (N, 1, *size) of what counts."""
    mask = (codes != ignore)[:, None]
    return functional.one_hot(codes.masked_fill(~mask[:, 0], 0), classes).movedim(-1, 1), mask


def deep_supervision_weights(levels: int) -> list[float]:
    """Weights of the losses from fine to coarse: each half of the one before, summing to 1 (as nnU-Net)."""
    weights = [0.5**level for level in range(levels)]
    return [weight / sum(weights) for weight in weights]


def shrink_codes(codes: Tensor, size: Sequence[int]) -> Tensor:
    """Integer codes (N, *size) brought to a coarser size by the nearest voxel."""
    coarse = functional.interpolate(codes[:, None].to(torch.float32), size=tuple(size), mode="nearest-exact")
    return coarse[:, 0].to(codes.dtype)
