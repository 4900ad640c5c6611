"""Limits by what was held out: the share that is promised is kept, and few cases promise less."""

import numpy as np
import pytest
from scipy import stats

from scanwright.explanation.limits import FEWEST, Limit, upper_limit
from scanwright.runtime import generator


@pytest.mark.parametrize("share", [0.01, 0.02, 0.1])
@pytest.mark.parametrize("draw", ["normal", "exponential", "cauchy"])
def test_limit__conformal_share_is_kept_whatever_the_distribution(share, draw):
    """Over many draws of 200 held-out numbers, of one more the stated share lies beyond, within its binomial band."""
    rng, rounds = generator(1), 4000
    numbers = {"normal": rng.normal, "exponential": rng.exponential, "cauchy": rng.standard_cauchy}[draw](
        size=(rounds, 201)
    )
    limits = [upper_limit(row[:-1], share=share) for row in numbers]
    assert {limit.how for limit in limits} == {"conformal"}
    beyond = sum(limit.is_beyond(row[-1]) for limit, row in zip(limits, numbers, strict=True))
    assert beyond <= stats.binom.ppf(0.9999, rounds, share)
    assert beyond >= stats.binom.ppf(0.0001, rounds, share - 1 / 201)


def test_limit__few_cases_keep_one_in_n_plus_one():
    rng, rounds, held_out = generator(2), 4000, 9
    numbers = rng.exponential(size=(rounds, held_out + 1))
    limits = [upper_limit(row[:-1], share=0.01) for row in numbers]
    assert {(limit.how, limit.share, limit.cases) for limit in limits} == {("few cases", 0.1, held_out)}
    beyond = sum(limit.is_beyond(row[-1]) for limit, row in zip(limits, numbers, strict=True))
    assert 0 < beyond <= stats.binom.ppf(0.9999, rounds, 0.1)


def test_limit__few_normal_numbers_as_a_prediction_bound():
    """Hand: of 0, 1, 2 the mean is 1, the deviation 1, t(0.99; 2) is 6.9646, and one more adds sqrt(4 / 3)."""
    assert upper_limit([0.0, 1.0, 2.0], share=0.01).value == pytest.approx(1 + 6.964557 * np.sqrt(4 / 3), rel=1e-5)


def test_limit__of_equal_numbers_is_that_number():
    assert upper_limit([2.0] * 5, share=0.01) == Limit(2.0, 1 / 6, "few cases", 5)


def test_limit__unknown_of_too_few():
    found = upper_limit([1.0] * (FEWEST - 1), share=0.01)
    assert found == Limit(None, None, "unknown", FEWEST - 1)
    assert not found.is_beyond(1e9)


def test_limit__not_finite_is_beyond():
    limit = upper_limit(np.arange(200.0), share=0.01)
    assert limit.is_beyond(float("nan"))
    assert limit.is_beyond(float("inf"))
