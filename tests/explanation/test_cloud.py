"""Distances from a Gaussian of shrunk covariance, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from scanwright.explanation.cloud import MOST_AXES, Cloud
from scanwright.runtime import generator

RNG = generator(3)


@pytest.mark.parametrize(("cases", "features"), [(40, 6), (12, 30), (60, 200)])
def test_distances__as_ledoit_wolf_of_scikit_learn(cases, features):
    mixed = RNG.normal(size=(features, features))
    rows = RNG.normal(size=(cases, features)) @ mixed + 5
    new = RNG.normal(size=(7, features)) @ mixed + 5
    standard = (rows - rows.mean(0)) / rows.std(0)
    peer = LedoitWolf(assume_centered=True).fit(standard)
    expected = np.sqrt(peer.mahalanobis((new - rows.mean(0)) / rows.std(0)) / features)
    assert Cloud.of(rows).distances(new) == pytest.approx(expected, rel=1e-6)


def test_distances__of_two_cases_have_a_bound():
    rows = RNG.normal(size=(2, 5))
    cloud = Cloud.of(rows)
    assert cloud.distances(rows).max() < 3 < cloud.distances(rows + 9)[0] < 1000


def test_distances__with_more_directions_than_are_kept():
    """Close to the peer's: what is left out counts as varying alike."""
    rows = RNG.normal(size=(150, 100)) * np.linspace(3, 0.1, 100)
    cloud = Cloud.of(rows)
    assert cloud.axes.shape == (MOST_AXES, 100)
    standard = (rows - rows.mean(0)) / rows.std(0)
    expected = np.sqrt(LedoitWolf(assume_centered=True).fit(standard).mahalanobis(standard) / 100)
    assert cloud.distances(rows) == pytest.approx(expected, rel=0.1)


def test_distances__usual_is_about_one_and_far_is_far():
    rows = RNG.normal(size=(200, 20))
    cloud = Cloud.of(rows)
    usual = cloud.distances(RNG.normal(size=(100, 20)))
    assert np.median(usual) == pytest.approx(1, abs=0.1)
    assert cloud.distances(np.full((1, 20), 10.0))[0] == pytest.approx(10, rel=0.15)


def test_distances__a_feature_that_never_varied():
    rows = np.column_stack([RNG.normal(size=30), np.zeros(30)])
    cloud = Cloud.of(rows)
    assert np.isfinite(cloud.distances(rows)).all()
    assert cloud.distances([[0.0, 1.0]])[0] > 3 * cloud.distances([[0.0, 0.0]])[0]


def test_distances__equal_rows():
    cloud = Cloud.of(np.ones((4, 3)))
    assert cloud.distances(np.ones((1, 3)))[0] == 0
    assert cloud.distances(np.full((1, 3), 2.0))[0] > 1


def test_distances__not_finite_is_infinitely_far():
    cloud = Cloud.of(RNG.normal(size=(10, 3)))
    assert cloud.distances([[np.nan, 0, 0], [np.inf, 0, 0]]).tolist() == [np.inf, np.inf]


def test_arrays__there_and_back():
    rows = RNG.normal(size=(20, 8))
    cloud = Cloud.of(rows)
    assert Cloud.from_arrays(cloud.to_arrays()).distances(rows) == pytest.approx(cloud.distances(rows), rel=1e-5)


@pytest.mark.parametrize("spoil", ["axes", "scale", "spreads", "rest"])
def test_arrays__that_are_no_cloud(spoil):
    arrays = Cloud.of(RNG.normal(size=(20, 8))).to_arrays()
    arrays[spoil] = arrays[spoil][..., :-1] if spoil == "axes" else np.zeros_like(arrays[spoil])
    with pytest.raises(ValueError, match="no cloud"):
        Cloud.from_arrays(arrays)
