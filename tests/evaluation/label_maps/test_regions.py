"""Regions out of label maps and out of masks."""

import numpy as np
import pytest

from scanwright.errors import GeometryError, InputError, UsageError
from scanwright.evaluation.label_maps.regions import find_regions


def labels(dtype=np.uint8) -> np.ndarray:
    array = np.zeros((6, 7, 8), dtype)
    array[1, 2, 3], array[4, 2, 5] = 1, 2
    return array


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_regions__union_of_values_and_their_box(dtype):
    found = find_regions(labels(dtype), {"both": (1, 2), "second": (2,), "none": (7,)}, shape=(6, 7, 8))
    assert found.boxes["both"] == (slice(1, 5), slice(2, 3), slice(3, 6))
    assert found.boxes["second"] == (slice(4, 5), slice(2, 3), slice(5, 6))
    assert found.boxes["none"] is None
    everything = (slice(0, 6), slice(0, 7), slice(0, 8))
    assert np.array_equal(found.within("both", everything), labels() > 0)
    assert found.within("second", found.boxes["both"]).sum() == 1


def test_regions__from_masks_and_from_bool_labels():
    mask = labels() == 2
    box = (slice(4, 5), slice(2, 3), slice(5, 6))
    assert find_regions({"a": mask, "unused": mask}, {"a": (9,)}, shape=mask.shape).boxes == {"a": box}
    assert find_regions({"a": mask.astype(np.uint8)}, {"a": (9,)}, shape=mask.shape).within("a", box).dtype == bool
    assert find_regions(mask, {"a": (1,), "b": (2,)}, shape=mask.shape).boxes == {"a": box, "b": None}


def test_regions__values_beyond_and_below_are_background():
    array = labels(np.int32)
    array[0, 0, 0], array[5, 6, 7] = -3, 1_000_000_000
    assert find_regions(array, {"one": (1,)}, shape=array.shape).boxes["one"] == (slice(1, 2), slice(2, 3), slice(3, 4))


def test_regions__what_is_refused():
    with pytest.raises(GeometryError, match="different shapes"):
        find_regions(labels(), {"a": (1,)}, shape=(6, 7, 9))
    with pytest.raises(GeometryError, match="different shapes"):
        find_regions({"a": labels() > 0, "b": np.zeros((2, 2, 2), bool)}, {"a": (1,)}, shape=(6, 7, 8))
    with pytest.raises(InputError, match="whole numbers"):
        find_regions(labels(np.float32), {"a": (1,)}, shape=(6, 7, 8))
    with pytest.raises(UsageError, match="not predicted"):
        find_regions({"b": labels() > 0}, {"a": (1,)}, shape=(6, 7, 8))
    with pytest.raises(UsageError, match="background"):
        find_regions(labels(), {"a": (0, 1)}, shape=(6, 7, 8))
