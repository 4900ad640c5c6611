"""Resampling: SciPy and SimpleITK as oracles, worked numbers, laws."""

from itertools import permutations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial.transform import Rotation

from scanwright.errors import GeometryError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.geometry.resample import onto_grid, resize, resize_labels, resize_slab
from scanwright.geometry.volume import Volume

SHAPES = [
    ((20, 30, 7), (31, 17, 9)),
    ((600, 5, 3), (901, 5, 4)),
    ((700, 8, 2), (300, 30, 2)),
    ((2, 2, 2), (9, 3, 5)),
    ((64, 1, 33), (32, 4, 33)),
    ((3, 40, 50), (1, 1, 1)),
    ((30, 3, 3), (700, 2, 2)),
]


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize(("before", "after"), SHAPES)
def test_resize__as_scipy_zoom(before, after, order):
    array = noise(before)
    theirs = ndimage.zoom(
        array, [b / a for a, b in zip(before, after, strict=True)], order=order, mode="nearest", grid_mode=True
    )
    ours = resize(array[None], after, order=order)
    assert ours.shape == (1, *after) and ours.dtype == np.float32 and ours.flags.c_contiguous
    np.testing.assert_allclose(ours[0], theirs, atol=1e-5 * np.abs(array).max())


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize(("before", "after"), SHAPES)
def test_resize_slab__rows_of_the_whole(before, after, order):
    array = np.stack([noise(before), noise(before, 1)])
    whole = resize(array, after, order=order)
    for start, stop in ((0, after[0]), (0, 1), (after[0] - 1, after[0]), (after[0] // 3, after[0] // 3 + 1)):
        slab = resize_slab(array, after, start=start, stop=stop, order=order)
        np.testing.assert_allclose(slab, whole[:, start:stop], atol=1e-5)


def test_resize_slab__needs_only_nearby_input():
    array = noise((1, 200, 4, 4))
    damaged = array.copy()
    damaged[:, 60:] = np.nan
    np.testing.assert_array_equal(
        resize_slab(array, (300, 5, 5), start=0, stop=30, order=3),
        resize_slab(damaged, (300, 5, 5), start=0, stop=30, order=3),
    )


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 2), (3, 6)])
def test_resize_slab__refuses(start, stop):
    with pytest.raises(ValueError, match="slab"):
        resize_slab(noise((1, 4, 4, 4)), (5, 5, 5), start=start, stop=stop)


def test_resize__linear_by_hand():
    line = np.array([0.0, 4.0]).reshape(1, 2, 1, 1)
    np.testing.assert_allclose(resize(line, (4, 1, 1), order=1).ravel(), [0, 1, 3, 4])
    np.testing.assert_allclose(resize(line, (1, 1, 1), order=1).ravel(), [2])


def test_resize__nearest_half_way_goes_up():
    line = np.arange(600.0).reshape(1, 600, 1, 1)
    np.testing.assert_array_equal(
        resize(line, (900, 1, 1), order=0).ravel(), np.floor(np.arange(900) * 2 / 3 + 1 / 3 + 1e-6)
    )


def test_resize__constants_ramps_and_same_shape():
    constant = np.full((1, 9, 8, 7), 1000, np.int16)
    np.testing.assert_allclose(resize(constant, (13, 5, 20)), 1000, rtol=1e-6)
    ramp = np.arange(60, dtype=np.float64).reshape(1, 60, 1, 1)
    inner = resize(ramp, (120, 1, 1)).ravel()[40:80]
    np.testing.assert_allclose(inner, (np.arange(40, 80) + 0.5) / 2 - 0.5, atol=1e-4)
    same = noise((2, 5, 6, 7))
    np.testing.assert_array_equal(resize(same, (5, 6, 7)), same)
    np.testing.assert_array_equal(resize(noise((1, 1, 5, 1)), (3, 5, 2))[0, 2, :, 1], noise((1, 1, 5, 1)).ravel())


def test_resize__any_memory_order_same_bits():
    array = noise((12, 13, 14))
    np.testing.assert_array_equal(resize(np.asfortranarray(array)[None], (9, 20, 11)), resize(array[None], (9, 20, 11)))


def test_resize__refuses():
    with pytest.raises(ValueError, match="three positive lengths"):
        resize(noise((4, 4, 4)), (2, 2, 2))
    with pytest.raises(ValueError, match="three positive lengths"):
        resize(noise((1, 4, 4, 4)), (2, 0, 2))


@pytest.mark.parametrize("after", [(11, 30, 9), (25, 9, 8), (17, 18, 19), (2, 2, 2)])
def test_resize_labels__is_the_arg_max_of_linear_indicators(after):
    labels = np.random.default_rng(0).integers(0, 5, (17, 18, 9)).astype(np.uint8)
    labels = ndimage.median_filter(labels, 3)
    shares = np.stack([resize((labels == value)[None], after, order=1)[0] for value in range(5)])
    ours = resize_labels(labels, after)
    assert ours.dtype == np.uint8 and ours.shape == after
    best = shares.max(axis=0)
    np.testing.assert_array_less(best - np.take_along_axis(shares, ours[None].astype(int), 0)[0], 2e-6)


def test_resize_labels__ties_go_to_the_smaller_and_values_select():
    labels = np.array([7, -3], np.int16).reshape(2, 1, 1)
    np.testing.assert_array_equal(resize_labels(labels, (1, 1, 1)).ravel(), [-3])
    np.testing.assert_array_equal(resize_labels(labels, (4, 1, 1)).ravel(), [7, 7, -3, -3])
    np.testing.assert_array_equal(resize_labels(labels, (4, 1, 1), values=[7]).ravel(), [7] * 4)
    np.testing.assert_array_equal(resize_labels(labels, (4, 1, 1), values=[0, 7]).ravel(), [7, 7, 7, 0])
    with pytest.raises(ValueError, match="at least one"):
        resize_labels(labels, (4, 1, 1), values=[])


def test_resize_labels__same_shape_is_a_copy():
    labels = np.zeros((2, 2, 2), np.int64)
    same = resize_labels(labels, (2, 2, 2))
    assert same is not labels and same.dtype == np.int64


def test_onto_grid__equals_resize_on_a_resized_grid():
    volume = Volume(noise((2, 10, 11, 12)), Grid.from_spacing((10, 11, 12), (1.0, 2.0, 3.0)))
    for order in (0, 1, 3):
        theirs = resize(volume.voxels, (15, 8, 20), order=order)
        np.testing.assert_allclose(
            onto_grid(volume, volume.grid.resized((15, 8, 20)), order=order).voxels, theirs, atol=2e-5
        )


def test_onto_grid__whole_shifts_are_copied_and_the_rest_filled():
    grid = Grid.from_spacing((4, 5, 6), (1.0, 2.0, 3.0))
    volume = Volume(np.arange(120, dtype=np.int16).reshape(1, 4, 5, 6), grid)
    part = onto_grid(volume, grid.crop((1, -1, 2), (4, 3, 8)), order=3, fill=-7)
    expected = np.full((1, 3, 4, 6), -7, np.int16)
    expected[:, :, 1:, :4] = volume.voxels[:, 1:, 0:3, 2:]
    assert part.voxels.dtype == np.int16
    np.testing.assert_array_equal(part.voxels, expected)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_onto_grid__axis_orders_are_copied(order):
    grid = Grid((4, 5, 6), np.array([[0, -3, 0, 10], [2, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]]))
    volume = Volume(noise((1, 4, 5, 6)), grid)
    turned = volume.reoriented(Reorientation(order, (True, False, True)))
    np.testing.assert_array_equal(onto_grid(turned, grid).voxels, volume.voxels)
    np.testing.assert_array_equal(onto_grid(volume, turned.grid).voxels, turned.voxels)


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize(
    "turn",
    [
        Rotation.identity(),
        Rotation.from_euler("zyx", [90, 0, 180], degrees=True),
        Rotation.from_rotvec([0.3, -0.2, 0.5]),
    ],
)
def test_onto_grid__as_simple_itk(order, turn):
    source = Volume(
        ndimage.gaussian_filter(noise((24, 25, 26)), 2)[None], Grid.from_spacing((24, 25, 26), (1.0, 1.1, 0.9))
    )
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() * [1.3, 0.7, 1.1]
    affine[:3, 3] = source.grid.points(np.array([12, 12, 13])) - affine[:3, :3] @ [5, 6, 7]
    ours = onto_grid(source, Grid((10, 12, 14), affine), order=order, fill=-5)
    theirs = resample_by_itk(source, ours.grid, order)
    inside = theirs != -5
    margin = ndimage.binary_erosion(inside, iterations=3, border_value=True) if order == 3 else inside
    assert np.count_nonzero(margin) > 100
    np.testing.assert_allclose(ours.voxels[0][margin], theirs[margin], atol=2e-3 if order == 3 else 1e-4)
    assert np.count_nonzero((ours.voxels[0] == -5) & inside) == 0


def resample_by_itk(volume, grid, order):
    """SimpleITK's answer; both grids are handed over in RAS, which it takes for LPS: the same turn for both."""

    def geometry(image, grid):
        image.SetSpacing(grid.spacing)
        image.SetOrigin(grid.origin_xyz)
        image.SetDirection((grid.affine[:3, :3] / grid.spacing).ravel().tolist())
        return image

    moving = geometry(sitk.GetImageFromArray(volume.voxels[0].transpose(2, 1, 0)), volume.grid)
    target = geometry(sitk.Image(list(grid.shape), sitk.sitkFloat32), grid)
    method = sitk.sitkBSpline if order == 3 else sitk.sitkLinear
    return sitk.GetArrayFromImage(sitk.Resample(moving, target, sitk.Transform(), method, -5.0)).transpose(2, 1, 0)


def test_onto_grid__edge_repeats_to_the_outer_face_and_no_further():
    volume = Volume(np.ones((1, 3, 3, 3), np.float32), Grid.from_spacing((3, 3, 3), (1.0, 1.0, 1.0)))
    affine = np.diag([0.25, 1, 1, 1.0])
    affine[0, 3] = -1.0  # centres at -1, -0.75, -0.5, …: the outer face lies at -0.5
    straight = onto_grid(volume, Grid((16, 3, 3), affine), order=1, fill=9).voxels[0, :, 1, 1]
    np.testing.assert_allclose(straight, [9, 9, *[1] * 13, 9])
    affine[:3, :3] = affine[:3, :3] @ Rotation.from_euler("x", 1e-3).as_matrix()
    turned = onto_grid(volume, Grid((16, 3, 3), affine), order=1, fill=9).voxels[0, :, 1, 1]
    np.testing.assert_allclose(turned, straight, atol=1e-6)


def test_onto_grid__refuses_another_unit():
    picture = Volume(np.zeros((1, 4, 4, 1)), Grid.of_pixels(4, 4))
    with pytest.raises(GeometryError, match="share no space"):
        onto_grid(picture, Grid.from_spacing((4, 4, 1), (1.0, 1.0, 1.0)))


def test_onto_grid__far_away_is_all_fill():
    volume = Volume(np.ones((1, 3, 3, 3), np.uint8), Grid.from_spacing((3, 3, 3), (1.0, 1.0, 1.0)))
    affine = np.eye(4)
    affine[0, 3] = 1e6
    assert (onto_grid(volume, Grid((2, 2, 2), affine), order=0, fill=3).voxels == 3).all()
