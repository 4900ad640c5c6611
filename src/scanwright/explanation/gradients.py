"""Where a network looked, from its gradients: Grad-CAM, integrated gradients and SmoothGrad.

A network takes (N, C, D, H, W), D = 1 in 2-D, and gives a list whose first tensor is (N, K). What is explained is a score
of each case, (N,), that a function makes of the outputs (N, K): one output, a difference of two, an expectation. Maps are
(D, H, W) float32, on the grid of the network's input, in units of the score; they say what moved the score, not why it is so.

The network is left as it was: its mode, its parameters and their gradients.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scanwright.runtime import generator
from scanwright.types import Floats

Score = Callable[[Tensor], Tensor]
"""The outputs of a network, (N, K), to what is explained, (N,)."""


def output_score(index: int) -> Score:
    """The score that is one output of the network, before softmax or sigmoid."""
    return lambda outputs: outputs[:, index]


def grad_cam(network: nn.Module, image_CDHW: Tensor, *, score: Score, layer: str) -> Floats:
    """Grad-CAM: the maps of a layer, each weighed by how the score rises with it, summed; only what raises it is kept.

    layer: name of the module whose output is looked at, as `network.get_submodule` knows it: the last one with a spatial map
    (N, F, d, h, w). A network that folds slices into samples gives (D, F, h, w) there; each slice then has its own weights.
    The result, 0 or more, is brought to the input's size linearly, so it is no finer than the layer's map. All 0 where
    nothing in the layer raises the score; the same everywhere if the map is a single voxel.
    Raises AttributeError if there is no such module, ValueError if its output is no spatial map of this one image.
    Source: Selvaraju et al. 2017, ICCV.
    """
    kept: list[Tensor] = []
    with _differentiable(network):
        handle = network.get_submodule(layer).register_forward_hook(lambda module, given, result: kept.append(result))
        try:
            scores = _scores(network, image_CDHW[None].detach().requires_grad_(), score)
        finally:
            handle.remove()
        maps = kept[-1]
        (slopes,) = torch.autograd.grad(scores.sum(), maps)
    volumes, slopes = (_volumes(part.detach(), layer, image_CDHW.shape[1]) for part in (maps, slopes))
    axes = (-2, -1) if maps.ndim == 4 else (-3, -2, -1)
    weighed = (slopes.mean(axes, keepdim=True) * volumes).sum(0).relu()
    sized = functional.interpolate(weighed[None, None], image_CDHW.shape[1:], mode="trilinear", align_corners=False)
    return _array(sized[0, 0])


def integrated_gradients(
    network: nn.Module,
    image_CDHW: Tensor,
    *,
    score: Score,
    baseline_CDHW: Tensor | None = None,
    steps: int = 64,
    batch: int = 8,
) -> Floats:
    """Integrated gradients: what each voxel adds to the score on the straight way from a baseline to the image.

    Signed; channels are summed. The sum over the map is the score of the image minus that of the baseline (completeness), up
    to the error of `steps` midpoints. baseline_CDHW: an image that says nothing; zeros, the mean of a z-scored image, if not
    given. A voxel that equals the baseline gets 0. batch: images at a time.
    Source: Sundararajan, Taly and Yan 2017, ICML, PMLR 70:3319.
    """
    baseline = torch.zeros_like(image_CDHW) if baseline_CDHW is None else baseline_CDHW
    way = image_CDHW - baseline
    places = (np.arange(steps) + 0.5) / steps
    total = torch.zeros(image_CDHW.shape, dtype=torch.float64, device=image_CDHW.device)
    for start in range(0, steps, batch):
        shares = torch.from_numpy(places[start : start + batch]).to(image_CDHW).view(-1, 1, 1, 1, 1)
        total += _gradient(network, baseline + shares * way, score).double().sum(0)
    return _array((total / steps * way).sum(0))


def smooth_grad(
    network: nn.Module,
    image_CDHW: Tensor,
    *,
    score: Score,
    seed: int,
    noise_share: float = 0.15,
    samples: int = 32,
    batch: int = 8,
) -> Floats:
    """SmoothGrad: the gradient of the score, averaged over noisy copies of the image; its size, summed over channels.

    noise_share: standard deviation of the noise as a share of the image's range, largest minus smallest value. The noise of
    sample i is a function of (seed, i). An image of one value has no noise, and so gets its plain gradient.
    Source: Smilkov et al. 2017, arXiv:1706.03825 (10 to 20 % noise; sharper up to some 50 samples).
    """
    spread = noise_share * float(image_CDHW.max() - image_CDHW.min())
    total = torch.zeros(image_CDHW.shape, dtype=torch.float64, device=image_CDHW.device)
    shape = image_CDHW.shape
    for start in range(0, samples, batch):
        keys = range(start, min(start + batch, samples))
        noise = np.stack([generator(seed, key).standard_normal(shape, dtype=np.float32) for key in keys])
        noisy = image_CDHW + spread * torch.from_numpy(noise).to(image_CDHW)
        total += _gradient(network, noisy, score).double().sum(0)
    return _array((total / samples).abs().sum(0))


def _gradient(network: nn.Module, images: Tensor, score: Score) -> Tensor:
    """The gradient of each image's score by the image, same shape."""
    images = images.detach().requires_grad_()
    with _differentiable(network):
        (slopes,) = torch.autograd.grad(_scores(network, images, score).sum(), images)
    return slopes


def _scores(network: nn.Module, images: Tensor, score: Score) -> Tensor:
    return score(network(images)[0].float())


@contextmanager
def _differentiable(network: nn.Module) -> Iterator[None]:
    """The network as in use (no dropout, running statistics), with gradients; its modules' modes come back afterwards.

    Without cuDNN, which refuses to run a recurrent layer backwards unless it is training.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def _volumes(maps: Tensor, layer: str, depth: int) -> Tensor:
    """The output of a layer for one image as (F, d, h, w)."""
    if maps.ndim == 5 and maps.shape[0] == 1:
        return maps[0].float()
    if maps.ndim == 4 and maps.shape[0] == depth:
        return maps.movedim(0, 1).float()
    raise ValueError(f"the output of {layer} is no spatial map of one image of {depth} slices: {tuple(maps.shape)}")


def _array(map_DHW: Tensor) -> Floats:
    found: Floats = map_DHW.detach().to("cpu", torch.float32).numpy()
    return found
