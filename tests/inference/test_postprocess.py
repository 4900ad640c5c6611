"""Steps of post-processing on worked label maps, and the law that a second time changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from scanwright.inference.postprocess import ACTIONS, Step, filled, postprocess

ORGAN = {"organ": (1,)}
WITH_TUMOUR = {"organ": (1,), "tumour": (2,)}
NESTED = {"whole": (1, 2), "core": (2,)}
OVERLAPPING = {"lung": (1, 3), "opacity": (2, 3)}


def drawn(*rows: str) -> np.ndarray:
    """A picture of one slice: a digit a voxel."""
    return np.array([[int(one) for one in row] for row in rows], dtype=np.uint8)[:, :, None]


def done(labels: np.ndarray, *steps: Step, regions: dict = ORGAN, voxel: float = 1.0) -> list[str]:
    found = postprocess(labels, steps, regions=regions, voxel=voxel)
    assert (found.dtype, found.shape) == (labels.dtype, labels.shape)
    return ["".join(map(str, row)) for row in found[:, :, 0].tolist()]


def test_the_largest_part_stays_and_equal_ones_together() -> None:
    step = Step(region="organ", action="largest")
    assert done(drawn("110010", "110000", "000011"), step) == ["110000", "110000", "000000"]
    assert done(drawn("110011", "000000"), step) == ["110011", "000000"]
    assert done(drawn("100", "010", "001"), step) == ["100", "010", "001"], "corners connect"


def test_a_hole_is_filled_and_a_bay_is_not() -> None:
    step = Step(region="organ", action="fill")
    assert done(drawn("11111", "10001", "11111"), step) == ["11111"] * 3
    assert done(drawn("11111", "10000", "11111"), step) == ["11111", "10000", "11111"]
    assert done(drawn("00000", "01110", "01010", "01110", "00000"), step)[2] == "01110"


def test_a_hole_that_holds_another_region_keeps_it() -> None:
    step = Step(region="organ", action="fill")
    assert done(drawn("11111", "10201", "11111"), step, regions=WITH_TUMOUR) == ["11111", "11211", "11111"]


def test_holes_agree_with_scipy_where_parts_connect_as_there() -> None:
    """With a mask whose background connects by faces wherever it does by corners."""
    mask = np.zeros((12, 12, 12), bool)
    mask[2:10, 2:10, 2:10] = True
    mask[4:7, 4:7, 4:7] = False
    assert np.array_equal(filled(mask, ~mask), ndimage.binary_fill_holes(mask))


def test_what_is_too_small_goes_by_its_size_not_by_its_voxels() -> None:
    step = Step(region="organ", action="least", least=1.0)
    picture = drawn("1100010", "1100000")
    assert done(picture, step, voxel=0.25) == ["1100000", "1100000"]
    assert done(picture, step, voxel=1.0) == ["1100010", "1100000"]


def test_a_false_lesion_in_an_organ_becomes_organ() -> None:
    step = Step(region="tumour", action="least", least=2.0)
    assert done(drawn("11111", "11211", "11111"), step, regions=WITH_TUMOUR) == ["11111"] * 3
    assert done(drawn("00000", "00200", "00000"), step, regions=WITH_TUMOUR) == ["00000"] * 3


def test_a_finding_has_to_touch_the_anatomy() -> None:
    step = Step(region="tumour", action="touch", of=("organ",))
    assert done(drawn("110002", "120000", "000000"), step, regions=WITH_TUMOUR) == ["110000", "120000", "000000"]
    assert done(drawn("00002", "00000"), step, regions=WITH_TUMOUR) == ["00000", "00000"], "there is no organ"
    overlapping = Step(region="opacity", action="touch", of=("lung",))
    assert done(drawn("1300020", "1100000"), overlapping, regions=OVERLAPPING) == ["1300000", "1100000"]


def test_regions_that_overlap_leave_what_lies_below() -> None:
    assert done(drawn("1121", "1111"), Step(region="core", action="least", least=2), regions=NESTED) == ["1111"] * 2
    least = Step(region="opacity", action="least", least=2)
    assert done(drawn("1131", "1111"), least, regions=OVERLAPPING) == ["1111"] * 2
    hole = drawn("22222", "20002", "22222")
    assert done(hole, Step(region="opacity", action="fill"), regions=OVERLAPPING) == ["22222"] * 3


def test_the_order_in_which_steps_are_given_is_no_matter() -> None:
    steps = [Step(region="organ", action=action, least=4.0) for action in ("largest", "least", "fill")]
    picture = drawn("1110001", "1010001", "1110001", "0000001")
    assert done(picture, *steps) == done(picture, *reversed(steps)) == ["1110000", "1110000", "1110000", "0000000"]


def test_nothing_to_do_gives_the_very_array() -> None:
    labels = drawn("111", "111")
    assert postprocess(labels, [Step(region="organ", action="fill")], regions=ORGAN, voxel=1.0) is labels
    assert postprocess(labels, [Step(region="elsewhere", action="fill")], regions=ORGAN, voxel=1.0) is labels
    nothing = np.zeros((3, 4, 5), np.uint8)
    assert postprocess(nothing, [Step(region="organ", action="largest")], regions=ORGAN, voxel=1.0) is nothing


@pytest.mark.parametrize("regions", [WITH_TUMOUR, NESTED, OVERLAPPING, {"a": (1,), "b": (2,), "c": (3,)}])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_second_time_changes_nothing(regions: dict, data: st.DataObject) -> None:
    """Whatever the steps and the label map are, flat or in three axes."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    shape = data.draw(st.sampled_from([(9, 11, 1), (6, 5, 7)]))
    top = max(value for values in regions.values() for value in values)
    coarse = rng.integers(0, top + 1, (3, 4, 3))
    labels = np.kron(coarse, np.ones((3, 3, 3), int))[: shape[0], : shape[1], : shape[2]].astype(np.uint8)
    noisy = rng.random(shape) < data.draw(st.sampled_from([0.0, 0.1, 0.4]))
    labels[noisy] = rng.integers(0, top + 1, shape)[noisy]
    made = st.builds(
        Step,
        region=st.sampled_from(sorted(regions)),
        action=st.sampled_from(ACTIONS),
        least=st.sampled_from([0.0, 2.0, 6.0]),
        of=st.just((next(iter(regions)),)),
    )
    steps = data.draw(st.lists(made, max_size=5, unique_by=lambda one: (one.region, one.action)))
    once = postprocess(labels, steps, regions=regions, voxel=1.0)
    assert np.array_equal(postprocess(once, steps, regions=regions, voxel=1.0), once)
    assert set(np.unique(once)) <= {0, *np.unique(labels).tolist(), *range(1, top + 1)}
