"""The second best of the others, worked by hand."""

import numpy as np

from scanwright.gate.likeness.runners_up import second_others

ONE, OTHER = np.array([0, 0, 0, 0, 1, 2]), np.array([1, 2, 3, 4, 2, 4])
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])


def test_second_others__by_hand():
    """Image 0 is like 1, 2, 3, 4; image 1 like 0 and 2; image 2 like 0, 1, 4."""
    expected = [max(0.7, -1), max(0.7, 0.4), max(0.8, -1), max(0.8, -1), max(-1, 0.4), max(0.5, -1)]
    np.testing.assert_allclose(second_others(ONE, OTHER, SCORES), expected)


def test_second_others__order_and_repeats_do_not_matter():
    order = np.random.default_rng(0).permutation(len(ONE))
    turned = second_others(OTHER[order], ONE[order], SCORES[order])
    np.testing.assert_allclose(turned, second_others(ONE, OTHER, SCORES)[order])
    twice = second_others(np.tile(ONE, 2), np.concatenate([OTHER, OTHER]), np.concatenate([SCORES, SCORES - 0.2]))
    np.testing.assert_allclose(twice[: len(ONE)], second_others(ONE, OTHER, SCORES))


def test_second_others__no_pair():
    assert second_others(np.zeros(0, int), np.zeros(0, int), np.zeros(0)).shape == (0,)
