"""The estimate and its interval: the published example, an independent count of all Walsh averages, scipy's test inverted."""

import numpy as np
import pytest
from scipy.stats import wilcoxon

from scanwright.evaluation.intervals.hodges_lehmann import hodges_lehmann, outermost, signed_rank_chances

BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
"""Depression factor of nine patients: Hollander & Wolfe, table 3.1, which R's wilcox.test uses as its example."""


def walsh(values):
    i, j = np.triu_indices(len(values))
    return np.sort((values[i] + values[j]) / 2)


def test_example__of_the_book():
    found = hodges_lehmann(AFTER - BEFORE)
    assert found.value == pytest.approx(-0.46)
    assert found.interval == pytest.approx((-0.786, -0.010))  # its level is 96.1 %


@pytest.mark.parametrize("number", [1, 2, 6, 7, 30, 51, 200])
def test_estimate__is_the_median_of_all_pairs(number):
    values = np.random.default_rng(number).normal(size=number).round(2)
    found = hodges_lehmann(values)
    assert found.value == pytest.approx(np.median(walsh(values)), abs=1e-12)
    outer = outermost(number, level=0.95)
    assert (found.interval is None) == (number < 6) == (outer < 1)
    if outer:
        assert found.interval == pytest.approx((walsh(values)[outer - 1], walsh(values)[-outer]), abs=1e-12)


@pytest.mark.parametrize("number", [8, 20, 49])
def test_interval__holds_the_shifts_that_scipy_does_not_reject(number):
    values = np.random.default_rng(number).normal(0.3, 1, size=number)
    low, high = hodges_lehmann(values).interval
    for end, outwards in ((low, -1), (high, 1)):
        assert wilcoxon(values - end - outwards * 1e-9, method="exact").pvalue < 0.05
        assert wilcoxon(values - end + outwards * 1e-9, method="exact").pvalue >= 0.05


def test_chances__are_scipys():
    chances = signed_rank_chances(10)
    assert chances.sum() == pytest.approx(1)
    values = np.arange(1.0, 11.0) * np.where(np.arange(10) < 3, -1, 1)  # the ranks 1, 2, 3 are negative
    assert wilcoxon(values, method="exact").pvalue == pytest.approx(2 * chances[:7].sum())


def test_interval__is_right_as_often_as_it_says():
    held = 0
    for seed in range(200):
        low, high = hodges_lehmann(np.random.default_rng(seed).standard_t(3, size=25)).interval
        held += low <= 0 <= high
    assert 0.92 <= held / 200 <= 0.99


def test_nothing__and_equals():
    assert hodges_lehmann(np.array([])).value is None
    found = hodges_lehmann(np.full(12, 0.25))
    assert found.value == 0.25 and found.interval == (0.25, 0.25)
