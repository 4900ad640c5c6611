"""Poses and the measure at a pose: slopes against differences, frames worked by hand."""

import numpy as np
import pytest

from scanwright.geometry.affine import is_rigid
from scanwright.geometry.alignment import Alignment, Frame, Sample
from scanwright.geometry.grid import Grid
from scanwright.geometry.pyramid import levels_of
from scanwright.geometry.volume import Volume


def level(seed, *, shape=(20, 22, 18)):
    values = np.random.default_rng(seed).normal(size=(1, *shape)).cumsum(axis=1).cumsum(axis=2)
    return levels_of(Volume(values, Grid.from_spacing(shape, (3, 3, 4))), name="x", steps_mm=(4.0,))[0]


@pytest.fixture(scope="module")
def alignment():
    here = level(0)
    return Alignment(Sample.of(here, most=3000, key=0), level(1).field(), Frame.of(here.body_points()), pull=0.5)


@pytest.mark.parametrize("pose", [[3, -5, 2, 4, 6, -3], [0, 0, 0, 1.2, -2.1, 0.3], [20, 11, -15, 22, -14, 18]])
def test_slopes__are_differences(alignment, pose):
    pose = np.array(pose, dtype=float)
    value, slopes = alignment.slopes(pose)
    assert value == pytest.approx(alignment.score(pose))
    steps = 1e-4 * np.eye(6)
    differences = [(alignment.score(pose + step) - alignment.score(pose - step)) / 2e-4 for step in steps]
    np.testing.assert_allclose(slopes, differences, atol=0.02 * np.abs(slopes).max())


def test_score__nothing_in_common_is_zero(alignment):
    assert alignment.score(np.array([0, 0, 0, 5000.0, 0, 0])) == 0
    value, slopes = alignment.slopes(np.array([0, 0, 0, 5000.0, 0, 0]))
    assert value == 0 and not slopes.any()


def test_frame__a_quarter_turn_about_the_centre():
    points = np.array([[10.0, 0, 0], [12, 0, 0], [11, 1, 0], [11, -1, 0]])
    frame = Frame.of(points)
    np.testing.assert_allclose(frame.centre_xyz, (11, 0, 0))
    assert frame.radius_mm == 1
    pose = frame.pose((0, 0, np.pi / 2), np.array((0, 0, 7.0)))  # right hand: R turns to A
    np.testing.assert_allclose(frame.moved(points, pose), [[11, -1, 7], [11, 1, 7], [10, 0, 7], [12, 0, 7]], atol=1e-12)
    assert is_rigid(frame.affine(pose))
    assert frame.distance(pose, frame.pose((0, 0, np.pi / 2), np.array((0, 3.0, 7)))) == pytest.approx(3)


def test_sample__the_same_points_and_off_the_grid():
    here = level(0)
    first, again, other = (Sample.of(here, most=500, key=key) for key in (3, 3, 4))
    np.testing.assert_array_equal(first.points_xyz, again.points_xyz)
    assert len(first.bins) == 500 and not np.array_equal(first.points_xyz, other.points_xyz)
    indices = here.grid.indices(first.points_xyz)
    assert np.abs(indices - np.rint(indices)).mean() > 0.2
    assert len(Sample.of(here, most=10**6, key=0).bins) == 8 * here.body_IJK.sum()  # few voxels: eight places in each
