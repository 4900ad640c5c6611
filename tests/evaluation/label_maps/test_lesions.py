"""Findings judged one by one."""

import numpy as np
import pytest

from scanwright.evaluation.label_maps.lesions import LesionCase, match_lesions, measure_lesions, measure_regions
from scanwright.geometry.lying import OUTSIDE

SHAPE = (30, 30, 6)


def blobs(*places, side=4):
    mask = np.zeros(SHAPE, dtype=np.bool_)
    for i, j in places:
        mask[i : i + side, j : j + side, 1:4] = True
    return mask


LEFT = np.zeros(SHAPE, dtype=np.bool_)
LEFT[:15] = True
REGIONS = {"left": LEFT, "right": ~LEFT}


def test_match__hits_misses_and_false_ones():
    found = match_lesions(
        blobs((2, 2), (20, 20), (2, 20)), blobs((3, 2), (20, 21), (12, 12)), voxel=0.5, regions=REGIONS
    )
    assert (found.hits, found.false, len(found.true_sizes)) == (2, 1, 3)
    assert found.true_sizes.tolist() == [24, 24, 24] and found.found_sizes.tolist() == [24, 24, 24]
    paired = {
        (found.found_regions[place], found.true_regions[partner])
        for place, partner in enumerate(found.partners)
        if partner >= 0
    }
    assert paired == {("left", "left"), ("right", "right")}


def test_match__places_of_nested_regions_are_the_innermost():
    lobe = LEFT.copy()
    lobe[:, 15:] = False
    nested = {"left": LEFT, "left lower lobe": lobe}
    found = match_lesions(blobs((2, 2), (2, 20), (20, 20)), blobs((2, 3)), voxel=1.0, regions=nested)
    assert sorted(found.true_regions) == [OUTSIDE, "left", "left lower lobe"]
    assert found.found_regions == ("left lower lobe",)


def test_match__a_lesion_in_two_pieces_is_found_once_and_the_rest_is_false():
    true, found = blobs((5, 5), side=8), blobs((5, 5), side=8)
    found[8:10] = False
    matched = match_lesions(true, found, voxel=1.0)
    assert (matched.hits, matched.false) == (1, 1)


def test_match__the_surer_one_is_taken_first():
    true, found = blobs((5, 5), side=8), blobs((5, 5), side=8)
    found[8:10] = False
    sure = np.zeros(SHAPE)
    sure[10:] = 0.9  # the smaller piece
    sizes = match_lesions(true, found, voxel=1.0, scores=sure)
    assert sizes.partners.tolist() == [-1, 0]
    assert match_lesions(true, found, voxel=1.0).partners.tolist() in ([0, -1], [-1, 0])


def test_match__what_nobody_judged_is_left_out():
    judged = ~blobs((2, 2), side=6)
    found = match_lesions(blobs((20, 20)), blobs((20, 20), (3, 3)), voxel=1.0, judged=judged)
    assert (found.hits, found.false) == (1, 0)


def test_match__a_touch_is_no_hit():
    found = match_lesions(blobs((5, 5)), blobs((8, 8)), voxel=1.0)  # one voxel of sixteen an axis pair
    assert (found.hits, found.false) == (0, 1)
    assert match_lesions(blobs((5, 5)), blobs((8, 8)), voxel=1.0, hit=0.01).hits == 1


def test_match__nothing_at_all():
    nothing = match_lesions(blobs(), blobs(), voxel=1.0, regions=REGIONS)
    assert (nothing.hits, nothing.false, len(nothing.true_sizes)) == (0, 0, 0)


def cohort():
    """Ten patients: one lesion each, found in eight; one false one in two; the region wrong once."""
    cases = []
    for number in range(10):
        true, found = blobs((2, 2)), blobs((2, 2)) if number < 8 else blobs()
        if number in (3, 9):
            found = found | blobs((20, 20))
        answered = {"left": ~LEFT, "right": LEFT} if number == 0 else REGIONS
        lesions = match_lesions(true, found, voxel=0.5, regions=REGIONS, found_regions=answered)
        kinds = (
            {"nodule": lesions}
            if number != 7
            else {"nodule": lesions, "effusion": match_lesions(blobs(), blobs(), voxel=1)}
        )
        cases.append(LesionCase(case=f"c{number}", patient=f"p{number}", kinds=kinds))
    return cases


def test_measure__as_counted_by_hand():
    overall, each = measure_lesions(cohort(), ["nodule", "effusion"], samples=500)
    nodule = each["nodule"]
    assert nodule["lesion_sensitivity"].value == 0.8 and nodule["lesion_precision"].value == 0.8
    assert nodule["lesion_f1"].value == pytest.approx(0.8) and nodule["false_lesions_per_case"].value == 0.2
    assert nodule["region_accuracy"].value == pytest.approx(7 / 8)
    low, high = nodule["lesion_sensitivity"].interval
    assert low < 0.6 < 0.8 < high < 1
    assert nodule["burden_bias_ml"].value == pytest.approx((24 - 24) / 10 + (8 * 24 - 10 * 24 + 2 * 24) / 10)
    assert nodule["burden_loa_low_ml"].value < nodule["burden_bias_ml"].value < nodule["burden_loa_high_ml"].value
    assert overall["lesion_sensitivity"].value == 0.8 and overall["false_lesions_per_case"].value == 0.2


def test_measure__a_kind_that_only_some_cases_were_judged_for():
    _, each = measure_lesions(cohort(), ["nodule", "effusion"], samples=0)
    effusion = each["effusion"]
    assert effusion["lesion_sensitivity"].value is None and effusion["false_lesions_per_case"].value == 0
    assert effusion["false_lesions_per_case"].n == 1 and each["nodule"]["false_lesions_per_case"].n == 10
    _, absent = measure_lesions(cohort()[:3], ["effusion"], samples=0)
    assert all(one.value is None or one.n == 0 for one in absent["effusion"].values())


def test_regions__as_counted_by_hand():
    """True ones lie on the left; of the eight that are found one is said to lie on the right, beside the two false ones."""
    found = measure_regions(cohort(), ["nodule", "effusion"], samples=500)
    assert list(found) == ["left", "right", OUTSIDE]
    left, right, outside = found.values()
    counted = ("true_lesions", "lesion_hits", "false_lesions")
    assert [[one[name].value for name in counted] for one in found.values()] == [[10, 8, 0], [0, 0, 2], [0, 0, 0]]
    assert left["lesion_sensitivity"].value == 0.8 and left["lesion_precision"].value == 1
    assert left["region_accuracy"].value == pytest.approx(7 / 8) and left["false_lesions_per_case"].value == 0
    assert left["lesion_f1"].value == pytest.approx((8 + 7) / (10 + 7))
    assert right["lesion_sensitivity"].value is None and right["region_accuracy"].value is None
    assert right["lesion_precision"].value == pytest.approx(1 / 3)
    low, high = right["false_lesions_per_case"].interval
    assert right["false_lesions_per_case"].value == 0.2 and 0 <= low < 0.2 < high
    assert left["burden_bias_ml"].value == pytest.approx((7 - 10) * 24 / 10)
    assert right["burden_bias_ml"].value == pytest.approx(3 * 24 / 10)
    assert outside["false_lesions_per_case"].value == 0 and outside["false_lesions_per_case"].n == 10


def test_regions__outside_all_and_where_nobody_knows_them():
    nowhere = np.zeros(SHAPE, dtype=np.bool_)
    placed = match_lesions(
        blobs((2, 2), (20, 2)), blobs((2, 2), (20, 20)), voxel=1.0, regions={"left": LEFT, "gone": nowhere}
    )
    unknown = match_lesions(blobs((2, 2)), blobs((20, 20)), voxel=1.0)
    cases = [
        LesionCase(case=name, patient=name, kinds={"nodule": one})
        for name, one in zip("ab", (placed, unknown), strict=True)
    ]
    found = measure_regions(cases, ["nodule"], samples=0)
    counted = ("true_lesions", "lesion_hits", "false_lesions")
    assert {name: [one[key].value for key in counted] for name, one in found.items()} == {
        "left": [1, 1, 0],
        "gone": [0, 0, 0],
        OUTSIDE: [1, 0, 1],
    }
    assert all(one["false_lesions_per_case"].n == 1 for one in found.values())
    assert measure_regions(cases[1:], ["nodule"], samples=0) == {}
    overall, _ = measure_lesions(cases, ["nodule"], samples=0)
    assert [overall[key].value for key in counted] == [3, 1, 2]


def test_places__by_the_rule_of_the_table_of_a_study():
    """One voxel of seventeen in the lung, the others outside: it lies outside, as `findings.table` says too."""
    lesion, lung = np.zeros((1, 20, 1), np.bool_), np.zeros((1, 20, 1), np.bool_)
    lesion[:, :17], lung[:, 16:] = True, True
    found = match_lesions(lesion, lesion, voxel=1.0, regions={"lung": lung})
    assert found.true_regions == found.found_regions == (OUTSIDE,)
