"""Calibrations: found again where they were planted, against scikit-learn, and chosen on other folds than judged."""

import numpy as np
import pytest
from scipy.special import expit, logit, softmax
from sklearn.linear_model import LogisticRegression

from classified_samples import made_answers
from scanwright.errors import UsageError
from scanwright.evaluation.calibration.calibration import Calibration, calibrate
from scanwright.evaluation.calibration.calibration_fit import fit_calibration, fit_platt, fit_temperature
from scanwright.evaluation.calibration.select import judge_cross_fitted
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.classification import measure_answers


def overconfident(num_cases: int, num_classes: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right, and codes drawn from them, the probabilities then sharpened by the temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (num_cases, num_classes))
    true = softmax(logits, axis=1)
    codes = (rng.random((num_cases, 1)) > true.cumsum(axis=1)).sum(axis=1)
    return softmax(logits * temperature, axis=1), codes


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature__found_again(temperature):
    chances, codes = overconfident(20_000, 4, temperature)
    assert 1 / fit_temperature(chances, codes) == pytest.approx(temperature, rel=0.04)


def test_temperature__few_cases_that_are_all_right_do_not_make_a_model_certain():
    """By likelihood alone the slope of these was 20, which made 0.935 of 0.40."""
    for num_cases in (15, 30, 60):
        codes = np.arange(num_cases) % 3
        chances = np.full((num_cases, 3), 0.25) + 0.25 * np.eye(3)[codes]
        found = Calibration(kind="temperature", slopes=(fit_temperature(chances, codes),))
        assert calibrate(np.array([[0.40, 0.35, 0.25]]), found)[0, 0] < 0.7


@pytest.mark.parametrize("num_cases", [20, 30, 60, 200])
def test_temperature__of_probabilities_that_hold_stays(num_cases):
    """Cross-fitted, in the mean of simulated studies: by likelihood alone the log loss of 20 cases went from 0.43 to 0.67."""
    before, after = cross_fitted(num_cases, temperature=1.0)
    assert after < before + 0.015


@pytest.mark.parametrize("temperature", [0.4, 3.0])
@pytest.mark.parametrize("num_cases", [20, 60])
def test_temperature__mends_what_does_not_hold(num_cases, temperature):
    before, after = cross_fitted(num_cases, temperature=temperature)
    assert after < before - 0.02


def cross_fitted(num_cases: int, *, temperature: float, studies: int = 30) -> tuple[float, float]:
    """Mean log loss of simulated studies of three classes before and after a temperature that other folds gave."""
    losses = []
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        logits = rng.normal(0, 3.0, (num_cases, 3))
        codes = (rng.random((num_cases, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1).clip(max=2)
        said = softmax(logits * temperature, axis=1)
        fitted, folds = said.copy(), np.arange(num_cases) % 5
        for fold in range(5):
            here = folds == fold
            slope = fit_temperature(said[~here], codes[~here])
            fitted[here] = calibrate(said[here], Calibration(kind="temperature", slopes=(slope,)))
        losses.append([-np.log(of[np.arange(num_cases), codes].clip(1e-7)).mean() for of in (said, fitted)])
    before, after = np.mean(losses, axis=0)
    return float(before), float(after)


def test_platt__agrees_with_scikit_learn():
    """Many cases, so that Platt's softer targets do not matter."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 50_000)
    positive = rng.random(50_000) < expit(0.6 * odds - 0.8)
    slope, offset = fit_platt(expit(odds), positive)
    peer = LogisticRegression(C=np.inf).fit(odds[:, None], positive)
    assert slope == pytest.approx(peer.coef_[0, 0], abs=0.003)
    assert offset == pytest.approx(peer.intercept_[0], abs=0.003)


def test_platt__perfect_ranking_is_not_made_certain():
    positive = np.arange(20) >= 10
    slope, offset = fit_platt(np.linspace(0.01, 0.99, 20), positive)
    chances = expit(slope * logit(np.linspace(0.01, 0.99, 20)) + offset)
    assert chances.max() < 0.9999 and slope < 3


def test_platt__model_that_ranks_the_wrong_way_keeps_its_order():
    slope, _ = fit_platt(np.linspace(0.1, 0.9, 20), np.arange(20) < 10)
    assert 0 < slope <= 0.051


@pytest.mark.parametrize(("choice", "classes"), [("one", 2), ("one", 4), ("ordered", 3), ("several", 3)])
def test_calibrate__order_and_sums_stay(choice, classes):
    answers = made_answers(200, classes, choice=choice)
    fitted = fit_calibration(answers)
    assert fitted.kind == ("temperature" if choice != "several" and classes > 2 else "platt")
    found = calibrate(answers.probabilities, fitted)
    assert found.shape == answers.probabilities.shape and (found >= 0).all() and (found <= 1).all()
    if choice != "several":
        assert found.sum(axis=1) == pytest.approx(np.ones(200))
        assert np.array_equal(found.argmax(axis=1), answers.probabilities.argmax(axis=1)) or classes == 2
    if fitted.kind == "platt":
        columns = range(classes) if choice == "several" else (1,)
        for k in columns:
            order = np.argsort(answers.probabilities[:, k])
            assert (np.diff(found[order, k]) >= 0).all()


def test_calibrate__slope_one_changes_nothing():
    chances = made_answers(50, 3).probabilities
    assert calibrate(chances, Calibration(kind="temperature", slopes=(1.0,))) == pytest.approx(chances, abs=1e-6)
    pairs = made_answers(50).probabilities
    assert calibrate(pairs, Calibration(kind="platt", slopes=(1.0,), offsets=(0.0,))) == pytest.approx(pairs, abs=1e-6)


def test_calibrate__certain_probabilities_stay_finite():
    certain = np.array([[0.0, 1.0], [1.0, 0.0]])
    found = calibrate(certain, Calibration(kind="platt", slopes=(2.0,), offsets=(1.0,)))
    assert np.isfinite(found).all() and found[0, 1] > 0.999 and found[1, 1] < 0.001


def test_calibrate__other_classes():
    with pytest.raises(UsageError, match="other classes"):
        calibrate(np.full((2, 3), 1 / 3), Calibration(kind="platt", slopes=(1.0,), offsets=(0.0,)))
    with pytest.raises(UsageError, match="other classes"):
        calibrate(np.full((2, 2), 0.5), Calibration(kind="platt", slopes=(1.0,) * 4, offsets=(0.0,) * 4))


def test_fit__nothing_to_fit_changes_nothing():
    one_class = made_answers(30, missing=(0,))
    assert fit_calibration(one_class) == Calibration(kind="platt", slopes=(1.0,), offsets=(0.0,))
    assert fit_temperature(np.empty((0, 3)), np.empty(0, int)) == 1.0


def test_cross__each_fold_by_the_fit_on_the_others():
    answers = made_answers(90, 3)
    folds = np.arange(90) % 3
    calibrated, fits = judge_cross_fitted(answers, folds, rule=None)
    for fold in range(3):
        here = folds == fold
        fitted = fit_calibration(answers.where(~here))
        assert fits[fold].calibration == fitted
        assert calibrated.probabilities[here] == pytest.approx(calibrate(answers.probabilities[here], fitted))
    assert np.array_equal(calibrated.decisions, answers.decisions)


def test_cross__mends_a_model_that_is_too_sure():
    chances, codes = overconfident(2000, 3, 3.0, seed=1)
    answers = Answers.of(chances, codes, chances.argmax(axis=1), range(2000))
    calibrated, _ = judge_cross_fitted(answers, np.arange(2000) % 5, rule=None)
    before, after = (measure_answers(given, samples=0)[0] for given in (answers, calibrated))
    assert after["ece"].value < 0.3 * before["ece"].value
    assert after["log_loss"].value < before["log_loss"].value and after["brier"].value < before["brier"].value
    assert after["accuracy"] == before["accuracy"]


def test_cross__one_fold_alone_stays():
    answers = made_answers(30)
    calibrated, _ = judge_cross_fitted(answers, [0] * 30, rule=None)
    assert np.array_equal(calibrated.probabilities, answers.probabilities)
    with pytest.raises(UsageError, match="needs its fold"):
        judge_cross_fitted(answers, [0], rule=None)
