"""Axis orders and flips: all 48, exact inverses, nibabel as second opinion."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import IDENTITY, Reorientation, canonical
from scanwright.geometry.volume import Volume

ALL = [Reorientation(order, flip) for order in permutations(range(3)) for flip in product((False, True), repeat=3)]
AFFINE = np.array([[0.9, 0.1, 0, -12.5], [-0.1, 2.1, 0.3, 7.25], [0, -0.2, 3.3, 101], [0, 0, 0, 1]])
VOXELS = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


def test_all_48_are_distinct():
    assert len({turn.apply(VOXELS).tobytes() + bytes(turn.apply(VOXELS).shape) for turn in ALL}) == 48


@pytest.mark.parametrize("turn", ALL)
def test_apply__inverse_and_grid(turn):
    volume = Volume(VOXELS, Grid((3, 4, 5), AFFINE))
    turned = volume.reoriented(turn)
    np.testing.assert_array_equal(turn.invert(turned.voxels), VOXELS)
    assert turn.shape((3, 4, 5)) == turned.shape
    assert turn.inverse().inverse() == turn
    assert turn.inverse().grid(turned.grid).same_space(volume.grid, tolerance=1e-9)
    where = np.argwhere(turned.voxels[0] == VOXELS[0, 2, 1, 3])[0]
    np.testing.assert_allclose(turned.grid.points(where), volume.grid.points(np.array([2, 1, 3])), atol=1e-12)


@pytest.mark.parametrize("turn", ALL)
def test_canonical__undoes_any_storage_order(turn):
    volume = Volume(VOXELS, Grid((3, 4, 5), AFFINE))
    stored = volume.reoriented(turn)
    back = canonical(stored.grid.affine)
    assert back == turn.inverse()
    np.testing.assert_array_equal(back.apply(stored.voxels), VOXELS)
    assert back.grid(stored.grid).orientation == "RAS"
    assert back.grid(stored.grid).spacing == volume.grid.spacing


@pytest.mark.parametrize("turn", ALL[::5])
def test_canonical__as_nibabel(turn):
    stored = Volume(VOXELS[:1], Grid((3, 4, 5), AFFINE)).reoriented(turn)
    theirs = nib.as_closest_canonical(nib.Nifti1Image(stored.voxels[0].astype(np.int16), stored.grid.affine))
    back = canonical(stored.grid.affine)
    np.testing.assert_array_equal(np.asarray(theirs.dataobj), back.apply(stored.voxels)[0])
    np.testing.assert_allclose(theirs.affine, back.grid(stored.grid).affine)


def test_then__is_one_after_the_other():
    for first, second in product(ALL[::3], ALL[::4]):
        np.testing.assert_array_equal(first.then(second).apply(VOXELS), second.apply(first.apply(VOXELS)))
    assert ALL[7].then(ALL[7].inverse()) == IDENTITY


def test_permuted__plan_axis_order():
    turn = canonical(AFFINE).permuted((2, 1, 0))
    np.testing.assert_array_equal(turn.apply(VOXELS), VOXELS.transpose(0, 3, 2, 1))


def test_apply__is_a_view():
    assert np.shares_memory(ALL[-1].apply(VOXELS), VOXELS)


def test_canonical__picture():
    assert canonical(Grid.of_pixels(3, 4).affine) == Reorientation((0, 1, 2), (True, True, False))


@pytest.mark.parametrize("order", [(0, 0, 1), (0, 1), (1, 2, 3)])
def test_reorientation__refuses(order):
    with pytest.raises(ValueError, match="permutation"):
        Reorientation(order)
