"""The regions of an image as another model's findings lie among them: where a box lies, worked by hand, and sizes."""

import numpy as np
import pytest

from scanwright.findings.regions import Place, Regions
from scanwright.geometry.grid import Grid

SHAPE = (10, 6, 4)
GRID = Grid(SHAPE, np.diag([2.0, 2.0, 5.0, 1.0]), "mm")


def part(low, high):
    """What lies from one index along the first axis to another."""
    mask = np.zeros(SHAPE, np.bool_)
    mask[low:high] = True
    return mask


def placed(start, end, **masks):
    return Regions(masks or {"left": part(2, 5), "right": part(5, 9)}, GRID).place_of(np.array([start, end], float))


@pytest.mark.parametrize(
    ("low", "high", "place"),
    [
        (2, 4, Place("left")),
        (3, 9, Place("right", ("left",))),  # 2 and 4 of 6
        (4, 6, Place("left", ("right",))),  # as much in both: the first
        (2.3, 7.7, Place("left", ("right",))),  # as much in both, 2.7 voxels, whatever additions round to
        (4.9, 7.0, Place("right")),  # 0.1 of 2.1 is less than reaches into
        (0, 3, Place("", ("left",))),  # 2 of 3 in none
        (0, 4, Place("left")),  # as much in none: in the region
        (9, 10, Place("")),
        (8.5, 12, Place("", ("right",))),  # what lies beyond the image counts for nothing: 0.5 in it, 1 outside
    ],
)
def test_place_of__by_the_largest_share(low, high, place):
    assert placed((low, 1, 1), (high, 4, 3)) == place


def test_place_of__a_voxel_at_a_face_counts_by_what_is_inside():
    """0.9 of the voxel 4 in the left one, 1 of the voxel 5 in the right one: rounded to voxels both would hold one."""
    assert placed((4.1, 1, 1), (6, 4, 3)).region == "right"
    assert placed((4.0, 1, 1), (5.9, 4, 3)).region == "left"


@pytest.mark.parametrize("box", [((12, 0, 0), (14, 2, 2)), ((3, 1, 1), (3, 4, 3)), ((-3, 0, 0), (-1, 2, 2))])
def test_place_of__a_box_that_holds_nothing_lies_outside(box):
    assert placed(*box) == Place("")


def test_place_of__regions_overlap_and_some_are_missing():
    masks = {"gone": part(0, 0), "lobe": part(2, 5), "lung": part(2, 9)}
    assert placed((3, 0, 0), (5, 6, 4), **masks) == Place("lobe")
    assert placed((3, 0, 0), (9, 6, 4), **masks) == Place("lung")
    assert placed((3, 0, 0), (5, 6, 4), lobe=part(2, 6), lung=part(4, 9)) == Place("lobe", ("lung",))
    assert Regions({}, GRID).place_of(np.array([[0.0, 0, 0], [2, 2, 2]])) == Place("")


@pytest.mark.parametrize(
    ("low", "high", "place"),
    [
        (3.5, 6.4, Place("lobe")),  # 1.5 of 2.9 in it
        (3.6, 6.6, Place("lung")),  # 1.4 of 3; rounded to voxels, 2 of 4
        (4.3, 5.7, Place("lobe")),  # as much in it as in the rest of the lung
        (0.9, 3.1, Place("lobe")),  # 1.1 of 2.2 in the lung, and that in the lobe
        (0.8, 3.1, Place("", ("lung", "lobe"))),
    ],
)
def test_place_of__of_nested_regions_the_innermost_by_the_parts_of_voxels(low, high, place):
    """Nor does it reach into what holds that region, or lies in it."""
    assert placed((low, 0, 0), (high, 6, 4), lung=part(2, 9), lobe=part(2, 5)) == place


def test_rows__sizes_without_a_burden():
    regions = Regions({"left": part(2, 5), "gone": part(0, 0)}, GRID)
    left, gone = regions.rows
    assert left.size == pytest.approx(3 * 6 * 4 * 20 / 1000) and left.burden is None and left.cut
    assert gone.is_missing and gone.burden is None and not gone.cut
    assert regions.to_json() == {"unit": "ml", "sizes": {"left": 1.44, "gone": 0.0}, "cut": ["left"]}
