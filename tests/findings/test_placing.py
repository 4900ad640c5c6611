"""Findings in label maps whose values exclude each other."""

import numpy as np

from scanwright.findings.placing import with_findings

SHAPE = (24, 24, 8)


def box(low, high):
    mask = np.zeros(SHAPE, dtype=np.bool_)
    mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = True
    return mask


ORGAN, OTHER = box((2, 2, 1), (12, 22, 7)), box((12, 2, 1), (22, 22, 7))


def test_placing__a_lesion_is_given_back_to_the_organ_that_it_was_cut_out_of():
    lesion = box((5, 8, 2), (8, 12, 5))
    found = with_findings({"organ": ORGAN & ~lesion, "other": OTHER}, lesion, spacing=(1, 1, 1))
    assert np.array_equal(found["organ"], ORGAN) and np.array_equal(found["other"], OTHER)


def test_placing__between_two_organs_each_has_what_is_nearer():
    lesion = box((9, 8, 2), (15, 12, 5))
    found = with_findings({"organ": ORGAN & ~lesion, "other": OTHER & ~lesion}, lesion, spacing=(1, 1, 1))
    assert found["organ"][9:12, 8:12, 2:5].mean() > 0.9 and found["other"][12:15, 8:12, 2:5].mean() > 0.9
    assert not (found["organ"] & found["other"])[lesion].all()


def test_placing__outside_and_in_regions_that_hold_it_already_nothing_changes():
    lesion = box((5, 8, 2), (8, 12, 5))
    assert np.array_equal(with_findings({"organ": ORGAN}, lesion, spacing=(1, 1, 1))["organ"], ORGAN)
    beyond = box((0, 0, 0), (1, 1, 1))
    far = with_findings({"organ": ORGAN & ~box((2, 2, 1), (4, 4, 2))}, beyond, spacing=(1, 1, 1))
    assert not far["organ"][0, 0, 0]
    assert with_findings({}, lesion, spacing=(1, 1, 1)) == {}


def test_placing__a_finding_that_fills_the_image_lies_in_nothing():
    everything = np.ones(SHAPE, dtype=np.bool_)
    nothing = np.zeros(SHAPE, dtype=np.bool_)
    assert not with_findings({"organ": nothing}, everything, spacing=(1, 1, 1))["organ"].any()


def test_placing__what_is_as_near_to_two_goes_to_the_first_and_to_any_before_it_stays_outside():
    """A lesion between two organs, three voxels from either in its middle, and one between an organ and the outside."""
    left, right = box((2, 2, 1), (9, 22, 7)), box((12, 2, 1), (22, 22, 7))
    lesion = box((9, 8, 2), (12, 12, 5))
    for regions in ({"left": left, "right": right}, {"right": right, "left": left}):
        found = with_findings(regions, lesion, spacing=(1, 1, 1))
        first, second = regions
        assert found[first][10, 10, 3] and not found[second][10, 10, 3]
        assert found["left"][9, 10, 3] and found["right"][11, 10, 3]
    beside = with_findings({"left": left}, lesion, spacing=(1, 1, 1))
    assert beside["left"][10, 10, 3] and not beside["left"][11, 10, 3]
