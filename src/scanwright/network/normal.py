"""A model of what is normal: at each place a Gaussian of features, and how far normal images stray from it.

How far a place of an image lies from what is normal there is its Mahalanobis distance. Two things are seen: how much a place
stands out from its own image (its distance over the median one), which a lesion makes large; and the mean distance, which a
diffuse change makes large. Both are told in standard deviations of what normal images reach at most that the model has
not been fitted to. `limit` is what their share of false alarms leaves.

Source: position-wise Gaussians: PaDiM, Defard et al. 2021, ICPR 2021 Workshops, LNCS 12664:475. The limit: a conformal
quantile, Laxhammar and Falkman 2015, Ann Math Artif Intell 74:67.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from scanwright.network.filters import block_means, blurred, local_features
from scanwright.plan.normal_plan import NormalPlan
from scanwright.types import Shape3

SMOOTH = 1.0
"""Cells, by whose width the map of distances is smoothed: one cell alone may stray."""
LEAST = 1e-6
SIMPLIFIED = 4
"""Cells along each axis to which features are averaged where images are compared as wholes."""


class NormalModel(nn.Module):
    """forward: image (N, C, D, H, W) of any size to a list with one tensor (N, 2): logits of normal and of abnormal.

    mean (F, *cells): of each feature at each place. whiten (*blocks, F, F): by which a deviation from it becomes one of
    independent numbers of variance 1. center, spread (2,): of what normal images reach at most at a place, and in the mean.
    limit (): in spreads beyond the centre.
    """

    mean: Tensor
    whiten: Tensor
    center: Tensor
    spread: Tensor
    limit: Tensor

    def __init__(self, plan: NormalPlan) -> None:
        super().__init__()
        self.plan = plan
        features = plan.features
        self.register_buffer("mean", torch.zeros((features, *plan.cells)))
        self.register_buffer("whiten", torch.eye(features).expand(*plan.blocks, features, features).clone())
        self.register_buffer("center", torch.zeros(2))
        self.register_buffer("spread", torch.ones(2))
        self.register_buffer("limit", torch.zeros(()))

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        """Logits (N, 2); that of abnormal is by how many spreads the most unusual exceeds the limit."""
        return [logits(*self.looked_at(image_NCDHW))]

    def looked_at(self, image_NCDHW: Tensor) -> tuple[Tensor, Tensor]:
        """`excess` of images, in full precision."""
        with torch.autocast(image_NCDHW.device.type, enabled=False):
            return self.excess(self.distances(self.seen(image_NCDHW)))

    def seen(self, image_NCDHW: Tensor) -> Tensor:
        """(N, F, *cells): features of images, brought to the planned size first."""
        image = brought_to(image_NCDHW.float(), self.plan.size)
        return block_means(local_features(image, self.plan.scales), self.plan.steps)

    def distances(self, seen_NF: Tensor) -> Tensor:
        """(N, *cells): how far each place lies from what is normal there; 1 is usual."""
        return distances(seen_NF, self.mean, self.whiten, block=self.plan.block)

    def excess(self, distances_N: Tensor) -> tuple[Tensor, Tensor]:
        """By how many spreads images with distances (N, *cells) exceed the limit: at each place, (N, *cells), and in the mean,
        (N,). Above 0 is abnormal.
        """
        places, whole = standing_out(distances_N), distances_N.flatten(1).mean(1)
        center, spread = self.center, self.spread
        return (places - center[0]) / spread[0] - self.limit, (whole - center[1]) / spread[1] - self.limit

    def features(self, image_NCDHW: Tensor) -> Tensor:
        """(N, R) by which whole images are compared: how their features deviate from what is normal, coarsely."""
        deviation = self.seen(image_NCDHW) - self.mean
        d, h, w = (min(SIMPLIFIED, length) for length in self.plan.cells)
        return functional.adaptive_avg_pool3d(deviation, (d, h, w)).flatten(1)


def logits(places_N: Tensor, whole_N: Tensor) -> Tensor:
    """(N, 2) of normal and of abnormal, from what `NormalModel.excess` gives."""
    most = torch.maximum(places_N.flatten(1).amax(1), whole_N)
    return torch.stack([torch.zeros_like(most), most], dim=1)


def brought_to(image_NCDHW: Tensor, size: Shape3) -> Tensor:
    """Images of another size: means over equal stretches of longer axes, so that speckle is averaged and not picked from, and
    linear between the voxels of shorter ones.
    """
    d, h, w = (min(want, have) for want, have in zip(size, image_NCDHW.shape[2:], strict=True))
    shrunk = functional.adaptive_avg_pool3d(image_NCDHW, (d, h, w))
    return shrunk if (d, h, w) == size else functional.interpolate(shrunk, size=size, mode="trilinear")


def distances(seen_NF: Tensor, mean_F: Tensor, whiten: Tensor, *, block: int) -> Tensor:
    """(N, *cells): root of the mean squared whitened deviation of features (N, F, *cells) from their mean (F, *cells).

    whiten: (*blocks, F, F), of blocks of `block` cells along each axis.
    """
    d, h, w = (torch.arange(length, device=seen_NF.device) // block for length in seen_NF.shape[2:])
    own = whiten[d[:, None, None], h[None, :, None], w[None, None, :]]
    independent = torch.einsum("dhwfg,ngdhw->nfdhw", own, seen_NF - mean_F)
    return independent.square().mean(1).sqrt()


def standing_out(distances_N: Tensor) -> Tensor:
    """(N, *cells): distances over the median one of their image, smoothed."""
    median = distances_N.flatten(1).median(1).values.clamp_min(LEAST)
    return blurred((distances_N / median[:, None, None, None])[:, None], SMOOTH)[:, 0]


def most_unusual(distances_N: Tensor) -> Tensor:
    """(N, 2): how much a place stands out at most, and the mean distance."""
    return torch.stack([standing_out(distances_N).flatten(1).amax(1), distances_N.flatten(1).mean(1)], dim=1)
