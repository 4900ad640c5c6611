import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from scanwright.explanation.neighbours import (
    Neighbour,
    distances_to_nearest,
    embed_tsne,
    nearest_cases,
    principal_plane,
)


def clusters() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 20)
    return (6 * rng.standard_normal((3, 12))[groups] + rng.standard_normal((60, 12))).astype(np.float32), groups


def test_nearest_cases__equal_scikit_learn() -> None:
    features, _ = clusters()
    query = features[7] + 0.3
    theirs, rows = NearestNeighbors(n_neighbors=5, metric="cosine").fit(features).kneighbors(query[None])
    found = nearest_cases(features, query, count=5)
    assert [neighbour.index for neighbour in found] == rows[0].tolist()
    assert [neighbour.distance for neighbour in found] == pytest.approx(theirs[0].tolist(), abs=1e-6)


def test_distances_to_nearest__are_those_of_each_query() -> None:
    features, _ = clusters()
    queries = np.concatenate([features[:3] + 0.3, np.zeros((1, 12)), np.tile(features[:1] - 1, (1100, 1))])
    one_by_one = [found[0].distance for row in queries if (found := nearest_cases(features, row, count=1))]
    assert distances_to_nearest(features, queries) == pytest.approx(one_by_one, abs=1e-12) and len(one_by_one) == 1103
    assert (
        len(distances_to_nearest(np.zeros((4, 12)), queries)) == 0 == len(distances_to_nearest(features, queries[:0]))
    )


def test_nearest_cases__length_does_not_count_and_ties_go_to_the_first() -> None:
    features = np.array([[0.0, 2.0], [5.0, 0.0], [0.1, 0.0], [-1.0, 0.0]])
    found = nearest_cases(features, np.array([3.0, 0.0]), count=9)
    assert found == (Neighbour(1, 0.0), Neighbour(2, 0.0), Neighbour(0, 1.0), Neighbour(3, 2.0))


def test_nearest_cases__many_ties_keep_their_order() -> None:
    features = np.repeat([[1.0, 1.0], [1.0, 0.0]], [60, 40], axis=0)
    found = nearest_cases(features, np.array([2.0, 0.0]), count=100)
    assert [neighbour.index for neighbour in found] == [*range(60, 100), *range(60)]


def test_nearest_cases__zeros_have_no_direction() -> None:
    features = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert [neighbour.index for neighbour in nearest_cases(features, np.array([1.0, 0.0]), count=2)] == [1]
    assert nearest_cases(features, np.zeros(2), count=2) == ()
    assert nearest_cases(np.zeros((0, 2)), np.ones(2), count=2) == ()


def test_principal_plane__equals_scikit_learn_up_to_signs() -> None:
    features, _ = clusters()
    theirs = PCA(2, svd_solver="full").fit(features.astype(np.float64))
    found = principal_plane(features)
    assert np.allclose(np.abs(found.place(features)), np.abs(theirs.transform(features.astype(np.float64))), atol=1e-8)
    assert found.shares == pytest.approx(tuple(theirs.explained_variance_ratio_))


def test_principal_plane__signs_do_not_depend_on_the_order_of_cases() -> None:
    features, _ = clusters()
    assert np.allclose(principal_plane(features).axes, principal_plane(features[::-1]).axes, atol=1e-6)
    assert (principal_plane(features).axes[[0, 1], np.abs(principal_plane(features).axes).argmax(1)] > 0).all()


def test_principal_plane__a_new_case_lies_among_its_kind() -> None:
    features, groups = clusters()
    plane = principal_plane(np.delete(features, 0, axis=0))
    centres = np.array([plane.place(features[groups == group]).mean(0) for group in range(3)])
    assert np.linalg.norm(centres - plane.place(features[:1]), axis=1).argmin() == groups[0]


@pytest.mark.parametrize(
    ("features", "spread"),
    [(np.ones((1, 4)), False), (np.ones((5, 4)), False), (np.eye(2), True), (np.ones((3, 1)), False)],
)
def test_principal_plane__of_too_little(features: np.ndarray, spread: bool) -> None:
    plane = principal_plane(features)
    assert plane.axes.shape == (2, features.shape[1]) and plane.place(features).shape == (len(features), 2)
    assert np.isfinite(plane.place(features)).all()
    assert (plane.shares is not None) == spread
    if spread:
        assert plane.shares == pytest.approx((1.0, 0.0)) and not plane.axes[1].any()


def test_embed_tsne__keeps_neighbours_and_follows_the_seed() -> None:
    features, groups = clusters()
    first, again = (embed_tsne(features, seed=0) for _ in range(2))
    assert first.shape == (60, 2) and np.array_equal(first, again)
    nearest = NearestNeighbors(n_neighbors=2).fit(first).kneighbors(first, return_distance=False)[:, 1]
    assert (groups[nearest] == groups).mean() > 0.95


@pytest.mark.parametrize("shape", [(1, 3), (4, 3), (5, 1), (6, 80)])
def test_embed_tsne__of_few_cases_or_features(shape: tuple[int, int]) -> None:
    found = embed_tsne(np.random.default_rng(0).standard_normal(shape), seed=0)
    assert found.shape == (shape[0], 2) and np.isfinite(found).all()


def test_embed_tsne__of_cases_that_do_not_differ() -> None:
    assert not embed_tsne(np.ones((9, 3)), seed=0).any()
