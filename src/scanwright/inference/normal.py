"""How far an image, and each voxel of it on its own grid, lies beyond what is normal, by every model."""

import numpy as np
import torch
from torch.nn import functional

from scanwright.geometry.resample import resize
from scanwright.inference.predict import Engine
from scanwright.network.normal import NormalModel, logits
from scanwright.transform.preprocess import Placement
from scanwright.types import Floats

INSIDE = -30.0
"""What a voxel has that was cut away before the image was looked at: it is usual."""


@torch.no_grad()
def predict_normal(engine: Engine, image_CDHW: Floats, placement: Placement) -> tuple[Floats, Floats]:
    """How probable normal and abnormal are (2,), and by how many spreads each voxel lies beyond the limit, (I, J, K); float32,
    both the mean over the models (`NormalModel.excess`).
    """
    image = torch.from_numpy(image_CDHW)[None].to(engine.device)
    chances, maps = [], []
    for network in engine.networks:
        assert isinstance(network, NormalModel), "the plan has such models only"
        places, whole = network.looked_at(image)
        chances.append(engine.problem.probabilities(logits(places, whole))[0])
        maps.append(places)
    mean = torch.stack(maps).mean(0)[:, None]
    fine = functional.interpolate(mean, size=placement.shape, mode="trilinear")[0].cpu().numpy()
    own = resize(fine - INSIDE, placement.box_shape, order=1)[0]
    excess = np.asarray(placement.back(own) + INSIDE, dtype=np.float32)
    return torch.stack(chances).mean(0).cpu().numpy(), excess
