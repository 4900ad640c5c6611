"""Paired comparison of two classifiers: by hand, against an independent DeLong, and by simulation."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest, norm

from classified_samples import made_answers
from scanwright.errors import UsageError
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.comparing.comparison import (
    compare_answers,
    compare_auroc,
    compare_errors,
    compare_with_best,
    mcnemar,
)
from scanwright.evaluation.intervals.statistics import holm


def pair(each: int, first: float, second: float, seed: int) -> tuple[Answers, Answers]:
    """Two models with these AUROCs whose scores share half of their noise, on `each` cases a class."""
    rng = np.random.default_rng(seed)
    truth, shared = np.repeat([0, 1], each), rng.normal(size=2 * each)
    made = []
    for auroc in (first, second):
        noise = np.sqrt(0.5) * (shared + rng.normal(size=2 * each))
        chance = expit(noise + norm.ppf(auroc) * np.sqrt(2) * truth)
        made.append(Answers.of(np.stack([1 - chance, chance], axis=1), truth, chance > 0.6, range(2 * each)))
    return made[0], made[1]


def delong(first: Answers, second: Answers) -> tuple[float, float]:
    """Difference and standard error by the pairs of the paper, one case at a time."""
    positive = first.truth == 1
    wins = []
    for answers in (first, second):
        scores = answers.probabilities[:, 1]
        a, b = scores[positive][:, None], scores[~positive][None]
        wins.append((a > b) + 0.5 * (a == b))
    rows, columns = (np.stack([w.mean(axis=axis) for w in wins]) for axis in (1, 0))
    covariance = np.cov(rows) / positive.sum() + np.cov(columns) / (~positive).sum()
    return float(wins[0].mean() - wins[1].mean()), float(np.sqrt(np.array([1, -1]) @ covariance @ np.array([1, -1])))


@pytest.mark.parametrize("seed", range(5))
def test_auroc__agrees_with_delong_case_by_case(seed):
    first, second = pair(100, 0.8, 0.75, seed)
    value, error = delong(first, second)
    found = compare_auroc(first, second)
    assert found.value == pytest.approx(value)
    assert (found.interval[1] - found.interval[0]) / 2 == pytest.approx(1.96 * error, rel=0.02)
    assert found.p == pytest.approx(2 * norm.sf(abs(value) / error), abs=0.02)


def test_auroc__p_and_interval_under_no_difference():
    """300 pairs of equally good models: p < 0.05 in 2 to 8 %, and the interval holds 0 in the others."""
    found = [compare_auroc(*pair(40, 0.8, 0.8, seed)) for seed in range(300)]
    significant = [one.p < 0.05 for one in found]
    assert 0.02 <= np.mean(significant) <= 0.08
    assert [not one.interval[0] <= 0 <= one.interval[1] for one in found] == significant


def test_auroc__repeats_of_a_patient_are_not_evidence():
    first, second = pair(30, 0.9, 0.8, 1)
    once = compare_auroc(first, second)
    owners = np.repeat(range(60), 4).tolist()
    copies = [
        Answers.of(*(np.repeat(part, 4, axis=0) for part in (a.probabilities, a.truth, a.decisions)), owners)
        for a in (first, second)
    ]
    assert compare_auroc(*copies).p == pytest.approx(once.p)


def test_auroc__mean_over_classes():
    first, second = made_answers(120, 3, seed=1), made_answers(120, 3, seed=1)
    same = compare_auroc(first, second)
    assert same.value == pytest.approx(0, abs=1e-12) and same.p == 1
    rng = np.random.default_rng(0)
    weaker = np.exp(np.log(first.probabilities) + rng.normal(0, 2, (120, 3)))
    weaker /= weaker.sum(axis=1, keepdims=True)
    second = Answers.of(weaker, first.truth, weaker.argmax(axis=1), range(120))
    found = compare_auroc(first, second)
    assert found.value > 0.1 and found.p < 0.001


def test_auroc__few_patients_and_one_class():
    first, second = pair(4, 0.8, 0.8, 0)
    assert compare_auroc(first, second).interval is compare_auroc(first, second).p is None
    lone = made_answers(20, missing=(0,))
    assert compare_auroc(lone, lone).value is None


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 6])
def test_accuracy__the_interval_leaves_out_0_only_where_the_test_does(apart):
    truth, sure = np.array([0, 1] * 24), np.tile([[0.9, 0.1], [0.1, 0.9]], (24, 1))
    wrong = np.where(np.arange(48)[:, None] < apart, sure[:, ::-1], sure)
    answers = [Answers.of(given, truth, given[:, 1] > 0.5, range(48)) for given in (wrong, sure)]
    found = compare_answers(*answers)
    low, high = found.accuracy.ci95
    assert low < -apart / 48 < high
    assert (high < 0) == (found.accuracy.p_permutation < 0.05), (apart, low, high, found.accuracy.p_permutation)


def test_accuracy__difference_and_mcnemar():
    first, second = pair(60, 0.95, 0.7, 2)
    found = compare_answers(first, second, samples=2000)
    right, other = first.decisions == first.truth, second.decisions == second.truth
    assert found.accuracy.mean == pytest.approx(right.mean() - other.mean())
    only, lost = int((right & ~other).sum()), int((~right & other).sum())
    assert found.p_mcnemar == pytest.approx(binomtest(only, only + lost).pvalue)
    assert found.accuracy.p_permutation == pytest.approx(found.p_mcnemar, abs=0.01)  # the same test, drawn


def test_mcnemar__by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == pytest.approx(2 / 32)
    assert mcnemar(3, 3) == 1.0


def test_mcnemar__not_with_several_cases_of_a_patient():
    answers = made_answers(40, cases_each=2)
    assert compare_answers(answers, answers, samples=100).p_mcnemar is None


def test_labels__share_of_right_known_labels():
    whole = made_answers(30, 3, choice="several")
    known = np.ones((30, 3), bool)
    known[0] = False
    first = Answers.of(whole.probabilities, whole.truth, whole.truth, range(30), choice="several", known=known)
    second = Answers.of(whole.probabilities, whole.truth, ~whole.truth, range(30), choice="several", known=known)
    found = compare_answers(first, second, samples=100)
    assert (found.accuracy.mean, found.accuracy.n, found.p_mcnemar) == (1.0, 29, None)


def test_errors__of_two_regressions():
    rng = np.random.default_rng(0)
    truth = rng.normal(50, 10, 40)
    truth[3] = np.nan
    first, second = truth + rng.normal(0, 1, 40), truth + rng.normal(0, 4, 40)
    first[3] = second[3] = 50.0
    found = compare_errors(first, second, truth, range(40), samples=2000)
    there = np.isfinite(truth)
    expected = np.abs(first - truth)[there].mean() - np.abs(second - truth)[there].mean()
    assert (found.mean, found.n) == (pytest.approx(expected), 39)
    assert found.ci95[1] < 0 and found.p_permutation < 0.01
    with pytest.raises(UsageError, match="same cases"):
        compare_errors(first, second[:5], truth, range(40))


def test_several_models__holm():
    best, weak = pair(40, 0.9, 0.8, 3)
    _, weaker = pair(40, 0.9, 0.6, 3)
    models = {"best": best, "weak": weak, "weaker": weaker}
    found = compare_with_best(models, "best", samples=500)
    assert list(found) == ["weak", "weaker"]
    single = [compare_answers(models[name], best, samples=500) for name in found]
    assert [one.auroc.p for one in found.values()] == holm([one.auroc.p for one in single])
    assert [one.p_mcnemar for one in found.values()] == holm([one.p_mcnemar for one in single])
    assert found["weak"].auroc.value == single[0].auroc.value < 0


def test_wrong_arguments():
    first, second = made_answers(20), made_answers(20, seed=1)
    with pytest.raises(UsageError, match="same cases"):
        compare_answers(first, second)
    with pytest.raises(UsageError, match="no such model"):
        compare_with_best({"a": first}, "b")
