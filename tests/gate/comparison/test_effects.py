"""Effects worked by hand, tests against SciPy, and what there is nothing to say of."""

import numpy as np
import pytest
from scipy import stats

from scanwright.gate.comparison.effects import number_by_group, number_by_number, word_by_group


def test_number_by_group__cliffs_delta_by_hand():
    """Of 25 pairs the first group wins 5 and loses 20: delta -0.6."""
    found = number_by_group([1, 2, 3, 4, 10, 5, 6, 7, 8, 9], ["a"] * 5 + ["b"] * 5)
    assert (found.test, found.measure, found.size) == ("Mann-Whitney", "Cliff's delta", "large")
    assert found.effect == pytest.approx(-0.6)
    expected = stats.mannwhitneyu([1, 2, 3, 4, 10], [5, 6, 7, 8, 9], method="asymptotic").pvalue
    assert found.p == pytest.approx(expected)


@pytest.mark.parametrize(("shift", "size"), [(0, "small"), (1, "medium"), (3, "large")])
def test_number_by_group__sizes(shift, size):
    numbers = [*range(5), *(number + shift for number in range(5))]
    assert number_by_group(numbers, ["a"] * 5 + ["b"] * 5).size == size


def test_number_by_group__three_groups():
    rng = np.random.default_rng(0)
    numbers, groups = rng.normal(size=60), np.repeat(list("abc"), 20)
    found = number_by_group(numbers.tolist(), groups.tolist())
    h, p = stats.kruskal(*(numbers[groups == name] for name in "abc"))
    assert (found.test, found.p) == ("Kruskal-Wallis", pytest.approx(p))
    assert found.effect == pytest.approx(h / 59)
    apart = number_by_group([0.0] * 5 + [1.0] * 5 + [2.0] * 5, ["a"] * 5 + ["b"] * 5 + ["c"] * 5)
    assert apart.effect == pytest.approx(1.0) and apart.size == "large"


def test_number_by_group__small_groups_are_left_out():
    assert number_by_group([1, 2, 3, 4, 5, 6, 7, 8, 9], ["a"] * 5 + ["b"] * 4) is None
    with_c = number_by_group([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99], ["a"] * 5 + ["b"] * 5 + ["c"])
    assert with_c == number_by_group([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ["a"] * 5 + ["b"] * 5)


def test_number_by_group__never_varies():
    assert number_by_group([3.0] * 12, ["a"] * 6 + ["b"] * 6) is None


def test_word_by_group__fisher_and_v_by_hand():
    """8 and 2 against 2 and 8: chi squared 7.2 of 20, V 0.6."""
    found = word_by_group(["x"] * 8 + ["y"] * 2 + ["x"] * 2 + ["y"] * 8, ["a"] * 10 + ["b"] * 10)
    assert (found.test, found.effect, found.size) == ("Fisher", pytest.approx(0.6), "large")
    assert found.p == pytest.approx(stats.fisher_exact([[8, 2], [2, 8]]).pvalue)


def test_word_by_group__rare_words_are_taken_together():
    words = ["x"] * 10 + ["y"] * 10 + ["p", "q", "r", "s", "t"]
    groups = ["a", "b"] * 12 + ["a"]
    found = word_by_group(words, groups)
    table = [[5, 5], [5, 5], [3, 2]]
    assert found.test == "chi-squared"
    assert found.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_word_by_group__the_same_for_all():
    assert word_by_group(["x"] * 20, ["a", "b"] * 10) is None
    assert word_by_group(["x", "y"] * 10, ["a"] * 20) is None
    assert word_by_group([], []) is None


def test_number_by_number():
    falling = number_by_number(list(range(12)), [-(x**3) for x in range(12)])
    assert (falling.measure, falling.effect, falling.size) == ("rho", pytest.approx(-1), "large")
    assert number_by_number(list(range(9)), list(range(9))) is None
    assert number_by_number([1.0] * 12, list(range(12))) is None


def test_all__p_is_uniform_where_there_is_nothing():
    """1,000 draws: about a twentieth under 0.05, for every kind of test."""
    rng = np.random.default_rng(1)
    groups, three = ["a", "b"] * 20, ["a", "b", "c", "d"] * 10
    tests = {
        "two": lambda: number_by_group(rng.normal(size=40).tolist(), groups),
        "four": lambda: number_by_group(rng.normal(size=40).tolist(), three),
        "words": lambda: word_by_group(rng.choice(list("xyz"), 40).tolist(), three),
        "both": lambda: number_by_number(rng.normal(size=40).tolist(), rng.normal(size=40).tolist()),
    }
    for name, draw in tests.items():
        assert 0.025 < np.mean([draw().p < 0.05 for _ in range(1000)]) < 0.08, name
