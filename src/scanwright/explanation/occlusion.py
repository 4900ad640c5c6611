"""Where any model looked: what its answer loses when a block of the image is covered.

Knows a model only as a function of images, so it serves networks, ensembles and classical models on features alike.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import ceil, prod

import numpy as np

from scanwright.types import Array, Floats, Shape3, three

Span = tuple[int, int]


def occlusion(
    scores: Callable[[Array], Array],
    image_CDHW: Array,
    *,
    block: Shape3 | None = None,
    fill: Sequence[float] | None = None,
    limit: int = 400,
    batch: int = 16,
) -> Floats:
    """How much the score falls when the surroundings of each voxel are covered: (D, H, W) float32.

    scores: images (n, C, D, H, W), of the image's number type, to one score each, (n,), or to several, (n, P), which make
    as many maps of the same covered images: (P, D, H, W). block: edge lengths of what is
    covered at a time; an eighth of each axis, if not given. Blocks overlap by half, and a voxel gets the mean of those that
    cover it. Positive: what is there raises the score. fill: the value of each channel under the cover; its mean over the
    image, if not given. limit: at most so many covered images are scored (and the image itself); blocks grow until that
    holds. batch: images at a time. Raises ValueError if limit or batch is below 1.
    Source: Zeiler and Fergus 2014, ECCV, LNCS 8689:818.
    """
    if limit < 1 or batch < 1:
        raise ValueError(f"limit and batch must be at least 1, not {limit} and {batch}")
    shape = three(image_CDHW.shape[1:])
    spans = covering(shape, block or three(max(1, ceil(length / 8)) for length in shape), limit=limit)
    cover = np.asarray(image_CDHW.mean(axis=(1, 2, 3)) if fill is None else fill, dtype=image_CDHW.dtype)
    whole = np.asarray(scores(image_CDHW[None])[0], dtype=np.float64)
    falls, counts = np.zeros((*whole.shape, *shape)), np.zeros(shape)
    for boxes in _batches(spans, batch):
        images = np.repeat(image_CDHW[None], len(boxes), axis=0)
        for image, box in zip(images, boxes, strict=True):
            image[(slice(None), *box)] = cover[:, None, None, None]
        for box, score in zip(boxes, np.asarray(scores(images), dtype=np.float64), strict=True):
            falls[(..., *box)] += (whole - score)[..., None, None, None]
            counts[box] += 1
    return np.asarray(falls / counts, dtype=np.float32)


def covering(shape: Shape3, block: Shape3, *, limit: int) -> tuple[list[Span], list[Span], list[Span]]:
    """Starts and stops of blocks along each axis, half overlapping, that reach every voxel with at most `limit` blocks.

    Where they would be more, blocks grow by a quarter at a time along the axis with the most of them.
    """
    edges = [min(edge, length) for edge, length in zip(block, shape, strict=True)]
    while True:
        spans = [_spans(length, edge) for length, edge in zip(shape, edges, strict=True)]
        if prod(map(len, spans)) <= limit:
            return spans[0], spans[1], spans[2]
        axis = max(range(3), key=lambda k: len(spans[k]))
        edges[axis] = min(shape[axis], ceil(edges[axis] * 1.25))


def _spans(length: int, edge: int) -> list[Span]:
    """Blocks of one edge length from end to end; the steps between them are half an edge or a little less."""
    count = 1 + ceil((length - edge) / max(1, edge // 2))
    starts = [round(place) for place in np.linspace(0, length - edge, count)]
    return [(start, start + edge) for start in starts]


def _batches(spans: tuple[list[Span], list[Span], list[Span]], size: int) -> Iterator[list[tuple[slice, slice, slice]]]:
    boxes = [(slice(*d), slice(*h), slice(*w)) for d, h, w in product(*spans)]
    for start in range(0, len(boxes), size):
        yield boxes[start : start + size]
