"""Ranks and how stable they are, and what is said of a margin."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from scanwright.evaluation.comparing.contrast_means import case_means
from scanwright.evaluation.comparing.standing import rank_models
from scanwright.evaluation.intervals.margin import judge


def models(number=50, seed=0, gap=0.05, better="higher"):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=number)
    scores = {name: base + k * gap + rng.normal(0, 0.2, number) for k, name in enumerate("abc")}
    return case_means("dice", scores, range(number), better=better)


def test_ranks__and_shares_of_draws():
    found = rank_models(models(gap=1.0), draws=200)
    assert [one.model for one in found.standings] == ["c", "b", "a"]
    assert [one.rank for one in found.standings] == [1, 2, 3]
    assert [one.shares for one in found.standings] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert found.agreement == pytest.approx(1) and found.standings[0].first == 1
    assert [one.model for one in rank_models(models(gap=1.0, better="lower"), draws=50).standings] == ["a", "b", "c"]


def test_ranks__are_those_of_draws_made_here():
    measure = models(20, seed=1)
    found = rank_models(measure, draws=400, seed=3)
    rng = np.random.default_rng(0)
    picks = rng.integers(20, size=(4000, 20))
    means = measure.scores[picks].mean(axis=1)
    first = (means.argmax(axis=1)[:, None] == np.arange(3)).mean(axis=0)
    theirs = dict(zip("abc", first, strict=True))
    for one in found.standings:
        assert one.first == pytest.approx(theirs[one.model], abs=0.08)
        assert sum(one.shares) == pytest.approx(1)
        assert one.low <= one.rank <= one.high and one.interval[0] < one.value < one.interval[1]
    order = np.argsort(np.argsort(-means, axis=1), axis=1)
    whole = np.argsort(np.argsort(-measure.scores.mean(axis=0)))
    taus = [kendalltau(whole, row).statistic for row in order[:400]]
    assert found.agreement == pytest.approx(np.mean(taus), abs=0.1)


def test_equals__share_the_best_rank():
    same = np.linspace(0, 1, 12)
    found = rank_models(case_means("dice", {"a": same, "b": same, "c": same - 1}, range(12), better="higher"), draws=50)
    assert {one.model: one.rank for one in found.standings} == {"a": 1, "b": 1, "c": 3}


def test_few_patients__have_ranks_and_no_draws():
    found = rank_models(case_means("dice", {"a": [0.1, 0.2], "b": [0.3, 0.4]}, "xy", better="higher"))
    assert [one.model for one in found.standings] == ["b", "a"] and found.standings[0].shares == ()
    assert found.draws == 0 and found.agreement is None


@pytest.mark.parametrize(
    ("interval", "p", "apart", "inferior", "superior", "equivalent"),
    [
        ((0.01, 0.03), 0.01, 1, True, False, False),
        ((-0.01, 0.01), 0.9, 0, True, True, True),
        ((-0.03, 0.01), 0.3, 0, False, True, False),
        ((-0.05, 0.05), 0.9, 0, False, False, False),
        ((-0.019, -0.001), 0.04, -1, True, True, True),
    ],
)
def test_margin__of_two_hundredths(interval, p, apart, inferior, superior, equivalent):
    found = judge(sum(interval) / 2, interval, p, margin=0.02)
    assert (found.apart, found.not_inferior, found.not_superior, found.equivalent) == (
        apart,
        inferior,
        superior,
        equivalent,
    )
    assert found.bears == pytest.approx(max(map(abs, interval)))


def test_margin__none_set_or_no_interval():
    assert judge(0.1, (-0.1, 0.3), 0.4).equivalent is None
    assert judge(0.1, (-0.1, 0.3), 0.4).not_worse_by == pytest.approx(0.1)
    nothing = judge(None, None, None, margin=0.1)
    assert nothing.apart == 0 and nothing.not_inferior is None and nothing.bears is None


def test_equivalence__is_wrong_as_seldom_as_it_says():
    """Two models whose true difference is the margin are called equivalent in about 2.5 %, and not in over 6 %."""
    wrong = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        base = rng.normal(size=30)
        measure = case_means("dice", {"a": base + 0.2 + rng.normal(0, 0.3, 30), "b": base}, range(30), better="higher")
        one = measure.pair("a", "b", level=0.95, seed=seed, samples=199)
        wrong += bool(judge(one.value, one.wide, None, margin=0.2).equivalent)
    assert wrong / 300 <= 0.06
