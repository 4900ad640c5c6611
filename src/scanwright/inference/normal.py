"""How far each voxel of an image lies beyond what is normal, by every model, on the image's own grid."""

import numpy as np
import torch
from torch.nn import functional

from scanwright.geometry.resample import resize
from scanwright.inference.predict import Engine
from scanwright.network.normal import NormalModel
from scanwright.transform.preprocess import Placement
from scanwright.types import Floats

INSIDE = -30.0
"""What a voxel has that was cut away before the image was looked at: it is usual."""


@torch.no_grad()
def predict_excess(engine: Engine, image_CDHW: Floats, placement: Placement) -> Floats:
    """(I, J, K) float32: the mean over the models; above 0 is abnormal (`NormalModel.excess`)."""
    image = torch.from_numpy(image_CDHW)[None].to(engine.device)
    maps = []
    for network in engine.networks:
        assert isinstance(network, NormalModel), "the plan has such models only"
        maps.append(network.map(image))
    mean = torch.stack(maps).mean(0)[:, None]
    fine = functional.interpolate(mean, size=placement.shape, mode="trilinear")[0].cpu().numpy()
    own = resize(fine - INSIDE, placement.box_shape, order=1)[0]
    return np.asarray(placement.back(own) + INSIDE, dtype=np.float32)
