"""What is kept of an image to know it again."""

import numpy as np
import pytest

from alike_pictures import blobs, volume_of
from scanwright.gate.likeness.signature import glance
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume


def test_glance__shapes() -> None:
    assert glance(volume_of(blobs(0))).thumbnail.shape == (64, 64)
    assert glance(volume_of(blobs(0, (50, 40, 30)))).thumbnail.shape == (32, 32, 32)
    assert glance(volume_of(blobs(0))).thumbnail.dtype == np.uint8


@pytest.mark.parametrize("change", [np.sqrt, lambda x: 3 * x - 900, lambda x: (x / 255) ** 2])
def test_glance__grey_levels_do_not_matter(change) -> None:
    one, other = (glance(volume_of(picture)).thumbnail.astype(float) for picture in (blobs(1), change(blobs(1))))
    assert np.abs(one - other).mean() < 3 and np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.995


def test_glance__every_grey_level_is_equally_frequent() -> None:
    quarters = np.histogram(glance(volume_of(blobs(2))).thumbnail, bins=4, range=(0, 256))[0]
    assert quarters.min() > 900 and quarters.max() < 1150


def test_glance__axes_are_canonical() -> None:
    voxels = blobs(3, (40, 36, 30))[None]
    flipped = Volume(voxels[:, ::-1], Grid((40, 36, 30), np.array(
        [[-1.0, 0, 0, 39], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "mm"))  # fmt: skip
    assert np.array_equal(glance(flipped).thumbnail, glance(volume_of(voxels)).thumbnail)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_glance__one_slice_along_any_axis_is_a_picture(axis: int) -> None:
    picture = blobs(4)
    turned = glance(volume_of(np.expand_dims(picture, axis)))
    assert np.array_equal(turned.thumbnail, glance(volume_of(picture)).thumbnail)


def test_glance__luma_of_three_channels_else_the_first() -> None:
    picture = blobs(5)[:, :, None]
    colour = volume_of(np.stack([picture, picture, picture]))
    pair = volume_of(np.stack([picture, blobs(6)[:, :, None]]))
    alone = glance(volume_of(picture)).thumbnail.astype(int)
    assert np.abs(glance(colour).thumbnail.astype(int) - alone).max() <= 2
    assert np.array_equal(glance(pair).thumbnail, alone)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 1), (2, 2, 1), (1, 300, 2), (3, 3, 3), (2000, 3, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, bool])
def test_glance__odd_images(shape: tuple[int, int, int], dtype: type) -> None:
    rng = np.random.default_rng(0)
    for array in (np.zeros(shape, dtype), (rng.random(shape) * 100).astype(dtype)):
        seen = glance(volume_of(array))
        assert seen.thumbnail.dtype == np.uint8 and seen.is_blank in (True, False)
    assert glance(volume_of(np.full(shape, 7, dtype))).is_blank


def test_glance__small() -> None:
    assert glance(volume_of(blobs(0, (28, 28)))).is_small
    assert glance(volume_of(blobs(0, (300, 40)))).is_small
    assert not glance(volume_of(blobs(0, (48, 48)))).is_small
    assert not glance(volume_of(blobs(0, (30, 30, 4)))).is_small
