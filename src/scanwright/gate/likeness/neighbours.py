"""The nearest of many points without comparing each with each: an inverted file of k-means cells.

Of n points about the root of n cells are made; a query is compared with the points of the few cells whose centres are
nearest: n^1.5 products for n queries, all as matrix products. Up to EXACT points nothing is approximated.
Source: Sivic & Zisserman 2003, ICCV (inverted files); Jégou et al. 2011, IEEE TPAMI 33(1):117-128 (IVF).
"""

from collections.abc import Iterator

import numpy as np

from scanwright.types import Floats, Ints

EXACT = 20_000  # points in one cell
PROBES = 8  # cells that a query looks into
ROUNDS = 6  # of k-means
SAMPLE = 32  # points for each cell that k-means learns from
BLOCK = 2048


def nearest(points: Floats, owners: Ints, queries: Floats, *, count: int) -> tuple[Ints, Ints]:
    """For each query the nearest points of up to `count` other owners, one of each: pairs (query, point), by distance.

    points (M, D) belong to `owners` (M,); queries (N, D) to the owners 0 to N - 1, whose own points are passed over. Equal
    distances: the point that comes first. Nothing is random.
    """
    parts = [
        _nearest_in(points[members], owners[members], members, queries[asking], asking, keep=2 * count + 10)
        for members, asking in _cells(points, queries)
        if len(members) and len(asking)
    ]
    if not parts:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    query, point, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((point, distance, query))
    query, point = query[order], point[order]
    _, first = np.unique(query * np.intp(len(queries)) + owners[point], return_index=True)
    first.sort()
    query, point = query[first], point[first]
    place = np.arange(len(query)) - np.searchsorted(query, query)
    return query[place < count], point[place < count]


def _cells(points: Floats, queries: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Which points lie in each cell, and which queries look into it."""
    if len(points) <= EXACT:
        yield np.arange(len(points)), np.arange(len(queries))
        return
    centers = _means(points, round(len(points) ** 0.5))
    home = _nearest_centers(points, centers, 1)[:, 0]
    looked_into = _nearest_centers(queries, centers, PROBES)
    members, member_bounds = _by_cell(home, len(centers))
    asking, asking_bounds = _by_cell(looked_into.ravel(), len(centers))
    for cell in range(len(centers)):
        mine = members[member_bounds[cell] : member_bounds[cell + 1]]
        yield mine, asking[asking_bounds[cell] : asking_bounds[cell + 1]] // PROBES


def _means(points: Floats, count: int) -> Floats:
    """Centres of `count` cells by k-means on evenly taken points; a cell that runs empty keeps its centre."""
    sample = points[:: max(1, len(points) // (count * SAMPLE))]
    centers = sample[np.linspace(0, len(sample) - 1, count).astype(np.intp)].copy()
    for _ in range(ROUNDS):
        members, bounds = _by_cell(_nearest_centers(sample, centers, 1)[:, 0], count)
        filled = np.flatnonzero(np.diff(bounds))
        sums = np.add.reduceat(sample[members], bounds[filled], axis=0)
        centers[filled] = sums / np.diff(bounds)[filled, None]
    return centers


def _nearest_centers(points: Floats, centers: Floats, count: int) -> Ints:
    """The `count` nearest centres of each point, in no order, (N, count)."""
    found = np.empty((len(points), count), np.intp)
    lengths = (centers**2).sum(axis=1)
    for start in range(0, len(points), BLOCK):
        distance = lengths - 2 * (points[start : start + BLOCK] @ centers.T)
        if count == 1:
            found[start : start + BLOCK, 0] = distance.argmin(axis=1)
        else:
            found[start : start + BLOCK] = np.argpartition(distance, count, axis=1)[:, :count]
    return found


def _by_cell(cells: Ints, count: int) -> tuple[Ints, Ints]:
    """Positions sorted by cell, and where each cell's begin: (N,) and (count + 1,)."""
    return np.argsort(cells, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=count))])


def _nearest_in(
    points: Floats, owners: Ints, names: Ints, queries: Floats, askers: Ints, *, keep: int
) -> tuple[Ints, Ints, Floats]:
    """Up to `keep` nearest points of other owners for each query, as (query, point, squared distance less a constant)."""
    lengths = (points**2).sum(axis=1)
    columns: list[tuple[Ints, Ints, Floats]] = []
    for start in range(0, len(queries), BLOCK):
        asking = askers[start : start + BLOCK]
        distance = lengths - 2 * (queries[start : start + BLOCK] @ points.T)
        distance[owners[None] == asking[:, None]] = np.inf
        kept = np.argpartition(distance, keep, axis=1)[:, :keep] if keep < len(points) else np.arange(len(points))[None]
        near = np.take_along_axis(distance, np.broadcast_to(kept, (len(asking), kept.shape[1])), axis=1)
        row, column = np.nonzero(np.isfinite(near))
        kept = np.broadcast_to(kept, near.shape)
        columns.append((asking[row], names[kept[row, column]], near[row, column]))
    query, point, distance = (np.concatenate(column) for column in zip(*columns, strict=True))
    return query, point, distance
