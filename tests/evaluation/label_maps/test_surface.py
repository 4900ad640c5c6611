"""Surface distances: by hand, on published worked examples, and against DeepMind's surface-distance and MONAI."""

import itertools
import math
import time

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from scanwright.errors import GeometryError, UsageError
from scanwright.evaluation.label_maps import surface
from scanwright.evaluation.label_maps.surface import asd, hd, joint_box, nsd, surface_distances
from surface_peers import deepmind_measures, distance_transform_measures, monai_measures


def measures(truth, prediction, spacing, tolerance, definition) -> dict[str, float | None]:
    found = surface_distances(truth, prediction, spacing=spacing, definition=definition)
    return {"nsd": nsd(found, tolerance=tolerance), "hd": hd(found), "hd95": hd(found, 95), "asd": asd(found)}


def blob(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """A smooth random object of several pieces, some of them cut by the border."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2.0)
    return noise > np.quantile(noise, 0.7)


def assert_as_peers(truth, prediction, spacing, tolerance):
    """All measures of both definitions, to 1e-9 of the peers' where they compute in double precision.

    MONAI computes in single, and its percentile's rank with it: 1e-6, and 1e-5 for HD95.
    """
    by_area, by_voxel = (measures(truth, prediction, spacing, tolerance, name) for name in ("area", "voxel"))
    deepmind = deepmind_measures(truth, prediction, spacing, tolerance)
    monai = monai_measures(truth, prediction, spacing, tolerance)
    assert by_area == pytest.approx({name: deepmind[name] for name in by_area}, rel=1e-9)
    assert by_voxel == pytest.approx(distance_transform_measures(truth, prediction, spacing, tolerance), rel=1e-9)
    assert by_voxel["hd95"] == pytest.approx(monai.pop("hd95"), rel=1e-5)
    assert {name: value for name, value in by_voxel.items() if name in monai} == pytest.approx(
        {name: monai[name] for name in by_voxel if name in monai}, rel=1e-6
    )
    assert by_area["nsd"] == pytest.approx(monai["nsd_subvoxel"], rel=1e-6)


# By hand


def test_distances__two_voxels_in_an_anisotropic_grid():
    truth, prediction = np.zeros((6, 6, 6), bool), np.zeros((6, 6, 6), bool)
    truth[1, 1, 1], prediction[1, 4, 5] = True, True
    found = measures(truth, prediction, (9.0, 2.0, 0.5), 6.0, "voxel")
    length = math.hypot(3 * 2.0, 4 * 0.5)
    assert found == pytest.approx({"nsd": 0.0, "hd": length, "hd95": length, "asd": length})
    assert nsd(surface_distances(truth, prediction, spacing=(9, 2, 0.5)), tolerance=length) == 1.0


def test_distances__box_that_is_one_voxel_longer():
    """A line of four against a line of five: one of nine border voxels is off, by one step of 2 mm."""
    truth, prediction = np.zeros((9, 3, 3), bool), np.zeros((9, 3, 3), bool)
    truth[2:6, 1, 1], prediction[2:7, 1, 1] = True, True
    found = surface_distances(truth, prediction, spacing=(2.0, 1.0, 1.0))
    assert found.from_truth.tolist() == [0, 0, 0, 0]
    assert found.from_prediction.tolist() == [0, 0, 0, 0, 2]
    assert hd(found) == 2.0
    assert hd(found, 95) == pytest.approx(np.percentile([0, 0, 0, 0, 2], 95)) == pytest.approx(1.6)
    assert asd(found) == pytest.approx(2 / 9)
    assert nsd(found, tolerance=1.0) == pytest.approx(8 / 9)
    assert nsd(found, tolerance=2.0) == 1.0


def test_distances__area_definition_of_a_shifted_plane():
    """Half-spaces that fill the array up to i = 3 and i = 5: the facing planes are 2 voxels of 1.5 mm apart."""
    truth, prediction = np.zeros((10, 40, 40), bool), np.zeros((10, 40, 40), bool)
    truth[:4], prediction[:6] = True, True
    found = surface_distances(truth, prediction, spacing=(1.5, 1, 1), definition="area")
    assert hd(found) == pytest.approx(3.0)
    assert found.truth_sizes.sum() == pytest.approx(2 * 39**2 + 4 * 39 * 3 * 1.5 + bevels(1.5, 3, 39))


def bevels(edge: float, long: int, wide: int) -> float:
    """Area of the bevelled edges and corners of a box `long` steps of `edge` by `wide` by `wide` steps of 1."""
    flat = 8 * wide * math.hypot(edge, 1) / 2 + 4 * long * edge * math.sqrt(0.5)
    corner = 0.5 * float(np.linalg.norm(np.cross([-edge / 2, 0.5, 0], [-edge / 2, 0, 0.5])))
    return flat + 8 * corner


@pytest.mark.parametrize("definition", ["voxel", "area"])
def test_distances__same_mask(definition):
    mask = blob((12, 13, 14), 0)
    assert measures(mask, mask, (1, 2, 3), 0.0, definition) == {"nsd": 1.0, "hd": 0.0, "hd95": 0.0, "asd": 0.0}


@pytest.mark.parametrize("definition", ["voxel", "area"])
def test_distances__empty_masks(definition):
    empty, mask = np.zeros((5, 5, 5), bool), np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    nothing = {"hd": None, "hd95": None, "asd": None}
    assert measures(empty, empty, (1, 1, 1), 1.0, definition) == {"nsd": None, **nothing}
    assert measures(mask, empty, (1, 1, 1), 1e9, definition) == {"nsd": 0.0, **nothing}
    assert measures(empty, mask, (1, 1, 1), 1e9, definition) == {"nsd": 0.0, **nothing}


def test_nsd__tolerance_reaches_a_voxel_whose_size_was_rounded():
    edge = float(np.float32(0.8))
    truth, prediction = np.zeros((8, 1, 1), bool), np.zeros((8, 1, 1), bool)
    truth[1], prediction[4] = True, True
    found = surface_distances(truth, prediction, spacing=(edge, 1, 1))
    assert hd(found) > 2.4
    assert nsd(found, tolerance=2.4) == 1.0
    assert nsd(found, tolerance=2.39) == 0.0


def test_distances__whole_steps_are_exact():
    truth, prediction = np.zeros((20, 3, 3), bool), np.zeros((20, 3, 3), bool)
    truth[3, 1, 1], prediction[13, 1, 1] = True, True
    assert hd(surface_distances(truth, prediction, spacing=(0.1, 1, 1))) == 1.0


def test_distances__one_slice_is_measured_in_2d():
    truth, prediction = blob((30, 40), 1), blob((30, 40), 2)
    for axis in range(3):
        spacing = [0.5, 0.8]
        spacing.insert(axis, 100.0)
        for definition in ("voxel", "area"):
            flat = measures(truth, prediction, (0.5, 0.8), 1.0, definition)
            sheet = [np.expand_dims(mask, axis) for mask in (truth, prediction)]
            assert measures(*sheet, spacing, 1.0, definition) == flat


def test_distances__inner_voxels_of_a_slice_are_no_border():
    disc = np.zeros((7, 7, 1), bool)
    disc[1:6, 1:6] = True
    assert surface_distances(disc, disc, spacing=(1, 1, 5)).from_truth.size == 16


@pytest.mark.parametrize("definition", ["voxel", "area"])
def test_distances__do_not_depend_on_axis_order_side_or_field_of_view(definition):
    truth, prediction, spacing = blob((14, 16, 18), 3), blob((14, 16, 18), 4), (0.7, 1.3, 3.1)
    truth[[0, -1]] = prediction[[0, -1]] = False
    expected = measures(truth, prediction, spacing, 1.4, definition)
    assert measures(prediction, truth, spacing, 1.4, definition) == pytest.approx(expected)
    wide = [np.pad(mask, ((5, 2), (1, 9), (3, 3))) for mask in (truth, prediction)]
    assert measures(*wide, spacing, 1.4, definition) == pytest.approx(expected)
    for order in itertools.permutations(range(3)):
        turned = [mask.transpose(order)[::-1, :, ::-1] for mask in (truth, prediction)]
        assert measures(*turned, [spacing[axis] for axis in order], 1.4, definition) == pytest.approx(expected)
    twice = measures(truth, prediction, [2 * edge for edge in spacing], 2.8, definition)
    assert twice == pytest.approx(
        {**{name: 2 * expected[name] for name in ("hd", "hd95", "asd")}, "nsd": expected["nsd"]}
    )


@pytest.mark.parametrize(
    ("shape", "spacing", "message"),
    [
        ((4, 4, 5), (1, 1, 1), "different shapes"),
        ((4, 4, 4), (1, 1), "one spacing for each axis"),
        ((4, 4, 4), (1, 0, 1), "not positive"),
        ((4, 4, 4), (1, math.nan, 1), "not positive"),
        ((4, 4, 4), (1, math.inf, 1), "not positive"),
    ],
)
def test_distances__geometry_that_does_not_fit(shape, spacing, message):
    with pytest.raises(GeometryError, match=message):
        surface_distances(np.ones(shape, bool), np.ones((4, 4, 4), bool), spacing=spacing)


def test_distances__unknown_definition():
    with pytest.raises(UsageError, match="no such definition"):
        surface_distances(np.ones((3, 3, 3), bool), np.ones((3, 3, 3), bool), spacing=(1, 1, 1), definition="mesh")


def test_joint_box():
    masks = np.zeros((2, 6, 7, 8), bool)
    assert joint_box(*masks) is None
    masks[0, 1, 2, 3] = masks[1, 4, 2, 0] = True
    assert joint_box(*masks) == (slice(1, 5), slice(2, 3), slice(0, 4))


# Worked examples: Reinke et al. 2024 and the tests of Metrics Reloaded's reference implementation (border voxels, 1 mm pixels)


def test_pitfall_5c__one_stray_voxel_in_the_reference():
    truth, prediction = np.zeros((14, 14), bool), np.zeros((14, 14), bool)
    truth[9:12, 9:12] = prediction[9:12, 9:12] = truth[1, 1] = True
    found = surface_distances(truth, prediction, spacing=(1, 1))
    assert hd(found) == pytest.approx(math.hypot(8, 8)) == pytest.approx(11.31, abs=0.01)
    assert hd(found, 95) == pytest.approx(6.79, abs=0.01)
    assert asd(found) == pytest.approx(math.hypot(8, 8) / 17)
    assert nsd(found, tolerance=1.0) == pytest.approx(16 / 17)


@pytest.mark.parametrize(("inner", "expected_asd", "expected_nsd"), [(True, 1.10, 0.75), (False, 1.05, 0.875)])
def test_pitfall_sn_2_10__boundary_measures_see_equal_errors_as_equal(inner, expected_asd, expected_nsd):
    truth, prediction = np.zeros((14, 14), bool), np.zeros((14, 14), bool)
    truth[5:9, 5:9] = True
    prediction[(slice(6, 8),) * 2 if inner else (slice(4, 10),) * 2] = True
    found = surface_distances(truth, prediction, spacing=(1, 1))
    assert hd(found) == pytest.approx(math.sqrt(2))
    assert asd(found) == pytest.approx(expected_asd, abs=0.01)
    assert nsd(found, tolerance=1.0) == pytest.approx(expected_nsd)


def test_pitfall_10__spikes():
    truth, prediction = np.zeros((11, 11), bool), np.zeros((11, 11), bool)
    truth[3:8, 3:8] = prediction[3:8, 3:8] = True
    prediction[5, 1:10] = prediction[1:10, 5] = True
    found = surface_distances(truth, prediction, spacing=(1, 1))
    assert asd(found) == pytest.approx(0.44, abs=0.01)
    assert nsd(found, tolerance=1.0) == pytest.approx(0.89, abs=0.01)
    assert nsd(found, tolerance=2.0) == 1.0


# The peers


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.3, 3.1), (5.0, 0.8, 0.8)])
def test_peers__random_blobs(seed, spacing):
    assert_as_peers(blob((20, 24, 18), 2 * seed), blob((20, 24, 18), 2 * seed + 1), spacing, 1.37)


@pytest.mark.parametrize("seed", range(3))
def test_peers__random_images(seed):
    assert_as_peers(blob((60, 50), 2 * seed), blob((60, 50), 2 * seed + 1), (0.7, 1.9), 2.1)


def test_peers__scattered_voxels():
    """Noise has every neighbourhood code."""
    masks = np.random.default_rng(5).random((2, 12, 12, 12)) < 0.3
    assert_as_peers(*masks, (0.9, 1.1, 2.3), 0.95)


@pytest.mark.data
@pytest.mark.parametrize("shift", [(1, 0, 0), (0, -2, 1), (3, 3, 3)])
def test_peers__hippocampus_labels_against_themselves_shifted(shift, data_folder):
    import nibabel

    for path in sorted((data_folder / "hippocampus_mri" / "labelsTr").glob("*.nii.gz"))[:3]:
        labels = np.asanyarray(nibabel.load(path).dataobj)
        for value in (1, 2):
            mask = labels == value
            assert_as_peers(mask, np.roll(mask, shift, (0, 1, 2)), (1.0, 1.0, 1.0), 1.0)


@pytest.mark.parametrize("spacing", [(0.7, 0.7), (0.8, 0.3, 2.0)])
def test_distances__a_transform_and_a_tree_say_the_same(spacing, monkeypatch):
    """Confetti against a blob: dense one way, sparse the other."""
    shape = (40, 33, 21)[: len(spacing)]
    truth, prediction = blob(shape, 3), np.random.default_rng(4).random(shape) < 0.3
    found = []
    for limit in (0, 10**9):
        monkeypatch.setattr(surface, "DENSE", limit)
        found.append(surface_distances(truth, prediction, spacing=spacing, definition="area"))
    for by_tree, by_transform in zip(*[(one.from_truth, one.from_prediction) for one in found], strict=True):
        np.testing.assert_allclose(by_tree, by_transform, rtol=1e-12, atol=1e-12)


def test_large_volume_costs_by_its_object():
    """512 x 512 x 600 voxels, an organ of 100 voxels across: seconds, most of them the reading of the masks."""
    truth = np.zeros((512, 512, 600), bool)
    grid = np.ogrid[:100, :100, :100]
    ball = sum((axis - 49.5) ** 2 for axis in grid) < 49**2
    truth[200:300, 300:400, 100:200] = ball
    prediction = np.zeros_like(truth)
    prediction[203:303, 300:400, 100:200] = ball
    start = time.perf_counter()
    found = surface_distances(truth, prediction, spacing=(0.8, 0.8, 1.5), definition="area")
    assert time.perf_counter() - start < 20
    assert hd(found) == pytest.approx(2.4)
