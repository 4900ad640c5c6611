"""How alike an image is to others than the one it is compared with: among images that are all alike, a copy stands out."""

import numpy as np

from scanwright.types import Floats, Ints

PLACES = 3


def second_others(one: Ints, other: Ints, scores: Floats) -> Floats:
    """For each pair the higher of its two images' second highest scores with third images; -1 where there are fewer.

    The second: a third copy of the same picture may be the first. one, other: (N,) numbers of images; a pair may occur twice,
    its higher score counts. The same whatever the order.
    """
    low, high = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((-scores, high, low))
    first = np.ones(len(order), bool)
    first[1:] = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    kept = order[first]
    image, partner = np.concatenate([low[kept], high[kept]]), np.concatenate([high[kept], low[kept]])
    score = np.tile(scores[kept], 2)
    ranked = np.lexsort((partner, -score, image))
    image, partner, score = image[ranked], partner[ranked], score[ranked]
    place = np.arange(len(image)) - np.searchsorted(image, image)
    number = int(image.max(initial=-1)) + 1
    partners, best = np.full((number, PLACES), -1), np.full((number, PLACES), -1.0)
    near = place < PLACES
    partners[image[near], place[near]], best[image[near], place[near]] = partner[near], score[near]
    return np.maximum(_second(partners[one], best[one], other), _second(partners[other], best[other], one))


def _second(partners_N3: Ints, best_N3: Floats, besides: Ints) -> Floats:
    """The second score of each row, that of one partner left out."""
    is_first_two = (partners_N3[:, :2] == besides[:, None]).any(axis=1)
    return np.asarray(np.where(is_first_two, best_N3[:, 2], best_N3[:, 1]))
