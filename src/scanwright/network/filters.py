"""Features of each place of an image that nobody has learned: how bright, steep, curved and uneven it is, at several scales.

Filters are Gaussians and what is derived from them (Koenderink and van Doorn 1987, Biol Cybern 55:367); they take pictures and
volumes alike, an axis of one slice being left out. At the border the image is continued with its edge.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

REACH = 3.0
"""Of a Gaussian, in standard deviations, what is taken."""
LEAST = 1e-12


def local_features(image_NCDHW: Tensor, scales: Sequence[float]) -> Tensor:
    """(N, F, D, H, W) of images (N, C, D, H, W), float32; scales in voxels. In turn for each scale and channel: the smoothed
    grey value, its slope along each axis, how steep it is, its Laplacian, and the deviation; derivatives times
    the scale, so that all are in units of the grey values.
    """
    return torch.cat([_of_scale(image_NCDHW, scale) for scale in scales], dim=1)


def _of_scale(image: Tensor, scale: float) -> Tensor:
    smooth = blurred(image, scale)
    axes = [axis for axis in (2, 3, 4) if image.shape[axis] > 1]
    slopes = [scale * _slope(smooth, axis) for axis in axes]
    steep = sum((slope.square() for slope in slopes), torch.zeros_like(smooth)).sqrt()
    curved = sum(
        (scale * _slope(slope, axis) for slope, axis in zip(slopes, axes, strict=True)), torch.zeros_like(smooth)
    )
    uneven = (blurred(image.square(), scale) - smooth.square()).clamp_min(LEAST).sqrt()
    return torch.cat([smooth, *slopes, steep, curved, uneven], dim=1)


def blurred(image_NCDHW: Tensor, width: float) -> Tensor:
    """Smoothed by a Gaussian of that standard deviation, in voxels, along every axis of several voxels; 0: as it is."""
    if width <= 0:
        return image_NCDHW
    radius = max(1, round(REACH * width))
    offsets = torch.arange(-radius, radius + 1, dtype=image_NCDHW.dtype, device=image_NCDHW.device)
    weights = torch.exp(-0.5 * (offsets / width).square())
    weights = weights / weights.sum()
    found = image_NCDHW
    for axis in (2, 3, 4):
        if found.shape[axis] > 1:
            found = _along(found, weights, axis, radius)
    return found


def _along(image: Tensor, weights: Tensor, axis: int, radius: int) -> Tensor:
    lines = image.movedim(axis, -1)
    shape = lines.shape
    padded = functional.pad(lines.reshape(-1, 1, shape[-1]), (radius, radius), mode="replicate")
    return functional.conv1d(padded, weights[None, None]).reshape(shape).movedim(-1, axis)


def _slope(image: Tensor, axis: int) -> Tensor:
    """Central differences; one-sided at the border."""
    (found,) = torch.gradient(image, dim=axis)
    return found


def block_means(values: Tensor, steps: Sequence[int]) -> Tensor:
    """Means of (N, F, D, H, W) over blocks of `steps` voxels; those at the end of an axis may be smaller."""
    for axis, step in zip((2, 3, 4), steps, strict=True):
        if step > 1:
            edges = [*range(0, values.shape[axis], step), values.shape[axis]]
            parts = [values.narrow(axis, a, b - a).mean(axis, keepdim=True) for a, b in pairwise(edges)]
            values = torch.cat(parts, dim=axis)
    return values
