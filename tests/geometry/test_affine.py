"""Affines: what is refused, worked numbers, and nibabel as second opinion."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scanwright.errors import GeometryError
from scanwright.geometry.affine import (
    as_text,
    axis_codes,
    checked_affine,
    closest_axes,
    corner_distance,
    flip_lps_ras,
    is_rigid,
    spacing_of,
    to_indices,
    to_points,
)


def axis_affines():
    """All 48 axis orders and flips, with unequal spacings."""
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1
        for column, (row, sign, step) in enumerate(zip(order, signs, (1.0, 2.0, 3.0), strict=True)):
            matrix[row, column] = sign * step
        yield matrix


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.__setitem__((0, 0), np.nan),
        lambda m: m.__setitem__((1, 3), np.inf),
        lambda m: m.__setitem__((3, 0), 0.1),
        lambda m: m.__setitem__((slice(None), 2), m[:, 1]),
        lambda m: m.__setitem__((slice(0, 3), 1), 0),
        lambda m: m.__setitem__((slice(0, 3), 2), m[:3, 0] + m[:3, 1] + 1e-7),
    ],
)
def test_checked_affine__refuses(change):
    matrix = np.diag([1.0, 2, 3, 1])
    change(matrix)
    with pytest.raises(GeometryError) as caught:
        checked_affine(matrix)
    assert caught.value.lines()


def test_checked_affine__wrong_shape():
    with pytest.raises(GeometryError, match="4x4"):
        checked_affine(np.eye(3))


def test_checked_affine__is_a_read_only_copy():
    source = np.eye(4, dtype=np.float32)
    matrix = checked_affine(source)
    source[0, 0] = 9
    assert matrix.dtype == np.float64 and matrix[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 2


def test_checked_affine__tiny_voxels_are_not_singular():
    assert spacing_of(checked_affine(np.diag([1e-5, 1e-5, 1e-5, 1]))) == pytest.approx((1e-5, 1e-5, 1e-5))


def test_spacing_points_indices__by_hand():
    affine = checked_affine([[0, -3, 0, 10], [2, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]])
    assert spacing_of(affine) == (2, 3, 4)
    np.testing.assert_array_equal(to_points(affine, [1, 1, 1]), [7, 22, 34])
    np.testing.assert_allclose(to_indices(affine, [[[7, 22, 34]]]), [[[1, 1, 1]]])


def test_axis_codes__all_48_as_nibabel():
    for affine in axis_affines():
        assert axis_codes(affine) == "".join(nib.aff2axcodes(affine))


def test_axis_codes__oblique_as_nibabel():
    rng = np.random.default_rng(1)
    for matrix in axis_affines():
        turned = matrix.copy()
        turned[:3, :3] = Rotation.from_rotvec(rng.uniform(-0.4, 0.4, 3)).as_matrix() @ matrix[:3, :3]
        assert axis_codes(turned) == "".join(nib.aff2axcodes(turned))


def test_closest_axes__tie_does_not_depend_on_the_storage_order():
    half = np.eye(4)
    half[:3, :3] = Rotation.from_euler("z", 45, degrees=True).as_matrix()
    results = set()
    for stored in axis_affines():
        affine = half @ (np.sign(stored))
        order, flip = closest_axes(affine)
        canonical = affine[:3, list(order)] * np.where(flip, -1, 1)
        results.add(tuple(np.round(canonical, 9).ravel() + 0.0))
    assert len(results) == 1


def test_is_rigid():
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_rotvec([0.3, 0.2, 0.1]).as_matrix() * [1, 2, 3]
    assert is_rigid(turned)
    turned[0, 2] += 0.1
    assert not is_rigid(turned)


def test_corner_distance__in_voxels_of_the_finest_axis():
    first = np.diag([0.5, 1, 2, 1.0])
    second = first.copy()
    second[0, 3] = 1.0
    assert corner_distance(first, second, (10, 10, 10)) == pytest.approx(2.0)
    second = np.diag([0.5, 1, 2.1, 1.0])
    assert corner_distance(first, second, (10, 10, 11)) == pytest.approx(2.0)


def test_flip_lps_ras__is_its_own_inverse():
    affine = np.arange(16.0).reshape(4, 4)
    flipped = flip_lps_ras(affine)
    np.testing.assert_array_equal(flipped[:2], -affine[:2])
    np.testing.assert_array_equal(flip_lps_ras(flipped), affine)


def test_as_text():
    assert as_text([[1, 0.5], [2, 1e-9]]) == "1 0.5; 2 1e-09"
