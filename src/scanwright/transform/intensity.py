"""Random changes of grey value: contrast, brightness, gamma, noise, blur, low resolution. Drawn as data, then applied.

All work on normalised images (about zero mean, unit spread), a whole batch at once, each sample with its own numbers.
Each change happens to half of the samples.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scanwright.plan.plan import AugmentPlan
from scanwright.types import Floats


@dataclass(frozen=True, slots=True)
class Tint:
    """For each of N samples: factors, offsets, exponents (1 and 0 change nothing), and a seed for the noise."""

    contrast: Floats
    brightness: Floats
    gamma: Floats
    noise: Floats
    blur: Floats
    low_resolution: Floats
    seed: int


def draw(rng: np.random.Generator, plan: AugmentPlan, *, samples: int) -> Tint:
    """Random numbers for a batch; how many are consumed does not depend on the plan's ranges."""

    def sometimes(values: Floats, *, otherwise: float) -> Floats:
        return np.where(rng.random(samples) < 0.5, values, otherwise)

    signed = rng.uniform(-1, 1, (3, samples))
    positive = rng.uniform(0, 1, (3, samples))
    return Tint(
        contrast=sometimes(np.exp(signed[0] * plan.contrast), otherwise=1.0),
        brightness=sometimes(signed[1] * plan.brightness, otherwise=0.0),
        gamma=sometimes(np.exp(signed[2] * plan.gamma), otherwise=1.0),
        noise=sometimes(positive[0] * plan.noise, otherwise=0.0),
        blur=sometimes(positive[1] * plan.blur_voxels, otherwise=0.0),
        low_resolution=sometimes(1 + positive[2] * (plan.low_resolution - 1), otherwise=1.0),
        seed=int(rng.integers(2**31)),
    )


def apply(tint: Tint, image_NCDHW: Tensor) -> Tensor:
    """The changed batch, same shape and dtype."""
    image = _gamma(image_NCDHW, tint.gamma) if (tint.gamma != 1).any() else image_NCDHW
    if (tint.contrast != 1).any() or (tint.brightness != 0).any():
        image = image * _per_sample(tint.contrast, image) + _per_sample(tint.brightness, image)
    if (tint.blur > 0.1).any():
        image = torch.stack([_blur(one, sigma) for one, sigma in zip(image, tint.blur, strict=True)])
    if (tint.low_resolution > 1).any():
        image = torch.stack([_coarsen(one, factor) for one, factor in zip(image, tint.low_resolution, strict=True)])
    if (tint.noise > 0).any():
        generator = torch.Generator(image.device).manual_seed(tint.seed)
        grain = torch.randn(image.shape, generator=generator, device=image.device, dtype=image.dtype)
        image = image + grain * _per_sample(tint.noise, image)
    return image


def _per_sample(values: Floats, image: Tensor) -> Tensor:
    shaped = torch.as_tensor(values, dtype=image.dtype, device=image.device)
    return shaped.view(-1, *[1] * (image.ndim - 1))


def _gamma(image: Tensor, exponents: Floats) -> Tensor:
    """Power law between each channel's own minimum and maximum, mean and spread kept (as nnU-Net's gamma, retain_stats)."""
    space = tuple(range(2, image.ndim))
    low = image.amin(space, keepdim=True)
    width = (image.amax(space, keepdim=True) - low).clamp_min(1e-6)
    bent = ((image - low) / width).pow(_per_sample(exponents, image))
    mean, spread = image.mean(space, keepdim=True), image.std(space, keepdim=True)
    centred = bent - bent.mean(space, keepdim=True)
    return centred / bent.std(space, keepdim=True).clamp_min(1e-6) * spread + mean


def _blur(image_CDHW: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of one sample, separable, edges repeated."""
    if sigma <= 0.1:
        return image_CDHW
    radius = math.ceil(3 * sigma)
    offsets = torch.arange(-radius, radius + 1, device=image_CDHW.device, dtype=image_CDHW.dtype)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    weights = weights / weights.sum()
    image = image_CDHW[:, None]  # channels as samples of one channel
    for axis in range(2, 5):
        if image.shape[axis] == 1:
            continue
        kernel = weights.view([-1 if k == axis else 1 for k in range(5)])
        pad = [radius if 4 - k // 2 == axis else 0 for k in range(6)]  # torch pads from the last axis backwards
        image = functional.conv3d(functional.pad(image, pad, mode="replicate"), kernel)
    return image[:, 0]


def _coarsen(image_CDHW: Tensor, factor: float) -> Tensor:
    """As if scanned with voxels `factor` times larger: nearest down, linear up."""
    if factor <= 1:
        return image_CDHW
    size = tuple(image_CDHW.shape[1:])
    coarse = tuple(max(1, round(length / factor)) for length in size)
    down = functional.interpolate(image_CDHW[None], size=coarse, mode="nearest-exact")
    return functional.interpolate(down, size=size, mode="trilinear", align_corners=False)[0]
