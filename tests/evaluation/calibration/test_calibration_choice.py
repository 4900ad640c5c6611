"""Calibrations with more freedom: against scikit-learn, held back where cases are few, and chosen on folds that had no say."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from classified_samples import made_answers
from scanwright.errors import UsageError
from scanwright.evaluation.calibration.calibrated import gain, held
from scanwright.evaluation.calibration.calibration import Calibration, calibrate, calibration_from_json
from scanwright.evaluation.calibration.calibration_choice import calibration_of, chosen_method, fitted, tried, usual
from scanwright.evaluation.calibration.calibration_steps import UNCHANGED, fit_isotonic, fit_vector
from scanwright.evaluation.calibration.select import calibrations_of, judge_cross_fitted
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.reliability import debiased_error


def binary(odds, says, seed=0):
    """Answers of a model that says the true log-odds in its own way."""
    rng = np.random.default_rng(seed)
    positive = (rng.random(len(odds)) < expit(odds)).astype(int)
    said = expit(says(odds))
    return Answers.of(np.stack([1 - said, said], axis=1), positive, (said > 0.5).astype(int), range(len(odds)))


def bent(odds):
    return np.where(odds > 0, 4 * odds, 0.4 * odds)


def test_isotonic__agrees_with_scikit_learn_but_for_the_ends():
    rng = np.random.default_rng(0)
    chances = np.round(rng.random(500), 2)  # with ties
    positive = rng.random(500) < chances**2
    knots = fit_isotonic(chances, positive)
    found = calibrate(np.stack([1 - chances, chances], axis=1), Calibration(kind="isotonic", knots=(knots,)))
    peer = IsotonicRegression(out_of_bounds="clip").fit(chances, positive).predict(chances)
    assert found[:, 1] == pytest.approx(peer.clip(1 / 502, 501 / 502), abs=1e-6)
    assert fit_isotonic(chances, np.ones(500, bool)) == UNCHANGED == fit_isotonic(np.empty(0), np.empty(0, bool))


def test_vector__of_two_classes_is_beta_calibration():
    """Many cases, so that priors do not matter: logistic regression on ln p and -ln(1 - p) (Kull et al. 2017)."""
    rng = np.random.default_rng(1)
    answers = binary(rng.normal(0, 2, 60_000), lambda odds: 0.5 * odds + 0.7)
    slopes, offsets = fit_vector(answers.probabilities, answers.truth)
    logs = np.log(answers.probabilities)
    peer = LogisticRegression(C=np.inf, max_iter=1000).fit(np.stack([logs[:, 1], -logs[:, 0]], axis=1), answers.truth)
    assert (slopes[1], slopes[0]) == pytest.approx(tuple(peer.coef_[0]), abs=0.05)
    assert offsets[1] - offsets[0] == pytest.approx(peer.intercept_[0], abs=0.05)


def test_vector__finds_what_was_planted_and_few_cases_leave_it():
    rng = np.random.default_rng(2)
    z = rng.normal(0, 1.5, (30_000, 3))
    codes = (rng.random((30_000, 1)) > softmax(z, axis=1).cumsum(axis=1)).sum(axis=1).clip(max=2)
    off = softmax(z + np.array([0, 1.0, -0.5]), axis=1)
    answers = Answers.of(off, codes, off.argmax(axis=1), range(30_000))
    for method, best in (("temperature", False), ("vector", True)):
        told = calibrate(off, fitted(answers, method))
        assert (np.abs(told - softmax(z, axis=1)).max() < 0.05) == best
    one = Answers.of(off[:3], np.arange(3), off[:3].argmax(axis=1), range(3))
    assert all(0.4 < slope < 2.5 for slope in fit_vector(one.probabilities, one.truth)[0])
    assert fit_vector(off[:0], codes[:0]) == ((1.0,) * 3, (0.0,) * 3)


@pytest.mark.parametrize(("choice", "classes"), [("one", 2), ("one", 4), ("ordered", 3), ("several", 3)])
@pytest.mark.parametrize("method", ["none", "temperature", "platt", "vector", "isotonic"])
def test_methods__give_probabilities_and_are_kept(choice, classes, method):
    answers = made_answers(120, classes, choice=choice)
    found = calibration_of(answers, choice=method)
    told = calibrate(answers.probabilities, found)
    assert told.shape == answers.probabilities.shape and (told >= 0).all() and (told <= 1).all()
    if choice != "several":
        assert told.sum(axis=1) == pytest.approx(np.ones(120))
    again = calibration_from_json(found.to_json())
    assert again == found and np.array_equal(calibrate(answers.probabilities, again), told)
    if method == "none":
        assert np.array_equal(told, answers.probabilities)


def test_choice__the_usual_one_unless_cases_speak_against_it():
    rng = np.random.default_rng(3)
    straight = binary(rng.normal(0, 2, 1500), lambda odds: 3 * odds)
    crooked = binary(rng.normal(0, 2, 1500), bent)
    assert usual(straight) == "platt" and usual(made_answers(30, 4)) == "temperature"
    assert chosen_method(straight, np.arange(1500) % 5) in ("platt", "temperature")
    assert chosen_method(crooked, np.arange(1500) % 5) in ("vector", "isotonic")
    assert chosen_method(crooked, np.zeros(1500, int)) == "platt"  # one fold: nothing to choose on
    few = binary(rng.normal(0, 2, 40), lambda odds: odds)
    assert "isotonic" not in tried(few) and "isotonic" in tried(crooked)
    assert calibration_of(crooked) == fitted(crooked, "platt")
    with pytest.raises(UsageError, match="needs its fold"):
        calibration_of(crooked, folds=[0])


def test_choice__is_cross_fitted():
    """A fold whose truth is turned round changes what is chosen for the others, and not for itself."""
    rng = np.random.default_rng(4)
    answers, folds = binary(rng.normal(0, 2, 300), bent), np.arange(300) % 3
    turned = Answers.of(
        answers.probabilities, np.where(folds == 0, 1 - answers.truth, answers.truth), answers.decisions, range(300)
    )
    first, other = calibrations_of(answers, folds), calibrations_of(turned, folds)
    assert first.by_fold[0] == other.by_fold[0] and first.by_fold[1] != other.by_fold[1]
    judged, chosen = judge_cross_fitted(answers, folds, rule=None, calibrations=first)
    assert chosen[2].calibration == first.by_fold[2]
    found = held(judged).ece
    assert found is not None and found < held(answers).ece


def test_gain__is_the_difference_of_the_means_with_an_interval():
    answers = binary(np.random.default_rng(5).normal(0, 2, 400), lambda odds: 4 * odds)
    after = judge_cross_fitted(answers, np.arange(400) % 5, rule=None)[0]
    found, sides = gain(answers, after), (held(answers), held(after))
    assert found["log_loss"].value == pytest.approx(sides[0].log_loss - sides[1].log_loss)
    assert found["brier"].value == pytest.approx(sides[0].brier - sides[1].brier)
    assert found["log_loss"].interval[0] > 0


def test_debiased__of_a_calibrated_model_chance_alone_adds_next_to_nothing():
    """Of 200 studies of 200 cases: the plain error is all noise, the debiased square is 0 in the mean."""
    plain, mended = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        chances = rng.random(200)
        positive = rng.random(200) < chances
        order = np.argsort(chances)
        bins = np.array_split(order, 10)
        plain.append(np.mean([abs(positive[one].mean() - chances[one].mean()) for one in bins]))
        mended.append(debiased_error(chances, positive))
    assert np.mean(plain) > 0.05 > 0.035 > np.mean(mended)
    off = np.full(2000, 0.7)
    assert debiased_error(off, np.arange(2000) % 2 == 0) == pytest.approx(0.2, abs=0.001)
    assert debiased_error(np.array([0.5]), np.array([True])) is None
