"""Every measure of classification against scikit-learn, on random answers with ties, missing classes and one class only."""

import time

import numpy as np
import pytest
import sklearn.metrics as peer
from sklearn.exceptions import UndefinedMetricWarning

from classified_samples import made_answers
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.classification import measure_answers

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", f"ignore::{UndefinedMetricWarning.__module__}.UndefinedMetricWarning"
)

ORDER = ["accuracy", "sensitivity", "specificity", "precision", "npv", "balanced_accuracy", "f1", "mcc", "kappa", "auroc",
         "average_precision", "brier", "log_loss", "ece"]  # fmt: skip


def values(measures) -> dict[str, float | None]:
    return {name: estimate.value for name, estimate in measures.items()}


def near(expected):
    """To be compared with `values`: a NaN of scikit-learn's is a value that is not defined."""
    return {
        name: None if np.isnan(value) else pytest.approx(float(value), abs=1e-9) for name, value in expected.items()
    }


def binary_peer(truth, decided, scores) -> dict[str, float]:
    """scikit-learn's value of each measure of a positive class."""
    return {
        "accuracy": peer.accuracy_score(truth, decided),
        "sensitivity": peer.recall_score(truth, decided),
        "specificity": peer.recall_score(truth, decided, pos_label=False),
        "precision": peer.precision_score(truth, decided, zero_division=np.nan),
        "npv": peer.precision_score(truth, decided, pos_label=False, zero_division=np.nan),
        "balanced_accuracy": peer.balanced_accuracy_score(truth, decided),
        "f1": peer.f1_score(truth, decided),
        "mcc": peer.matthews_corrcoef(truth, decided) if len(np.unique(decided)) > 1 else np.nan,
        "kappa": peer.cohen_kappa_score(truth, decided),
        "auroc": peer.roc_auc_score(truth, scores),
        "average_precision": peer.average_precision_score(truth, scores),
        "brier": peer.brier_score_loss(truth, scores),
        "log_loss": peer.log_loss(truth, scores, labels=[False, True]),
    }


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("seed", range(15))
def test_binary__agrees_with_scikit_learn(seed, digits):
    answers = made_answers(12 + 7 * seed, seed=seed, digits=digits, skill=seed / 6)
    overall, by_class = measure_answers(answers, samples=0)
    assert list(overall) == ORDER
    for k, found in enumerate(by_class):
        expected = binary_peer(answers.truth == k, answers.decisions == k, answers.probabilities[:, k])
        assert {name: values(found)[name] for name in expected} == near(expected)
    assert overall == by_class[1] | {"log_loss": overall["log_loss"]}
    assert overall["log_loss"].value == pytest.approx(by_class[1]["log_loss"].value)


@pytest.mark.parametrize("choice", ["one", "ordered"])
@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("seed", range(10))
def test_classes__agree_with_scikit_learn(seed, digits, choice):
    answers = made_answers(30 + 11 * seed, 3 + seed % 3, seed=seed, digits=digits, choice=choice, skill=seed / 4)
    truth, decided, chances = answers.truth, answers.decisions, answers.probabilities
    overall, by_class = measure_answers(answers, samples=0)
    expected = {
        "accuracy": peer.accuracy_score(truth, decided),
        "balanced_accuracy": peer.balanced_accuracy_score(truth, decided),
        "sensitivity": peer.recall_score(truth, decided, average="macro", zero_division=0),
        "precision": peer.precision_score(truth, decided, average="macro", zero_division=np.nan),
        "f1": peer.f1_score(truth, decided, average="macro"),
        "mcc": peer.matthews_corrcoef(truth, decided),
        "kappa": peer.cohen_kappa_score(truth, decided),
        "auroc": peer.roc_auc_score(truth, chances, multi_class="ovr", average="macro"),
        "average_precision": peer.average_precision_score(answers.indicators, chances, average="macro"),
        "brier": peer.brier_score_loss(truth, chances, labels=range(answers.num_classes)),
        "log_loss": peer.log_loss(truth, chances, labels=range(answers.num_classes)),
    }
    if choice == "ordered":
        expected["mae_grades"] = peer.mean_absolute_error(truth, decided)
        expected["quadratic_kappa"] = peer.cohen_kappa_score(truth, decided, weights="quadratic")
    assert ("quadratic_kappa" in overall) == (choice == "ordered") and "quadratic_kappa" not in by_class[0]
    assert {name: values(overall)[name] for name in expected} == near(expected)
    for k, found in enumerate(by_class):
        each = binary_peer(truth == k, decided == k, chances[:, k])
        assert {name: values(found)[name] for name in each} == near(each)
    assert overall["specificity"].value == pytest.approx(np.mean([found["specificity"].value for found in by_class]))
    assert overall["npv"].value == pytest.approx(np.mean([found["npv"].value for found in by_class]))


@pytest.mark.parametrize("seed", range(10))
def test_labels__agree_with_scikit_learn(seed):
    answers = made_answers(40 + 9 * seed, 2 + seed % 4, seed=seed, choice="several", digits=[None, 1][seed % 2])
    truth, decided, chances = answers.truth, answers.decisions, answers.probabilities
    overall, by_class = measure_answers(answers, samples=0)
    found = values(overall)
    assert found["accuracy"] == pytest.approx(1 - peer.hamming_loss(truth, decided))
    assert found["sensitivity"] == pytest.approx(peer.recall_score(truth, decided, average="macro"))
    assert found["f1"] == pytest.approx(peer.f1_score(truth, decided, average="macro"))
    assert found["auroc"] == pytest.approx(peer.roc_auc_score(truth, chances, average="macro"))
    assert found["average_precision"] == pytest.approx(peer.average_precision_score(truth, chances, average="macro"))
    for k, each in enumerate(by_class):
        expected = binary_peer(truth[:, k], decided[:, k], chances[:, k])
        assert {name: values(each)[name] for name in expected} == near(expected)
    for name in ("brier", "log_loss", "mcc", "kappa", "ece"):
        assert found[name] == pytest.approx(np.mean([values(each)[name] for each in by_class]))


def test_labels__that_are_not_known_are_left_out():
    whole = made_answers(60, 3, choice="several")
    known = np.random.default_rng(1).random((60, 3)) < 0.7
    part = Answers.of(whole.probabilities, whole.truth, whole.decisions, range(60), choice="several", known=known)
    _, by_class = measure_answers(part, samples=0)
    for k, found in enumerate(by_class):
        there = known[:, k]
        expected = binary_peer(whole.truth[there, k], whole.decisions[there, k], whole.probabilities[there, k])
        assert {name: values(found)[name] for name in expected} == near(expected)
        assert found["accuracy"].n == there.sum()
    lies = np.where(known, whole.truth, ~whole.truth)
    other = Answers.of(whole.probabilities, lies, whole.decisions, range(60), choice="several", known=known)
    assert measure_answers(other, samples=200) == measure_answers(part, samples=200)


def test_classes__one_that_never_occurs_is_left_out_of_means_of_what_needs_it():
    answers = made_answers(80, 4, missing=(2,), skill=0.5)
    overall, by_class = measure_answers(answers, samples=500)
    missing = values(by_class[2])
    assert missing["sensitivity"] is missing["auroc"] is missing["average_precision"] is missing["mcc"] is None
    assert missing["precision"] == 0 and missing["specificity"] < 1  # it was called for, and never rightly
    assert overall["auroc"].value == pytest.approx(np.mean([by_class[k]["auroc"].value for k in (0, 1, 3)]))
    assert overall["balanced_accuracy"].value == pytest.approx(
        peer.balanced_accuracy_score(answers.truth, answers.decisions)
    )
    assert overall["auroc"].interval and by_class[2]["auroc"].interval is None


def test_binary__one_class_only_leaves_what_needs_two_undefined():
    answers = made_answers(20, missing=(0,))
    overall, _ = measure_answers(answers, samples=200)
    for name in ("specificity", "balanced_accuracy", "mcc", "auroc", "average_precision"):
        assert overall[name].value is None and overall[name].interval is None
        assert overall[name].n == 20 and overall[name].n_defined == 0
    assert overall["accuracy"].value == overall["sensitivity"].value > 0
    assert overall["brier"].value > 0


def test_binary__what_has_no_denominator_is_not_defined():
    """Nothing is ever called positive: the failure shows in sensitivity and F1, and no precision is made up."""
    answers = Answers.of(np.tile([0.9, 0.1], (20, 1)), [0, 1] * 10, [0] * 20, range(20))
    overall, by_class = measure_answers(answers, samples=200)
    for name in ("precision", "mcc"):
        assert overall[name].value is None and overall[name].interval is None and overall[name].n_defined == 0
    assert overall["sensitivity"].value == overall["f1"].value == 0 and overall["npv"].n_defined == 20
    assert by_class[0]["npv"].value is None and by_class[0]["precision"].value == 0.5


def test_classes__one_that_is_never_called_has_no_precision():
    answers = Answers.of(np.full((9, 3), 1 / 3), [0, 1, 2] * 3, [0, 1, 1] * 3, range(9))
    overall, by_class = measure_answers(answers, samples=0)
    assert by_class[2]["precision"].value is None and by_class[2]["f1"].value == 0
    assert overall["precision"].value == pytest.approx((1 + 0.5) / 2)  # of the two that were called


def test_binary__both_classes_have_one_estimate_of_what_does_not_depend_on_which_is_positive():
    answers = made_answers(150, cases_each=2, digits=2)
    overall, (negative, positive) = measure_answers(answers, samples=500)
    for name in ("accuracy", "balanced_accuracy", "mcc", "kappa", "auroc", "brier", "log_loss", "ece"):
        assert negative[name] == positive[name] == overall[name], name
    assert negative["sensitivity"] == positive["specificity"] and negative["f1"] != positive["f1"]


def test_binary__counts_of_cases_behind_each_share():
    answers = Answers.of(np.tile([0.5, 0.5], (7, 1)), [1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0, 0], range(7))
    overall, _ = measure_answers(answers, samples=0)
    behind = {name: estimate.n_defined for name, estimate in overall.items()}
    assert {name: behind[name] for name in ORDER[:5]} == {
        "accuracy": 7, "sensitivity": 3, "specificity": 4, "precision": 3, "npv": 4,
    }  # fmt: skip


def test_no_case__nothing_is_defined():
    overall, by_class = measure_answers(Answers.of(np.empty((0, 3)), [], [], []), samples=100)
    assert all(estimate.value is None and estimate.interval is None for estimate in overall.values())
    assert len(by_class) == 3


# Intervals


@pytest.mark.parametrize(("choice", "num_classes"), [("one", 2), ("one", 3), ("ordered", 4), ("several", 3)])
def test_intervals__hold_the_value_and_repeat(choice, num_classes):
    answers = made_answers(150, num_classes, choice=choice, cases_each=2)
    overall, by_class = measure_answers(answers, seed=3, samples=500)
    assert (overall, by_class) == measure_answers(answers, seed=3, samples=500)
    for measures in (overall, *by_class):
        assert measures["ece"].value > 0 and measures["ece"].interval is None
        for name, estimate in measures.items():
            if name != "ece":
                low, high = estimate.interval
                assert low <= estimate.value <= high and low < high, name
    without, _ = measure_answers(answers, samples=0)
    assert {name: e.value for name, e in without.items()} == {name: e.value for name, e in overall.items()}
    assert all(estimate.interval is None for estimate in without.values())


def test_intervals__repeats_of_a_patient_are_not_evidence():
    """Four copies of each case, given as one patient's, leave the intervals about as they were; as patients they shrink."""
    once = made_answers(60, 3)
    copies = [np.repeat(part, 4, axis=0) for part in (once.probabilities, once.truth, once.decisions)]
    same = measure_answers(Answers.of(*copies, np.repeat(range(60), 4).tolist()), samples=2000)[0]
    apart = measure_answers(Answers.of(*copies, range(240)), samples=2000)[0]
    for name, estimate in measure_answers(once, samples=2000)[0].items():
        if name == "ece":
            continue
        width, copied, wrong = (high - low for low, high in (e.interval for e in (estimate, same[name], apart[name])))
        assert copied == pytest.approx(width, rel=0.25), name
        assert wrong < 0.75 * width, name


def test_intervals__none_under_five_patients():
    answers = made_answers(40, cases_each=10)
    overall, _ = measure_answers(answers, samples=100)
    assert all(estimate.interval is None for estimate in overall.values())
    assert overall["accuracy"].value is not None


def test_intervals__few_cases_without_an_error_prove_little():
    answers = Answers.of(np.tile([[0.9, 0.1], [0.1, 0.9]], (8, 1)), [0, 1] * 8, [0, 1] * 8, range(16))
    overall, _ = measure_answers(answers, samples=2000)
    for name in ("accuracy", "sensitivity", "specificity", "balanced_accuracy", "f1", "mcc", "kappa", "auroc"):
        low, high = overall[name].interval
        assert high == 1 and 0.3 < low < 0.9, name
    assert overall["average_precision"].interval[0] < 0.95


def test_speed__ten_thousand_draws_of_five_thousand_cases():
    """Seconds on one core; the limit is loose for machines that do other things."""
    answers = made_answers(5000)
    start = time.perf_counter()
    measure_answers(answers)
    assert time.perf_counter() - start < 30
