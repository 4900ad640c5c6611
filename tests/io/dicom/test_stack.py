"""Slices to a grid: order by position, steps worked out by hand, and every way in which slices may not lie evenly."""

import numpy as np
import pytest

from made_dicom import header, placed, slices, write
from scanwright.errors import GeometryError
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.slices import read_slices
from scanwright.io.dicom.stack import heights, levels, stack

PLANE = np.zeros((4, 5), np.int16)


def slices_at(folder, zs, **more):
    return [one for path in slices(folder, zs, **more) for one in read_slices(open_instance(path))]


def test_stack__sorted_by_position_not_by_name(tmp_path):
    made = slices_at(tmp_path, [30, 10, 20])
    ordered, grid, notes = stack(made)
    assert heights(ordered).tolist() == [10, 20, 30]
    assert [one.number for one in ordered] == [2, 3, 1]
    assert (grid.shape, grid.spacing, grid.orientation, notes) == ((5, 4, 3), (0.5, 0.5, 10), "LPS", ())
    assert grid.affine[:3, 3].tolist() == [0, 0, 10]


def test_stack__sagittal(tmp_path):
    """Rows run to the back, columns down: the normal runs to the patient's right... in LPS to -x, in RAS to +x."""
    paths = [
        write(
            tmp_path / f"{n}.dcm",
            header(PLANE, **placed((x, 0, 0), directions=(0, 1, 0, 0, 0, -1)), SOPInstanceUID=f"1.{n}"),
        )
        for n, x in enumerate((5, 3, 1))
    ]
    _, grid, _ = stack([one for path in paths for one in read_slices(open_instance(path))])
    assert grid.orientation == "PIR"
    assert np.allclose(grid.points([0, 0, 0]), [-5, 0, 0])
    assert np.allclose(grid.points([1, 2, 2]), [-1, -0.5, -1])


def test_stack__tilted_slices_keep_their_places(tmp_path):
    """Each slice 2 mm further back than the one below, at 5 mm: atan(2 / 5) = 21.8 degrees, and voxels where they are."""
    made = slices_at(tmp_path, [0, 5, 10], shift=2)
    ordered, grid, notes = stack(made)
    assert "21.8 degrees" in notes[0]
    for k, one in enumerate(ordered):
        assert np.allclose(grid.points([0, 0, k]), one.place.origin)
    assert np.isclose(grid.voxel_volume, 0.5 * 0.5 * 5)


def test_stack__one_slice(tmp_path):
    _, grid, notes = stack(slices_at(tmp_path / "a", [7], SliceThickness=2.5))
    assert (grid.spacing, notes) == ((0.5, 0.5, 2.5), ())
    _, grid, notes = stack(slices_at(tmp_path / "b", [7]))
    assert (grid.spacing[2], len(notes)) == (1, 1)


def test_stack__rounded_positions_are_even(tmp_path):
    zs = [round(number * 1.2345678, 2) for number in range(40)]
    _, grid, _ = stack(slices_at(tmp_path, zs))
    assert grid.spacing[2] == pytest.approx(1.2345678, abs=2e-4)


@pytest.mark.parametrize(
    ("zs", "message", "found"),
    [
        ([0, 2, 4, 8, 10], "1 slice is missing", "after slice 3"),
        ([0, 2, 8, 10, 14], "3 slices are missing", "after slice 2, 4"),
        ([0, 2, 4.7, 6, 8], "do not lie evenly", "gaps of 1.3 to 2.7"),
        ([0, 1, 2, 3.5, 5], "do not lie evenly", "gaps of 1 to 1.5"),
        ([0, 2, 2, 4], "several slices in one place", "4 slices in 3 places"),
    ],
)
def test_stack__refused(tmp_path, zs, message, found):
    with pytest.raises(GeometryError, match=message) as caught:
        stack(slices_at(tmp_path, zs))
    assert found in caught.value.found


def test_stack__sideways_jumps_are_uneven(tmp_path):
    made = slices_at(tmp_path / "a", [0, 2, 4]) + slices_at(tmp_path / "b", [6, 8, 10], shift=1)
    with pytest.raises(GeometryError, match="do not lie evenly"):
        stack(made)


def test_levels(tmp_path):
    made = slices_at(tmp_path, [4, 0, 4.005, 2])
    assert [[one.number for one in level] for level in levels(made)] == [[2], [4], [1, 3]]


def test_stack__a_spacing_that_the_places_contradict_is_noted(tmp_path):
    """Every second slice left out: places are taken, and the header's word is told."""
    _, grid, notes = stack(slices_at(tmp_path / "a", [0, 4, 8], SpacingBetweenSlices=2))
    assert (grid.spacing[2], notes) == (4, ("slices lie 4 mm apart, the header says 2 mm: their places are taken",))
    assert stack(slices_at(tmp_path / "b", [0, 4, 8], SpacingBetweenSlices=-4))[2] == ()


@pytest.mark.parametrize(("spacing", "expected"), [(-3, 3), (0, 2), (None, 2)])
def test_stack__one_slice_whose_spacing_is_negative_or_nothing(tmp_path, spacing, expected):
    """A sign of the spacing is a direction; without a spacing, the thickness is left."""
    _, grid, notes = stack(slices_at(tmp_path, [7], SliceThickness=2, SpacingBetweenSlices=spacing))
    assert (grid.spacing[2], notes) == (expected, ())
