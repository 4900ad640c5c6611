from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.geometry.resample import resize
from scanwright.geometry.volume import Volume
from scanwright.plan.plan import ChannelNormalization, PreprocessPlan
from scanwright.transform.preprocess import OUTLINE_MARGIN, nonzero_box, planned_shape, to_network, whole

TURNS = [Reorientation(order, flip) for order in permutations(range(3)) for flip in product((False, True), repeat=3)]


def preprocess(**changes: Any) -> PreprocessPlan:
    """Slices first, 2 x 1 x 1 mm, no crop, intensities as they are."""
    values = dict(
        axes=(2, 1, 0),
        spacing=(2.0, 1.0, 1.0),
        long_side=None,
        crop_to_nonzero=False,
        normalization=(ChannelNormalization(scheme="none"),),
        image_order=3,
    )
    return PreprocessPlan.model_validate({**values, **changes})


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """A grid turned by some ten degrees, off the origin."""
    a, b = np.radians(9), np.radians(-6)
    first = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    second = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    affine = np.eye(4)
    affine[:3, :3] = np.array(first) @ np.array(second) @ np.diag(spacing)
    affine[:3, 3] = (-31.7, 12.3, 101.9)
    return Grid(shape, affine)


def noise(grid: Grid, *, channels: int = 1, margin: int = 0) -> Volume:
    """Random voxels with a border of exact zeros."""
    voxels = np.random.default_rng(0).normal(50, 20, (channels, *grid.shape)).astype(np.float32)
    inside = np.zeros(grid.shape, dtype=bool)
    inside[tuple(slice(margin, length - margin) for length in grid.shape)] = True
    return Volume(voxels * inside, grid)


@pytest.mark.parametrize(
    "plan",
    [
        preprocess(normalization=(ChannelNormalization(scheme="zscore"), ChannelNormalization(scheme="percentile"))),
        preprocess(
            crop_to_nonzero=True,
            axes=(0, 2, 1),
            normalization=(ChannelNormalization(scheme="zscore_nonzero"), ChannelNormalization(scheme="zscore")),
        ),
    ],
    ids=["whole", "cropped"],
)
def test_to_network__all_48_axis_orders_give_the_same_bits_and_labels_at_the_same_place(plan: PreprocessPlan) -> None:
    volume = noise(oblique((14, 17, 11), (0.9, 1.3, 2.2)), channels=2, margin=2)
    truth = np.random.default_rng(1).integers(0, 4, volume.shape).astype(np.uint8)
    image, placement = to_network(volume, plan)
    target = placement.target(truth)
    answer = np.random.default_rng(2).integers(1, 4, placement.box_shape).astype(np.uint8)
    answered = placement.back(answer)
    assert len(TURNS) == 48
    for turn in TURNS:
        turned, place = to_network(volume.reoriented(turn), plan)
        assert np.array_equal(turned, image)
        assert np.array_equal(place.target(turn.apply(truth)), target)
        assert np.array_equal(place.back(answer), turn.apply(answered))


def test_to_network__axis_order_by_hand() -> None:
    """A file in LPS: network order (z, y, x) counts from inferior, posterior, left."""
    voxels = np.arange(2 * 3 * 4, dtype=np.float32).reshape(1, 2, 3, 4)
    grid = Grid((2, 3, 4), np.diag([-1.0, -1.0, 2.0, 1.0]))
    image, placement = to_network(Volume(voxels, grid), preprocess())
    assert image.shape == (1, 4, 3, 2)
    assert np.array_equal(image[0], voxels[0, ::-1, ::-1].transpose(2, 1, 0))
    assert placement.start == (0, 0, 0) and placement.stop == placement.shape == (4, 3, 2)


def test_to_network__crops_to_what_is_not_zero_in_any_channel() -> None:
    voxels = np.zeros((2, 8, 9, 10), dtype=np.int16)
    voxels[0, 2, 3, 4] = -5
    voxels[1, 6, 3, 7] = 1
    two = (ChannelNormalization(scheme="none"),) * 2
    volume = Volume(voxels, Grid.from_spacing((8, 9, 10), (1.0, 1.0, 2.0)))
    image, placement = to_network(volume, preprocess(crop_to_nonzero=True, normalization=two))
    assert (placement.start, placement.stop) == ((4, 3, 2), (8, 4, 7))
    assert image.shape == (2, 4, 1, 5) and image[0, 0, 0, 0] == -5 and image[1, 3, 0, 4] == 1
    labels = placement.back(np.full((4, 1, 5), 3, dtype=np.uint8))
    assert labels.shape == (8, 9, 10) and labels.sum() == 3 * 20 and (labels[2:7, 3, 4:8] == 3).all()


def test_to_network__cut_to_what_is_outlined_with_the_outline_as_one_more_channel() -> None:
    outline = np.zeros((40, 50, 6), dtype=np.bool_)
    outline[20:24, 30:38, 2:4] = True
    voxels = np.random.default_rng(3).normal(size=(1, 40, 50, 6)).astype(np.float32)
    volume = Volume(voxels, Grid.from_spacing((40, 50, 6), (1, 1, 2)), outline=outline)
    image, placement = to_network(volume, preprocess())
    assert image.shape == (2, 6, 8 + 2 * OUTLINE_MARGIN, 4 + 2 * OUTLINE_MARGIN)
    turned = placement.turn.apply(outline)[placement.box]
    assert np.array_equal(image[1] > 0, turned) and set(np.unique(image[1])) == {0, 1} and turned.sum() == outline.sum()
    assert np.array_equal(image[0], placement.turn.apply(voxels)[(0, *placement.box)])
    coarse, _ = to_network(volume, preprocess(spacing=(2.0, 2.0, 2.0)))
    assert coarse[1].sum() == pytest.approx(outline.sum() / 4, rel=0.3)
    corner = np.zeros_like(outline)
    corner[:2, :2, :2] = True
    with pytest.raises(InputError, match="too small for the model"):
        to_network(replace(volume, outline=corner), preprocess(spacing=(10.0, 10.0, 10.0)))


def test_nonzero_box__all_of_it_where_everything_is_zero() -> None:
    assert nonzero_box(np.zeros((1, 2, 3, 4))) == ((0, 0, 0), (2, 3, 4))


def test_to_network__another_spacing_is_a_resampling_of_the_normalised_image() -> None:
    volume = noise(Grid.from_spacing((12, 10, 6), (1.5, 1.0, 3.0)))
    plan = preprocess(normalization=(ChannelNormalization(scheme="zscore"),))
    image, placement = to_network(volume, plan)
    assert image.shape == (1, 9, 10, 18), "6 x 3 mm in 2 mm, 10 x 1 mm in 1 mm, 12 x 1.5 mm in 1 mm"
    normal = (volume.voxels - volume.voxels.mean()) / volume.voxels.std()
    turned = normal[0].transpose(2, 1, 0)
    expected = ndimage.zoom(turned, (9 / 6, 1, 18 / 12), order=3, mode="nearest", grid_mode=True)
    assert np.abs(image[0] - expected).max() < 1e-4
    assert placement.box_shape == (6, 10, 12)


def test_target__equals_the_label_where_nothing_is_resampled_and_back_undoes_it() -> None:
    grid = oblique((7, 8, 9), (1.0, 1.0, 2.0))
    truth = np.random.default_rng(0).integers(0, 5, (7, 8, 9)).astype(np.uint8)
    _, placement = to_network(noise(grid), preprocess())
    target = placement.target(truth)
    assert target.dtype == np.uint8 and np.array_equal(target, truth.transpose(2, 1, 0))
    assert np.array_equal(placement.back(target), truth)


def test_target__resampled_labels_keep_their_values_and_their_volume() -> None:
    truth = np.zeros((20, 20, 20), dtype=np.uint8)
    truth[4:16, 4:16, 4:16] = 7
    _, placement = to_network(noise(Grid.from_spacing((20, 20, 20), (1.0, 1.0, 1.0))), preprocess(spacing=(1, 2, 0.5)))
    target = placement.target(truth)
    assert target.shape == (20, 10, 40) and set(np.unique(target)) == {0, 7}
    assert target.sum() == 7 * 12 * 6 * 24


@pytest.mark.parametrize(("shape", "long_side", "expected"), [
    ((640, 480), 256, (1, 192, 256)),
    ((300, 600), 256, (1, 256, 128)),
    ((100, 100), 256, (1, 256, 256)),
    ((500, 3), 64, (1, 1, 64)),
    ((1, 500), 64, (1, 64, 1)),
])  # fmt: skip
def test_planned_shape__pictures_by_their_longer_side(
    shape: tuple[int, int], long_side: int, expected: tuple[int, int, int]
) -> None:
    plan = preprocess(spacing=None, long_side=long_side)
    assert whole(Grid.of_pixels(*shape), plan).shape == expected


def test_planned_shape__a_picture_for_a_model_of_volumes_keeps_its_size() -> None:
    assert whole(Grid.of_pixels(60, 50), preprocess()).shape == (1, 50, 60)


def test_planned_shape__rounds_and_never_vanishes() -> None:
    grid = Grid.from_spacing((10, 3, 1), (1.0, 1.0, 30.0))
    assert planned_shape(grid, (0, 0, 0), (10, 3, 1), preprocess(spacing=(4.0, 100.0, 1.0))) == (2, 1, 1)


def test_to_network__one_slice_stays_one_slice() -> None:
    """A slice distance says nothing of a single slice: it is not drawn out to several."""
    volume = noise(Grid.from_spacing((20, 30, 1), (2.0, 1.0, 8.0)))
    image, placement = to_network(volume, preprocess(spacing=(1.0, 1.0, 1.0)))
    assert image.shape == (1, 1, 30, 40)
    assert placement.back(np.ones((1, 30, 20), dtype=np.uint8)).shape == (20, 30, 1)


def test_whole__is_what_to_network_gives_without_a_crop() -> None:
    volume = noise(oblique((14, 17, 11), (0.9, 1.3, 2.2)))
    image, placement = to_network(volume, preprocess())
    assert whole(volume.grid, preprocess()) == placement and placement.shape == image.shape[1:]


def test_to_network__linear_where_the_plan_says_so() -> None:
    volume = noise(Grid.from_spacing((6, 6, 6), (1.0, 1.0, 1.0)))
    image, placement = to_network(volume, preprocess(spacing=(0.5, 1.0, 1.0), image_order=1))
    expected = resize(volume.voxels.transpose(0, 3, 2, 1), placement.shape, order=1)
    assert np.array_equal(image, expected)


def test_to_network__whole_numbers_of_a_file_are_not_cut() -> None:
    voxels = np.array([-1000, 3000], dtype=np.int16).reshape(1, 2, 1, 1)
    plan = preprocess(normalization=(ChannelNormalization(scheme="ct", low=-900, high=2000, mean=100, std=1000),))
    image, _ = to_network(Volume(voxels, Grid.from_spacing((2, 1, 1), (1.0, 1.0, 1.0))), plan)
    assert image.ravel().tolist() == pytest.approx([-1.0, 1.9])


def test_to_network__another_number_of_channels_is_refused() -> None:
    with pytest.raises(InputError, match="number of channels") as caught:
        to_network(noise(Grid.from_spacing((4, 4, 4), (1.0, 1.0, 1.0)), channels=3), preprocess())
    assert (caught.value.expected, caught.value.found) == (1, 3)


@pytest.mark.parametrize("turn", TURNS)
def test_boxes__lie_on_what_they_lay_on_and_come_back(turn: Reorientation) -> None:
    """However a file orders its axes, and after cutting and resampling."""
    shape = (24, 30, 10)
    voxels = np.zeros((1, *shape), dtype=np.float32)
    voxels[0, 3:21, 2:26, 1:9] = 1.0
    voxels[0, 6:14, 9:21, 2:6] = 100.0
    grid = oblique(shape, (1.0, 1.0, 2.0))
    volume = Volume(np.ascontiguousarray(turn.apply(voxels)), turn.grid(grid))
    own = turn.boxes(np.array([[[6.0, 9, 2], [14, 21, 6]]]), shape)
    network, placement = to_network(volume, preprocess(spacing=(1.0, 0.5, 0.5), crop_to_nonzero=True, image_order=1))
    (start, end) = placement.boxes(own)[0]
    inside = np.argwhere(network[0] > 60)
    assert np.allclose(inside.min(axis=0), start, atol=1.01) and np.allclose(inside.max(axis=0) + 1, end, atol=1.01)
    assert np.allclose(placement.boxes_back(placement.boxes(own)), own)
    beyond = placement.boxes(own) + np.array([[[0.0, 0, 0], [900, 900, 900]]])
    back = placement.boxes_back(beyond)[0]
    assert (back >= 0).all() and (back <= np.array(volume.grid.shape)).all()
