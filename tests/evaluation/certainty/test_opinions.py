"""Opinions that differ: against scipy's entropy, and the ends of the scale."""

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from scanwright.evaluation.certainty.opinions import disagreement, entropy, member_spread, view_spread


def test_entropy__against_scipy():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(4), 20)
    assert entropy(chances) == pytest.approx(scipy_entropy(chances, axis=1, base=4))
    labels = rng.random((20, 3))
    each = scipy_entropy(np.stack([labels, 1 - labels]), base=2).mean(axis=1)
    assert entropy(labels, labels=True) == pytest.approx(each)
    assert entropy(np.array([0.25] * 4)) == pytest.approx(1) and entropy(np.array([0.0, 1, 0])) == 0


def test_disagreement__what_all_leave_open_is_none():
    open_ = np.full((5, 2, 2), 0.5)
    assert disagreement(open_).mutual_information == pytest.approx(0)
    apart = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    found = disagreement(apart)
    assert found.mutual_information == pytest.approx(1) and found.opinions == 2


def test_disagreement__is_the_mean_divergence_from_the_mean():
    """Mutual information is also the mean Kullback-Leibler divergence of each opinion from their mean."""
    opinions = np.random.default_rng(1).dirichlet(np.ones(3), (6, 1))
    mean = opinions.mean(axis=(0, 1))
    divergence = np.mean([scipy_entropy(one[0], mean, base=3) for one in opinions])
    assert disagreement(opinions).mutual_information == pytest.approx(divergence)


def test_labels__each_stands_for_itself():
    opinions = np.array([[[0.9, 0.2]], [[0.9, 0.8]], [[0.9, 0.1]]])
    alone = disagreement(opinions[:, :, 1:], labels=True).mutual_information
    assert disagreement(opinions, labels=True).mutual_information == pytest.approx(alone / 2) and alone > 0.1


def test_single_network__its_views_are_opinions_and_one_view_is_none():
    views = np.array([[[0.9, 0.1], [0.1, 0.9]]])
    assert disagreement(views).opinions == 2 and disagreement(views[:, :1]) is None
    assert member_spread(views[:, :1]) is None and view_spread(views[:, :1]) is None


def test_spread__of_views_is_the_same_of_one_network_and_of_several():
    rng = np.random.default_rng(2)
    views = rng.normal(0, 2, (400, 4, 1))
    alone = np.mean([view_spread(one[None])[0] for one in views])
    assert view_spread(views)[0] == pytest.approx(alone)
    offsets = rng.normal(0, 10, (400, 1, 1))
    assert view_spread(views + offsets)[0] == pytest.approx(alone)
    assert member_spread(views + offsets)[0] > 4 * alone
