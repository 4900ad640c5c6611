"""What a prepared image looks like to a test of whether a model was made for it: features of it in several views.

    texture   grey values, and spots, edges and unrest of four sizes, anywhere (quantiles: see `features.fixed`)
    layout    what is bright and what is uneven where, in coarse cells
    grain     how much neighbouring voxels differ: near 0 of a smooth image, about 1 of noise
    network   what the network makes of it on its way to an answer (`features.depths`)

A network is blind to what it has not needed: a model of a hippocampus sees little of what tells a liver. So the first
three are of the image alone, brought to a fixed grid. An image of another body part, of noise, or upside down is told
by some of them, by others it is not.
"""

import numpy as np
from torch import nn

from scanwright.explanation.in_range import GRAIN, LAYOUT, Look
from scanwright.features.depths import depth_features
from scanwright.features.fixed import SIDE_2D, SIDE_3D, features_of, shrunk, standardised
from scanwright.plan.plan import Plan
from scanwright.types import Array, Floats

CELLS_2D, CELLS_3D = 8, 4
"""Cells along each axis in which the layout of an image is told."""
TEXTURE, NETWORK = "texture", "network"
LEVELS = np.linspace(0, 1, 11)


def look_at(image_CDHW: Array, *, network: nn.Module, plan: Plan, device: str = "cpu") -> Look:
    """How a prepared image looks. network: whose view is among them, where it has one."""
    image = np.asarray(image_CDHW, dtype=np.float32)
    on_grid = coarse(image)
    cells = layout_cells(on_grid)
    views = {TEXTURE: texture(on_grid), LAYOUT: cells.ravel(), GRAIN: np.array([grain(image)])}
    if stages := depth_features(network, image, plan, device=device):
        views[NETWORK] = np.concatenate(stages)
    return Look(views, cells)


def coarse(image_CDHW: Floats) -> Floats:
    """(C, D, H, W) standardised grey values on 32 voxels or 96 pixels along each axis; an axis of one slice stays one."""
    side = SIDE_2D if 1 in image_CDHW.shape[1:] else SIDE_3D
    size = tuple(1 if length == 1 else side for length in image_CDHW.shape[1:])
    return np.stack([standardised(shrunk(channel, size)) for channel in image_CDHW])


def texture(coarse_CDHW: Floats) -> Floats:
    """(F,) float64 quantiles of grey values, and of spots, edges and unrest of four sizes."""
    values = [np.quantile(channel, LEVELS) for channel in coarse_CDHW]
    return np.concatenate([*values, features_of(coarse_CDHW)[1]]).astype(np.float64)


def layout_cells(coarse_CDHW: Floats) -> Floats:
    """(2, C, d, h, w) float64 mean and deviation of grey values in 8 x 8 or 4 x 4 x 4 cells of the image."""
    cells = CELLS_2D if 1 in coarse_CDHW.shape[1:] else CELLS_3D
    size = tuple(1 if length == 1 else cells for length in coarse_CDHW.shape[1:])
    means = np.stack([shrunk(channel, size) for channel in coarse_CDHW])
    squares = np.stack([shrunk(channel**2, size) for channel in coarse_CDHW])
    return np.stack([means, np.sqrt(np.maximum(squares - means**2, 0))]).astype(np.float64)


def grain(image_CDHW: Floats) -> float:
    """Half the mean square difference of neighbours over the variance, the mean over axes and channels; 0.0 of one
    value.

    The opposite of the correlation of neighbours: about 1 where they have nothing to do with each other.
    """
    shares = []
    for channel in image_CDHW:
        variance = float(channel.var(dtype=np.float64))
        if variance > 0:
            axes = [axis for axis, length in enumerate(channel.shape) if length > 1]
            squares = [float(np.square(np.diff(channel, axis=axis)).mean(dtype=np.float64)) for axis in axes]
            shares += [square / (2 * variance) for square in squares]
    return float(np.mean(shares)) if shares else 0.0
