"""What a network makes of an image on its way to an answer: mean and deviation of each channel after each of its
stages.

Networks of places (U-Net, detector) know patches: what they make of up to MOST_WINDOWS of them, side by side or evenly
spread, is taken together. Networks of whole images see the image. A model without stages (classical, transformer, of
what is normal) has one, its features.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.features.deep import HasFeatures
from scanwright.features.served import ClassicalNetwork
from scanwright.inference.predict import pad_to_patch
from scanwright.inference.windows import plan_windows
from scanwright.network.blocks import fold_space
from scanwright.network.detector import Detector
from scanwright.network.encoder import Encoder
from scanwright.network.unet import UNet
from scanwright.network.whole import WholeImage
from scanwright.plan.plan import Plan
from scanwright.types import Floats, three

MOST_WINDOWS = 12
"""Patches of a large volume that are looked at: as many again changed no verdict, and cost as much again."""


def depth_features(network: nn.Module, image_CDHW: Floats, plan: Plan, *, device: str = "cpu") -> tuple[Floats, ...]:
    """Features (F,) float64 of a prepared image, one array a stage, fine to coarse; () of a network that has none.

    The network is left in the mode and on the device it was found.
    """
    padded, _ = pad_to_patch(image_CDHW, plan.batch.patch)
    was_training, weights = network.training, next(network.parameters(), None)
    place = "cpu" if weights is None else weights.device
    network.eval().to(device)
    try:
        with torch.inference_mode():
            parts = [_moments(network, torch.from_numpy(one)[None].to(device)) for one in _seen(network, padded, plan)]
    finally:
        network.train(was_training).to(place)
    stages = zip(*parts, strict=True)
    return tuple(_taken_together([pair[0] for pair in stage], [pair[1] for pair in stage]) for stage in stages)


def _seen(network: nn.Module, padded_CDHW: Floats, plan: Plan) -> Iterator[Floats]:
    """The whole image, or patches of it that lie side by side; evenly spread where there are many."""
    if not isinstance(network, (UNet, Detector)):
        yield np.array(padded_CDHW)  # a file of the store cannot be written to, which torch warns of
        return
    size = plan.batch.patch
    axes = plan_windows(three(padded_CDHW.shape[1:]), size, step_share=1.0)
    corners = list(itertools.product(*(axis.starts for axis in axes)))
    chosen = sorted({int(place) for place in np.linspace(0, len(corners) - 1, min(len(corners), MOST_WINDOWS))})
    for d, h, w in (corners[place] for place in chosen):
        yield np.array(padded_CDHW[:, d : d + size[0], h : h + size[1], w : w + size[2]])


def _moments(network: nn.Module, image_NCDHW: Tensor) -> list[tuple[Floats, Floats]]:
    """Mean and mean square (F,) of each channel of each stage; where features have no places, they and None squares."""
    return [_pooled(one) for one in _stages(network, image_NCDHW)]


def _stages(network: nn.Module, image_NCDHW: Tensor) -> list[Tensor]:
    """The map after each stage, (M, F, *cells), M slices; or features (1, F)."""
    if isinstance(network, ClassicalNetwork) and network.encoder is not None:
        network = network.encoder
    if isinstance(network, (UNet, Detector, WholeImage)) and network.dims == 2:
        image_NCDHW = image_NCDHW.transpose(1, 2).flatten(0, 1)
    if isinstance(network, UNet):
        maps, found = fold_space(image_NCDHW, network.fold), []
        for encode in network.encoder:
            maps = encode(maps)
            found.append(maps)
        return found
    if isinstance(network, (Detector, WholeImage)):
        encoder = network.encoder
        return encoder.maps(image_NCDHW) if isinstance(encoder, Encoder) else [encoder(image_NCDHW)]
    return [network.features(image_NCDHW)] if isinstance(network, HasFeatures) else []


def _pooled(map_NF: Tensor) -> tuple[Floats, Floats]:
    if map_NF.ndim == 2:
        values = map_NF.double().mean(0).cpu().numpy()
        return values, np.full_like(values, np.nan)
    flat = map_NF.double().transpose(0, 1).flatten(1)
    return flat.mean(1).cpu().numpy(), flat.square().mean(1).cpu().numpy()


def _taken_together(means: list[Floats], squares: list[Floats]) -> Floats:
    """Mean and deviation over all patches, (2 F,); the mean alone of features that have no places."""
    mean, square = np.mean(means, axis=0), np.mean(squares, axis=0)
    if np.isnan(square).any():
        return np.asarray(mean)
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))])
