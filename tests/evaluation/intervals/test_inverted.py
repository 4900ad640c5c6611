"""The interval that belongs to the sign-flip test: it holds what the test does not reject, and no more."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from scanwright.evaluation.intervals.inverted import inverted_interval
from scanwright.evaluation.intervals.statistics import paired_difference


def test_ends__are_where_scipys_test_begins_to_reject():
    values = np.random.default_rng(0).normal(0.2, 1, 10)
    low, high = inverted_interval(values, np.arange(10))

    def p(shift):
        found = permutation_test(
            (values - shift, np.zeros(10)),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            n_resamples=np.inf,
        )
        return found.pvalue

    for end, outwards in ((low, -1), (high, 1)):
        assert p(end + outwards * 1e-6) < 0.05 <= p(end - outwards * 1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_zero__is_in_it_as_p_says(seed):
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(25), rng.integers(1, 4, 25))
    values = rng.normal(0.15, 0.4, len(owners))
    p = paired_difference(values.tolist(), [0.0] * len(values), owners.tolist(), seed=seed, samples=999).p_permutation
    low, high = inverted_interval(values, owners, seed=seed, samples=999)
    assert (p < 0.05) == (not low <= 0 <= high)
    assert low <= values.mean() <= high


def test_levels__and_too_few_patients():
    values = np.random.default_rng(1).normal(size=20)
    narrow, wide = (inverted_interval(values, np.arange(20), level=level) for level in (0.9, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert inverted_interval(values[:5], np.arange(5)) is None
    assert inverted_interval(values[:6], np.arange(6)) is not None
    assert inverted_interval(np.array([]), np.array([], int)) is None


def test_equal_differences__are_known_exactly():
    assert inverted_interval(np.full(9, 0.25), np.arange(9)) == pytest.approx((0.25, 0.25), abs=1e-9)
