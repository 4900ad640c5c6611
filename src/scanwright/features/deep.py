"""Deep features: what a network makes of an image before it answers."""

import itertools
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.errors import UsageError
from scanwright.inference.predict import pad_to_patch
from scanwright.inference.windows import plan_windows
from scanwright.network.blocks import fold_space
from scanwright.network.unet import UNet
from scanwright.plan.plan import Plan
from scanwright.types import Floats


@runtime_checkable
class HasFeatures(Protocol):
    """A network that says itself what its features are."""

    def features(self, image_NCDHW: Tensor) -> Tensor:
        """(N, C, D, H, W) to (N, F)."""


def deep_features(network: nn.Module, batches_NCDHW: Iterable[Tensor], *, device: str = "cpu") -> Floats:
    """(N, F) float64 features of images as the network takes them, one row an image; (0, 0) for no batch.

    A network with a method `features` is asked for them; of a U-Net they are the coarsest map of its encoder, averaged over
    space (and over slices where it works slice by slice). The network is left in the mode and on the device it was found.
    Raises UsageError for any other network.
    """
    found = [np.zeros((0, 0))]
    was_training, weights = network.training, next(network.parameters(), None)
    place = "cpu" if weights is None else weights.device  # a classical model has none
    network.eval().to(device)
    try:
        with torch.inference_mode():
            for batch in batches_NCDHW:
                found.append(_features(network, batch.to(device)).float().cpu().numpy().astype(np.float64))
    finally:
        network.train(was_training).to(place)
    return np.concatenate(found[1:]) if len(found) > 1 else found[0]


def _features(network: nn.Module, image_NCDHW: Tensor) -> Tensor:
    if isinstance(network, HasFeatures):
        return network.features(image_NCDHW)
    if isinstance(network, UNet):
        return _of_unet(network, image_NCDHW)
    raise UsageError("no features can be taken from this network", found=type(network).__name__)


def _of_unet(network: UNet, image_NCDHW: Tensor) -> Tensor:
    batch = image_NCDHW.shape[0]
    maps = image_NCDHW
    if network.dims == 2:
        maps = image_NCDHW.transpose(1, 2).flatten(0, 1)
    maps = fold_space(maps, network.fold)
    for encode in network.encoder:
        maps = encode(maps)
    means = maps.flatten(2).mean(dim=2)
    return means.reshape(batch, -1, means.shape[1]).mean(dim=1)


def deep_names(prefix: str, count: int) -> tuple[str, ...]:
    """Names of so many features: "prefix_000", "prefix_001", …"""
    digits = max(3, len(str(count - 1)))
    return tuple(f"{prefix}_{number:0{digits}d}" for number in range(count))


def image_features(network: nn.Module, image_CDHW: Floats, plan: Plan, *, device: str = "cpu") -> Floats:
    """(F,) float64 features of a prepared image: of a network of whole images those of the image; of a U-Net, which knows
    patches alone, the mean over patches side by side.
    """
    padded, _ = pad_to_patch(image_CDHW, plan.batch.patch)
    if not isinstance(network, UNet):
        return np.asarray(deep_features(network, [torch.from_numpy(padded)[None]], device=device)[0])
    size = plan.batch.patch
    depth, height, width = padded.shape[1:]
    axes = plan_windows((depth, height, width), size, step_share=1.0)
    patches = (
        torch.from_numpy(padded[:, d : d + size[0], h : h + size[1], w : w + size[2]].copy())[None]
        for d, h, w in itertools.product(*(axis.starts for axis in axes))
    )
    return np.asarray(deep_features(network, patches, device=device).mean(axis=0))
