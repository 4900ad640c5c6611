"""In-plane diameters worked out by hand."""

import numpy as np
import pytest

from scanwright.geometry.diameters import Diameters, axis_of_slices, diameters
from scanwright.geometry.grid import Grid


def mask(shape, *boxes):
    made = np.zeros(shape, np.bool_)
    for box in boxes:
        made[box] = True
    return made


def test_one_voxel():
    """3 x 4 mm: its diagonal is 5. A chord at right angles to it runs from one long side to the other; by similar triangles
    it is 3 * 5 / 4 long.
    """
    found = diameters(mask((3, 3, 1), np.s_[1, 1, 0]), Grid.from_spacing((3, 3, 1), (3, 4, 9)))
    assert (found.longest, found.perpendicular, found.slice) == (pytest.approx(5), pytest.approx(3.75), 0)


def test_a_rectangle():
    """6 x 8 pixels of 1 mm: diagonal 10; by the same triangles 6 * 10 / 8 = 7.5."""
    found = diameters(mask((9, 9, 2), np.s_[1:7, 0:8, 1]), Grid.from_spacing((9, 9, 2), (1, 1, 5)))
    assert found == Diameters(pytest.approx(10), pytest.approx(7.5), 1)


def test_a_bar():
    found = diameters(mask((1, 12, 1), np.s_[0, 1:11, 0]), Grid.from_spacing((1, 12, 1), (1, 1, 1)))
    assert found.longest == pytest.approx(np.hypot(10, 1))
    assert found.perpendicular == pytest.approx(np.hypot(10, 1) / 10)


def test_the_longest_of_several_parts_and_slices():
    two = mask((20, 20, 3), np.s_[0:2, 0:2, 0], np.s_[10:13, 10:14, 0], np.s_[5:6, 5:6, 2])
    assert diameters(two, Grid.from_spacing((20, 20, 3), (1, 1, 1))) == Diameters(
        pytest.approx(5), pytest.approx(3.75), 0
    )


def test_a_disc():
    i, j = np.mgrid[:81, :81] - 40
    disc = (i**2 + j**2 <= 30**2)[..., None]
    found = diameters(disc, Grid.from_spacing((81, 81, 1), (0.5, 0.5, 1)))
    assert found.longest == pytest.approx(30, abs=1)
    assert found.perpendicular == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("shape", "spacing", "axis"),
    [
        ((40, 40, 20), (1, 1, 1), 2),
        ((40, 40, 1), (1, 1, 5), 2),
        ((1, 40, 40), (1, 1, 1), 0),
        ((40, 1, 1), (1, 1, 1), 2),
        ((12, 40, 40), (5, 1, 1), 0),
        ((40, 12, 40), (1, 1.5, 0.9), 1),
        ((40, 12, 40), (1, 1.4, 1), 2),
        ((40, 12, 12), (1, 3, 3), 2),
    ],
)
def test_slices_follow_each_other_along_the_flat_or_by_far_the_coarsest_axis(shape, spacing, axis):
    assert axis_of_slices(Grid.from_spacing(shape, spacing)) == axis


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_plane_is_that_of_the_slices(axis):
    """6 x 8 mm in the fourth of five slices that are 4 mm apart, along each axis."""
    shape, spacing = [9, 9], [1.0, 1.0]
    shape.insert(axis, 5)
    spacing.insert(axis, 4.0)
    part = [slice(1, 7), slice(0, 8)]
    part.insert(axis, 3)
    found = diameters(mask(tuple(shape), tuple(part)), Grid.from_spacing(tuple(shape), tuple(spacing)))
    assert found == Diameters(pytest.approx(10), pytest.approx(7.5), 3, axis)


def test_nothing():
    assert diameters(np.zeros((3, 3, 3), np.bool_), Grid.from_spacing((3, 3, 3), (1, 1, 1))) is None


def test_small_parts_of_one_shape_are_measured_once_and_as_any_other(monkeypatch):
    """Thousands of parts of few voxels: those of one shape share a measurement, on one spacing."""
    fine, coarse = (Grid.from_spacing((60, 60, 9), spacing) for spacing in ((0.7, 0.9, 3.0), (1.4, 1.8, 3.0)))
    part = np.random.default_rng(0).random((5, 4, 3)) < 0.4
    small = [diameters(part.copy(), grid) for grid in (fine, coarse, fine)]
    monkeypatch.setattr("scanwright.geometry.diameters.SMALL", 0)
    assert small == [diameters(part, grid) for grid in (fine, coarse, fine)] and small[0] is small[2] != small[1]
