"""The sigmoid: scikit-learn's on the same cases, finite where sides part cleanly, order kept where they say nothing."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.svm import SVC

from scanwright.features.platt import FAINT, fit_sigmoid


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_fit_sigmoid__as_scikit_learn(scale: float) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 3))
    truth = values[:, 0] + rng.normal(size=200) > 0.3
    machine = SVC(kernel="linear").fit(values[:100], truth[:100])
    decisions = machine.decision_function(values[100:])
    expected = CalibratedClassifierCV(FrozenEstimator(machine), method="sigmoid").fit(values[100:], truth[100:])
    slope, offset = fit_sigmoid(decisions * scale, truth[100:])
    found = expit(slope * decisions * scale + offset)
    assert np.allclose(found, expected.predict_proba(values[100:])[:, 1], rtol=0, atol=1e-6)


def test_fit_sigmoid__finite_where_sides_part_cleanly() -> None:
    decisions = np.array([-2.0, -1.0, 1.0, 2.0])
    slope, offset = fit_sigmoid(decisions, decisions > 0)
    chance = expit(slope * decisions + offset)
    assert np.isfinite([slope, offset]).all() and 0 < chance[0] < 0.5 < chance[-1] < 1
    assert np.isclose(chance.mean(), 0.5)


def test_fit_sigmoid__one_side_or_none_stays_near_the_mean_target() -> None:
    decisions = np.array([1.0, 2.0])
    slope, offset = fit_sigmoid(decisions, np.array([True, True]))
    assert np.isclose(slope, FAINT / 2) and np.allclose(expit(slope * decisions + offset), 3 / 4, atol=0.002)
    assert fit_sigmoid(np.zeros(0), np.zeros(0, bool)) == (FAINT, 0.0)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_fit_sigmoid__decisions_that_rank_the_wrong_way_keep_their_order_near_the_mean_target(scale: float) -> None:
    decisions = np.array([3.0, 2.0, 1.0, 0.0]) * scale
    slope, offset = fit_sigmoid(decisions, np.array([False, False, True, True]))
    chance = expit(slope * decisions + offset)
    assert (np.diff(chance) < 0).all()
    assert np.isclose(chance.mean(), 0.5) and np.abs(chance - 0.5).max() < FAINT / 4


def test_fit_sigmoid__a_slope_that_is_next_to_none_is_no_less() -> None:
    decisions = np.array([1.0, -1.0] * 50)
    slope, _ = fit_sigmoid(decisions, np.array([True, True, False, False] * 25))
    assert slope == FAINT


def test_fit_sigmoid__decisions_that_do_not_vary() -> None:
    slope, offset = fit_sigmoid(np.zeros(6), np.array([True, True, False, False, False, False]))
    assert np.isfinite(slope) and 0.2 < expit(offset) < 0.5
