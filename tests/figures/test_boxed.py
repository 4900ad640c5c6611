"""Boxes over an image: cut where most of them are seen, named inside the picture, with a scale and the sides of the patient."""

import io

import numpy as np
import pytest
from PIL import Image

from scanwright.figures.boxed import Drawn, boxed, choose_cuts
from scanwright.geometry.grid import Grid

GRID = Grid((40, 40, 30), np.diag([2.0, 2.0, 5.0, 1.0]))
DARK = np.zeros((1, 40, 40, 30), np.float32)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def drawn(*corners, score=0.9):
    return [Drawn(np.array(one, dtype=float), 0, score, number) for number, one in enumerate(corners, start=1)]


def is_coloured(picture):
    """(rows, columns): what is no grey."""
    return np.ptp(picture, axis=-1) > 40


def test_choose_cuts__through_as_many_as_they_can():
    alone, together = [(0, 3), (12, 14), (24, 27)], [(5, 9), (6, 10), (6, 9), (5, 8)]
    assert choose_cuts([*alone, *together], length=30, most=1) == [7]
    assert choose_cuts(alone, together, length=30, most=1) == [1]  # the first list goes first
    assert choose_cuts([*alone, *together], length=30, most=6) == [1, 7, 13, 25]
    assert choose_cuts(length=30) == [15] == choose_cuts([], [], length=30)
    assert choose_cuts([(-9.0, -3.0), (40.0, 50.0)], length=30) == [0, 29]  # beyond the image


def test_boxed__up_to_six_cuts_in_rows_of_three():
    spread = drawn(*([[5, 5, k], [12, 12, k + 1]] for k in range(0, 30, 5)))
    three, six = (pixels(boxed(DARK, grid=GRID, boxes=spread, first=spread, most=most)) for most in (3, 6))
    assert three.shape == (640, 1920, 3) and six.shape == (1280, 1920, 3)
    cells = [part for row in np.split(is_coloured(six), 2) for part in np.split(row, 3, axis=1)]
    assert all(cell.any() for cell in cells)


def test_boxed__the_cuts_are_the_acquired_slices():
    """Sagittal ones of 6.5 mm, 80 mm wide and 40 mm high, along the file's first axis."""
    grid = Grid((20, 100, 50), np.diag([6.5, 0.8, 0.8, 1.0]))
    picture = pixels(boxed(np.zeros((1, 20, 100, 50), np.float32), grid=grid, boxes=drawn([[3, 30, 10], [5, 60, 30]])))
    assert picture.shape[1] == 2 * picture.shape[0]
    rows, columns = np.flatnonzero(is_coloured(picture).any(axis=1)), np.flatnonzero(is_coloured(picture).any(axis=0))
    assert len(rows) and 0.25 * picture.shape[1] < np.ptp(columns) < 0.35 * picture.shape[1]


def test_boxed__a_number_at_the_upper_edge_is_inside_and_whole():
    flat = Grid.of_pixels(40, 40)
    image = np.zeros((1, 40, 40, 1), np.float32)
    lines = is_coloured(pixels(boxed(image, grid=flat, boxes=drawn([[10, 10, 0], [30, 30, 1]]))))
    inner = is_coloured(pixels(boxed(image, grid=flat, boxes=drawn([[0, 0, 0], [20, 20, 1]]))))
    edge = 1280 // 40
    assert lines[: 10 * edge - 20, :].any()  # above its box
    within = inner[8 : 18 * edge, 8 : 18 * edge]
    assert within.any() and not within[-40:].any()


@pytest.mark.parametrize("unit", ["mm", "px"])
def test_boxed__what_has_a_scale_has_a_bar_and_the_sides_of_the_patient(unit):
    flat = Grid((40, 40, 1), np.diag([2.0, 2.0, 1.0, 1.0]) if unit == "mm" else np.diag([-1.0, -1.0, 1.0, 1.0]), unit)
    picture = pixels(boxed(np.zeros((1, 40, 40, 1), np.float32), grid=flat, boxes=[]))
    rows, columns, _ = picture.shape
    white = picture.min(axis=-1) > 200
    bar, left, right = (
        white[int(0.94 * rows) :, : columns // 2],
        white[rows // 2 - 40 : rows // 2 + 40, : columns // 10],
        white[rows // 2 - 40 : rows // 2 + 40, -columns // 10 :],
    )
    assert [part.any() for part in (bar, left, right)] == [unit == "mm"] * 3
