"""Units in names and cells."""

import doctest

import pytest

from scanwright.dataset import units


def test_units__examples():
    assert doctest.testmod(units).failed == 0


@pytest.mark.parametrize(("name", "unit"), [("hu_min", "HU"), ("age_day", "h"), ("x_g", "g"), ("time [s]", "sec")])
def test_contradict__a_word_that_may_be_no_unit_contradicts_nothing(name, unit):
    assert not units.contradict(unit, units.unit_in_name(name))


def test_states_unit__a_single_letter_behind_a_name_is_none():
    assert not units.states_unit("class_g") and not units.states_unit("grade_l") and units.states_unit("weight (g)")
