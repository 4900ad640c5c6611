"""How far an image, and each voxel of it on its own grid, lies beyond what is normal, by every model."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from scanwright.geometry.resample import resize
from scanwright.geometry.volume import Volume
from scanwright.inference.members import members_of, shares_of
from scanwright.inference.predict import Engine
from scanwright.network.normal import NormalModel, logits
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import Placement, to_network
from scanwright.types import Floats, Shape3

INSIDE = -30.0
"""What a voxel has that was cut away before the image was looked at: it is usual."""


def answer_normal(engine: Engine, image: Volume, *, where: Path | None = None) -> tuple[Floats, Floats]:
    """As `predict_normal`, in the mean over the members by their weights, each of which sees the image as its own plan prepares
    it. where: named in errors. Raises InputError for an image that cannot be prepared.
    """
    chances, excess = [], []
    for member in members_of(engine):
        network_input, placement = to_network(image, member.plan.preprocess)
        require_finite(network_input, where=where)
        whole, places = predict_normal(member, network_input, placement)
        chances.append(whole)
        excess.append(places)
    if len(chances) == 1:
        return chances[0], excess[0]
    shares = np.array(shares_of(engine), dtype=np.float32)
    return np.tensordot(shares, np.stack(chances), axes=1), np.tensordot(shares, np.stack(excess), axes=1)


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
