"""What a fitted model answers, from its arrays alone: NumPy, no scikit-learn, nothing that could run what a file says.

`learners` says what the arrays are. Decisions (N, K') grow with a class's probability and rank cases; probabilities
(N, K) add up to 1 in each row.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit, softmax

from scanwright.errors import IntegrityError
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


def check(arrays: Arrays, family: Family, *, features: int, outputs: int) -> None:
    """Raise IntegrityError unless arrays are those of a model of so many prepared features and outputs (K' or, of a forest, K).

    With arrays that pass, `decisions` ends and stays inside its arrays.
    """
    try:
        sound = (
            _tree_parts_fit(arrays, family, features, outputs)
            if family in ("forest", "boosting")
            else (_weights_fit(arrays, family, features, outputs))
        )
    except KeyError as error:
        raise IntegrityError("a stored model lacks a part", expected=str(error), where=family) from error
    if not sound or not all(np.isfinite(part).all() for part in arrays.values()):
        raise IntegrityError("the parts of a stored model do not fit together", where=family)


def _weights_fit(arrays: Arrays, family: Family, features: int, outputs: int) -> bool:
    if arrays["intercepts"].shape != (outputs,):
        return False
    if family != "svm-rbf":
        return arrays["weights"].shape == (outputs, features)
    vectors = arrays["vectors"]
    fits = vectors.ndim == 2 and vectors.shape[1] == features and arrays["gamma"].shape == ()
    return fits and arrays["dual"].shape == (outputs, len(vectors))


def _tree_parts_fit(arrays: Arrays, family: Family, features: int, outputs: int) -> bool:
    starts, left, right, feature = (arrays[name] for name in ("starts", "left", "right", "feature"))
    nodes = len(left)
    if any(part.dtype.kind != "i" or part.ndim != 1 for part in (starts, left, right, feature)):
        return False
    if not (len(starts) >= 2 and starts[0] == 0 and starts[-1] == nodes and (np.diff(starts) > 0).all()):
        return False
    if not (len(right) == len(feature) == len(arrays["threshold"]) == len(arrays["value"]) == nodes):
        return False
    own = np.arange(nodes) - np.repeat(starts[:-1], np.diff(starts))
    sizes = np.repeat(np.diff(starts), np.diff(starts))
    leaf = left == -1
    inward = (left > own) & (right > own) & (left < sizes) & (right < sizes)
    width = outputs if family == "forest" else 1
    fits = arrays["value"].shape == (nodes, width) and arrays["threshold"].ndim == 1
    if family == "boosting":
        fits = fits and arrays["base"].shape == (outputs,) and arrays["rate"].shape == ()
        fits = fits and (len(starts) - 1) % outputs == 0
    return bool(
        fits and ((leaf & (right == -1)) | inward).all() and (feature >= 0).all() and (feature < features).all()
    )
