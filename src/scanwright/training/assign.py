"""Which cell of a detector learns which box: those whose own answers fit it best, so that class and place are learned together.

Source: Feng et al. 2021, ICCV (TOOD, task-aligned assignment, with their numbers).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BEST = 13
"""Cells that learn one box, at most."""
SHARPNESS = 6
"""Power of the overlap beside the first power of the probability."""
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Assignment:
    """For each of P cells of one image: targets (P, K) in [0, 1], how well it fits its box under that box's class and 0 else;
    owner (P,) the box that it learns, -1 for none; counted (P,) bool, whether the absence of a box there counts.
    """

    targets: Tensor
    owner: Tensor
    counted: Tensor


def assign(
    logits_PK: Tensor, corners_P23: Tensor, centres_P3: Tensor, boxes_M23: Tensor, codes_M: Tensor, *, ignored_M: Tensor
) -> Assignment:
    """Share the cells of one image among its boxes, by what the network answers now. Nothing here has a gradient.

    boxes, corners, centres: in voxels of the image. codes: the class of each box. ignored: boxes that nobody learns; where
    cells lie inside one, absence does not count either.

    A cell may learn a box that its centre lies in; a box in which none lies is learned by the nearest. Of these the BEST with
    the largest probability times overlap ** SHARPNESS are taken, and a cell that several boxes take learns the one that it
    overlaps most. The target is that product, scaled so that the best cell of a box has its overlap.
    """
    cells, classes = logits_PK.shape
    owner = torch.full((cells,), -1, dtype=torch.long, device=logits_PK.device)
    targets = logits_PK.new_zeros(cells, classes)
    inside_MP = ((centres_P3 > boxes_M23[:, None, 0]) & (centres_P3 < boxes_M23[:, None, 1])).all(dim=2)
    counted = ~inside_MP[ignored_M].any(dim=0)
    boxes_M23, codes_M, inside_MP = boxes_M23[~ignored_M], codes_M[~ignored_M], inside_MP[~ignored_M]
    if not len(boxes_M23):
        return Assignment(targets, owner, counted)
    missed = ~inside_MP.any(dim=1)
    if missed.any():
        away = (centres_P3 - boxes_M23[missed].mean(dim=1)[:, None]).square().sum(dim=2)
        inside_MP[missed] = torch.zeros_like(inside_MP[missed]).scatter(1, away.argmin(dim=1, keepdim=True), True)
    overlap_MP = overlaps(boxes_M23[:, None], corners_P23[None]) * inside_MP
    fit_MP = logits_PK.sigmoid().T[codes_M] * overlap_MP**SHARPNESS
    ranked = fit_MP + torch.where(inside_MP, TINY, 0.0)  # among cells that fit nowhere yet, still only those inside
    best = ranked.topk(min(BEST, cells), dim=1).indices
    taken_MP = torch.zeros_like(inside_MP).scatter(1, best, True) & inside_MP
    nearest = torch.where(taken_MP, overlap_MP, -1.0).argmax(dim=0)
    taken_MP &= nearest == torch.arange(len(boxes_M23), device=nearest.device)[:, None]
    learned = taken_MP.any(dim=0)
    owner[learned] = nearest[learned]
    fit_MP, overlap_MP = fit_MP * taken_MP, overlap_MP * taken_MP
    scaled = fit_MP * overlap_MP.amax(dim=1, keepdim=True) / fit_MP.amax(dim=1, keepdim=True).clamp_min(TINY)
    targets[learned, codes_M[owner[learned]]] = scaled.amax(dim=0)[learned]
    return Assignment(targets, owner, counted | learned)


def overlaps(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 2, 3), broadcast; 0 for boxes without a volume."""
    joint = intersections(first, second)
    union = volumes(first) + volumes(second) - joint
    return joint / union.clamp_min(TINY)


def intersections(first: Tensor, second: Tensor) -> Tensor:
    """The volume that boxes (..., 2, 3) share."""
    start = torch.maximum(first[..., 0, :], second[..., 0, :])
    end = torch.minimum(first[..., 1, :], second[..., 1, :])
    return (end - start).clamp_min(0).prod(dim=-1)


def volumes(boxes: Tensor) -> Tensor:
    """Of boxes (..., 2, 3), 0 where an end lies before its start."""
    return (boxes[..., 1, :] - boxes[..., 0, :]).clamp_min(0).prod(dim=-1)
