"""Intervals for numbers: by hand, CV+ as the paper writes it, and coverage in its band."""

import numpy as np
import pytest
from scipy.stats import betabinom

from scanwright.evaluation.certainty.conformal_interval import (
    Residuals,
    chosen_form,
    cross_fitted_intervals,
    interval_of,
    interval_scores,
)


def test_interval__by_hand():
    known = Residuals(by_fold=(np.array([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0]),))
    assert interval_of(np.array([10.0]), known, 0.9) == (1.0, 19.0)
    assert interval_of(np.array([10.0]), known, 0.8) == (2.0, 18.0)
    assert interval_of(np.array([10.0]), known, 0.95) is None  # 9 cases cannot say that


def test_cv_plus__as_the_paper_writes_it():
    """Barber et al. 2021, equation 14: quantiles of (answer of the case's fold -+ residual), counted one by one."""
    rng = np.random.default_rng(0)
    by_fold = tuple(np.abs(rng.normal(0, 1, n)) for n in (13, 11, 15))
    members = rng.normal(5, 0.5, 3)
    pairs = [(members[k], of) for k in range(3) for of in by_fold[k]]
    n, alpha = len(pairs), 0.1
    lows, highs = sorted(m - r for m, r in pairs), sorted(m + r for m, r in pairs)
    expected = lows[int(np.floor(alpha * (n + 1))) - 1], highs[int(np.ceil((1 - alpha) * (n + 1))) - 1]
    assert interval_of(members, Residuals(by_fold=by_fold), 0.9) == pytest.approx(expected)


def test_cv_plus__holds_what_it_states_for_models_that_differ():
    """A mean of the training cases alone: each fold's differs, and the truth of a new case is held with 90 %."""
    held = []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        true = rng.normal(0, 1, 41)
        folds = np.arange(40) % 5
        members = np.array([true[:40][folds != fold].mean() for fold in range(5)])
        residuals = Residuals.of(true[:40] - members[folds], folds)
        low, high = interval_of(members, residuals, 0.9)
        held.append(low <= true[40] <= high)
    assert abs(np.mean(held) - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 600) + 1 / 41


@pytest.mark.parametrize("is_normalised", [False, True])
def test_coverage__lies_in_its_band(is_normalised):
    counts = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        spread = rng.uniform(0.2, 3, 150)
        true = rng.normal(0, spread)
        known = Residuals.of(true[:90], np.zeros(90, int), spread[:90] if is_normalised else None)
        told = [interval_of(np.zeros(1), known, 0.9, spread=float(one)) for one in spread[90:]]
        counts.append(sum(low <= one <= high for (low, high), one in zip(told, true[90:], strict=True)))
    law = betabinom(60, 91 - 9, 9)
    assert abs(np.mean(counts) - law.mean()) < 4 * law.std() / np.sqrt(200)


def test_form__normalised_where_spreads_tell_and_not_where_they_do_not():
    rng = np.random.default_rng(0)
    spread, folds = rng.uniform(0.1, 4, 400), np.arange(400) % 5
    true = rng.normal(0, spread)
    assert chosen_form(np.zeros(400), true, folds, spread, 0.9) == "normalised"
    assert chosen_form(np.zeros(400), true, folds, rng.permutation(spread), 0.9) == "absolute"
    assert chosen_form(np.zeros(400), true, folds, None, 0.9) == "absolute"
    assert chosen_form(np.zeros(400), true, np.zeros(400, int), spread, 0.9) == "absolute"


def test_cross_fitted__are_those_of_the_other_folds_residuals():
    rng = np.random.default_rng(1)
    predicted, true, folds = rng.normal(0, 1, 60), rng.normal(0, 1, 60), np.arange(60) % 3
    spreads = rng.uniform(0.5, 1, 60)
    for given in (None, spreads):
        found = cross_fitted_intervals(predicted, true, folds, 0.9, spreads=given)
        for fold in range(3):
            here = folds == fold
            known = Residuals.of((predicted - true)[~here], np.zeros(40, int), None if given is None else given[~here])
            for place in np.flatnonzero(here):
                spread = None if given is None else float(given[place])
                reach = interval_of(predicted[place : place + 1], known, 0.9, spread=spread)
                assert tuple(found[place]) == pytest.approx(reach)
    few = cross_fitted_intervals(predicted[:8], true[:8], folds[:8], 0.9)
    assert np.isnan(few).all()


def test_spread__is_asked_for_where_it_is_needed():
    known = Residuals.of(np.ones(20), np.zeros(20, int), np.ones(20))
    assert known.floor == pytest.approx(0.1) and interval_of(np.zeros(1), known, 0.9) is None
    low, high = interval_of(np.zeros(1), known, 0.9, spread=2.0)
    assert (low, high) == pytest.approx((-2.1 / 1.1, 2.1 / 1.1))


def test_score__is_least_for_the_true_quantiles():
    true = np.random.default_rng(0).normal(0, 1, 20_000)
    scores = {
        reach: interval_scores(np.tile([-reach, reach], (20_000, 1)), true, 0.9).mean() for reach in (1.2, 1.645, 2.2)
    }
    assert min(scores, key=scores.get) == 1.645
    assert interval_scores(np.array([[0.0, 2.0]]), np.array([3.0]), 0.9) == pytest.approx([2 + 20])
