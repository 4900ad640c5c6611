"""An image as a function of the point: SciPy as oracle, exact on what is linear."""

import numpy as np
from scipy import ndimage

from scanwright.geometry.field import Field
from scanwright.geometry.grid import Grid

AFFINE = np.array([[0, -2.0, 0, 30], [1.5, 0, 0, -7], [0, 0, 3, 100], [0, 0, 0, 1]])


def points_within(grid, number=200):
    return grid.points(np.random.default_rng(0).uniform(0, np.array(grid.shape) - 1.001, (number, 3)))


def test_at__as_scipy():
    values = np.random.default_rng(1).normal(size=(6, 7, 5)).astype(np.float32)
    grid = Grid(values.shape, AFFINE)
    points = points_within(grid)
    found, _ = Field.of(values, np.ones(values.shape, bool), grid).at(points)
    theirs = ndimage.map_coordinates(values, grid.indices(points).T, order=1)
    np.testing.assert_allclose(found[:, 0], theirs, atol=1e-5)
    np.testing.assert_array_equal(found[:, 1], 1)


def test_at__slopes_of_a_plane():
    grid = Grid((6, 7, 5), AFFINE)
    every = grid.points(np.moveaxis(np.indices(grid.shape), 0, -1))
    values = (every @ (0.5, -1, 2)).astype(np.float32)
    found, slopes = Field.of(values, np.ones(grid.shape, bool), grid).at(points_within(grid))
    np.testing.assert_allclose(found[:, 0], points_within(grid) @ (0.5, -1, 2), rtol=1e-5)
    np.testing.assert_allclose(slopes[:, :, 0], np.tile([[0.5], [-1], [2]], (1, 200)), atol=1e-4)


def test_at__weight_ends_with_the_image():
    grid = Grid.from_spacing((4, 4, 4), (2, 2, 2))
    field = Field.of(np.ones(grid.shape, np.float32), np.ones(grid.shape, bool), grid)
    found, slopes = field.at(np.array([[-0.5, 2, 2], [-1.0, 2, 2], [-2.0, 2, 2], [900, 2, 2], [6.5, 2, 2]]))
    np.testing.assert_allclose(found[:, 1], (0.75, 0.5, 0, 0, 0.75))
    np.testing.assert_allclose(slopes[0, :, 1], (0.5, 0.5, 0, 0, -0.5))


def test_of__a_missing_voxel_weighs_nothing_and_colours_nothing():
    grid = Grid.from_spacing((4, 4, 4), (1, 1, 1))
    values, valid = np.full(grid.shape, 3, np.float32), np.ones(grid.shape, bool)
    values[1, 1, 1], valid[1, 1, 1] = 999, False
    found, _ = Field.of(values, valid, grid).at(np.array([[1.0, 1, 1], [1.25, 1, 1]]))
    np.testing.assert_allclose(found, [(3, 0), (3, 0.25)])
