"""What a fitted model answers, from its arrays alone: NumPy, no scikit-learn, nothing that could run what a file says.

`learners` says what the arrays are. Decisions (N, K') grow with a class's probability and rank cases; probabilities
(N, K) add up to 1 in each row.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit, softmax

from scanwright.features.recipe import Family
from scanwright.types import Array, Floats, Ints

Arrays = Mapping[str, Array]

ROWS = 4096
"""Cases at a time: a kernel holds a number for each of them and each support vector."""


def decisions(arrays: Arrays, family: Family, prepared_NR: Floats) -> Floats:
    """(N, K') decision values; numbers (N, 1); of forests the mean share of each class (N, K)."""
    pieces = [prepared_NR[start : start + ROWS] for start in range(0, max(len(prepared_NR), 1), ROWS)]
    return np.concatenate([_decisions(arrays, family, piece) for piece in pieces])


def _decisions(arrays: Arrays, family: Family, prepared_NR: Floats) -> Floats:
    if family == "forest":
        return np.asarray(_leaves(arrays, prepared_NR).mean(axis=0))
    if family == "boosting":
        grown = _leaves(arrays, prepared_NR)[..., 0]
        outputs = len(arrays["base"])
        rounds = grown.reshape(len(grown) // outputs, outputs, grown.shape[1])
        return np.asarray(arrays["base"] + float(arrays["rate"]) * rounds.sum(axis=0).T)
    if "vectors" in arrays:
        kernel = np.exp(-float(arrays["gamma"]) * _squared_distances(prepared_NR, arrays["vectors"]))
        return np.asarray(kernel @ arrays["dual"].T + arrays["intercepts"])
    return np.asarray(prepared_NR @ arrays["weights"].T + arrays["intercepts"])


def probabilities(arrays: Arrays, family: Family, prepared_NR: Floats) -> Floats:
    """(N, K) probabilities of the K classes that were learned."""
    found = decisions(arrays, family, prepared_NR)
    if family == "forest":
        return found
    if family in ("svm-linear", "svm-rbf"):
        return _shares(np.asarray(expit(found * arrays["platt"][:, 0] + arrays["platt"][:, 1])))
    return _shares(expit(found)) if found.shape[1] == 1 else np.asarray(softmax(found, axis=1))


def _shares(chances: Floats) -> Floats:
    """Chances of the second of two classes, or of each against the rest, as shares of 1; even ones where all are 0."""
    if chances.shape[1] == 1:
        return np.concatenate([1 - chances, chances], axis=1)
    sums = chances.sum(axis=1, keepdims=True)
    even = np.full_like(chances, 1 / chances.shape[1])
    return np.asarray(np.divide(chances, sums, out=even, where=sums > 0))


def _squared_distances(one_NR: Floats, other_MR: Floats) -> Floats:
    products = one_NR @ other_MR.T
    return np.asarray(np.maximum((one_NR**2).sum(axis=1)[:, None] + (other_MR**2).sum(axis=1) - 2 * products, 0))


def _leaves(arrays: Arrays, prepared_NR: Floats) -> Floats:
    """(T, N, V) the value of the leaf that each case reaches in each tree. Trees compare in single precision."""
    single = prepared_NR.astype(np.float32)
    rows = np.arange(len(single))
    return np.stack(
        [arrays["value"][_reached(arrays, start, single, rows)] for start in arrays["starts"][:-1].tolist()]
    )


def _reached(arrays: Arrays, start: int, single_NR: Floats, rows: Ints) -> Ints:
    node = np.full(len(rows), start)
    while True:
        left, right = arrays["left"][node], arrays["right"][node]
        inner = left >= 0
        if not inner.any():
            return node
        goes_left = single_NR[rows, arrays["feature"][node]] <= arrays["threshold"][node]
        node = np.where(inner, start + np.where(goes_left, left, right), node)
