"""The table of a study: sizes, places and rows that are defined whatever a finding does."""

import math

import numpy as np
import pytest

from scanwright.findings.table import CROSSES, reaches_border, size_of_voxel, study_table
from scanwright.geometry.grid import Grid
from scanwright.geometry.lying import OUTSIDE

SHAPE = (40, 30, 12)
GRID = Grid(SHAPE, np.diag([2.0, 2.0, 5.0, 1.0]), "mm")


def box(low, high, shape=SHAPE):
    mask = np.zeros(shape, dtype=np.bool_)
    mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = True
    return mask


LEFT, RIGHT = box((2, 2, 1), (20, 28, 11)), box((20, 2, 1), (38, 28, 11))


def table(findings, regions=None, **more):
    image = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    given = {"left": LEFT, "right": RIGHT} if regions is None else regions
    return study_table(given, findings, image=image, grid=GRID, **more)


def test_table__sizes_of_regions_and_of_one_finding():
    lesion = box((5, 6, 3), (9, 10, 5))
    found = table({"lesion": lesion}, confidence={"lesion": np.full(SHAPE, 0.75)})
    left, right = found.regions
    assert left.size == pytest.approx(18 * 26 * 10 * 20 / 1000) and found.unit_of_size == "ml"
    assert left.burden == pytest.approx(32 / (18 * 26 * 10)) and right.burden == 0 and not left.cut
    (one,) = found.findings
    assert (one.kind, one.region, one.number) == ("lesion", "left", 1) and one.shares == {"left": 1.0}
    assert one.size == pytest.approx(32 * 20 / 1000)
    assert one.longest == pytest.approx(math.hypot(8, 8)) and one.slice_index in (3, 4)
    assert one.center == pytest.approx((2 * 6.5, 2 * 7.5, 5 * 3.5))
    assert one.share_of_region == pytest.approx(32 / LEFT.sum()) and one.confidence == pytest.approx(0.75)
    inside = np.arange(np.prod(SHAPE)).reshape(SHAPE)[lesion]
    assert (one.mean, one.low, one.high) == (inside.mean(), inside.min(), inside.max())


def test_table__a_finding_that_crosses_two_regions():
    (one,) = table({"lesion": box((17, 6, 3), (22, 10, 5))}).findings
    assert one.region == "left" and one.shares == pytest.approx({"left": 0.6, "right": 0.4})
    assert one.crosses == ("right",)


def test_table__a_finding_outside_all_regions():
    (one,) = table({"lesion": box((0, 0, 0), (2, 2, 1))}).findings
    assert one.region == OUTSIDE and one.shares == {} and one.share_of_region is None and one.cut
    (hardly,) = table({"lesion": box((0, 3, 3), (3, 4, 4)) | box((0, 3, 3), (2, 20, 4))}).findings
    assert 0 < hardly.shares["left"] < CROSSES and hardly.region == OUTSIDE and hardly.crosses == ()


def test_table__a_finding_lies_outside_if_most_of_it_does():
    (one,) = table({"lesion": box((20, 2, 1), (36, 4, 2)) | box((20, 0, 1), (36, 2, 2))}, {"right": RIGHT}).findings
    assert one.shares == {"right": 0.5} and one.region == "right"  # of two that hold as much, not outside
    mostly = box((2, 2, 1), (3, 3, 2)) | box((1, 2, 0), (3, 10, 1))
    (one,) = table({"lesion": mostly}).findings
    assert one.shares == pytest.approx({"left": 1 / 17}) and CROSSES < 1 / 17
    assert (one.region, one.crosses, one.share_of_region) == (OUTSIDE, ("left",), None)


def test_table__a_finding_in_a_lobe_is_in_the_lobe_and_does_not_reach_into_the_lung():
    lobe, other = box((2, 2, 1), (20, 28, 6)), box((2, 2, 6), (20, 28, 11))
    nested = {"left": LEFT, "left lower lobe": lobe, "left upper lobe": other}
    (one,) = table({"lesion": box((5, 6, 3), (9, 10, 5))}, nested).findings
    assert (one.region, one.crosses, one.nested) == ("left lower lobe", (), {"left"})
    assert one.shares == {"left": 1.0, "left lower lobe": 1.0}
    assert one.share_of_region == pytest.approx(32 / lobe.sum())
    (both,) = table({"lesion": box((5, 6, 3), (9, 10, 7))}, nested).findings
    assert (both.region, both.crosses) == ("left lower lobe", ("left upper lobe",))
    (hilum,) = table(
        {"lesion": box((5, 6, 3), (9, 10, 9))}, {"left": LEFT, "lobe": box((2, 2, 1), (20, 28, 5))}
    ).findings
    assert (hilum.region, hilum.crosses, hilum.share_of_region) == ("left", (), pytest.approx(96 / LEFT.sum()))


def test_table__a_flat_volume_is_measured_in_its_plane():
    """20 x 10 mm in one slice across i, 5 mm thick."""
    grid = Grid((1, 40, 40), np.diag([5.0, 1.0, 1.0, 1.0]), "mm")
    lesion = box((0, 5, 8), (1, 25, 18), grid.shape)
    found = study_table({}, {"lesion": lesion}, image=np.zeros(grid.shape, np.float32), grid=grid)
    (one,) = found.findings
    assert (one.longest, one.size) == (pytest.approx(math.hypot(20, 10)), pytest.approx(200))
    assert (one.slice_axis, one.slice_index, found.unit_of_size) == (0, 0, "mm²")


def test_table__a_slice_is_one_of_those_that_were_acquired():
    grid = Grid((12, 40, 40), np.diag([5.0, 1.0, 1.0, 1.0]), "mm")
    lesion = box((3, 5, 8), (6, 8, 12), grid.shape) | box((6, 5, 8), (7, 9, 12), grid.shape)
    (one,) = study_table({}, {"lesion": lesion}, image=np.zeros(grid.shape, np.float32), grid=grid).findings
    assert (one.slice_axis, one.slice_index, one.longest) == (0, 6, pytest.approx(math.hypot(4, 4)))


def test_table__a_region_that_is_missing_has_a_row_and_holds_nothing():
    found = table({"lesion": box((25, 6, 3), (28, 10, 5))}, {"left": LEFT, "right": np.zeros(SHAPE, dtype=np.bool_)})
    assert found.missing == ("right",)
    assert found.regions[1].size == 0 and found.regions[1].burden is None
    assert found.findings[0].region == OUTSIDE


def test_table__findings_that_touch_are_two_of_two_kinds_and_one_of_one_kind():
    first, second = box((5, 6, 3), (9, 10, 5)), box((9, 10, 5), (11, 12, 6))  # by a corner
    found = table({"nodule": first, "effusion": second})
    assert [(one.kind, one.touches) for one in found.findings] == [("nodule", (2,)), ("effusion", (1,))]
    (both,) = table({"nodule": first | second}).findings
    assert both.touches == () and both.size == pytest.approx((32 + 4) * 20 / 1000)
    apart = table({"nodule": first, "effusion": box((15, 20, 8), (17, 22, 9))})
    assert [one.touches for one in apart.findings] == [(), ()]


def test_table__findings_of_two_kinds_in_the_same_voxels():
    found = table({"mass": box((5, 6, 3), (9, 10, 5)), "necrosis": box((6, 7, 3), (8, 9, 5))})
    assert [one.kind for one in found.findings] == ["mass", "necrosis"]
    assert [one.touches for one in found.findings] == [(2,), (1,)]
    same = box((5, 6, 3), (9, 10, 5))
    every = table({"mass": same, "necrosis": same, "oedema": same})
    assert [one.touches for one in every.findings] == [(2, 3), (1, 3), (1, 2)]
    assert found.regions[0].burden == pytest.approx(32 / LEFT.sum())  # each voxel once


def test_table__the_largest_comes_first_and_specks_are_left_out():
    lesions = box((5, 6, 3), (7, 8, 4)) | box((25, 6, 3), (30, 10, 5)) | box((12, 20, 3), (13, 21, 4))
    found = table({"lesion": lesions}, least_size=0.03)
    assert [one.number for one in found.findings] == [1, 2] and [one.region for one in found.findings] == [
        "right",
        "left",
    ]
    assert table({"lesion": np.zeros(SHAPE, dtype=np.bool_)}).findings == ()


def test_size__of_pictures_with_and_without_a_scale():
    assert size_of_voxel(Grid((8, 8, 1), np.diag([0.5, 0.2, 3.0, 1.0]), "mm")) == (pytest.approx(0.1), "mm²")
    assert size_of_voxel(Grid((1, 8, 8), np.diag([3.0, 0.5, 0.2, 1.0]), "mm")) == (pytest.approx(0.1), "mm²")
    assert size_of_voxel(Grid((8, 8, 1), np.eye(4), "px")) == (1.0, "px")


def test_border__an_axis_of_one_slice_has_none():
    assert not reaches_border(box((2, 2, 0), (4, 4, 1), (8, 8, 1))) and reaches_border(
        box((0, 2, 0), (4, 4, 1), (8, 8, 1))
    )
