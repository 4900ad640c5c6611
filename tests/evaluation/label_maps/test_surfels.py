"""Surface element areas: by hand, and all codes against the list they come from."""

import itertools
import math

import numpy as np
import pytest

from scanwright.evaluation.label_maps.surfels import FACETS, surfel_areas, surfel_codes


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.3, 3.1), (2.0, 0.5, 0.5)])
def test_surfel_areas__all_256_codes_as_deepmind_has_them(spacing):
    tables = pytest.importorskip("surface_distance.lookup_tables")
    assert np.allclose(surfel_areas(spacing), tables.create_table_neighbour_code_to_surface_area(spacing), atol=1e-12)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 3.1)])
def test_surfel_areas__all_16_codes_in_2d(spacing):
    tables = pytest.importorskip("surface_distance.lookup_tables")
    assert np.allclose(surfel_areas(spacing), tables.create_table_neighbour_code_to_contour_length(spacing), atol=1e-12)


def test_surfel_areas__by_hand():
    areas = surfel_areas((2.0, 3.0, 5.0))
    assert areas[0b00001111] == pytest.approx(15.0)  # upper half in the first axis: one face of 3 x 5
    assert areas[0b00110011] == pytest.approx(10.0)  # second axis: 2 x 5
    assert areas[0b01010101] == pytest.approx(6.0)  # third axis: 2 x 3
    corner = 0.5 * np.linalg.norm(np.cross([-1, 1.5, 0], [-1, 0, 2.5]))  # triangle through three mid-edges
    assert areas[0b00000001] == areas[0b11111110] == pytest.approx(corner)
    assert areas[0] == areas[255] == 0
    assert surfel_areas((3.0, 4.0))[0b0001] == pytest.approx(2.5)  # half a diagonal of a 3 x 4 pixel


def test_surfel_areas__13_codes_reach_all_and_only_two_have_no_surface():
    assert len(FACETS[3]) == 13
    assert np.count_nonzero(surfel_areas((1.0, 1.0, 1.0))) == 254
    assert np.count_nonzero(surfel_areas((1.0, 1.0))) == 14


def test_surfel_areas__cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        surfel_areas((1.0, 1.0, 1.0))[3] = 7


def test_surfel_codes__one_voxel_is_seen_from_eight_corners():
    codes = surfel_codes(np.ones((1, 1, 1), bool))
    assert codes.shape == (2, 2, 2)
    # The corner before the voxel has it as its last neighbour (bit 0), the corner behind it as its first (bit 7).
    assert codes.ravel().tolist() == [1, 2, 4, 8, 16, 32, 64, 128]


def test_surface_area_of_a_box():
    """Flat faces count in full, edges and corners are bevelled half a voxel deep: 3 x 4 x 5 voxels, counted by hand."""
    codes = surfel_codes(np.ones((3, 4, 5), bool))
    area = surfel_areas((1.0, 1.0, 1.0))[codes].sum()
    faces = 2 * (2 * 3 + 2 * 4 + 3 * 4)
    edges = 4 * (2 + 3 + 4) * math.sqrt(0.5)
    corners = 8 * math.sqrt(3) / 8
    assert area == pytest.approx(faces + edges + corners)


def test_surfel_areas__axes_may_be_named_in_any_order():
    spacing = (0.7, 1.3, 3.1)
    mask = np.random.default_rng(0).random((4, 5, 6)) < 0.4
    area = surfel_areas(spacing)[surfel_codes(mask)].sum()
    for order in itertools.permutations(range(3)):
        turned = surfel_areas(tuple(spacing[axis] for axis in order))[surfel_codes(mask.transpose(order)[::-1])].sum()
        assert turned == pytest.approx(area)
