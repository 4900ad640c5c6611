"""Ways to lie: all of them once, each told in words."""

import numpy as np
import pytest

from scanwright.explanation.turned import AS_IT_IS, Turn, turns_of

CUBE = np.arange(64.0).reshape(4, 4, 4)


def test_turns__of_a_cube_are_all_and_apart():
    every = [turn.apply(CUBE).tobytes() for turn in (AS_IT_IS, *turns_of((4, 4, 4)))]
    assert len(every) == len(set(every)) == 48


def test_turns__of_a_square_leave_the_slice_in_place():
    square = np.arange(16.0).reshape(1, 4, 4)
    every = [turn.apply(square) for turn in turns_of((1, 4, 4))]
    assert {one.shape for one in every} == {(1, 4, 4)}
    assert len({one.tobytes() for one in every}) == 7


def test_turns__of_unequal_lengths_keep_the_shape():
    assert {turn.order for turn in turns_of((2, 3, 4))} == {(0, 1, 2)}
    assert len(turns_of((2, 3, 4))) == 7


def test_apply__with_axes_before():
    turn = Turn((0, 1, 2), (False, True, False))
    both = np.stack([CUBE, CUBE + 100])[:, None]
    assert np.array_equal(turn.apply(both), both[:, :, :, ::-1])


@pytest.mark.parametrize(
    ("turn", "axes", "is_picture", "ways"),
    [
        (Turn((0, 1, 2), (True, False, False)), (2, 1, 0), False, ("head",)),
        (Turn((0, 1, 2), (False, True, False)), (2, 1, 0), False, ("back",)),
        (Turn((0, 1, 2), (False, True, True)), (2, 1, 0), True, ("head", "left")),
        (Turn((0, 2, 1), (False, True, True)), (2, 1, 0), True, ("side",)),
    ],
)
def test_ways(turn, axes, is_picture, ways):
    assert turn.ways(axes, is_picture=is_picture) == ways
