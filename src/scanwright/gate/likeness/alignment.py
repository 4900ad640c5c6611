"""How alike two thumbnails are once one is laid over the window of the other that it shows.

A window is moved until the correlation is greatest: Gauss-Newton steps on normalised images, first on a coarse grid, then on
the whole. What is correlated is band-passed, so that neither a bright side nor noise counts for much.
Source: Evangelidis & Psarakis 2008, IEEE TPAMI 30(10):1858-1865 (enhanced correlation coefficient).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from scanwright.types import Array, Floats

LONGEST_STEP = 0.06  # of the edge
OUTERMOST = -0.03, 0.35  # how far a window's start may lie from the edge; its stop likewise
DAMPING = 1e-3


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps on a grid `1 / coarser` of the thumbnail's, between two Gaussian blurs of these widths in its voxels."""

    coarser: int
    narrow: float
    wide: float
    steps: int


COARSE = Stage(2, 1.0, 4.0, 6)
FINE = Stage(1, 0.7, 2.0, 4)
FINE_SMALL = Stage(1, 1.0, 5.0, 3)  # for what has been enlarged to a thumbnail: nothing finer is in it


def align(sources: Array, copies: Array, starts: Floats, stops: Floats, stage: Stage) -> tuple[Floats, Floats, Floats]:
    """Correlations (N,) in [-1, 1] of copies with windows of sources, and the windows where they are greatest.

    sources, copies: thumbnails (N, size, …) of ranks, the copies mirrored already. starts, stops: windows to begin with, (N, 2)
    or (N, 3), as shares of the source's edge. An image without content in the band correlates with nothing: 0.
    """
    size = sources.shape[1] // stage.coarser
    target = _unit(_band(_whole(copies, size), stage))
    source = sources.astype(np.float32)
    best = np.full(len(source), -np.inf, np.float32)
    best_starts, best_stops = starts.copy(), stops.copy()
    for step in range(stage.steps + 1):
        seen = _band(_windowed(source, starts, stops, size), stage)
        score = (_unit(seen) * target).sum(axis=1)
        better = score > best
        best[better], best_starts[better], best_stops[better] = score[better], starts[better], stops[better]
        if step < stage.steps:
            move = _step(seen, target, stops - starts)
            low, high = OUTERMOST
            starts = np.clip(starts + move[:, 0], low, high)
            stops = np.clip(stops + move[:, 1], 1 - high, 1 - low)
    return best, best_starts, best_stops


def _step(seen: Floats, target: Floats, edges: Floats) -> Floats:
    """By how much to move the starts and stops of windows, (N, 2, axes), for a greater correlation of `seen` with `target`."""
    axes, size = seen.ndim - 1, seen.shape[1]
    position = (np.arange(size, dtype=np.float32) + 0.5) / size
    slopes = np.empty((len(seen), 2, axes, target.shape[1]), np.float32)
    for axis in range(axes):
        slope = np.gradient(seen, axis=axis + 1) * (size / edges[:, axis].reshape(-1, *[1] * axes))
        along = position.reshape([size if other == axis else 1 for other in range(axes)])
        slopes[:, 0, axis] = (slope * (1 - along)).reshape(len(seen), -1)
        slopes[:, 1, axis] = (slope * along).reshape(len(seen), -1)
    edge_slopes = slopes.reshape(len(seen), 2 * axes, -1)
    now = _unit(seen)
    edge_slopes /= np.maximum(np.linalg.norm(_centered(seen), axis=1), 1e-6)[:, None, None]
    edge_slopes -= edge_slopes.mean(axis=2, keepdims=True)
    edge_slopes -= (edge_slopes @ now[:, :, None]) * now[:, None]
    normal = edge_slopes @ edge_slopes.transpose(0, 2, 1)
    damping = DAMPING * np.trace(normal, axis1=1, axis2=2) + 1e-6
    normal += damping[:, None, None] * np.eye(2 * axes, dtype=np.float32)
    move = np.linalg.solve(normal, edge_slopes @ (target - now)[:, :, None])
    return np.clip(move.reshape(-1, 2, axes), -LONGEST_STEP, LONGEST_STEP)


def _whole(images: Array, size: int) -> Floats:
    edge = np.zeros((1, images.ndim - 1), np.float32)
    return _windowed(images.astype(np.float32), edge, edge + 1, size)


def _windowed(images: Floats, starts: Floats, stops: Floats, size: int) -> Floats:
    """Windows of images (N, before, …) sampled linearly to (N, size, …); beyond the edge it is repeated."""
    before = images.shape[1]
    position = (np.arange(size, dtype=np.float32) + 0.5) / size
    for axis in range(images.ndim - 1):
        start, stop = starts[:, axis, None], stops[:, axis, None]
        index = np.clip((start + position * (stop - start)) * before - 0.5, 0, before - 1)
        width = max(1, before // size)
        weights = np.clip(1 - np.abs(index[:, :, None] - np.arange(before, dtype=np.float32)) / width, 0, None)
        images = _along(weights / weights.sum(axis=2, keepdims=True), images, axis + 1)
    return images


def _band(images: Floats, stage: Stage) -> Floats:
    """The difference of two Gaussian blurs; at an edge only what is inside counts."""
    narrow, wide = images, images
    for axis in range(1, images.ndim):
        narrow = _along(_gaussian(images.shape[1], stage.narrow)[None], narrow, axis)
        wide = _along(_gaussian(images.shape[1], stage.wide)[None], wide, axis)
    return np.asarray(narrow - wide)


@cache
def _gaussian(size: int, sigma: float) -> Floats:
    apart = np.arange(size)[:, None] - np.arange(size)
    weights = np.exp(-0.5 * (apart / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _along(weights_N_OI: Floats, images: Floats, axis: int) -> Floats:
    """A matrix for each image, or one for all, applied along an axis of images (N, …)."""
    moved = np.moveaxis(images, axis, 1)
    shape = moved.shape
    result = weights_N_OI @ moved.reshape(len(moved), shape[1], -1)
    return np.moveaxis(result.reshape(len(moved), -1, *shape[2:]), 1, axis)


def _centered(images: Floats) -> Floats:
    flat = images.reshape(len(images), -1)
    return np.asarray(flat - flat.mean(axis=1, keepdims=True))


def _unit(images: Floats) -> Floats:
    """Images as rows (N, voxels) of mean 0 and length 1; of nothing, zeros."""
    rows = _centered(images)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(lengths > 1e-3, rows / np.maximum(lengths, 1e-3), 0)
