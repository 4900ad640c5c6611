"""Segmentations as values: where frames lie on a grid of any axis order, and the grid that they span."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_series import GRIDS, axial
from scanwright.errors import GeometryError, InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.io.dicom.derived.seg import Frame, Segment, Segmentation
from scanwright.io.dicom.derived.seg_grid import own_grid, segment_mask
from scanwright.io.dicom.place import Place


def place_of(grid: Grid, k: float) -> Place:
    spacing = grid.spacing
    columns = grid.affine[:3, :3] / spacing
    return Place(grid.points(np.array([0, 0, k])), columns[:, 0], columns[:, 1], (spacing[0], spacing[1]))


def made(grid: Grid, masks: dict[int, np.ndarray], *, kind="binary", maximum=1, step=None) -> Segmentation:
    """A segmentation in memory: one frame for each slice that is not empty."""
    pixels, frames = [], []
    for number, mask in masks.items():
        for k in np.flatnonzero(mask.any(axis=(0, 1))):
            pixels.append(mask[:, :, k].T)
            frames.append(Frame(number, place_of(grid, k)))
    return Segmentation(
        path=Path("made.dcm"),
        kind=kind,
        rows=grid.shape[1],
        columns=grid.shape[0],
        segments=tuple(Segment(number, f"s{number}", None, None) for number in masks),
        frames=tuple(frames),
        stored=lambda index: pixels[index],
        maximum=maximum,
        slice_step=step,
    )


@pytest.fixture
def draw():
    return np.random.default_rng(5)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)])
@pytest.mark.parametrize("flip", [(False, False, False), (True, False, True), (True, True, True)])
def test_any_axis_order_of_the_grid(name, order, flip, draw) -> None:
    grid = GRIDS[name]
    mask = draw.random(grid.shape) < 0.4
    turn = Reorientation(order, flip)
    found = segment_mask(made(grid, {1: mask}), 1, turn.grid(grid))
    assert found.dtype == np.bool_
    assert np.array_equal(found, turn.apply(mask[None])[0])


def test_by_hand() -> None:
    # Two voxels of an axial grid: column 5, row 1, slice 2 and column 0, row 4, slice 2.
    grid = axial()
    mask = np.zeros(grid.shape, bool)
    mask[5, 1, 2] = mask[0, 4, 2] = True
    segmentation = made(grid, {1: mask})
    assert [index.tolist() for index in np.nonzero(segment_mask(segmentation, 1, grid))] == [[0, 5], [4, 1], [2, 2]]


def test_overlapping_segments_stay_apart(draw) -> None:
    grid = axial()
    masks = {number: draw.random(grid.shape) < 0.5 for number in (1, 2, 3)}
    segmentation = made(grid, masks)
    for number, mask in masks.items():
        assert np.array_equal(segment_mask(segmentation, number, grid), mask)


def test_label_map_and_fractions(draw) -> None:
    grid = axial()
    labels = draw.integers(0, 4, grid.shape).astype(np.uint8)
    segmentation = made(grid, {0: labels}, kind="labelmap")
    segmentation = replace(segmentation, segments=tuple(Segment(n, "", None, None) for n in (1, 2, 3)))
    for number in (1, 2, 3):
        assert np.array_equal(segment_mask(segmentation, number, grid), labels == number)
    shares = made(grid, {1: draw.integers(0, 201, grid.shape).astype(np.uint8)}, kind="fractional", maximum=200)
    found = segment_mask(shares, 1, grid)
    assert found.dtype == np.float32 and found.max() == 1.0
    assert found[2, 3, 1] == np.float32(shares.stored(1)[3, 2]) / np.float32(200)


def test_a_frame_smaller_than_the_slices(draw) -> None:
    grid = axial()
    part = grid.crop((2, 1, 1), (6, 4, 3))
    mask = draw.random(part.shape) < 0.5
    expected = np.zeros(grid.shape, bool)
    expected[2:6, 1:4, 1:3] = mask
    assert np.array_equal(segment_mask(made(part, {1: mask}), 1, grid), expected)


def moved(grid: Grid, **change) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] += change.get("by", 0)
    affine[:3, 0] *= change.get("scale", 1)
    return Grid(change.get("shape", grid.shape), affine)


@pytest.mark.parametrize(
    "change",
    [{"by": (0.3, 0, 0)}, {"by": (0, 0, 1.25)}, {"scale": 1.1}, {"shape": (6, 5, 4)}, {"by": (0, 0, 5)}],
    ids=["beside", "between slices", "spacing", "too small", "beyond the end"],
)
def test_another_grid_is_refused_and_both_are_named(change) -> None:
    grid = axial()
    with pytest.raises(GeometryError, match="another grid") as caught:
        segment_mask(made(grid, {1: np.ones(grid.shape, bool)}), 1, moved(grid, **change))
    assert str(caught.value.expected).startswith("Grid") and str(caught.value.found).startswith("Grid 7 x 5 x 4")


def test_turned_by_45_degrees_is_refused() -> None:
    grid, half = axial((5, 5, 1), (1, 1, 1)), np.sqrt(0.5)
    affine = grid.affine.copy()
    affine[:2, :2] = affine[:2, :2] @ np.array([[half, -half], [half, half]])
    with pytest.raises(GeometryError, match="another grid"):
        segment_mask(made(grid, {1: np.ones(grid.shape, bool)}, step=1), 1, Grid(grid.shape, affine))


def test_rounded_positions_are_accepted() -> None:
    grid = axial()
    mask = np.ones(grid.shape, bool)
    assert segment_mask(made(grid, {1: mask}), 1, moved(grid, by=(0.02, -0.02, 0.1))).all()


def test_two_frames_at_one_place_are_refused() -> None:
    grid = axial()
    segmentation = made(grid, {1: np.ones(grid.shape, bool)})
    double = replace(segmentation, frames=(*segmentation.frames[:1], *segmentation.frames[:1]))
    with pytest.raises(GeometryError, match="same place"):
        segment_mask(double, 1, grid)


def test_no_such_segment() -> None:
    with pytest.raises(InputError, match="no such segment") as caught:
        segment_mask(made(axial(), {1: np.ones(axial().shape, bool)}), 7, axial())
    assert (caught.value.expected, caught.value.found) == ("one of 1", 7)


@pytest.mark.parametrize("name", GRIDS)
def test_own_grid(name, draw) -> None:
    grid = GRIDS[name]
    segmentation = made(grid, {1: np.ones(grid.shape, bool), 2: draw.random(grid.shape) < 0.1})
    found = own_grid(segmentation)
    assert found.shape == grid.shape and np.allclose(found.affine, grid.affine, atol=1e-9)


def test_own_grid__empty_slices_left_out() -> None:
    grid = axial((4, 3, 9))
    mask = np.zeros(grid.shape, bool)
    mask[1, 1, [2, 4, 8]] = True
    assert own_grid(made(grid, {1: mask})).spacing[2] == pytest.approx(5.0)  # all that the frames show
    stated = own_grid(made(grid, {1: mask}, step=2.5))
    assert stated.shape == (4, 3, 7)
    assert np.allclose(stated.affine, grid.crop((0, 0, 2), (4, 3, 9)).affine)


def test_own_grid__tilted_gantry(draw) -> None:
    affine = axial().affine.copy()
    affine[1, 2] = 0.8
    grid = Grid((5, 4, 6), affine)
    mask = draw.random(grid.shape) < 0.5
    found = own_grid(made(grid, {1: mask}))
    assert np.allclose(found.affine, grid.affine)
    assert np.array_equal(segment_mask(made(grid, {1: mask}), 1, found), mask)


@pytest.mark.parametrize("fault", ["uneven", "beside", "turned", "no thickness"])
def test_own_grid__refusals(fault) -> None:
    grid = axial()
    segmentation = made(grid, {1: np.ones(grid.shape, bool)})
    places = [place_of(grid, k) for k in (0, 1, 2, 3)]
    if fault == "uneven":
        places[2] = place_of(grid, 2.4)
    elif fault == "beside":
        places[1] = places[1].moved(columns=0.5)
    elif fault == "turned":
        places[1] = replace(places[1], right=-places[1].right)
    else:
        places = places[:1]
    frames = tuple(Frame(1, place) for place in places)
    with pytest.raises(GeometryError):
        own_grid(replace(segmentation, frames=frames))


def test_own_grid__one_slice_takes_its_thickness() -> None:
    grid = axial((4, 3, 1))
    segmentation = made(grid, {1: np.ones(grid.shape, bool)})
    assert own_grid(replace(segmentation, thickness=2.5)).spacing == pytest.approx((0.9, 0.7, 2.5))


def test_without_a_place() -> None:
    grid = axial((4, 3, 1))
    mask = np.zeros(grid.shape, bool)
    mask[3, 0, 0] = True
    segmentation = made(grid, {1: mask})
    lost = replace(segmentation, frames=(Frame(1, None),))
    assert own_grid(lost) == Grid((4, 3, 1), np.diag((-1.0, -1.0, 1.0, 1.0)), "px")
    assert np.array_equal(segment_mask(lost, 1, own_grid(lost)), mask)
    with pytest.raises(GeometryError, match="its size"):
        segment_mask(lost, 1, axial((3, 4, 1)))
