"""Where a part of an image lies: where most of it is, outside counted as a region; of nested regions in the innermost."""

import numpy as np
import pytest

from scanwright.geometry.lying import OUTSIDE, PACKED, lie_in, lies_in, nesting


def region(low, high):
    mask = np.zeros((100, 1, 1), np.bool_)
    mask[low:high] = True
    return mask


def where(part, regions):
    return lies_in({name: mask[part] for name, mask in regions.items()}, nesting(regions))


@pytest.mark.parametrize(
    ("left", "right", "part", "told"),
    [
        ((10, 20), (20, 30), (14, 24), "left"),
        ((10, 20), (20, 30), (16, 31), "right"),
        ((10, 20), (20, 30), (14, 70), OUTSIDE),
        ((10, 13), (13, 16), (10, 19), "left"),
        ((10, 20), (20, 30), (40, 41), OUTSIDE),
        ((10, 20), (0, 0), (10, 41), OUTSIDE),
    ],
)
def test_lies_in__the_one_that_holds_most(left, right, part, told):
    assert where(region(*part), {"left": region(*left), "right": region(*right)}) == told
    assert where(region(*part), {}) == OUTSIDE


LUNG, UPPER, LOWER, SEGMENT = region(10, 60), region(10, 30), region(30, 50), region(30, 35)
LUNGS = {"lung": LUNG, "upper": UPPER, "segment": SEGMENT, "lower": LOWER}


def test_nesting__larger_regions_that_hold_it():
    assert nesting(LUNGS) == {"lung": set(), "upper": {"lung"}, "segment": {"lung", "lower"}, "lower": {"lung"}}
    loose = {"lung": LUNG, "lobe": region(9, 39), "half": region(40, 80), "empty": region(0, 0), "again": LUNG}
    assert nesting(loose) == {"lung": set(), "lobe": {"lung", "again"}, "half": set(), "empty": set(), "again": set()}


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ((36, 40), "lower"),
        ((31, 33), "segment"),
        ((33, 36), "segment"),  # 2 of 3 voxels
        ((28, 34), "segment"),  # 4 of 6 in the lower lobe, all of these in the segment
        ((25, 32), "upper"),
        ((48, 52), "lower"),  # as much as the rest of the lung
        ((47, 58), "lung"),
        ((57, 62), "lung"),
        ((57, 64), OUTSIDE),
    ],
)
def test_lies_in__of_nested_regions_in_the_innermost_in_any_order(part, told):
    assert where(region(*part), LUNGS) == told
    assert where(region(*part), dict(reversed(LUNGS.items()))) == told


def test_lies_in__voxels_count_by_their_weights():
    """A tenth of what lies in the upper lobe, and a tenth of what is in neither."""
    within = {name: mask[region(28, 34)] for name, mask in {"lung": LUNG, "upper": UPPER, "lower": LOWER}.items()}
    nested = nesting(LUNGS)
    assert lies_in(within, nested, np.array([1, 1, 0.1, 0.1, 0.1, 0.1])) == "upper"
    assert lies_in(within, nested, np.array([0.1, 0.1, 1, 1, 0.1, 0.1])) == "lower"
    assert (
        lies_in(within, nested, np.array([0.1, 0.2, 0.3, 0, 0, 0])) == "upper"
    )  # as much in both, whatever 0.1 + 0.2 is
    assert lies_in(within, nested, np.zeros(6)) == OUTSIDE


def test_lies_in__a_region_holds_what_lies_in_it_and_sticks_out():
    assert where(region(9, 10), {"lung": LUNG, "lobe": region(9, 39)}) == "lobe"


@pytest.mark.parametrize("regions", [0, 5, PACKED + 8])
def test_lie_in__many_parts_at_once_lie_where_each_does_alone(regions):
    """Random overlapping regions and parts, most of one voxel, one of none."""
    rng = np.random.default_rng(regions)
    masks = {f"r{number}": rng.random((400, 1, 1)) < rng.uniform(0.05, 0.6) for number in range(regions)}
    parts = np.concatenate([np.arange(100), rng.integers(0, 100, 200), np.full(100, 101)])
    within, nested = {name: mask[:, 0, 0] for name, mask in masks.items()}, nesting(masks)
    alone = [lies_in({name: mask[parts == part] for name, mask in within.items()}, nested) for part in range(102)]
    assert lie_in(parts, within, nested) == alone and len(set(alone)) >= min(regions, 3)
    assert lie_in(parts[:0], {name: mask[:0] for name, mask in within.items()}, nested) == []
