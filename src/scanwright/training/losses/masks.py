"""Losses of masks by name, for classes that exclude each other and for regions that may overlap.

Overlap counts each class once, whatever its size; class weights are those of cross-entropy, and a loss without that term
does not use them. Class 0 of exclusive classes is the background and has no overlap term, but in `generalised_dice`.
"""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from scanwright.training.losses.dense import (
    binary_cross_entropy,
    boundary,
    cross_entropy,
    exclusive_dice_ce,
    exclusive_parts,
    focal_tversky,
    generalised_dice,
    overlapping_dice_ce,
    soft_dice,
    top_k_binary_cross_entropy,
    top_k_cross_entropy,
    tversky,
)
from scanwright.training.losses.precision import single

BOUNDARY_SHARE = 0.01
"""Weight of the boundary term, with distances in voxels: what the source begins with. Theirs then grows, this stays."""

Term = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(probabilities or logits, one_hot, mask) to a scalar; shapes as in `dense`."""


class ExclusiveLoss(Protocol):
    """A loss of classes that exclude each other."""

    def __call__(self, logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None) -> Tensor:
        """logits (N, K, *size), codes (N, *size) of integers, weights (K,), to a scalar."""
        ...


OverlappingLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A loss of regions that may overlap: logits (N, K, *size), regions (N, K, *size) of 0 and 1, mask (N, 1, *size)."""


def exclusive_overlap(term: Term, *, background: bool = False) -> ExclusiveLoss:
    """A measure of overlap as a loss of exclusive classes, through softmax; all of the classes or all but the first."""

    def loss(logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None) -> Tensor:
        logits = single(logits)
        one_hot, mask = exclusive_parts(codes.long(), logits.shape[1], ignore=ignore)
        first = 0 if background else 1
        return term(logits.softmax(1)[:, first:], one_hot[:, first:].to(logits.dtype), mask)

    return loss


def exclusive_entropy(term: ExclusiveLoss) -> ExclusiveLoss:
    """Cross-entropy for logits of any precision and codes of any integer type."""
    return lambda logits, codes, *, ignore, weights=None: term(
        single(logits), codes.long(), ignore=ignore, weights=weights
    )


def exclusive_sum(first: ExclusiveLoss, second: ExclusiveLoss, *, share: float = 1.0) -> ExclusiveLoss:
    """The first loss plus a share of the second."""

    def loss(logits: Tensor, codes: Tensor, *, ignore: int, weights: Tensor | None = None) -> Tensor:
        head = first(logits, codes, ignore=ignore, weights=weights)
        return head + share * second(logits, codes, ignore=ignore, weights=weights)

    return loss


def overlapping_overlap(term: Term) -> OverlappingLoss:
    """A measure of overlap as a loss of regions that may overlap, through a sigmoid each."""

    def loss(logits: Tensor, regions: Tensor, mask: Tensor) -> Tensor:
        logits = single(logits)
        return term(logits.sigmoid(), regions.to(logits.dtype), mask)

    return loss


def overlapping_entropy(term: Term) -> OverlappingLoss:
    """Binary cross-entropy for logits of any precision and regions of any type."""

    def loss(logits: Tensor, regions: Tensor, mask: Tensor) -> Tensor:
        logits = single(logits)
        return term(logits, regions.to(logits.dtype), mask)

    return loss


def overlapping_sum(first: OverlappingLoss, second: OverlappingLoss, *, share: float = 1.0) -> OverlappingLoss:
    """The first loss plus a share of the second."""
    return lambda logits, regions, mask: first(logits, regions, mask) + share * second(logits, regions, mask)


EXCLUSIVE: dict[str, ExclusiveLoss] = {
    "dice_ce": exclusive_dice_ce,
    "ce": exclusive_entropy(cross_entropy),
    "top_k": exclusive_entropy(top_k_cross_entropy),
    "dice_top_k": exclusive_sum(exclusive_overlap(soft_dice), exclusive_entropy(top_k_cross_entropy)),
    "tversky": exclusive_overlap(tversky),
    "focal_tversky": exclusive_overlap(focal_tversky),
    "generalised_dice": exclusive_overlap(generalised_dice, background=True),
    "dice_ce_boundary": exclusive_sum(exclusive_dice_ce, exclusive_overlap(boundary), share=BOUNDARY_SHARE),
}

OVERLAPPING: dict[str, OverlappingLoss] = {
    "dice_bce": overlapping_dice_ce,
    "bce": overlapping_entropy(binary_cross_entropy),
    "top_k": overlapping_entropy(top_k_binary_cross_entropy),
    "dice_top_k": overlapping_sum(overlapping_overlap(soft_dice), overlapping_entropy(top_k_binary_cross_entropy)),
    "tversky": overlapping_overlap(tversky),
    "focal_tversky": overlapping_overlap(focal_tversky),
    "generalised_dice": overlapping_overlap(generalised_dice),
    "dice_bce_boundary": overlapping_sum(overlapping_dice_ce, overlapping_overlap(boundary), share=BOUNDARY_SHARE),
}
