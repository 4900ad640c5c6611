"""Differences of two independent estimates."""

import doctest
import math

import numpy as np
import pytest

from scanwright.evaluation.intervals import independent
from scanwright.evaluation.intervals.independent import independent_difference
from scanwright.runtime import generator


def test_doctests():
    assert doctest.testmod(independent).failed == 0


def test_difference__of_symmetric_intervals_is_that_of_normal_values():
    low, high = independent_difference(0.6, (0.5, 0.7), 0.8, (0.6, 1.0))
    assert (low, high) == pytest.approx((-0.2 - math.hypot(0.1, 0.2), -0.2 + math.hypot(0.1, 0.2)))


def test_difference__turned_round_is_the_negative():
    one, other = (0.9, (0.7, 0.95)), (0.8, (0.75, 0.9))
    low, high = independent_difference(*one, *other)
    assert independent_difference(*other, *one) == pytest.approx((-high, -low))


def test_difference__holds_the_true_one_as_often_as_it_says():
    """Means of 40 and 60 normal values each, 2,000 times."""
    rng, held = generator(0), 0
    for _ in range(2000):
        one, other = rng.normal(0.3, 1, 40), rng.normal(0, 2, 60)
        sides = []
        for values in (one, other):
            reach = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
            sides += [values.mean(), (values.mean() - reach, values.mean() + reach)]
        low, high = independent_difference(*sides)
        held += low <= 0.3 <= high
    assert 0.93 < held / 2000 < 0.965
