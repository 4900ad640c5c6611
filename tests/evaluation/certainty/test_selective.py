"""Answering the surest cases: areas by another formula, ties, and a threshold that keeps the risk it was chosen for."""

import numpy as np
import pytest

from scanwright.evaluation.certainty.selective import (
    excess_area,
    mean_error,
    risk_curve,
    surest,
    thinned,
    threshold_for,
)


def by_harmonic_numbers(sure, errors):
    """AURC as a weighted mean of errors: the k-th surest of n weighs sum of 1/j for j from k to n (Zhou et al. 2024,
    arXiv:2410.15361).
    """
    order, n = np.argsort(-sure, kind="stable"), len(sure)
    weights = np.cumsum(1 / np.arange(n, 0, -1))[::-1]
    return float((errors[order] * weights).sum() / n)


def test_area__agrees_with_the_formula_of_harmonic_numbers():
    rng = np.random.default_rng(0)
    for n in (1, 2, 17, 500):
        sure, errors = rng.permutation(n) / n, rng.random(n)
        assert risk_curve(sure, errors).area == pytest.approx(by_harmonic_numbers(sure, errors))


def test_area__by_hand_and_excess():
    curve = risk_curve(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert curve.risks == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2]) and curve.shares == pytest.approx(
        [0.25, 0.5, 0.75, 1]
    )
    assert curve.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    best = (0 + 0 + 1 / 3 + 1 / 2) / 4
    assert excess_area(curve, np.array([0.0, 1, 0, 1])) == pytest.approx(curve.area - best)
    perfect = risk_curve(np.array([0.9, 0.6, 0.8, 0.5]), np.array([0.0, 1, 0, 1]))
    assert excess_area(perfect, np.array([0.0, 1, 0, 1])) == pytest.approx(0)


def test_ties__are_the_mean_over_all_orders():
    rng = np.random.default_rng(1)
    sure, errors = np.repeat([0.9, 0.5, 0.1], 4), (rng.random(12) < 0.4).astype(float)
    orders = [by_harmonic_numbers(sure + rng.uniform(0, 1e-3, 12), errors) for _ in range(4000)]
    assert risk_curve(sure, errors).area == pytest.approx(np.mean(orders), abs=0.003)


def test_unknown_errors__are_left_out():
    sure, errors = np.array([0.9, 0.8, 0.7]), np.array([0.0, np.nan, 1.0])
    assert len(risk_curve(sure, errors).risks) == 2
    assert risk_curve(sure, np.full(3, np.nan)) is None and surest(sure, np.full(3, np.nan), range(3), 0.5) is None
    assert surest(sure, errors, range(3), 1.0).risk.value == 0.5
    assert mean_error(np.empty(0), []).value is None


def test_surest__takes_equals_together_and_has_an_interval():
    sure, errors = np.array([0.9] * 5 + [0.5] * 5), np.array([0.0] * 5 + [1.0, 0, 0, 0, 0])
    half = surest(sure, errors, range(10), 0.3)
    assert (half.share, half.sure, half.risk.value) == (0.5, 0.9, 0.0)
    all_of_them = surest(sure, errors, range(10), 0.6)
    assert (all_of_them.share, all_of_them.risk.value) == (1.0, 0.1)
    assert all_of_them.risk.interval[0] < 0.1 < all_of_them.risk.interval[1]
    numbers = surest(sure, 10 * errors, range(10), 1.0, is_share=False)
    assert numbers.risk.value == 1.0 and numbers.risk.interval is not None


def test_threshold__keeps_the_risk_on_other_cases():
    """Chosen on 400 cases, judged on 4,000 others, in the mean of 60 studies; and no higher than it has to be."""
    risks, shares = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sure = rng.uniform(0.5, 1, 4400)
        errors = (rng.random(4400) > sure).astype(float)
        limit = threshold_for(sure[:400], errors[:400], 0.1)
        answered = sure[400:] >= limit
        risks.append(errors[400:][answered].mean())
        shares.append(answered.mean())
    assert 0.08 < np.mean(risks) < 0.105  # of a mean error of 1 - (1 + t) / 2 = 0.1 at t = 0.8: 40 % are answered
    assert 0.36 < np.mean(shares) < 0.48


def test_threshold__few_cases_are_not_trusted_and_what_cannot_be_kept_is_not():
    assert threshold_for(np.array([0.9, 0.8, 0.7]), np.zeros(3), 0.1) is None
    assert threshold_for(np.linspace(0.5, 1, 50), np.ones(50), 0.5) is None
    assert threshold_for(np.linspace(0.5, 1, 50), np.zeros(50), 0.05) == 0.5
    tied = np.array([0.9] * 20 + [0.8] * 20)
    assert threshold_for(tied, np.array([0.0] * 20 + [0.0] * 10 + [1.0] * 10), 0.1) == 0.9


def test_thinned__keeps_both_ends():
    points = thinned(risk_curve(np.linspace(0, 1, 1000), np.linspace(1, 0, 1000)))
    assert len(points) == 101 and points[0][0] == 0.001 and points[-1][0] == 1.0
