"""Cases in feature space: which training cases are nearest to one, and a map of all of them in two dimensions.

Features are any table (cases, F) of finite numbers: what a network computes before its head, or radiomic values.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.runtime import generator
from scanwright.types import Array, Floats

BEFORE_TSNE = 50
"""Principal components that t-SNE begins from, as its authors do."""
BLOCK = 512
"""Queries that are held against all rows at once."""
FEWEST = 5
"""Cases below which t-SNE has no neighbourhoods to keep."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training case. index: its row. distance: cosine distance, 0 (one direction) to 2 (opposite)."""

    index: int
    distance: float


def nearest_cases(features_NF: Array, query_F: Array, *, count: int) -> tuple[Neighbour, ...]:
    """The `count` rows nearest to a query by cosine distance, nearest first, of equals the first row; fewer if there are.

    A row of zeros has no direction: it is nobody's neighbour, and as a query it has none.
    """
    lengths = np.linalg.norm(features_NF.astype(np.float64), axis=1)
    length = float(np.linalg.norm(query_F.astype(np.float64)))
    rows = np.flatnonzero(lengths > 0)
    if length == 0 or not rows.size:
        return ()
    cosines = features_NF[rows].astype(np.float64) @ (query_F.astype(np.float64) / length) / lengths[rows]
    distances = np.clip(1 - cosines, 0.0, 2.0)
    order = np.argsort(distances, kind="stable")[:count]
    return tuple(Neighbour(int(rows[place]), float(distances[place])) for place in order)


def distances_to_nearest(features_NF: Array, queries_MF: Array) -> Floats:
    """The distance of each query to its nearest row, as `nearest_cases` has it; without those that have no direction, or of
    nothing with one.
    """
    lengths, sizes = (np.linalg.norm(one.astype(np.float64), axis=1) for one in (features_NF, queries_MF))
    if not lengths.any():
        return np.zeros(0)
    rows = features_NF[lengths > 0].astype(np.float64) / lengths[lengths > 0, None]
    queries = queries_MF[sizes > 0].astype(np.float64) / sizes[sizes > 0, None]
    blocks = np.array_split(queries, max(1, len(queries) // BLOCK))
    nearest = [(block @ rows.T).max(axis=1) for block in blocks]
    return np.asarray(np.clip(1 - np.concatenate(nearest), 0.0, 2.0))


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Two directions of feature space on which cases are spread most.

    mean: (F,). axes: (2, F), of unit length, zeros where there is no second direction. shares: of the variance, each in
    [0, 1]; None if the cases do not differ.
    """

    mean: Floats
    axes: Floats
    shares: tuple[float, float] | None

    def place(self, features_NF: Array) -> Floats:
        """Where cases lie on the plane, (N, 2) float64; cases that did not make the plane too."""
        return np.asarray((features_NF.astype(np.float64) - self.mean) @ self.axes.T)


def principal_plane(features_NF: Array) -> Plane:
    """The first two principal components of at least one case; the largest entry of each axis is positive.

    Features count by their variance: standardise them first if their units differ.
    Source: Pearson 1901, Philos Mag 2:559; Hotelling 1933, J Educ Psychol 24:417.
    """
    values = features_NF.astype(np.float64)
    mean = values.mean(axis=0)
    _, spreads, directions = np.linalg.svd(values - mean, full_matrices=False)
    axes = np.zeros((2, values.shape[1]))
    kept = np.flatnonzero(spreads[:2] > 1e-12 * max(spreads[0], 1e-300))
    axes[kept] = directions[kept]
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])
    variance = spreads**2
    first, second = (float(variance[k]) if k in kept else 0.0 for k in (0, 1))
    total = float(variance.sum())
    return Plane(
        mean, axes * np.where(signs == 0, 1, signs)[:, None], (first / total, second / total) if total else None
    )


def embed_tsne(features_NF: Array, *, seed: int, perplexity: float = 30.0) -> Floats:
    """Cases on a plane where near ones stay near, (N, 2) float64; distances between far ones mean nothing.

    perplexity: about how many neighbours count; at most a third of the cases. Same features and seed, same plane, on one
    machine and library. Fewer than FEWEST cases, or cases that do not differ: their principal plane.
    Source: van der Maaten and Hinton 2008, J Mach Learn Res 9:2579.
    """
    plane = principal_plane(features_NF)
    if len(features_NF) < FEWEST or plane.shares is None:
        return plane.place(features_NF)
    from sklearn.decomposition import PCA  # here, so that nobody else waits for it
    from sklearn.manifold import TSNE

    number = int(generator(seed).integers(2**31))
    components = min(BEFORE_TSNE, *features_NF.shape)
    reduced = PCA(components, svd_solver="full").fit_transform(features_NF.astype(np.float64))
    nearby = min(perplexity, (len(reduced) - 1) / 3)
    start = "pca" if components > 1 else "random"
    placed: Floats = TSNE(2, perplexity=nearby, init=start, random_state=number).fit_transform(reduced)
    return placed.astype(np.float64)
