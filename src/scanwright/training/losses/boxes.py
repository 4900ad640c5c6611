"""Losses of boxes: what a detector answers in each cell, against the boxes that are there.

Shapes: found (N, P, K + 9), of each cell K logits of classes, the corners of its box and its own centre, as `network.detector`
gives them; boxes (N, M, 7), of each the code of its class and its corners, start (D, H, W) and end, in voxels of the image. A
code below 0 fills up rows of images with fewer boxes; IGNORE is a box that is there, and that nobody is to learn.

Which cell learns which box: `training.assign`. Both parts are sums over cells over the sum of all targets of the batch, so that
an image counts by its boxes; a batch without any counts its false alarms alone. One scalar, float32.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from scanwright.protocols import IGNORE
from scanwright.training.assign import Assignment, assign, intersections, volumes

PLACE_WEIGHT = 2.0
"""What the overlap counts beside the class (Feng et al. 2021)."""
ABSENT = 0.75
"""What a cell without a box counts, times the square of the probability that it gives one."""
TINY = 1e-9


class BoxLoss(Protocol):
    """A loss of boxes."""

    def __call__(self, found: Tensor, boxes: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """found (N, P, K + 9), boxes (N, M, 7), weights (K,) of classes, to a scalar."""
        ...


def varifocal(found: Tensor, boxes: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of each class to how well the cell fits, absence counted by how wrong it is, and generalised overlap.

    Source: Zhang et al. 2021, CVPR (VarifocalNet); Rezatofighi et al. 2019, CVPR (generalised IoU).
    """
    return _classes_and_places(found, boxes, weights, _varifocal)


def quality_focal(found: Tensor, boxes: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """As above, but every term counts by the square of its error, presence too. Source: Li et al. 2020, NeurIPS (GFL)."""
    return _classes_and_places(found, boxes, weights, _quality_focal)


BOXES: dict[str, BoxLoss] = {"varifocal": varifocal, "quality_focal": quality_focal}


def _varifocal(chances: Tensor, targets: Tensor) -> Tensor:
    return torch.where(targets > 0, targets, ABSENT * chances**2)


def _quality_focal(chances: Tensor, targets: Tensor) -> Tensor:
    return (targets - chances) ** 2


def _classes_and_places(
    found: Tensor, boxes: Tensor, weights: Tensor | None, counts: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    logits, corners, centres = parted(found)
    shared = [assigned(*one) for one in zip(logits.detach(), corners.detach(), centres, boxes, strict=True)]
    targets = torch.stack([one.targets for one in shared])
    counted = torch.stack([one.counted for one in shared])
    total = targets.sum().clamp_min(1.0)
    terms = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    terms = terms * counts(logits.detach().sigmoid(), targets) * counted[..., None]
    classes = (terms if weights is None else terms * weights).sum()
    places = torch.stack([_misplaced(*one) for one in zip(shared, corners, boxes, strict=True)]).sum()
    total_loss: Tensor = (classes + PLACE_WEIGHT * places) / total
    return total_loss


def _misplaced(shared: Assignment, corners_P23: Tensor, boxes_M7: Tensor) -> Tensor:
    """How far the boxes of one image's learning cells are off, each times its target."""
    learning = shared.owner >= 0
    wanted = known(boxes_M7)[shared.owner[learning]]
    return (shared.targets[learning].sum(dim=1) * (1 - generalised(corners_P23[learning], wanted))).sum()


def parted(found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (N, P, K), corners (N, P, 2, 3) and centres (N, P, 3) of what a detector answers, float32."""
    found = found.float()
    return found[..., :-9], found[..., -9:-3].reshape(*found.shape[:2], 2, 3), found[..., -3:]


def known(boxes_M7: Tensor) -> Tensor:
    """Corners (M', 2, 3) of the boxes that are to be learned."""
    codes = boxes_M7[:, 0]
    return corners_of(boxes_M7[(codes >= 0) & (codes != IGNORE)])


def corners_of(boxes_M7: Tensor) -> Tensor:
    """(M, 2, 3) float32."""
    return boxes_M7[:, 1:].reshape(-1, 2, 3).float()


def assigned(logits_PK: Tensor, corners_P23: Tensor, centres_P3: Tensor, boxes_M7: Tensor) -> Assignment:
    """The cells of one image shared among its boxes."""
    there = boxes_M7[boxes_M7[:, 0] >= 0]
    codes = there[:, 0].long()
    ignored = codes == IGNORE
    return assign(logits_PK, corners_P23, centres_P3, corners_of(there), codes, ignored_M=ignored)


def generalised(first: Tensor, second: Tensor) -> Tensor:
    """(n,) generalised intersection over union of boxes (n, 2, 3), in (-1, 1]: it knows how far apart boxes lie, too."""
    joint = intersections(first, second)
    union = (volumes(first) + volumes(second) - joint).clamp_min(TINY)
    around = torch.stack([torch.minimum(first[:, 0], second[:, 0]), torch.maximum(first[:, 1], second[:, 1])], dim=1)
    hull = volumes(around).clamp_min(TINY)
    found: Tensor = joint / union - (hull - union) / hull
    return found
