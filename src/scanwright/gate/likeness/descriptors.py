"""Thumbnails as points in a space in which a copy lies near its source, flipped, cropped, inverted or not.

A descriptor holds the lowest cosine frequencies of a window of a thumbnail. Mirroring an axis, or inverting the grey levels,
changes only signs: their absolute values stay. A crop is met by describing crops of every source beforehand;
what is left between a crop and the nearest of these is alike for all images of a kind, and weighs little in the distance that
is learned from them.
Source of the distance: Fisher's within-class scatter, as in relevant component analysis (Shental et al. 2002, ECCV).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from scanwright.runtime import generator
from scanwright.types import Array, Floats, Ints

FREQUENCIES = {2: 7, 3: 4}  # along each axis, the constant one included: 48 and 63 numbers
SIDE = 0.88  # edge of the crops that are described: between a whole picture and one with sides of 0.8
OFFSETS = 0.0, 0.06, 0.12
BATCH = 4096
LEARNED_FROM, CROPS_EACH, LEAST_SIDE = 400, 8, 0.8  # images and crops of each that the distance is learned from
SHRINKAGE = 0.1


@dataclass(frozen=True, slots=True)
class Window:
    """A part of an image: where it begins and ends along each axis, as shares of the edge."""

    start: tuple[float, ...]
    stop: tuple[float, ...]


@cache
def windows(dimension: int) -> tuple[Window, ...]:
    """The windows that a source is described by: the whole, then 9 crops of a picture or 27 of a volume."""
    corners = product(OFFSETS, repeat=dimension)
    crops = [Window(corner, tuple(offset + SIDE for offset in corner)) for corner in corners]
    return Window((0.0,) * dimension, (1.0,) * dimension), *crops


@cache
def flips(dimension: int) -> tuple[tuple[bool, ...], ...]:
    """All sets of axes that can be mirrored, none first."""
    return tuple(product((False, True), repeat=dimension))


def describe(thumbnails: Array, parts: Sequence[Window]) -> Floats:
    """Descriptors (N, len(parts), D), float32, of thumbnails (N, size, size) or (N, size, size, size) of ranks 0 to 255.

    High frequencies are weighted up by the root of their length: pictures have little of them.
    """
    dimension = thumbnails.ndim - 1
    bases = [_cosines(thumbnails.shape[1], part, FREQUENCIES[dimension]) for part in parts]
    weights = np.sqrt(np.linalg.norm(_frequencies(dimension), axis=1)).astype(np.float32)
    described = np.empty((len(thumbnails), len(parts), len(weights)), np.float32)
    for start in range(0, len(thumbnails), BATCH):
        batch = thumbnails[start : start + BATCH].astype(np.float32) / 255 - 0.5
        for number, basis in enumerate(bases):
            found = batch
            for axis in range(dimension):
                found = np.moveaxis(np.tensordot(found, basis[axis], axes=(1, 1)), -1, dimension)
            described[start : start + BATCH, number] = found.reshape(len(batch), -1)[:, 1:] * weights
    return described


def learned_distance(thumbnails: Array, described: Floats) -> Floats:
    """A matrix (D, D): absolute descriptors times it are compared by their Euclidean distance.

    Random crops of some images are described; how they differ from the nearest described window of their own image is made
    equally large in all directions (Mahalanobis' distance). described: `describe(thumbnails, windows(dimension))`.
    """
    dimension = thumbnails.ndim - 1
    chosen = np.unique(np.linspace(0, len(thumbnails) - 1, min(LEARNED_FROM, len(thumbnails))).astype(np.intp))
    entries = np.abs(described[chosen])
    rng = generator(0, dimension)
    scatter = np.zeros((entries.shape[-1], entries.shape[-1]))
    for _ in range(CROPS_EACH):
        sides = rng.uniform(LEAST_SIDE, 1, dimension)
        start = rng.uniform(0, 1, dimension) * (1 - sides)
        crops = np.abs(describe(thumbnails[chosen], [Window(tuple(start), tuple(start + sides))])[:, 0])
        nearest = ((entries - crops[:, None]) ** 2).sum(axis=-1).argmin(axis=1)
        apart = crops - entries[np.arange(len(chosen)), nearest]
        scatter += apart.T @ apart
    even = np.trace(scatter) / len(scatter)
    values, vectors = np.linalg.eigh(scatter + (SHRINKAGE * even + 1e-12) * np.eye(len(scatter)))
    return np.asarray(vectors / np.sqrt(values / (even + 1e-12)), np.float32)


def likeliest_flips(described: Floats, source: Floats, dimension: int) -> tuple[Ints, Floats]:
    """Which of `flips` makes each of `described` (N, D) most like `source` (N, D), and how alike they are then, in [-1, 1].

    Negative: alike with light and dark exchanged. A descriptor of nothing but zeros is like none: 0.
    """
    odd = _frequencies(dimension) % 2
    signs = np.stack([(-1.0) ** (odd @ np.array(flip)) for flip in flips(dimension)]).astype(np.float32)
    lengths = np.linalg.norm(described, axis=1) * np.linalg.norm(source, axis=1)
    alike = (described * source) @ signs.T / np.maximum(lengths, 1e-9)[:, None]
    best = np.abs(alike).argmax(axis=1)
    return best, alike[np.arange(len(alike)), best]


@cache
def _frequencies(dimension: int) -> Ints:
    """The frequency of each number of a descriptor along each axis, (D, dimension)."""
    return np.array(list(product(range(FREQUENCIES[dimension]), repeat=dimension))[1:])


def _cosines(size: int, part: Window, count: int) -> list[Floats]:
    """For each axis the first cosines of a window, (count, size): half cosine waves from its start to its stop, 0 outside."""
    edges = np.arange(size + 1) / size
    bases = []
    for start, stop in zip(part.start, part.stop, strict=True):
        inside = np.clip(np.minimum(edges[1:], stop) - np.maximum(edges[:-1], start), 0, None)
        position = ((edges[1:] + edges[:-1]) / 2 - start) / (stop - start)
        waves = np.cos(np.pi * np.arange(count)[:, None] * position) * inside
        bases.append((waves / inside.sum()).astype(np.float32))
    return bases
