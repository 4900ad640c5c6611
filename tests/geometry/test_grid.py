"""Grids as values: checks, worked numbers, equality, copies."""

import copy
import pickle

import numpy as np
import pytest

from scanwright.errors import GeometryError
from scanwright.geometry.grid import Grid

AFFINE = np.array([[0, -3, 0, 10], [2, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]])


def test_grid__properties_by_hand():
    grid = Grid((4, 5, 6), AFFINE)
    assert grid.spacing == (2, 3, 4)
    assert grid.origin_xyz == (10, 20, 30)
    assert grid.orientation == "ALS"
    assert grid.voxel_volume == pytest.approx(24)
    assert grid.extent == (8, 15, 24)
    assert grid.num_voxels == 120
    assert repr(grid) == "Grid 4 x 5 x 6, 2 x 3 x 4 mm, ALS, origin (10, 20, 30)"


def test_voxel_volume__sheared():
    affine = np.eye(4)
    affine[0, 2] = 0.5  # gantry tilt: the third column is longer than its height
    assert Grid((2, 2, 2), affine).voxel_volume == pytest.approx(1.0)


def test_of_pixels__is_itk_identity_in_ras():
    grid = Grid.of_pixels(640, 480)
    assert (grid.shape, grid.unit, grid.orientation) == ((640, 480, 1), "px", "LPS")
    assert grid.spacing == (1, 1, 1)


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 1), (2, 2, -1), (1.5, 2, 2), (1, 2, 3, 4), ("a", 1, 1)])
def test_grid__refuses_shape(shape):
    with pytest.raises(GeometryError):
        Grid(shape, np.eye(4))


def test_grid__refuses_unit_and_affine():
    with pytest.raises(GeometryError, match="unit"):
        Grid((1, 1, 1), np.eye(4), "cm")
    with pytest.raises(GeometryError):
        Grid((1, 1, 1), np.zeros((4, 4)))


def test_grid__numpy_integers_become_plain():
    assert all(type(size) is int for size in Grid(tuple(np.array([2, 3, 4])), np.eye(4)).shape)


def test_equality_and_hash():
    assert Grid((4, 5, 6), AFFINE) == Grid((4, 5, 6), AFFINE.copy())
    assert hash(Grid((4, 5, 6), AFFINE)) == hash(Grid((4, 5, 6), AFFINE * 1.0))
    negative_zero = AFFINE.copy()
    negative_zero[0, 0] = -0.0
    assert Grid((4, 5, 6), negative_zero) == Grid((4, 5, 6), AFFINE)
    assert hash(Grid((4, 5, 6), negative_zero)) == hash(Grid((4, 5, 6), AFFINE))
    assert Grid((4, 5, 6), AFFINE) != Grid((4, 5, 7), AFFINE)
    assert Grid((4, 5, 6), AFFINE) != Grid((4, 5, 6), AFFINE, "px")
    assert Grid((4, 5, 6), AFFINE) != "grid"


def test_grid__immutable_also_after_a_copy():
    for grid in (
        Grid((4, 5, 6), AFFINE),
        pickle.loads(pickle.dumps(Grid((4, 5, 6), AFFINE))),
        copy.deepcopy(Grid((4, 5, 6), AFFINE)),
    ):
        with pytest.raises(ValueError, match="read-only"):
            grid.affine[0, 0] = 1
        with pytest.raises(AttributeError):
            grid.shape = (1, 1, 1)


def test_same_space__tolerance_in_voxels():
    grid = Grid.from_spacing((101, 10, 10), (1.0, 1.0, 1.0))
    stretched = Grid.from_spacing((101, 10, 10), (1.001, 1.0, 1.0))  # 0.1 voxel at the far end
    assert grid.same_space(grid)
    assert not grid.same_space(stretched)
    assert grid.same_space(stretched, tolerance=0.11)
    assert not grid.same_space(Grid.from_spacing((100, 10, 10), (1.0, 1.0, 1.0)))
    assert not grid.same_space(Grid.from_spacing((101, 10, 10), (1.0, 1.0, 1.0), unit="px"))


def test_crop__keeps_places():
    grid = Grid((4, 5, 6), AFFINE)
    part = grid.crop((1, 2, 3), (3, 5, 6))
    assert part.shape == (2, 3, 3)
    np.testing.assert_array_equal(part.points(np.zeros(3)), grid.points(np.array([1, 2, 3])))
    padded = grid.crop((-1, 0, 0), (4, 5, 7))
    assert padded.shape == (5, 5, 7)
    with pytest.raises(GeometryError):
        grid.crop((2, 0, 0), (2, 5, 6))


def test_resized__keeps_outer_faces():
    grid = Grid((4, 5, 6), AFFINE)
    fine = grid.resized((8, 5, 2))
    assert fine.spacing == (1, 3, 12)
    assert fine.extent == grid.extent
    low, high = np.array([-0.5, -0.5, -0.5]), np.array([7.5, 4.5, 1.5])
    np.testing.assert_allclose(fine.points(low), grid.points(low))
    np.testing.assert_allclose(fine.points(high), grid.points(np.array([3.5, 4.5, 5.5])))


def test_points_indices__inverse():
    grid = Grid((4, 5, 6), AFFINE)
    indices = np.random.default_rng(0).uniform(0, 4, (7, 3))
    np.testing.assert_allclose(grid.indices(grid.points(indices)), indices)
