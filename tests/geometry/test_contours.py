"""Polygons to masks and back: discs and triangles by formula, two other ways of filling, and laws over any mask."""

import matplotlib.path
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import label
from scipy.spatial import Delaunay

from scanwright.errors import GeometryError
from scanwright.geometry.contours import fill, trace, trace_keyholed

SQUARE = np.array([(1, 1), (4, 1), (4, 3), (1, 3)], float)
MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
SHIFTS = [(0, 0), (0.25, 0), (0.5, 0.5), (0.1, 0.9), (-0.37, 0.61)]


def centres(shape):
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).astype(float)


def star(rng, points=40, middle=(20, 15), radius=(4, 14)):
    angles = np.sort(rng.uniform(0, 2 * np.pi, points))
    radii = rng.uniform(*radius, points)
    return np.stack([middle[0] + radii * np.cos(angles), middle[1] + radii * np.sin(angles)], axis=1)


def signed_area(polygon):
    i, j = polygon.T
    return 0.5 * float(i @ np.roll(j, -1) - np.roll(i, -1) @ j)


def by_rays(polygons, shape):
    """Even-odd by counting crossings to the right along j, one voxel at a time: the other direction than `fill`'s."""
    result = np.zeros(shape, bool)
    for i, j in np.ndindex(shape):
        for polygon in polygons:
            for (i0, j0), (i1, j1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
                if (i0 > i) != (i1 > i) and j < j0 + (i - i0) * (j1 - j0) / (i1 - i0):
                    result[i, j] ^= True
    return result


def test_a_square_by_hand():
    """Corners on centres: lower edges are in, upper ones out. Half an index further, all that is covered is in."""
    expected = np.zeros((6, 5), bool)
    expected[1:4, 1:3] = True
    assert (fill([SQUARE], (6, 5)) == expected).all()
    expected[1:5, 1:4] = True
    assert (fill([SQUARE * (4 / 3, 1.5) - (0.5, 0.7)], (6, 5)) == expected).all()


def test_a_triangle_by_hand():
    """The hypotenuse i + j = 3.5: rows of 4, 3, 2, 1."""
    triangle = np.array([(-0.5, -0.5), (4, -0.5), (-0.5, 4)])
    assert fill([triangle], (5, 5)).sum(axis=0).tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_disc_is_what_its_formula_says(shift):
    """A disc of 20,000 corners lies within 1e-6 of the circle: only centres that near to it could differ."""
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    middle = np.array((30, 25)) + shift
    disc = middle + 17.3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    distance = np.linalg.norm(centres((60, 50)) - middle, axis=-1)
    clear = np.abs(distance - 17.3) > 1e-6
    assert clear.all()
    assert (fill([disc], (60, 50)) == (distance < 17.3)).all()


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_triangle_is_what_its_formula_says(shift):
    a, b, c = np.array([(3.2, 4.1), (35.7, 9.3), (14.4, 27.9)]) + shift
    points = centres((40, 32))

    def left_of(start, end):
        along, off = end - start, points - start
        return along[0] * off[..., 1] - along[1] * off[..., 0] > 0

    assert (fill([np.array([a, b, c])], (40, 32)) == (left_of(a, b) & left_of(b, c) & left_of(c, a))).all()


@pytest.mark.parametrize("seed", range(20))
def test_stars_against_matplotlib(seed):
    polygon = star(np.random.default_rng(seed))
    shape = (41, 31)
    theirs = matplotlib.path.Path(np.vstack([polygon, polygon[:1]])).contains_points(centres(shape).reshape(-1, 2))
    assert (fill([polygon], shape) == theirs.reshape(shape)).all()
    assert (fill([polygon[::-1]], shape) == fill([polygon], shape)).all()


@pytest.mark.parametrize("seed", range(5))
def test_any_tangle_against_rays(seed):
    """Polygons that cross themselves and each other, some beyond the slice."""
    rng = np.random.default_rng(seed)
    polygons = [rng.uniform(-6, 18, (rng.integers(3, 12), 2)) for _ in range(3)]
    assert (fill(polygons, (14, 11)) == by_rays(polygons, (14, 11))).all()


@pytest.mark.parametrize("whole", [False, True])
def test_adjoining_triangles_share_no_voxel_and_leave_none_out(whole):
    """A triangulation of the slice: with corners anywhere, and with corners and edges on voxel centres."""
    rng = np.random.default_rng(3)
    corners = np.array([(-1, -1), (25, -1), (-1, 25), (25, 25)])
    points = np.vstack([corners, rng.integers(0, 24, (80, 2)) if whole else rng.uniform(0, 24, (80, 2))]).astype(float)
    points = np.unique(points, axis=0)
    counts = sum(fill([points[simplex]], (24, 24)).astype(int) for simplex in Delaunay(points).simplices)
    assert (counts == 1).all()


def test_a_hole_by_an_inner_contour_either_way_round_and_by_a_keyhole():
    outer = np.array([(0, 0), (9, 0), (9, 9), (0, 9)]) + 0.5
    inner = np.array([(3, 3), (6, 3), (6, 6), (3, 6)]) + 0.5
    expected = np.zeros((11, 11), bool)
    expected[1:10, 1:10] = True
    expected[4:7, 4:7] = False
    keyhole = np.concatenate([outer, outer[:1], inner, inner[:1]])
    for polygons in ([outer, inner], [outer, inner[::-1]], [inner, outer], [keyhole]):
        assert (fill(polygons, (11, 11)) == expected).all()
    assert fill([outer, inner], (11, 11), rule="union").sum() == 81


def test_overlaps_by_both_rules():
    other = SQUARE + 1
    assert fill([SQUARE, other], (8, 8)).sum() == 6 + 6 - 2 * 2
    assert fill([SQUARE, other], (8, 8), rule="union").sum() == 6 + 6 - 2
    assert not fill([SQUARE, SQUARE], (8, 8)).any()


def test_what_lies_beyond_the_slice_is_clipped():
    whole = np.array([(-1e12, -1e12), (1e12, -1e12), (1e12, 1e12), (-1e12, 1e12)])
    assert fill([whole], (5, 7)).all()
    for shift in ((-100, 0), (100, 0), (0, -100), (0, 100)):
        assert not fill([SQUARE + shift], (6, 5)).any()
    large = star(np.random.default_rng(1), middle=(20, 15), radius=(10, 25))
    assert (fill([large], (80, 80))[:40, :30] == fill([large], (40, 30))).all()
    assert (fill([large], (80, 80))[10:, 5:] == fill([large - (10, 5)], (70, 75))).all()


@pytest.mark.parametrize("polygons", [[], [SQUARE[:0]], [SQUARE[:1]], [SQUARE[:2]], [np.ones((5, 2))]])
def test_nothing_encloses_nothing(polygons):
    assert not fill(polygons, (6, 5)).any()
    assert not fill(polygons, (6, 5), rule="union").any()


def test_a_first_point_that_is_repeated_changes_nothing():
    polygon = star(np.random.default_rng(2))
    again = np.vstack([polygon, polygon[:1]])
    assert (fill([again], (41, 31)) == fill([polygon], (41, 31))).all()


@pytest.mark.parametrize(
    "polygon", [np.full((4, 2), np.nan), np.full((4, 2), np.inf), SQUARE * 1e300, np.ones((4, 3)), np.ones(6)]
)
def test_no_polygon(polygon):
    with pytest.raises(GeometryError, match="polygon"):
        fill([polygon], (5, 5))


def test_tracing_by_hand():
    """One voxel; a ring with its hole the other way round; voxels that touch at a corner; a hole that does."""
    one = np.array([[True]])
    assert trace(one)[0].tolist() == [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    outer, hole = trace(ring)
    assert (signed_area(outer), signed_area(hole)) == (9, -1)
    assert len(outer) == len(hole) == 4
    (joined,) = trace_keyholed(ring)
    assert joined.tolist() == [
        [-0.5, -0.5], [2.5, -0.5], [2.5, 2.5], [-0.5, 2.5],
        [-0.5, 0.75], [0.5, 0.75], [0.5, 1.5], [1.5, 1.5], [1.5, 0.5], [0.5, 0.5], [0.5, 0.75], [-0.5, 0.75],
    ]  # fmt: skip
    assert [signed_area(part) for part in trace(np.eye(2, dtype=bool))] == [1, 1]
    ring[0, 0] = False
    (whole,) = trace(ring)
    assert signed_area(whole) == 7
    assert trace(np.zeros((4, 4), bool)) == trace_keyholed(np.zeros((4, 4), bool)) == []


def test_channels_on_one_side_follow_each_other_along_it():
    """Three holes beside one side of 7: once round the mask, the holes, and each channel there and back; no more."""
    mask = np.ones((3, 7), bool)
    mask[1, 1::2] = False
    (joined,) = trace_keyholed(mask)
    assert np.abs(np.roll(joined, -1, axis=0) - joined).sum() == 2 * (3 + 7) + 3 * 4 + 3 * 2


@given(MASKS)
def test_filling_a_traced_mask_gives_it_again(mask):
    polygons = trace(mask)
    assert (fill(polygons, mask.shape) == mask).all()
    assert sum(map(signed_area, polygons)) == mask.sum()
    outers = [polygon for polygon in polygons if signed_area(polygon) > 0]
    assert len(outers) == label(mask)[1]
    holes = label(~np.pad(mask, 1), structure=np.ones((3, 3)))[1] - 1
    assert len(polygons) - len(outers) == holes
    for polygon in polygons:
        steps = np.roll(polygon, -1, axis=0) - polygon
        turns = (steps != 0).argmax(axis=1)
        assert ((steps != 0).sum(axis=1) == 1).all()  # along i or along j
        assert (turns != np.roll(turns, 1)).all()  # a corner at every point
        assert (polygon % 1 == 0.5).all()


@given(MASKS)
def test_keyholes_hold_by_exclusive_or_and_by_union(mask):
    polygons = trace_keyholed(mask)
    assert len(polygons) == label(mask)[1]
    assert all(signed_area(polygon) > 0 for polygon in polygons)
    assert sum(map(signed_area, polygons)) == pytest.approx(mask.sum())
    for rule in ("xor", "union"):
        assert (fill(polygons, mask.shape, rule=rule) == mask).all()


@given(MASKS, st.integers(0, 2**32 - 1))
def test_keyholes_hold_after_rounding(mask, seed):
    """Points moved by a thousandth of a voxel, alike where they are the same point, as decimal strings do."""
    corners = trace_keyholed(mask)
    places = np.unique(np.concatenate([*corners, np.zeros((1, 2))]), axis=0)
    moved = places + np.random.default_rng(seed).uniform(-1e-3, 1e-3, places.shape)
    where = {tuple(place): point for place, point in zip(places.tolist(), moved, strict=True)}
    polygons = [np.array([where[tuple(point)] for point in polygon.tolist()]) for polygon in corners]
    assert (fill(polygons, mask.shape) == mask).all()


def test_a_large_slice_of_noise_and_a_chain_of_holes():
    """More edges than are crossed at once; 250 holes in a row, each hung on the one before."""
    noise = np.random.default_rng(0).random((300, 400)) < 0.6
    assert (fill(trace(noise), noise.shape) == noise).all()
    assert (fill(trace_keyholed(noise), noise.shape) == noise).all()
    row = np.ones((501, 3), bool)
    row[1::2, 1] = False
    (joined,) = trace_keyholed(row)
    assert len(joined) == 4 + 250 * 8
    assert (fill([joined], row.shape) == row).all()


@pytest.mark.parametrize("mask", [np.ones((2, 2, 2), bool), np.ones((2, 2), np.uint8)])
def test_no_slice_of_a_mask(mask):
    with pytest.raises(GeometryError, match="plane of booleans"):
        trace(mask)
