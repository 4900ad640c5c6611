import hashlib

import numpy as np
import pytest

from made_folders import made_task
from scanwright.dataset import measures
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume


def test_count_values():
    assert measures.count_values(np.array([[0, 2], [2, 255]], np.uint8)) == {0: 1, 2: 2, 255: 1}
    assert measures.count_values(np.array([-1, 0, 70000, 0])) == {-1: 1, 0: 2, 70000: 1}


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_intensity__against_numpy(dtype):
    voxels = np.random.default_rng(0).integers(0, 200, (31, 17, 23)).astype(dtype)
    found = measures.intensity_of(voxels)
    assert (found.min, found.max) == (voxels.min(), voxels.max())
    assert found.mean == pytest.approx(voxels.mean(dtype=np.float64), rel=1e-12)
    assert found.std == pytest.approx(voxels.std(dtype=np.float64), rel=1e-12)
    assert [found.p005, found.p500, found.p995] == pytest.approx(np.percentile(voxels, (0.5, 50, 99.5)).tolist())


def test_intensity__large_images_are_summed_in_pieces():
    voxels = np.random.default_rng(0).normal(1000, 3, (150, 150, 60)).astype(np.float32)
    found = measures.intensity_of(voxels)
    assert found.mean == pytest.approx(voxels.mean(dtype=np.float64), rel=1e-12)
    assert found.std == pytest.approx(voxels.std(dtype=np.float64), rel=1e-10)
    assert found.p995 == pytest.approx(np.percentile(voxels, 99.5), rel=1e-3)


def test_box():
    mask = np.zeros((5, 6, 7), bool)
    assert measures.box_of(mask) == measures.NOTHING
    mask[1, 2, 3] = mask[3, 4, 3] = True
    assert measures.box_of(mask) == ((1, 2, 3), (3, 3, 1))
    assert measures.cut_out(mask, ((1, 2, 3), (3, 3, 1))).shape == (3, 3, 1)
    assert measures.cut_out(mask, ((1, 2, 3), (3, 3, 1))).sum() == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int64])
def test_foreground__values_of_any_region(dtype):
    label = np.array([0, 1, 2, 3, 9], dtype).reshape(5, 1, 1)
    task = made_task(values={"whole": (1, 2), "core": (2,)}, ignore=9)
    assert measures.foreground_of(label, task).ravel().tolist() == [False, True, True, False, False]


def test_regions_are_unions_of_values():
    task = made_task(values={"whole": (1, 2), "core": (2,), "else": (5,)})
    assert measures.region_voxels({0: 90, 1: 6, 2: 4}, task) == {"whole": 10, "core": 4, "else": 0}


def test_components__diagonal_neighbours_are_one_piece():
    label = np.zeros((6, 6, 6), np.uint8)
    label[0, 0, 0] = label[1, 1, 1] = 1
    label[4, 4, 4] = 1
    label[5, 5, 5] = 2
    box = measures.box_of(label > 0)
    assert measures.region_components(label, box, made_task()) == {"liver": 2, "tumour": 1}
    assert measures.region_components(label, measures.NOTHING, made_task()) == {}


def test_sample__inside_the_mask_and_the_same_each_time():
    image = np.arange(2 * 30 * 30 * 30, dtype=np.float32).reshape(2, 30, 30, 30)
    mask = image[0] >= 20000
    first, again = (measures.sample_of(image, mask, channels=2) for _ in range(2))
    assert first == again
    assert [len(channel) for channel in first] == [measures.SAMPLE] * 2
    assert len(set(first[0])) == measures.SAMPLE
    assert min(first[0]) >= 20000
    np.testing.assert_array_equal(np.array(first[1]) - first[0], 27000)  # the same voxels in each channel
    assert measures.sample_of(image, mask & False, channels=2) == ((), ())


def test_hash__of_voxels_type_and_shape():
    voxels = np.arange(24, dtype=np.int16).reshape(1, 2, 3, 4)
    grid = Grid.from_spacing((2, 3, 4), (1, 1, 1))
    known = hashlib.sha256(b"<i2 (1, 2, 3, 4)" + voxels[0].tobytes(order="F")).hexdigest()
    assert measures.voxel_hash(Volume(voxels, grid)) == known
    fortran = np.asfortranarray(voxels[0])[None]
    assert measures.voxel_hash(Volume(fortran, Grid.from_spacing((2, 3, 4), (2, 2, 2)))) == known
    others = [voxels + 1, voxels.astype(np.int32), voxels.reshape(1, 4, 3, 2)]
    hashes = {measures.voxel_hash(Volume(other, Grid.from_spacing(other.shape[1:], (1, 1, 1)))) for other in others}
    assert len(hashes | {known}) == 4


def test_grid_hash():
    grids = [((2, 3, 4), (1, 1, 1)), ((2, 3, 4), (1, 1, 2)), ((2, 3, 5), (1, 1, 1))]
    hashes = [measures.grid_hash(Grid.from_spacing(*grid)) for grid in grids]
    assert len(set(hashes)) == 3
    assert measures.grid_hash(Grid.from_spacing(*grids[0])) == hashes[0]


def test_finite():
    voxels = np.zeros((4, 4), np.float32)
    assert measures.are_finite(voxels)
    for bad in (np.nan, np.inf, -np.inf):
        voxels[1, 1] = bad
        assert not measures.are_finite(voxels)
    assert measures.num_not_finite(voxels) == 1
    for value, fits in ((3.4e38, True), (-1e40, False), (np.finfo(np.float64).max, False)):
        wide = np.array([0.0, value])
        assert measures.are_finite(wide) == fits, "what float32 cannot hold is infinite to all that follows"
        assert measures.num_not_finite(wide) == (not fits)
    assert not measures.are_finite(np.array([1, np.inf], np.float16))
    assert measures.are_finite(np.zeros(3, np.uint8))


def test_pooled():
    assert measures.pooled([(1.0, 2.0), (3.0,)]).tolist() == [1.0, 2.0, 3.0]
    assert measures.pooled([]).size == 0


def test_region_centers__shares_of_the_image_between_its_outer_faces() -> None:
    task = made_task(values={"left": (1,), "both": (1, 2), "absent": (3,)})
    label = np.zeros((10, 4, 2), np.uint8)
    label[0] = 1
    label[9] = 2
    centers = measures.region_centers(label, task)
    assert centers == {"left": pytest.approx((0.05, 0.5, 0.5)), "both": pytest.approx((0.5, 0.5, 0.5))}
