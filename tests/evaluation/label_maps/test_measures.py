"""The list of measures, their names by unit, and the tolerance that is taken when none is stated."""

import doctest

import numpy as np
import pytest

from scanwright.evaluation.label_maps import measures
from scanwright.evaluation.label_maps.measures import (
    default_tolerance,
    describe_measures,
    has_worst_value,
    measure_region,
)
from scanwright.evaluation.label_maps.overlap import counts

OVERLAP = "dice iou sensitivity specificity precision"
MM = f"{OVERLAP} volume_error_ml volume_bias_ml relative_volume_error hd95_mm asd_mm nsd nsd_voxel"
PX = f"{OVERLAP} area_error_px area_bias_px relative_area_error hd95_px asd_px nsd nsd_voxel"


@pytest.mark.parametrize(("unit", "names"), [("mm", MM), ("px", PX)])
def test_measures__names_and_order(unit, names):
    mask = np.ones((2, 2, 2), bool)
    found = measure_region(counts(mask, mask), mask, mask, spacing=(1, 1, 1), unit=unit, tolerance=1)
    assert list(found) == list(describe_measures(unit)) == names.split()


def test_measures__which_way_is_better():
    better = {name: measure.better for name, measure in describe_measures("mm").items()}
    assert [name for name in better if better[name] == "zero"] == ["volume_bias_ml"]
    assert [name for name in better if better[name] == "lower"] == [
        "volume_error_ml", "relative_volume_error", "hd95_mm", "asd_mm",
    ]  # fmt: skip


@pytest.mark.parametrize("unit", ["mm", "px"])
def test_measures__which_have_a_worst_value(unit):
    """What is not defined where a region was missed or invented, but for sensitivity: a truth of nothing has none to find."""
    something, nothing = np.ones((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    undefined = set()
    for truth, prediction in ((something, nothing), (nothing, something)):
        found = counts(truth, prediction)
        scores = measure_region(found, truth, prediction, spacing=(1, 1, 1), unit=unit, tolerance=1)
        undefined |= {name for name, value in scores.items() if value is None}
    undefined -= {"sensitivity", "specificity"}  # no background here
    size = "volume" if unit == "mm" else "area"
    assert undefined == {f"hd95_{unit}", f"asd_{unit}", f"relative_{size}_error"}
    assert not any(has_worst_value(name) for name in undefined)
    assert has_worst_value("dice") and has_worst_value("nsd") and has_worst_value("sensitivity")


def test_examples_in_docstrings():
    failed, tried = doctest.testmod(measures)
    assert tried and not failed


def test_measures__volume_in_millilitres_and_area_in_pixels():
    truth, prediction = np.zeros((10, 10, 1), bool), np.zeros((10, 10, 1), bool)
    truth[:5, :4], prediction[:5, :2] = True, True
    found = measure_region(counts(truth, prediction), truth, prediction, spacing=(2, 2, 5), unit="mm", tolerance=1)
    assert found["volume_error_ml"] == pytest.approx(10 * 20 / 1000)
    assert found["volume_bias_ml"] == pytest.approx(-0.2)
    assert found["hd95_mm"] == 4.0
    found = measure_region(counts(truth, prediction), truth, prediction, spacing=(1, 1, 1), unit="px", tolerance=1)
    assert (found["area_error_px"], found["area_bias_px"], found["relative_area_error"]) == (10, -10, 0.5)
    assert found["hd95_px"] == 2.0


def test_measures__both_definitions_of_surface_dice():
    """A square of 6 against one of 4 inside it: all is a pixel away, but corners, which the definitions count differently."""
    truth, prediction = np.zeros((10, 10, 1), bool), np.zeros((10, 10, 1), bool)
    truth[2:8, 2:8], prediction[3:7, 3:7] = True, True
    found = measure_region(counts(truth, prediction), truth, prediction, spacing=(1, 1, 1), unit="px", tolerance=1)
    assert found["nsd_voxel"] == pytest.approx((20 - 4 + 12) / 32)
    bevel = np.sqrt(0.5)
    assert found["nsd"] == pytest.approx((4 * 5 + 4 * 3 + 4 * bevel) / (4 * 5 + 4 * 3 + 8 * bevel))


@pytest.mark.parametrize(
    ("spacings", "expected"),
    [
        ([], 1.0),
        ([(1.0, 1.0, 1.0)], 1.0),
        ([(0.3, 0.3, 0.5)], 1.0),
        ([(1.953, 1.953, 3.27)], 3.27),
        ([(float(np.float32(0.8)), 0.8, float(np.float32(1.2)))], 1.2),
        ([(1, 1, 2.501)], 2.51),
        ([(1, 1, 1), (1, 1, 1), (1, 1, 9)], 1.0),
    ],
    ids=["none", "1 mm", "fine", "ct", "float32", "rounded up", "one coarse scan of three"],
)
def test_default_tolerance(spacings, expected):
    assert default_tolerance(spacings) == expected


def test_default_tolerance__thickness_of_a_single_slice_does_not_count():
    assert default_tolerance([(0.5, 1.5, 8.0)], shapes=[(200, 300, 1)]) == 1.5
    assert default_tolerance([(0.5, 1.5, 8.0)], shapes=[(200, 300, 2)]) == 8.0
    assert default_tolerance([(2.0, 2.0, 2.0)], shapes=[(1, 1, 1)]) == 2.0
