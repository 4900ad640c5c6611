"""Temperatures of voxels against a logistic regression, and what they are worth on planted over-confidence."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from scanwright.evaluation.calibration.calibration_fit import SLOPES
from scanwright.evaluation.calibration.voxel_calibration import Voxels, calibrate_voxels, fit_slope
from scanwright.inference.evidence import LEAST, NEAR, tempered


def voxels(sharpened: float, *, cases: int = 20, each: int = 300, folds: int = 4, seed: int = 0) -> Voxels:
    """Voxels whose true log-odds were multiplied by a number."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, cases * each)
    positive = rng.random(cases * each) < expit(odds)
    chance = expit(odds * sharpened).astype(np.float32)
    case = np.repeat(np.arange(cases), each)
    patients = [f"p{place}" for place in range(cases)]
    folds_of = [place % folds for place in range(cases)]
    return Voxels(chance=chance, positive=positive, near=chance >= NEAR, case=case, patients=patients, folds=folds_of)


@pytest.mark.parametrize("sharpened", [0.4, 1.0, 3.0])
def test_the_slope_is_that_of_a_logistic_regression_through_nought(sharpened: float) -> None:
    one = voxels(sharpened)
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8)
    model.fit(logit(np.clip(one.chance.astype(float), LEAST, 1 - LEAST))[:, None], one.positive)
    assert fit_slope(one.chance, one.positive) == pytest.approx(model.coef_[0, 0], rel=1e-3)


def test_the_slope_has_ends() -> None:
    chance = np.array([0.4, 0.6])
    assert fit_slope(chance, np.array([False, True])) == pytest.approx(SLOPES[1], rel=0.01)
    assert fit_slope(chance, np.array([True, False])) == pytest.approx(SLOPES[0], rel=0.01)
    assert fit_slope(chance, np.array([True, True])) == 1.0


def test_overconfidence_is_mended_on_cases_that_took_no_part() -> None:
    found = calibrate_voxels(voxels(3.0))
    assert found is not None
    before, after = found.ece
    assert before > 0.1 and after < before / 3
    assert found.slope == found.fitted == pytest.approx(1 / 3, rel=0.15)
    assert found.gain_interval is not None and found.gain_interval[0] > 0
    assert found.gain == pytest.approx(found.log_loss[0] - found.log_loss[1])
    assert found.cases == found.patients == 20 and sum(found.counts[0]) == found.voxels


def test_what_holds_is_left_alone() -> None:
    """Where probabilities hold, no gain is shown, and the package's slope is 1."""
    used = [calibrate_voxels(voxels(1.0, cases=10, each=200, seed=seed)).slope != 1 for seed in range(20)]
    assert sum(used) <= 2


def test_far_voxels_are_told_and_not_fitted() -> None:
    one = voxels(1.0)
    far = Voxels(
        chance=np.concatenate([one.chance, np.full(1000, 0.001, np.float32)]),
        positive=np.concatenate([one.positive, np.arange(1000) < 20]),
        near=np.concatenate([one.near, np.zeros(1000, bool)]),
        case=np.concatenate([one.case, np.zeros(1000, int)]),
        patients=one.patients,
        folds=one.folds,
    )
    with_far, without = calibrate_voxels(far), calibrate_voxels(one)
    assert with_far.ece == without.ece and with_far.fitted == without.fitted
    assert with_far.far_true > 0.01 and with_far.far_given < 0.01


def test_nothing_can_be_said_of_one_fold_or_of_few() -> None:
    assert calibrate_voxels(voxels(3.0, folds=1)) is None
    assert calibrate_voxels(voxels(3.0, cases=4)) is None
    one = voxels(3.0)
    none = Voxels(
        chance=one.chance,
        positive=np.zeros_like(one.positive),
        near=one.near,
        case=one.case,
        patients=one.patients,
        folds=one.folds,
    )
    assert calibrate_voxels(none) is None


def test_tempered_by_the_fit_is_what_is_judged() -> None:
    """With folds that are alike, calibrating all by the package's slope gives nearly the cross-fitted loss."""
    one = voxels(3.0)
    found = calibrate_voxels(one)
    near = one.near
    told = tempered(one.chance[near].astype(float), found.fitted)
    loss = -np.log(np.where(one.positive[near], told, 1 - told)).mean()
    assert found.log_loss[1] == pytest.approx(loss, rel=0.01)
