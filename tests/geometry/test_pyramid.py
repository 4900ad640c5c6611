"""What registration looks at: block means by hand, tones that padding and outliers cannot move, and what is refused."""

import numpy as np
import pytest

from scanwright.errors import GeometryError
from scanwright.geometry.grid import Grid
from scanwright.geometry.mutual_information import FIRST, LAST
from scanwright.geometry.pyramid import averaged, levels_of, tones_of
from scanwright.geometry.volume import Volume


def body_in_air(*, size=24, air=-1000.0, seed=0):
    """A ball of 40 ± 30 in noisy air."""
    rng = np.random.default_rng(seed)
    distance = np.linalg.norm(np.indices((size,) * 3) - (size - 1) / 2, axis=0)
    noise = rng.normal(0, 30, (size,) * 3)
    return np.where(distance < 0.35 * size, 40 + noise, air + np.abs(noise)).astype(np.float32)


def level(voxels, *, step=2.0, spacing=(2.0, 2.0, 2.0)):
    return levels_of(Volume(voxels[None], Grid.from_spacing(voxels.shape, spacing)), name="x", steps_mm=(step,))[0]


def test_averaged__by_hand():
    values = np.arange(9 * 4 * 4, dtype=float).reshape(9, 4, 4)
    means, grid = averaged(values, Grid.from_spacing((9, 4, 4), (1, 3, 1)), step_mm=2)
    assert means.shape == (4, 4, 4)  # nine in pairs, one cut; 3 mm stays; four voxels are not made fewer
    assert means[0, 0, 0] == pytest.approx(8) and means[3, 3, 3] == pytest.approx((6 + 7) / 2 * 16 + 15)
    assert grid.spacing == (2, 3, 1) and grid.origin_xyz == (0.5, 0, 0)


def test_averaged__keeps_every_point_where_it_was():
    grid = Grid((13, 16, 22), [[0, -1.1, 0, 5], [0.9, 0, 0, -8], [0, 0, 1, 40], [0, 0, 0, 1]])
    plane = grid.points(np.moveaxis(np.indices(grid.shape), 0, -1)) @ (1, 2, 3)
    means, coarse = averaged(plane, grid, step_mm=3)
    np.testing.assert_allclose(means, coarse.points(np.moveaxis(np.indices(coarse.shape), 0, -1)) @ (1, 2, 3))


def test_levels__the_base_in_slabs_is_the_mean_of_it_all():
    voxels = body_in_air(size=26)
    found = level(voxels, step=4.0)
    tones = tones_of(voxels)
    means, grid = averaged(voxels.clip(tones.low, tones.high), Grid.from_spacing(voxels.shape, (2, 2, 2)), step_mm=4)
    assert found.grid == grid
    np.testing.assert_allclose(found.tones_IJK, tones(means), atol=0.02)


def test_tones__air_below_and_body_above():
    voxels = body_in_air()
    tones = tones_of(voxels)
    assert -1000 < tones.threshold < 0
    np.testing.assert_allclose(tones(np.array([-1000.0, -3024, 9999])), (FIRST, FIRST, LAST))
    body = tones(np.linspace(-20, 100, 50))
    assert (np.diff(body) > 0).all() and body[-1] - body[0] > 12


def test_tones__padding_and_metal_change_little():
    voxels = body_in_air()
    spoilt = voxels.copy()
    spoilt[0], spoilt[12, 12, 12] = -3024, 30_000
    plain, other = tones_of(voxels), tones_of(spoilt)
    np.testing.assert_allclose(plain(voxels), other(voxels), atol=2.5)  # bins of 30
    assert (other(spoilt[0]) == FIRST).all() and other(spoilt[12, 12, 12]) == LAST


def test_tones__a_hot_spot_is_not_the_body():
    voxels = np.where(body_in_air() > 0, np.random.default_rng(0).uniform(0.2, 0.6, (24,) * 3), 0)
    voxels[10:13, 10:13, 10:13] = 12.0
    assert tones_of(voxels).threshold < 0.4


def test_levels__body_with_a_margin_of_air():
    found = level(body_in_air(size=40))
    inside = np.linalg.norm(found.grid.points(np.argwhere(found.body_IJK)) - 39.0, axis=1)
    assert 28 + 6 <= inside.max() <= 28 + 9  # the ball's radius is 28 mm, the margin 8
    assert found.body_IJK[20, 20, 20]


def test_levels__missing_values_stay_missing():
    voxels = body_in_air()
    voxels[:, :, :6] = np.nan
    voxels[20, 20, 20] = np.inf
    found = level(voxels)
    assert not found.valid_IJK[:, :, :6].any() and not found.valid_IJK[20, 20, 20] and found.valid_IJK[:, :, 7:19].all()
    assert np.isfinite(found.tones_IJK).all() and not (found.body_IJK & ~found.valid_IJK).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i2", np.float64, np.bool_])
def test_levels__any_number_type(dtype):
    voxels = (body_in_air() > 40).astype(np.float32) * 100
    np.testing.assert_allclose(
        level(voxels.astype(dtype)).tones_IJK, level(voxels.astype(dtype).astype(np.float32)).tones_IJK
    )


@pytest.mark.parametrize(
    ("voxels", "unit", "word"),
    [
        (np.zeros((1, 8, 8, 8)), "mm", "one value"),
        (np.full((1, 8, 8, 8), np.nan), "mm", "no finite value"),
        (np.random.default_rng(0).normal(size=(1, 30, 30, 1)), "mm", "too few slices"),
        (np.random.default_rng(0).normal(size=(2, 8, 8, 8)), "mm", "one channel"),
        (np.random.default_rng(0).normal(size=(1, 8, 8, 8)), "px", "millimetres"),
    ],
)
def test_levels__refused(voxels, unit, word):
    with pytest.raises(GeometryError, match=word) as caught:
        levels_of(Volume(voxels, Grid(voxels.shape[1:], np.eye(4), unit)), name="moving image", steps_mm=(2.0,))
    assert caught.value.where == "moving image"
