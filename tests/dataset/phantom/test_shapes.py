import numpy as np
import pytest

from scanwright.dataset.phantom.shapes import blend, column, coverage, ellipsoid, rotation, tube


def points(*rows):
    return np.array(rows, np.float32).T


def test_ellipsoid__sphere_is_exact():
    at = points((5, 0, 0), (10, 0, 0), (0, 13, 0), (0, 0, -4))
    assert ellipsoid(at, centre=(0, 0, 0), radii=(10, 10, 10)) == pytest.approx([-5, 0, 3, -6], abs=1e-4)


def test_ellipsoid__surface_is_where_its_radii_say():
    at = points((11, 2, 3), (1, 22, 3), (1, 2, 33))
    assert ellipsoid(at, centre=(1, 2, 3), radii=(10, 20, 30)) == pytest.approx([0, 0, 0], abs=1e-4)


def test_ellipsoid__distance_has_slope_one_at_its_surface():
    near = ellipsoid(points((10, 0, 0), (10.1, 0, 0)), centre=(0, 0, 0), radii=(10, 20, 30), power=2.5)
    assert near[1] - near[0] == pytest.approx(0.1, rel=0.05)


def test_ellipsoid__middle_is_deep_and_finite():
    assert ellipsoid(points((0, 0, 0)), centre=(0, 0, 0), radii=(10, 20, 30))[0] < -9


def test_ellipsoid__tilt_turns_the_long_axis():
    flat = ellipsoid(points((0, 20, 0)), centre=(0, 0, 0), radii=(10, 10, 30), tilt=(90, 0, 0))
    assert flat[0] < 0 < ellipsoid(points((0, 20, 0)), centre=(0, 0, 0), radii=(10, 10, 30))[0]


def test_column__does_not_end():
    at = points((7, 0, -900), (0, 5, 900))
    assert column(at, centre=(2, 0), radii=(5, 5)) == pytest.approx([0, np.hypot(2, 5) - 5], abs=1e-3)


def test_tube__straight_tube_with_growing_radius():
    at = points((0, 0, 0), (0, 6, 50), (0, 0, -5), (0, 0, 106))
    found = tube(at, path=((0, 0, 0), (0, 0, 100)), radius=(2, 4))
    assert found == pytest.approx([-2, 3, 3, 2], abs=1e-4)


def test_blend__equals_the_union_away_from_the_seam_and_bulges_at_it():
    a, b = np.array([-5.0, 1.0]), np.array([7.0, 1.0])
    assert blend(a, b, width=4) == pytest.approx([-5.0, 0.0])  # at the seam: 1 - 4/4


def test_coverage__half_at_the_surface_and_linear_in_a_voxel():
    assert coverage(np.array([-9.0, -1.0, 0.0, 1.0, 9.0]), voxel_mm=4) == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_rotation__ninety_degrees_by_hand():
    assert rotation(90, 0, 0) @ (0, 1, 0) == pytest.approx((0, 0, 1), abs=1e-6)
    assert rotation(0, 90, 0) @ (0, 0, 1) == pytest.approx((1, 0, 0), abs=1e-6)
    assert rotation(0, 0, 90) @ (1, 0, 0) == pytest.approx((0, 1, 0), abs=1e-6)
