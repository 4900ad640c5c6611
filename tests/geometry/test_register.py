"""Rigid registration: known motions found, signs by hand, the same bits twice, and a quality that tells good from bad."""

from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scanwright.errors import GeometryError
from scanwright.geometry.affine import is_rigid, to_points
from scanwright.geometry.grid import Grid
from scanwright.geometry.register import LEAST_QUALITY, Registration, register_rigid
from scanwright.geometry.volume import Volume

RADIUS_MM = 50.0


def anatomy(seed):
    """A body as a function of the point: bumpy, with soft blobs, 0 outside; no grid, so no error of resampling."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-0.7, 0.7, (30, 3)) * RADIUS_MM
    heights, widths = rng.uniform(-60, 90, 30), rng.uniform(5, 14, 30)
    bumps, sizes = rng.normal(size=(12, 3)), rng.uniform(-0.3, 0.3, 12)
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)

    def value(points):
        distance = np.linalg.norm(points, axis=-1)
        along = points / np.maximum(distance, 1e-6)[..., None] @ bumps.T
        skin = distance - RADIUS_MM * (1 + np.exp(8 * (along - 1)) @ sizes)
        inside = 1 / (1 + np.exp(np.clip(skin, -60, 60)))
        distances = ((points[..., None, :] - centres) ** 2).sum(axis=-1)
        return inside * (100 + np.exp(-distances / (2 * widths**2)) @ heights)

    return value


NOWHERE = np.eye(4)


def imaged(value, grid, *, at=NOWHERE, tone=None, seed=0):
    """The body on a grid, where `at` has moved it, in other tones, with noise."""
    points = grid.points(np.moveaxis(np.indices(grid.shape), 0, -1))
    voxels = value(to_points(np.linalg.inv(at), points))
    voxels = tone(voxels) if tone else voxels
    return Volume((voxels + np.random.default_rng(seed).normal(0, 2, voxels.shape))[None].astype(np.float32), grid)


def motion(turn_degrees, shift_mm):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(np.deg2rad(turn_degrees)).as_matrix()
    affine[:3, 3] = shift_mm
    return affine


def error_mm(found: Registration, truth):
    """Mean distance over points of the body."""
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (500, 3)) * RADIUS_MM
    return np.linalg.norm(to_points(found.affine, points) - to_points(truth, points), axis=1).mean()


def fixed_grid(shape=(32, 28, 34)):
    affine = np.diag((4.0, 4, 4, 1))
    affine[:3, 3] = -4 * (np.array(shape) - 1) / 2
    return Grid(shape, affine)


def moving_grid():
    """Another orientation and thick slices: i to P, j to S, k to L."""
    affine = np.array([[0, 0, -6.0, 80], [-3.5, 0, 0, 70], [0, 3.5, 0, -80], [0, 0, 0, 1]])
    return Grid((44, 46, 26), affine)


def inverted(values):
    """As another modality has it: dark is bright, and not along a straight line."""
    return 300 * np.exp(-values / 80)


TRUTH = motion((14, -9, 20), (12, -18, 15))


@pytest.fixture(scope="module")
def pair():
    fixed = imaged(anatomy(1), fixed_grid())
    moving = imaged(anatomy(1), moving_grid(), at=TRUTH, tone=inverted, seed=1)
    return SimpleNamespace(fixed=fixed, moving=moving, found=register_rigid(fixed, moving))


def test_known_motion_between_modalities(pair):
    assert is_rigid(pair.found.affine) and np.linalg.det(pair.found.affine[:3, :3]) == pytest.approx(1)
    assert error_mm(pair.found, TRUTH) < 1.0
    assert pair.found.rotation_degrees == pytest.approx(np.linalg.norm((14, -9, 20)), abs=1.5)
    np.testing.assert_allclose(pair.found.turn_degrees, (14, -9, 20), atol=1.5)
    assert pair.found.quality > 0.9 and pair.found.overlap > 0.95 and pair.found.mutual_information > 0.2
    assert pair.found.checked() is pair.found


def test_the_same_bits_and_the_other_way_is_the_inverse(pair):
    back = register_rigid(pair.moving, pair.fixed)
    np.testing.assert_array_equal(back.affine, np.linalg.inv(pair.found.affine))
    assert (back.spread_mm, back.mutual_information) == (pair.found.spread_mm, pair.found.mutual_information)


def test_bring__lays_the_moving_image_on_the_fixed(pair):
    brought = pair.found.bring(pair.moving, pair.fixed.grid, order=1)
    assert brought.grid == pair.fixed.grid
    ideal = imaged(anatomy(1), pair.fixed.grid, tone=inverted).voxels[0]
    core = np.linalg.norm(pair.fixed.grid.points(np.argwhere(np.ones(pair.fixed.shape))), axis=1) < 35
    assert np.corrcoef(brought.voxels[0].ravel()[core], ideal.ravel()[core])[0, 1] > 0.97


def test_sign__by_hand__far_apart_and_partly_in_view():
    """A table 1.5 m further up, the body 24 mm further to the right: a fixed point p is at p + (24, 0, 1500) there.

    The moving image shows the upper part alone, and a corner of it is not a number.
    """
    truth = motion((0, 0, 0), (24, 0, 1500))
    part = fixed_grid().crop((0, 0, 14), (32, 28, 34))
    moving = imaged(anatomy(2), Grid(part.shape, truth @ part.affine), at=truth, tone=inverted, seed=1)
    moving.voxels[:, :6, :6] = np.nan
    found = register_rigid(imaged(anatomy(2), fixed_grid()), moving)
    np.testing.assert_allclose(found.translation_mm, (24, 0, 1500), atol=0.7)
    np.testing.assert_allclose(to_points(found.affine, np.zeros(3)), (24, 0, 1500), atol=0.7)
    assert found.rotation_degrees < 1 and found.quality > LEAST_QUALITY
    assert 0.4 < found.overlap < 0.75


def test_another_body_is_refused():
    other = imaged(anatomy(7), fixed_grid(), tone=inverted, seed=1)
    found = register_rigid(imaged(anatomy(1), fixed_grid()), other)
    assert found.quality < LEAST_QUALITY
    with pytest.raises(GeometryError, match="do not agree") as caught:
        found.checked()
    assert caught.value.hint and "mm" in caught.value.found
    assert found.checked(least_quality=0) is found


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda voxels: voxels * 0 + 7, "one value"),
        (lambda voxels: voxels * np.nan, "no finite"),
        (lambda voxels: voxels[..., :1], "too few slices"),
        (lambda voxels: np.concatenate((voxels, voxels)), "one channel"),
    ],
)
def test_nothing_to_align_is_refused(pair, side, spoil, word):
    voxels = spoil(pair.fixed.voxels)
    bad = Volume(voxels, Grid(voxels.shape[1:], pair.fixed.grid.affine))
    volumes = (bad, pair.fixed) if side == 0 else (pair.fixed, bad)
    with pytest.raises(GeometryError, match=word) as caught:
        register_rigid(*volumes)
    assert caught.value.where == ("fixed image", "moving image")[side]


@pytest.mark.data
def test_real_ct_and_mr_of_one_leg(data_folder):
    """The MR turned and shifted."""
    folder = data_folder / "dicom" / "sts_003_ct_mr_pet_rtstruct" / "reference_nifti"
    ct, mr = (read(folder / f"{name}_image.nii.gz") for name in ("CT", "MR_T1"))
    truth = motion((10, -12, 8), (15, -20, 10))
    found = register_rigid(ct, Volume(mr.voxels, Grid(mr.shape, truth @ mr.grid.affine))).checked()
    corners = mr.grid.points(np.argwhere(np.ones((2, 2, 2))) * (np.array(mr.shape) - 1))
    # contours of the tumour coincide in the files' own spaces; the leg itself does not lie quite alike
    gaps = to_points(found.affine, corners) - to_points(truth, corners)
    assert np.linalg.norm(gaps, axis=1).mean() < 12


def read(path):
    image = nibabel.load(path)
    return Volume(np.asarray(image.dataobj, np.float32)[None], Grid(image.shape, image.affine))
