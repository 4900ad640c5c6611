"""Measures that are compared: each test against scipy, statsmodels, scikit-learn or the published example, and its error
rate.
"""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, norm, permutation_test, wilcoxon
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from scanwright.errors import UsageError
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.weighted_area import weighted_auroc
from scanwright.evaluation.comparing.contrast import all_values
from scanwright.evaluation.comparing.contrast_auroc import Areas
from scanwright.evaluation.comparing.contrast_means import case_means
from scanwright.evaluation.comparing.pairwise import compare_pairs, pairs_of
from scanwright.evaluation.intervals.statistics import bootstrap_mean

PAIR = {"level": 0.95, "seed": 0, "samples": 2000}

# DeLong et al. 1988 give no raw data: their equations are followed on these ratings, one pair of cases at a time.
RATINGS = ([1, 2, 3, 4], [2, 1, 4, 3, 5])
OTHERS = ([3, 1, 2, 5], [4, 2, 5, 1, 6])


def two_models(number=60, *, several=False, seed=0, better=0.0):
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(number), rng.integers(1, 4, number)) if several else np.arange(number)
    base = rng.normal(0.8, 0.1, number)[owners]
    first, second = (base + rng.normal(0, 0.05, len(owners)) for _ in "ab")
    return {"a": first + better, "b": second}, owners.tolist()


def answers_of(scores, truth, owners=None):
    chances = np.asarray(scores, float)
    return Answers.of(
        np.stack([1 - chances, chances], axis=1), truth, chances > 0.5, range(len(truth)) if owners is None else owners
    )


def two_raters():
    """The ratings above as answers: negative cases first."""
    truth = np.array([0] * 4 + [1] * 5)
    return {
        name: answers_of(np.array([*low, *high]) / 10, truth) for name, (low, high) in (("a", RATINGS), ("b", OTHERS))
    }, truth


def test_means__wilcoxon_and_effect_are_scipys():
    scores, owners = two_models(better=0.02)
    found = case_means("dice", scores, owners, better="higher").pair("a", "b", **PAIR)
    assert found.p["wilcoxon"] == pytest.approx(wilcoxon(scores["a"], scores["b"]).pvalue)
    assert found.value == pytest.approx(np.mean(scores["a"] - scores["b"]))
    assert found.bootstrap == bootstrap_mean((scores["a"] - scores["b"]).tolist(), owners, samples=2000)
    assert found.effect_interval[0] < found.effect < found.effect_interval[1]


def test_means__permutation_is_scipys():
    scores, owners = two_models(10, better=0.02)
    found = case_means("dice", scores, owners, better="higher").pair("a", "b", **PAIR)
    theirs = permutation_test(
        (scores["a"], scores["b"]),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert found.p["permutation"] == pytest.approx(theirs.pvalue)


def test_means__mcnemar_is_statsmodels():
    rng = np.random.default_rng(3)
    right = {"a": (rng.random(80) < 0.85).astype(float), "b": (rng.random(80) < 0.7).astype(float)}
    found = case_means("accuracy", right, range(80), better="higher", is_share=True).pair("a", "b", **PAIR)
    table = [[int(((right["a"] == i) & (right["b"] == j)).sum()) for j in (1, 0)] for i in (1, 0)]
    assert found.p["mcnemar"] == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)
    assert found.effect is None and "wilcoxon" not in found.p
    only = [table[0][1], table[1][0]]
    mid = 2 * (binom.cdf(min(only) - 1, sum(only), 0.5) + binom.pmf(min(only), sum(only), 0.5) / 2)
    assert next(iter(found.p)) == "permutation_mid" and found.p["permutation_mid"] == pytest.approx(mid, abs=0.02)


def test_means__mcnemar_needs_patients_of_one_case():
    right = {"a": np.array([1.0, 0, 1, 1]), "b": np.array([1.0, 1, 0, 0])}
    assert (
        "mcnemar"
        not in case_means("accuracy", right, [0, 0, 1, 2], better="higher", is_share=True).pair("a", "b", **PAIR).p
    )


def test_mcnemar__of_the_published_example():
    """Approval of a prime minister by 1,600 people, asked twice: 86 turned one way, 150 the other (Agresti, table 10.1)."""
    right = {"a": np.array([1.0] * 794 + [0] * 86 + [1] * 150 + [0] * 570), "b": np.array([1.0] * 880 + [0] * 720)}
    found = case_means("accuracy", right, range(1600), better="higher", is_share=True).pair("a", "b", **PAIR)
    assert found.p["mcnemar"] == pytest.approx(3.716e-05, rel=1e-3)


def test_areas__values_are_scikit_learns():
    told, truth = two_raters()
    measure = Areas(told, (1,))
    theirs = {name: roc_auc_score(truth, one.probabilities[:, 1]) for name, one in told.items()}
    assert all_values(measure) == pytest.approx(theirs)


def test_areas__delong_is_the_covariance_of_the_paper():
    """Placements of every case, one pair at a time, and the covariance of the two raters' (equations 4 to 6)."""
    told, _ = two_raters()
    v10, v01 = [], []
    for low, high in (RATINGS, OTHERS):
        wins = np.array([[(one > other) + 0.5 * (one == other) for other in low] for one in high])
        v10.append(wins.mean(axis=1))
        v01.append(wins.mean(axis=0))
    contrast = np.array([1, -1])
    variance = contrast @ (np.cov(v10) / 5 + np.cov(v01) / 4) @ contrast
    value = v10[0].mean() - v10[1].mean()
    measure = Areas(dict(told), (1,))
    assert measure.pair("a", "b", **PAIR).value == pytest.approx(value)
    three = {name: repeated(one, 3) for name, one in told.items()}  # 5 patients at least on either side
    found = Areas(three, (1,)).pair("a", "b", **PAIR)
    v10, v01 = np.repeat(v10, 3, axis=1), np.repeat(v01, 3, axis=1)
    variance = contrast @ (np.cov(v10) / 15 + np.cov(v01) / 12) @ contrast
    assert found.p["delong"] == pytest.approx(2 * norm.sf(abs(value) / np.sqrt(variance)))


def repeated(answers, times):
    chances, truth = (np.repeat(part, times, axis=0) for part in (answers.probabilities[:, 1], answers.truth))
    return answers_of(chances, truth)


def test_areas__permutation_takes_whole_patients_and_ranks():
    rng = np.random.default_rng(0)
    truth = np.tile([0, 1], 4)
    a, b = rng.random(8), rng.random(8) ** 4  # another scale
    measure = Areas({"a": answers_of(a, truth), "b": answers_of(b, truth)}, (1,))
    ranks = [np.argsort(np.argsort(one)) for one in (a, b)]
    seen = roc_auc_score(truth, a) - roc_auc_score(truth, b)
    extreme = 0
    for pattern in range(2**8):
        swap = (pattern >> np.arange(8)) & 1 == 1
        one, two = np.where(swap, ranks[1], ranks[0]), np.where(swap, ranks[0], ranks[1])
        extreme += abs(roc_auc_score(truth, one) - roc_auc_score(truth, two)) >= abs(seen) - 1e-12
    assert measure.pair("a", "b", **PAIR).p["permutation"] == pytest.approx(extreme / 2**8)


def test_weighted_auroc__is_that_of_copies():
    rng = np.random.default_rng(1)
    scores, positive = rng.integers(6, size=30) / 6, rng.random(30) < 0.4
    weights = rng.integers(3, size=(5, 30)).astype(float)
    theirs = [
        roc_auc_score(np.repeat(positive, row.astype(int)), np.repeat(scores, row.astype(int))) for row in weights
    ]
    assert weighted_auroc(scores, positive, weights) == pytest.approx(theirs)
    assert np.isnan(weighted_auroc(scores, positive, np.zeros((1, 30))))[0]


@pytest.mark.parametrize("several", [False, True])
def test_error_rate__where_nothing_differs(several):
    """Of 200 pairs of models that could be exchanged 2 to 8 % are told apart; benchmarks/paired_tests.py has 1,000 of each
    kind.
    """
    wrong = []
    for seed in range(200):
        scores, owners = two_models(25, several=several, seed=seed)
        found = case_means("dice", scores, owners, better="higher").pair("a", "b", level=0.95, seed=seed, samples=199)
        wrong.append(found.p["permutation"] <= 0.05)
    assert 0.02 <= np.mean(wrong) <= 0.08


def test_error_rate__of_areas_with_several_cases_a_patient():
    wrong = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        owners = np.repeat(np.arange(24), rng.integers(1, 4, 24))
        truth = (np.arange(24) % 2)[owners]
        own = rng.normal(size=24)[owners]
        told = {
            name: answers_of(expit(truth + own + rng.normal(size=24)[owners]), truth, owners.tolist()) for name in "ab"
        }
        p = Areas(told, (1,)).pair("a", "b", level=0.95, seed=seed, samples=199).p["permutation"]
        wrong.append(p <= 0.05)
    assert 0.01 <= np.mean(wrong) <= 0.09


def test_sizes__count_each_thing():
    """Lesions of two cases: 3 of 4 and 0 of 1 are 3 of 5, not the mean of 0.75 and 0."""
    measure = case_means("s", {"": [0.75, 0.0, None]}, "abc", better="higher", sizes=[4, 1, 0])
    assert all_values(measure) == {"": pytest.approx(0.6)}
    assert measure.counted.tolist() == [True, True, False]


def test_pairs__are_corrected_as_statsmodels_does():
    rng = np.random.default_rng(5)
    base = rng.normal(size=40)
    scores = {name: base + rng.normal(shift, 0.3, 40) for name, shift in zip("abcd", (0, 0.1, 0.2, 0.25), strict=True)}
    measure = case_means("dice", scores, range(40), better="higher")
    found = compare_pairs(measure, pairs_of("abcd"), samples=500)
    for test in ("permutation", "wilcoxon"):
        theirs = multipletests([one.contrast.p[test] for one in found], method="holm")[1]
        assert [one.corrected[test] for one in found] == pytest.approx(theirs)
    assert all(one.contrast.wide[0] < one.contrast.interval[0] for one in found)


def test_pairs__all_or_against_one():
    assert pairs_of("abc") == [("a", "b"), ("a", "c"), ("b", "c")]
    assert pairs_of("abc", "b") == [("a", "b"), ("c", "b")]
    with pytest.raises(UsageError, match="no such model"):
        pairs_of("abc", "x")
    with pytest.raises(UsageError, match="nothing to be compared"):
        pairs_of("a")


def test_means__other_numbers_of_cases():
    with pytest.raises(UsageError, match="the same cases"):
        case_means("dice", {"a": [1.0], "b": [1.0, 2.0]}, [0], better="higher")


def test_means__few_patients_and_nothing_defined():
    scores = {"a": [0.5, 0.6], "b": [0.4, 0.9]}
    found = case_means("dice", scores, "xy", better="higher").pair("a", "b", **PAIR)
    assert found.interval is None and found.p == {"permutation": None, "wilcoxon": None}
    found = case_means("dice", {"a": [None] * 9, "b": [1.0] * 9}, range(9), better="higher").pair("a", "b", **PAIR)
    assert found.value is None and found.n == 0 and found.effect is None
