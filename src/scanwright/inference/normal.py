"""How far an image, and each voxel of it on its own grid, lies beyond what is normal, by every model."""

import numpy as np
import torch
from torch.nn import functional

from scanwright.geometry.resample import resize
from scanwright.inference.predict import Engine
from scanwright.network.normal import NormalModel, logits
from scanwright.transform.preprocess import Placement
from scanwright.types import Floats, Shape3

INSIDE = -30.0
"""What a voxel has that was cut away before the image was looked at: it is usual."""


@torch.no_grad()
def predict_normal(engine: Engine, image_CDHW: Floats, placement: Placement) -> tuple[Floats, Floats]:
    """How probable normal and abnormal are (2,), and by how many spreads each voxel lies beyond the limit, (I, J, K); float32.

    Both are of the mean over the models (`NormalModel.excess`), so that a place beyond the limit is shown where, and only
    where, the image is told as abnormal for it.
    """
    image = torch.from_numpy(image_CDHW)[None].to(engine.device)
    seen = []
    for network in engine.networks:
        assert isinstance(network, NormalModel), "the plan has such models only"
        seen.append(network.looked_at(image))
    places, whole = (torch.stack(parts).mean(0) for parts in zip(*seen, strict=True))
    chances = engine.problem.probabilities(logits(places, whole))[0]
    fine = between(places[:, None], placement.shape)[0].cpu().numpy()
    own = resize(fine - INSIDE, placement.box_shape, order=1)[0]
    excess = np.asarray(placement.back(own) + INSIDE, dtype=np.float32)
    return chances.cpu().numpy(), excess


def between(map_N1DHW: torch.Tensor, size: Shape3) -> torch.Tensor:
    """A map of excess on another grid: linear between its cells, but nowhere less than a cell that is beyond the limit, whose
    peak would be lost.
    """
    smooth = functional.interpolate(map_N1DHW, size=size, mode="trilinear")
    own = functional.interpolate(map_N1DHW, size=size, mode="nearest-exact")
    return torch.where(own > 0, torch.maximum(own, smooth), smooth)
