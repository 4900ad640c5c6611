"""Measures of confusion matrices: many at once as one by one, by hand, and what is not defined."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from scanwright.evaluation.classes.confusion import (
    BINARY,
    accuracy,
    balanced_accuracy,
    binary_measures,
    confusion_matrix,
    confusion_terms,
    grade_error,
    kappa,
    mcc,
    mean_defined,
    one_against_rest,
)


def matrix(truth, decisions, num_classes: int) -> np.ndarray:
    return (
        confusion_terms(np.array(truth), np.array(decisions), num_classes).sum(axis=0).reshape(num_classes, num_classes)
    )


def test_terms__add_up_to_the_matrix():
    assert matrix([0, 0, 1, 2], [0, 1, 1, 0], 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3).tolist() == [
        [1, 1, 0],
        [0, 1, 0],
        [1, 0, 0],
    ]
    assert confusion_matrix(np.array([], int), np.array([], int), 2).tolist() == [[0, 0], [0, 0]]


def test_one_against_rest__each_class_in_turn():
    counts = np.array([[5.0, 1, 0], [2, 7, 3], [0, 4, 6]])
    views = one_against_rest(counts)
    assert views[1].tolist() == [[11, 5], [5, 7]]
    assert (views.sum(axis=(1, 2)) == 28).all()


def test_measures__many_at_once_are_those_one_by_one():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, (20, 3, 4, 4)).astype(float)
    for function in (accuracy, balanced_accuracy, mcc, kappa, grade_error):
        together = function(counts)
        assert together.shape == (20, 3)
        assert together[7, 2] == pytest.approx(float(function(counts[7, 2])))
    assert binary_measures(one_against_rest(counts)).shape == (20, 3, 4, len(BINARY))


def test_binary__by_hand():
    found = dict(zip(BINARY, binary_measures(np.array([[50.0, 10], [5, 35]])), strict=True))
    assert found["sensitivity"] == pytest.approx(35 / 40) and found["specificity"] == pytest.approx(50 / 60)
    assert found["precision"] == pytest.approx(35 / 45) and found["npv"] == pytest.approx(50 / 55)
    assert found["f1"] == pytest.approx(70 / 85) and found["accuracy"] == pytest.approx(0.85)
    assert found["mcc"] == pytest.approx((35 * 50 - 10 * 5) / np.sqrt(45 * 40 * 60 * 55))
    assert found["kappa"] == pytest.approx((0.85 - (0.55 * 0.6 + 0.45 * 0.4)) / (1 - 0.51))


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        ([[0, 0], [0, 0]], set(BINARY)),
        ([[4, 0], [0, 0]], {"sensitivity", "precision", "balanced_accuracy", "f1", "mcc", "kappa"}),
        ([[0, 0], [0, 4]], {"specificity", "npv", "balanced_accuracy", "mcc", "kappa"}),
        ([[4, 0], [3, 0]], {"precision", "mcc"}),  # never called positive
        ([[0, 3], [0, 4]], {"npv", "mcc"}),  # never called negative
        ([[4, 0], [3, 1]], set()),
        ([[2, 2], [0, 0]], {"sensitivity", "balanced_accuracy", "mcc"}),
    ],
)
def test_binary__what_is_not_defined(counts, undefined):
    found = dict(zip(BINARY, binary_measures(np.array(counts, float)), strict=True))
    assert {name for name, value in found.items() if np.isnan(value)} == undefined


def test_binary__a_class_that_is_never_called_shows_in_sensitivity_and_f1():
    found = dict(zip(BINARY, binary_measures(np.array([[4.0, 0], [3, 0]])), strict=True))
    assert (found["sensitivity"], found["f1"], found["kappa"], found["balanced_accuracy"]) == (0, 0, 0, 0.5)


def test_mcc__of_several_classes_where_all_are_called_the_same():
    assert np.isnan(mcc(np.array([[3.0, 0, 0], [2, 0, 0], [4, 0, 0]])))


def test_balanced_accuracy__of_the_classes_that_occur():
    assert balanced_accuracy(np.array([[3.0, 1, 0], [0, 0, 0], [1, 0, 1]])) == pytest.approx((0.75 + 0.5) / 2)
    assert np.isnan(balanced_accuracy(np.array([[3.0, 1], [0, 0]])))


@pytest.mark.parametrize("seed", range(10))
def test_kappa_and_mcc__agree_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, decisions = rng.integers(5, size=(2, 60))
    counts = matrix(truth, decisions, 5)
    assert kappa(counts) == pytest.approx(cohen_kappa_score(truth, decisions))
    assert kappa(counts, quadratic=True) == pytest.approx(cohen_kappa_score(truth, decisions, weights="quadratic"))
    assert mcc(counts) == pytest.approx(matthews_corrcoef(truth, decisions))
    assert grade_error(counts) == pytest.approx(np.abs(truth - decisions).mean())


def test_kappa__nothing_to_disagree_on():
    assert np.isnan(kappa(np.array([[5.0, 0], [0, 0]])))
    assert kappa(np.array([[5.0, 0], [0, 5]])) == 1.0 and kappa(np.array([[0.0, 5], [5, 0]])) == -1.0


def test_mean_defined__leaves_out_and_says_nothing_of_nothing():
    found = mean_defined(np.array([[1.0, np.nan, 3.0], [np.nan] * 3]))
    assert found[0] == 2.0 and np.isnan(found[1])
