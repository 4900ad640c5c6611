"""Mutual information: numbers worked by hand, scikit-learn as oracle, slopes against differences."""

import numpy as np
import pytest
from sklearn import metrics

from scanwright.geometry.mutual_information import (
    BINS,
    FIRST,
    LAST,
    joint_histogram,
    mutual_information,
    normalised_mutual_information,
    slope,
    windows_of,
)

LN2 = 0.6931471805599453


@pytest.mark.parametrize(
    ("histogram", "nats", "normalised"),
    [
        ([[1, 0], [0, 1]], LN2, 2.0),  # one follows from the other
        ([[1, 1], [1, 1]], 0.0, 1.0),  # independent
        # H = ln 2 each; joint 0.75 ln(8/3) + 0.25 ln 8 = 0.735622 + 0.519860 = 1.255482; 1.386294 - 1.255482
        ([[3, 1], [1, 3]], 0.130812, 1.386294 / 1.255482),
        ([[7, 0], [0, 0]], 0.0, 1.0),  # one cell: nothing is known of anything
        ([[0, 0], [0, 0]], 0.0, 1.0),
    ],
)
def test_worked_by_hand(histogram, nats, normalised):
    counts = np.array(histogram, dtype=float)
    assert mutual_information(counts) == pytest.approx(nats, abs=1e-6)
    assert normalised_mutual_information(counts) == pytest.approx(normalised, abs=1e-6)


def test_as_scikit_learn():
    counts = np.random.default_rng(0).integers(0, 9, (6, 5))
    first, second = (np.repeat(grid.ravel(), counts.ravel()) for grid in np.indices(counts.shape))
    assert mutual_information(counts.astype(float)) == pytest.approx(metrics.mutual_info_score(first, second))
    # theirs is MI over the mean of the entropies, 2 MI / (Ha + Hb); ours (Ha + Hb) / (Ha + Hb - MI) = 1 / (1 - theirs / 2)
    theirs = metrics.normalized_mutual_info_score(first, second)
    assert normalised_mutual_information(counts.astype(float)) == pytest.approx(1 / (1 - theirs / 2))


def test_windows__are_the_cubic_b_spline():
    on_a_bin = windows_of(np.array([5.0]))
    assert on_a_bin.first.tolist() == [4]
    np.testing.assert_allclose(on_a_bin.weights[0], (1 / 6, 4 / 6, 1 / 6, 0))
    between = windows_of(np.array([5.5]))
    np.testing.assert_allclose(between.weights[0], np.array((1, 23, 23, 1)) / 48)
    everywhere = windows_of(np.linspace(FIRST, LAST, 101))
    np.testing.assert_allclose(everywhere.weights.sum(axis=1), 1)
    np.testing.assert_allclose(everywhere.slopes.sum(axis=1), 0, atol=1e-12)
    assert everywhere.first.min() >= 0 and everywhere.first.max() + 3 <= BINS - 1


def test_windows__slopes_are_differences():
    positions = np.linspace(FIRST + 0.1, LAST - 0.1, 57)
    ahead, behind = windows_of(positions + 1e-6), windows_of(positions - 1e-6)
    np.testing.assert_allclose((ahead.weights - behind.weights) / 2e-6, windows_of(positions).slopes, atol=1e-6)


def test_joint_histogram__counts_shares():
    counts = joint_histogram(np.array([0, 2]), windows_of(np.array([1.0, 3.0])), np.array([1.0, 0.5]), size=8)
    assert counts.shape == (8, 8)
    np.testing.assert_allclose(counts[0, :3], (1 / 6, 4 / 6, 1 / 6))
    np.testing.assert_allclose(counts[2, 2:5], (1 / 12, 4 / 12, 1 / 12))
    assert counts.sum() == pytest.approx(1.5)


def test_slope__is_the_difference():
    counts = np.random.default_rng(1).uniform(1, 5, (4, 4))
    slopes = slope(counts)
    for cell in np.ndindex(4, 4):
        step = np.zeros((4, 4))
        step[cell] = 1e-5
        change = normalised_mutual_information(counts + step) - normalised_mutual_information(counts - step)
        assert slopes[cell] == pytest.approx(change / 2e-5, abs=1e-8)
    assert not slope(np.zeros((4, 4))).any()
