"""Overlap scores: by hand, by the rules for empty masks, and on the figures of Metrics Reloaded's pitfalls paper."""

import numpy as np
import pytest

from scanwright.errors import GeometryError
from scanwright.evaluation.label_maps import overlap
from scanwright.evaluation.label_maps.overlap import Counts, counts

SCORES = ("dice", "iou", "sensitivity", "specificity", "precision", "relative_volume_error")


def scores(found: Counts) -> dict[str, float | None]:
    return {name: getattr(overlap, name)(found) for name in SCORES}


def mask(*runs: tuple[int, int]) -> np.ndarray:
    """A 1-D mask from (value, length) runs."""
    return np.concatenate([np.full(length, bool(value)) for value, length in runs])


def test_counts__by_hand():
    truth = np.array([[1, 1, 0], [0, 1, 0]], bool)
    prediction = np.array([[1, 0, 1], [0, 1, 0]], bool)
    found = counts(truth, prediction)
    assert found == Counts(tp=2, fp=1, fn=1, tn=2)
    assert (found.truth, found.prediction) == (3, 3)
    assert scores(found) == pytest.approx(
        {
            "dice": 4 / 6,
            "iou": 2 / 4,
            "sensitivity": 2 / 3,
            "specificity": 2 / 3,
            "precision": 2 / 3,
            "relative_volume_error": 0,
        }
    )


def test_counts__ignored_voxels_are_in_none_of_the_four():
    truth = np.array([1, 1, 0, 0, 1], bool)
    prediction = np.array([1, 0, 1, 0, 0], bool)
    valid = np.array([1, 1, 0, 1, 0], bool)
    assert counts(truth, prediction, valid) == Counts(tp=1, fp=0, fn=1, tn=1)


def test_counts__other_shape():
    with pytest.raises(GeometryError, match="different shapes"):
        counts(np.zeros((2, 3), bool), np.zeros((3, 2), bool))
    with pytest.raises(GeometryError, match="different shapes"):
        counts(np.zeros((2, 3), bool), np.zeros((2, 3), bool), np.zeros((2, 2), bool))


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        ([0, 0, 0, 0], [0, 0, 0, 0], (None, None, None, 1.0, None, None)),
        ([0, 0, 0, 0], [1, 0, 0, 0], (0.0, 0.0, None, 0.75, 0.0, None)),
        ([1, 1, 0, 0], [0, 0, 0, 0], (0.0, 0.0, 0.0, 1.0, 0.0, 1.0)),
        ([1, 1, 1, 1], [1, 1, 1, 1], (1.0, 1.0, 1.0, None, 1.0, 0.0)),
        ([1, 1, 1, 1], [0, 0, 0, 0], (0.0, 0.0, 0.0, None, 0.0, 1.0)),
    ],
    ids=["both empty", "truth empty", "prediction empty", "truth full", "truth full, prediction empty"],
)
def test_scores__empty_masks_by_rule(truth, prediction, expected):
    found = counts(np.array(truth, bool), np.array(prediction, bool))
    assert tuple(scores(found).values()) == expected


def test_volumes__absolute_and_signed():
    found = Counts(tp=10, fp=0, fn=30, tn=5)
    assert overlap.volume_bias(found, voxel_volume=0.5) == -15.0
    assert overlap.volume_error(found, voxel_volume=0.5) == 15.0
    assert overlap.relative_volume_error(found) == 0.75
    assert overlap.volume_error(Counts(tp=0, fp=4, fn=0, tn=0), voxel_volume=0.25) == 1.0


# Reinke et al. 2024, "Understanding metric-related pitfalls in image analysis validation", supplementary figures, with the
# values that Metrics Reloaded's reference implementation is tested to.


def test_pitfall_sn_2_9__prevalence():
    balanced = counts(mask((1, 50), (0, 50)), mask((1, 45), (0, 5), (1, 10), (0, 40)))
    assert overlap.dice(balanced) == pytest.approx(90 / 105) == pytest.approx(0.86, abs=0.01)
    assert overlap.precision(balanced) == pytest.approx(45 / 55)
    frequent = counts(mask((1, 90), (0, 10)), mask((1, 81), (0, 9), (1, 2), (0, 8)))
    assert overlap.dice(frequent) == pytest.approx(0.94, abs=0.01)
    assert (overlap.sensitivity(balanced), overlap.specificity(balanced)) == (0.9, 0.8)
    assert (overlap.sensitivity(frequent), overlap.specificity(frequent)) == (0.9, 0.8)


def test_pitfall_sn_2_17__specificity_says_little_of_small_structures():
    truth = mask((1, 3), (0, 97))
    twice_as_large = counts(truth, mask((1, 6), (0, 94)))
    assert overlap.sensitivity(twice_as_large) == 1.0
    assert overlap.specificity(twice_as_large) == pytest.approx(94 / 97)
    assert overlap.dice(twice_as_large) == pytest.approx(6 / 9)
    missed = counts(truth, mask((0, 100)))
    assert overlap.specificity(missed) == 1.0
    assert overlap.sensitivity(missed) == overlap.precision(missed) == overlap.dice(missed) == 0.0


def test_pitfall_sn_2_10__too_small_costs_more_than_too_large():
    truth, small, large = (np.zeros((14, 14), bool) for _ in range(3))
    truth[5:9, 5:9], small[6:8, 6:8], large[4:10, 4:10] = True, True, True
    assert counts(truth, small) == Counts(tp=4, fp=0, fn=12, tn=180)
    assert counts(truth, large) == Counts(tp=16, fp=20, fn=0, tn=160)
    assert overlap.dice(counts(truth, small)) == pytest.approx(8 / 20)
    assert overlap.dice(counts(truth, large)) == pytest.approx(32 / 52)
    assert overlap.iou(counts(truth, large)) == pytest.approx(16 / 36)


def test_pitfall__one_voxel_of_a_small_structure_weighs_more():
    large = np.zeros((11, 11), bool)
    large[2:5, 2:9] = large[5:9, 2:6] = True
    small = np.zeros((11, 11), bool)
    small[5, 4:6] = True
    drops = []
    for truth, voxel in ((large, (8, 2)), (small, (5, 4))):
        prediction = truth.copy()
        prediction[voxel] = False
        drops.append(1 - overlap.dice(counts(truth, prediction)))
    assert drops == pytest.approx([1 - 72 / 73, 1 / 3])


def test_pitfall__equal_volume_is_not_agreement():
    truth, prediction = np.zeros((14, 14), bool), np.zeros((14, 14), bool)
    truth[2:4, 2:4], prediction[3:5, 3:5] = True, True
    found = counts(truth, prediction)
    assert overlap.relative_volume_error(found) == 0.0
    assert overlap.dice(found) == pytest.approx(2 / 8)
