from pathlib import Path

import numpy as np
import pytest

from made_folders import AFFINE, SHAPE, ball, made_case, made_task, write_nifti, write_png
from scanwright.dataset.images import cover, read_case_image, with_channels
from scanwright.errors import GeometryError, InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume

TWO = made_task(channels=("t1", "t2"))
ONE = made_task()


def case_of(*paths):
    return made_case("p", images=tuple(paths))


def test_one_file(tmp_path):
    image = ball(0)[0]
    volume = read_case_image(case_of(write_nifti(tmp_path / "a.nii.gz", image)), ONE)
    assert volume.voxels.dtype == np.float32
    np.testing.assert_array_equal(volume.voxels[0], image)


def test_channels_along_the_fourth_axis(tmp_path):
    stack = np.stack([ball(0)[0], ball(1)[0]], axis=-1)
    path = write_nifti(tmp_path / "a.nii.gz", stack)
    volume = read_case_image(case_of(path), TWO)
    np.testing.assert_array_equal(volume.voxels, np.moveaxis(stack, -1, 0))
    with pytest.raises(InputError, match="more than three axes"):
        read_case_image(case_of(path), ONE)
    with pytest.raises(InputError, match="another number of channels"):
        read_case_image(case_of(path), made_task(channels=("a", "b", "c")))


def test_a_file_for_each_channel_keeps_the_number_type(tmp_path):
    images = [(ball(seed)[0]).astype(np.int16) for seed in (0, 1)]
    paths = [write_nifti(tmp_path / f"{k}.nii.gz", image) for k, image in enumerate(images)]
    volume = read_case_image(case_of(*paths), TWO)
    assert volume.voxels.dtype == np.int16
    np.testing.assert_array_equal(volume.voxels, np.stack(images))


def test_a_channel_on_another_grid_is_brought_to_the_first(tmp_path):
    """A linear ramp in patient space stays the same ramp when it is sampled on a grid twice as fine."""
    first = write_nifti(tmp_path / "a.nii.gz", ball(0)[0])
    fine = np.diag((0.5, 0.5, 1.0, 1.0))
    fine[:3, 3] = (-0.25, -0.25, -0.5)  # same outer faces
    shape = tuple(2 * size for size in SHAPE)
    ramp = (np.indices(shape)[0] * 0.5 - 0.25).astype(np.float32)  # = x in mm
    second = write_nifti(tmp_path / "b.nii.gz", ramp, fine)
    volume = read_case_image(case_of(first, second), TWO)
    assert volume.grid == Grid(SHAPE, AFFINE)
    inner = volume.voxels[1, 3:-3, 3:-3, 3:-3]
    np.testing.assert_allclose(inner, np.broadcast_to(np.arange(3, 9)[:, None, None], inner.shape), atol=0.01)


@pytest.mark.parametrize(
    ("shift", "words"), [(8.0, "it covers"), (500.0, "it covers 0%")], ids=["a third covered", "far away"]
)
def test_a_channel_elsewhere_is_refused(tmp_path, shift, words):
    moved = AFFINE.copy()
    moved[0, 3] = shift
    paths = [write_nifti(tmp_path / "a.nii.gz", ball(0)[0]), write_nifti(tmp_path / "b.nii.gz", ball(0)[0], moved)]
    with pytest.raises(GeometryError) as raised:
        read_case_image(case_of(*paths), TWO)
    assert words in str(raised.value)
    assert raised.value.where == paths[1]


def test_pictures_of_different_sizes_share_no_space(tmp_path):
    paths = [write_png(tmp_path / f"{n}.png", np.zeros((n, 9), np.uint8)) for n in (8, 10)]
    with pytest.raises(GeometryError, match="pictures have no place in space"):
        read_case_image(case_of(*paths), TWO)


def test_grey_from_colour():
    """ITU-R BT.601 by hand: 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2."""
    grid = Grid.of_pixels(1, 1)
    pixel = np.array([200, 100, 50], np.uint8).reshape(3, 1, 1, 1)
    grey = with_channels(Volume(pixel, grid), 1, where=Path("a.png"))
    assert (grey.voxels.dtype, int(grey.voxels[0, 0, 0, 0])) == (np.uint8, 124)
    same = with_channels(Volume(np.full((3, 1, 1, 1), 77, np.uint8), grid), 1, where=Path("a.png"))
    assert int(same.voxels[0, 0, 0, 0]) == 77


def test_colour_from_grey__pictures_only():
    grey = Volume(np.full((1, 2, 2, 1), 7, np.uint8), Grid.of_pixels(2, 2))
    assert with_channels(grey, 3, where=Path("a.png")).voxels.shape == (3, 2, 2, 1)
    scan = Volume(np.zeros((1, *SHAPE)), Grid(SHAPE, AFFINE))
    with pytest.raises(InputError, match="another number of channels"):
        with_channels(scan, 3, where=Path("a.nii.gz"))


def test_cover():
    grid = Grid(SHAPE, AFFINE)
    assert cover(grid, grid) == 1.0
    assert cover(grid.crop((0, 0, 0), (6, 10, 8)), grid) == pytest.approx(0.5, abs=0.06)
    assert cover(grid.crop((-50, -50, -50), (-40, -40, -40)), grid) == 0.0
