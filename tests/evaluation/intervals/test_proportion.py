"""The interval of a share: against SciPy where each patient has one case, and by simulation where they have several."""

import numpy as np
import pytest
from scipy.stats import binomtest

from scanwright.evaluation.intervals.proportion import independent_cases, share_interval


@pytest.mark.parametrize(("right", "cases"), [(0, 5), (5, 5), (7, 10), (1, 40), (190, 200)])
def test_interval__one_case_each_is_wilsons(right, cases):
    parts = (np.arange(cases) < right).astype(float)
    peer = binomtest(right, cases).proportion_ci(method="wilson")
    assert share_interval(parts, np.ones(cases)) == pytest.approx((peer.low, peer.high))


def test_interval__copies_of_a_patient_are_not_evidence():
    parts = (np.arange(20) < 15).astype(float)
    assert share_interval(parts * 6, np.full(20, 6.0)) == pytest.approx(share_interval(parts, np.ones(20)))
    assert independent_cases(parts * 6, np.full(20, 6.0)) == pytest.approx(20)


def test_interval__cases_that_vary_within_patients_count_as_all():
    """Every patient has one of two right: nothing differs between patients, and still there are but 40 cases."""
    assert independent_cases(np.ones(20), np.full(20, 2.0)) == 40


def test_interval__all_right_of_several_cases_counts_patients():
    peer = binomtest(8, 8).proportion_ci(method="wilson")
    assert share_interval(np.full(8, 5.0), np.full(8, 5.0)) == pytest.approx((peer.low, 1.0))


def test_interval__patients_without_a_case_do_not_count():
    parts, wholes = np.array([1.0, 0, 1, 0, 0, 1]), np.array([1.0, 0, 1, 1, 0, 1])
    assert share_interval(parts, wholes) == share_interval(parts[wholes > 0], wholes[wholes > 0])
    assert share_interval(parts, wholes, fewest=5) is None and share_interval(parts, wholes, fewest=4) is not None
    assert share_interval(np.array([]), np.array([])) is None


@pytest.mark.parametrize(("patients", "true"), [(10, 0.8), (40, 0.97), (40, 0.8)])
def test_interval__holds_the_truth_for_easy_and_hard_patients(patients, true):
    """1,000 studies of one to five cases a patient, half of the variance between patients."""
    held = 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        cases = rng.integers(1, 6, patients)
        right = rng.binomial(cases, rng.beta(true, 1 - true, patients))
        low, high = share_interval(right.astype(float), cases.astype(float))
        held += low <= true <= high
    assert 0.89 <= held / 1000 <= 0.99
