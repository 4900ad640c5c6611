"""The shape of a region in one slice, by hand and on discs."""

import math

import numpy as np
import pytest

from scanwright.features.planar import planar_shape
from scanwright.geometry.grid import Grid


def grid(shape: tuple[int, int], step_i: float = 1.0, step_j: float = 1.0) -> Grid:
    return Grid.from_spacing((*shape, 1), (step_i, step_j, 1.0))


def test_planar_shape__a_rectangle_by_hand() -> None:
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:9] = True  # 3 x 6 pixels of 2 x 0.5
    found = planar_shape(mask, grid(mask.shape, 2.0, 0.5))
    corner = 4 * math.hypot(1.0, 0.25)
    assert found["shape_perimeter"] == pytest.approx(corner + 2 * 2 * 2.0 + 2 * 5 * 0.5)
    assert found["shape_area"] == pytest.approx(18 - 4 * 0.5 * 1.0 * 0.25)
    assert found["shape_tallness"] == pytest.approx(3 / 6)
    assert found["shape_solidity"] == pytest.approx(1) and found["shape_parts"] == 1
    assert found["shape_longest_diameter"] == pytest.approx(math.hypot(6, 3))


def test_planar_shape__one_pixel() -> None:
    mask = np.zeros((3, 3), bool)
    mask[1, 1] = True
    found = planar_shape(mask, grid(mask.shape))
    assert found["shape_area"] == pytest.approx(0.5) and found["shape_perimeter"] == pytest.approx(2 * math.sqrt(2))
    assert found["shape_major_axis"] == 0 and found["shape_elongation"] is None and found["shape_solidity"] == 1


def test_planar_shape__two_pixels_that_touch_at_a_corner() -> None:
    found = planar_shape(np.eye(2, dtype=bool), grid((2, 2)))
    assert found["shape_area"] == pytest.approx(1.0) and found["shape_perimeter"] == pytest.approx(4 * math.sqrt(2))
    assert found["shape_parts"] == 1


@pytest.mark.parametrize("step", [1.0, 0.25])
def test_planar_shape__discs_and_ellipses(step: float) -> None:
    i, j = np.meshgrid(np.arange(201) - 100, np.arange(201) - 100, indexing="ij")
    disc = planar_shape(np.hypot(i, j) <= 60, grid((201, 201), step, step))
    assert disc["shape_area"] == pytest.approx(math.pi * (60 * step) ** 2, rel=0.01)
    assert 0.88 < disc["shape_circularity"] < 1
    assert disc["shape_elongation"] == pytest.approx(1) and disc["shape_major_axis"] == pytest.approx(
        120 * step, rel=0.01
    )
    ellipse = planar_shape(np.hypot(i / 30, j / 90) <= 1, grid((201, 201), step, step))
    assert ellipse["shape_elongation"] == pytest.approx(1 / 3, rel=0.02)
    assert ellipse["shape_tallness"] == pytest.approx(181 / 61)
    assert ellipse["shape_circularity"] < disc["shape_circularity"]


def test_planar_shape__a_notch_and_a_rough_edge_show() -> None:
    whole = np.zeros((60, 60), bool)
    whole[10:50, 10:50] = True
    notched, combed = whole.copy(), whole.copy()
    notched[10:30, 28:32] = False
    combed[10:14, 10:50:2] = False
    shapes = [planar_shape(mask, grid((60, 60))) for mask in (whole, notched, combed)]
    assert shapes[0]["shape_solidity"] == 1 > shapes[1]["shape_solidity"]
    assert shapes[0]["shape_circularity"] > shapes[1]["shape_circularity"] > shapes[2]["shape_circularity"]
