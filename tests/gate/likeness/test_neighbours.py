"""The nearest of many points."""

import numpy as np

from scanwright.gate.likeness import neighbours
from scanwright.gate.likeness.neighbours import nearest


def clustered(seed: int, owners: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(owners, 1, 6))
    points = (centers + 0.1 * rng.normal(size=(owners, each, 6))).reshape(-1, 6).astype(np.float32)
    return points, np.repeat(np.arange(owners), each)


def by_hand(points: np.ndarray, owners: np.ndarray, queries: np.ndarray, count: int) -> list[tuple[int, int]]:
    found = []
    for query, place in enumerate(queries):
        distance = ((points.astype(float) - place) ** 2).sum(axis=1)
        others = {
            owner: min(np.flatnonzero(owners == owner), key=lambda point: distance[point])
            for owner in set(owners.tolist()) - {query}
        }
        found += [(query, int(point)) for point in sorted(others.values(), key=lambda point: distance[point])[:count]]
    return found


def test_nearest__as_by_hand() -> None:
    for seed in range(5):
        points, owners = clustered(seed, 30, 3)
        query, point = nearest(points, owners, points[::3], count=4)
        assert list(zip(query.tolist(), point.tolist(), strict=True)) == by_hand(points, owners, points[::3], 4)


def test_nearest__few_points() -> None:
    points, owners = clustered(0, 2, 1)
    query, point = nearest(points, owners, points, count=5)
    assert (query.tolist(), point.tolist()) == ([0, 1], [1, 0])
    query, point = nearest(points[:1], owners[:1], points[:1], count=5)
    assert len(query) == len(point) == 0


def test_nearest__cells_find_nearly_what_a_comparison_of_all_does(monkeypatch) -> None:
    points, owners = clustered(7, 2000, 2)
    exact = set(zip(*(column.tolist() for column in nearest(points, owners, points[::2], count=1)), strict=True))
    monkeypatch.setattr(neighbours, "EXACT", 100)
    found = set(zip(*(column.tolist() for column in nearest(points, owners, points[::2], count=1)), strict=True))
    assert len(exact & found) > 0.97 * len(exact) == 0.97 * 2000


def test_nearest__identical_points(monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT", 100)
    points = np.zeros((400, 6), np.float32)
    query, _ = nearest(points, np.arange(400), points, count=2)
    assert np.array_equal(np.unique(query), np.arange(400))
