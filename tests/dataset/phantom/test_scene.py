import numpy as np
import pytest
from scipy import ndimage

from scanwright.dataset.phantom.anatomy import STRUCTURES, draw_anatomy
from scanwright.dataset.phantom.scene import Layer, Scene, paint

SPACING = (4.3, 4.3, 5.0)
SHAPE = (80, 64, 40)


def grid_points(shape=SHAPE, spacing=SPACING):
    axes = [((np.arange(n) - (n - 1) / 2) * s).astype(np.float32) for n, s in zip(shape, spacing, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


@pytest.fixture(scope="module")
def scenes():
    voxel = float(np.prod(SPACING) ** (1 / 3))
    return [paint(draw_anatomy(seed=0, subject=s), grid_points(), voxel_mm=voxel) for s in range(6)]


def centroid(labels, name):
    return ndimage.center_of_mass(labels == STRUCTURES[name])


def test_mix__a_voxel_is_the_mean_of_what_fills_it():
    box = (slice(0, 2), slice(0, 1), slice(0, 1))
    cover = np.array([1.0, 0.25], np.float32).reshape(2, 1, 1)
    scene = Scene(shape=(3, 1, 1), layers=(Layer(tissue="a", value=5, box=box, cover=cover),))
    image = scene.mix({"a": (100.0, 10.0)}, air=20.0, grain=np.full((3, 1, 1), 2.0, np.float32))
    assert image.ravel() == pytest.approx([120, 45, 20])
    assert scene.labels().ravel().tolist() == [5, 0, 0]


def test_labels__a_later_layer_takes_the_voxel():
    box = (slice(0, 2), slice(0, 1), slice(0, 1))
    full, half = np.ones((2, 1, 1), np.float32), np.array([0.6, 0.4], np.float32).reshape(2, 1, 1)
    layers = (Layer(tissue="a", value=1, box=box, cover=full), Layer(tissue="b", value=0, box=box, cover=half))
    assert Scene(shape=(2, 1, 1), layers=layers).labels().ravel().tolist() == [0, 1]


def test_paint__volumes_are_those_of_adults(scenes):
    """Ranges in ml: generous ones around what anatomy books give for adults."""
    expected = {
        "liver": (600, 2200), "spleen": (40, 350), "right_kidney": (80, 350), "left_kidney": (80, 350),
        "stomach": (100, 600), "pancreas": (30, 200), "aorta": (25, 120), "vertebrae": (120, 450),
    }  # fmt: skip
    for scene in scenes:
        counts = np.bincount(scene.labels().ravel(), minlength=11)
        for name, (low, high) in expected.items():
            assert low < counts[STRUCTURES[name]] * np.prod(SPACING) / 1000 < high, name


def test_paint__organs_are_where_they_belong(scenes):
    """On a RAS grid, i grows to the right, j to the front, k to the head."""
    for scene in scenes:
        labels = scene.labels()
        at = {name: centroid(labels, name) for name in STRUCTURES if (labels == STRUCTURES[name]).any()}
        assert at["liver"][0] > at["aorta"][0] > at["spleen"][0]
        assert at["right_kidney"][0] > at["vertebrae"][0] > at["left_kidney"][0]
        assert at["right_kidney"][2] < at["left_kidney"][2] + 2
        assert at["aorta"][1] > at["vertebrae"][1]
        assert at["stomach"][1] > at["left_kidney"][1]


def test_paint__organs_are_mostly_one_piece(scenes):
    for scene in scenes:
        labels = scene.labels()
        for name in ("liver", "spleen", "left_kidney", "right_kidney", "pancreas", "aorta"):
            pieces, _ = ndimage.label(labels == STRUCTURES[name], structure=np.ones((3, 3, 3)))
            sizes = np.bincount(pieces.ravel())[1:]
            assert sizes.max() > 0.85 * sizes.sum(), name


def test_paint__lesions_touch_nothing_but_liver(scenes):
    """Their neighbours are liver, lesion, or what may lie in or under the liver (gall bladder, kidney fat)."""
    for scene in scenes:
        labels = scene.labels()
        lesion = labels == STRUCTURES["lesion"]
        if lesion.any():
            shell = ndimage.binary_dilation(lesion) & ~lesion
            assert (labels[shell] == STRUCTURES["liver"]).mean() > 0.6


def test_paint__the_same_body_on_another_grid():
    """Half the spacing, every second voxel: the same labels except where a border crosses the voxel."""
    body = draw_anatomy(seed=0, subject=2)
    coarse = paint(body, grid_points((40, 32, 20), (8, 8, 10)), voxel_mm=8.6).labels()
    turned = grid_points((40, 32, 20), (8, 8, 10)).transpose(0, 3, 1, 2)[:, ::-1, :, ::-1]
    other = paint(body, turned, voxel_mm=8.6).labels()
    assert np.array_equal(coarse.transpose(2, 0, 1)[::-1, :, ::-1], other)


def test_paint__a_grid_beside_the_body_is_empty():
    scene = paint(draw_anatomy(seed=0, subject=0), grid_points((12, 12, 12)) + 900.0, voxel_mm=4.5)
    assert scene.layers == ()
    assert not scene.labels().any()
