"""Axes and spacings unlike nearly all others'."""

import numpy as np
import pytest

from made_folders import made_facts
from scanwright.gate.outliers import in_spreads, in_wide_spreads, named, odd_orientations, odd_spacings


def facts_of(number, odd=0, **changed):
    """Facts of so many cases, the first `odd` of them changed."""
    return {name: made_facts(name, **(changed if n < odd else {})) for n in range(number) for name in [f"c{n:02d}"]}


def test_in_spreads__a_normal_distribution_and_a_wild_value():
    values = np.random.default_rng(0).normal(10, 2, 4001)
    values[0] = 30
    assert in_spreads(values)[0] == pytest.approx(10, abs=0.6)
    assert in_wide_spreads(values)[0] == pytest.approx(10, abs=0.6)


def test_in_spreads__equal_values():
    assert in_spreads([3.0, 3.0, 3.0]).tolist() == [0, 0, 0]


def test_named__many():
    assert named("ba") == "a, b"
    assert named("abcdefghij") == "a, b, c, d, e, f, g, h and 2 more"


def test_odd_orientations__one_of_twenty():
    (fault,) = odd_orientations(facts_of(20, 1, orientation="LPI"))
    assert (fault.code, fault.severity, fault.case) == ("orientation-outlier", "warning", "c00")
    assert "LPI in c00" in fault.found and "RAS" in fault.expected


@pytest.mark.parametrize(("number", "odd"), [(7, 1), (20, 0), (20, 2), (20, 10)])
def test_odd_orientations__few_cases_or_two_kinds(number, odd):
    assert not list(odd_orientations(facts_of(number, odd, orientation="LPS")))


def test_odd_orientations__two_sites_and_a_case_of_neither():
    facts = facts_of(20, 9, orientation="LPS") | {"odd": made_facts("odd", orientation="SAR")}
    (fault,) = odd_orientations(facts)
    assert (fault.case, fault.found) == ("odd", "SAR in odd")
    assert "RAS or LPS, as in 20 of 21" in fault.expected


def test_odd_spacings__thick_slices_in_one():
    (fault,) = odd_spacings(facts_of(40, 1, spacing=(1.0, 1.0, 5.0)))
    assert (fault.code, fault.severity, fault.cases) == ("spacing-outlier", "warning", ("c00",))
    assert "1 x 1 x 5 mm in c00" in fault.found


def test_odd_spacings__the_same_voxels_in_another_order_of_axes():
    turned = facts_of(20, 1, spacing=(2.0, 1.0, 1.0), orientation="SAR")
    assert not list(odd_spacings(turned))


def test_odd_spacings__a_case_without_a_scale():
    (fault,) = odd_spacings(facts_of(20, 1, unit="px"))
    assert "no size in space in c00" in fault.found


@pytest.mark.parametrize("odd", [0, 5, 10])
def test_odd_spacings__a_mixed_cohort_has_no_outliers(odd):
    assert not list(odd_spacings(facts_of(20, odd, spacing=(1.0, 1.0, 5.0))))


def test_odd_spacings__two_protocols_and_a_case_of_neither():
    facts = facts_of(20, 9, spacing=(1.0, 1.0, 5.0)) | {"odd": made_facts("odd", spacing=(1.0, 1.0, 15.0))}
    (fault,) = odd_spacings(facts)
    assert fault.found == "1 x 1 x 15 mm in odd"
    assert "1 x 1 x 2 to 5 mm" in fault.expected


def test_odd_spacings__every_case_another_one():
    facts = {f"c{n}": made_facts(f"c{n}", spacing=(2.0**n, 1.0, 1.0)) for n in range(12)}
    assert not list(odd_spacings(facts))
