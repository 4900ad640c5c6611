"""Where a part of an image lies: where most of it is, outside counted as a region."""

import pytest

from scanwright.geometry.lying import OUTSIDE, lies_in


@pytest.mark.parametrize(
    ("inside", "outside", "region"),
    [
        ({"left": 6, "right": 4}, 0, "left"),
        ({"left": 4, "right": 6}, 5, "right"),
        ({"left": 6, "right": 4}, 94, OUTSIDE),
        ({"left": 3, "right": 3}, 3, "left"),
        ({"left": 0}, 0, OUTSIDE),
        ({}, 7, OUTSIDE),
    ],
)
def test_lies_in__the_one_that_holds_most(inside, outside, region):
    assert lies_in(inside, outside) == region
