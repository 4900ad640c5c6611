"""Label maps as the report tells of them."""

import doctest

import pytest

from scanwright.problem.label_maps import told as label_map_told
from scanwright.problem.label_maps.told import failures


def test_doctests():
    assert doctest.testmod(label_map_told).failed == 0


@pytest.mark.parametrize(
    ("missed", "invented", "absent", "text"),
    [
        (0, 4, 4, "core invented in 4 of 8 cases without it"),
        (1, 0, 8, "core missed in 1 of 2 cases that have it"),
        (0, 0, 8, ""),
    ],
)
def test_failures(missed, invented, absent, text):
    flags = {"missed": {"core": missed}, "invented": {"core": invented}, "absent": {"core": absent}}
    assert failures(flags, 10) == text
