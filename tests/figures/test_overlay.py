import io
import itertools

import numpy as np
import pytest
from PIL import Image

from scanwright.errors import GeometryError
from scanwright.figures.overlay import largest_slice, overlay_slices, region_mask, regions_cut
from scanwright.figures.palette import structure_colour
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation

REGIONS = {"a": (1,), "b": (2,)}


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def is_colour(image: np.ndarray, index: int) -> np.ndarray:
    """Where the pure outline colour of a structure is."""
    rgb = [int(structure_colour(index)[start : start + 2], 16) for start in (1, 3, 5)]
    return np.abs(image - rgb).sum(axis=-1) < 12


def head() -> tuple[np.ndarray, np.ndarray, Grid]:
    """Right-anterior-superior volume: structure 1 lies right, anterior and high of the middle, 2 left, posterior, low."""
    labels = np.zeros((20, 24, 16), np.uint8)
    labels[13:16, 15:19, 8:12] = 1
    labels[5:8, 6:10, 5:9] = 2
    image = np.random.default_rng(0).normal(size=(1, *labels.shape)).astype(np.float32)
    return image, labels, Grid.from_spacing(labels.shape, (1.0, 1.0, 2.0))


def test_overlay__right_is_on_the_left_and_anterior_on_top():
    image, labels, grid = head()
    labels[5:8, 6:10, 8:12] = 2  # so that one axial slice cuts both
    png = overlay_slices(image, truth_IJK=labels, prediction_IJK=labels, grid=grid, regions=REGIONS, zoom=False)
    drawn = pixels(png)
    unit = drawn.shape[1] / (20 + 20 + 24)
    axial = drawn[:, : int(20 * unit) - 8]
    (rows1, columns1), (rows2, columns2) = (np.nonzero(is_fill(axial, index)) for index in (0, 1))
    assert columns1.mean() < columns2.mean() and rows1.mean() < rows2.mean()
    sagittal = drawn[:, -int(23 * unit) :]
    assert np.nonzero(is_fill(sagittal, 1))[1].mean() > sagittal.shape[1] / 2  # posterior is on the right


def is_fill(image: np.ndarray, index: int) -> np.ndarray:
    """Where a structure's colour tints the grey scan: orange has more red than blue, sky blue the other way round."""
    tint = image[..., 0] - image[..., 2]
    return tint > 25 if index == 0 else tint < -25


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_overlay__the_same_picture_in_any_axis_order(order):
    image, labels, grid = head()
    turn = Reorientation(order, (order[0] > 0, order[1] == 2, order[2] < 2))
    expected = overlay_slices(image, truth_IJK=labels, prediction_IJK=labels, grid=grid, regions=REGIONS)
    turned = overlay_slices(
        turn.apply(image),
        truth_IJK=turn.apply(labels[None])[0],
        prediction_IJK=turn.apply(labels[None])[0],
        grid=turn.grid(grid),
        regions=REGIONS,
    )
    assert turned == expected


def test_overlay__proportions_are_physical():
    labels = np.zeros((10, 20, 5), np.uint8)
    labels[4:6, 8:12, 2] = 1
    image = np.ones((1, *labels.shape))
    grid = Grid.from_spacing(labels.shape, (2.0, 1.0, 8.0))  # 20 x 20 x 40 mm
    drawn = pixels(overlay_slices(image, truth_IJK=None, prediction_IJK=labels, grid=grid, regions=REGIONS, zoom=False))
    height, width = drawn.shape[:2]
    # Coronal and sagittal are 40 mm high and 20 mm wide, and so is nothing else: 60 mm in a row, two gaps of 16 px.
    assert (width - 32) / height == pytest.approx(60 / 40, rel=0.01)


def test_overlay__a_picture_lies_as_in_its_file():
    labels = np.zeros((40, 30, 1), np.uint8)  # 40 columns, 30 rows
    labels[2:10, 3:9] = 1
    image = np.zeros((1, 40, 30, 1))
    image[:, :, 15:] = 200.0  # the lower half is bright
    png = overlay_slices(
        image, truth_IJK=None, prediction_IJK=labels, grid=Grid.of_pixels(40, 30), regions=REGIONS, zoom=False
    )
    drawn = pixels(png)
    assert drawn.shape[1] / drawn.shape[0] == pytest.approx(4 / 3, rel=0.01)
    assert drawn[-20:, :].mean() > 200 and drawn[:20, -20:].mean() < 50
    rows, columns = np.nonzero(is_colour(drawn, 0))
    assert columns.mean() / drawn.shape[1] == pytest.approx(6 / 40, abs=0.02)
    assert rows.mean() / drawn.shape[0] == pytest.approx(6 / 30, abs=0.02)


def test_overlay__three_channels_of_a_picture_are_colour():
    image = np.zeros((3, 16, 16, 1))
    image[0] = np.linspace(0, 255, 16)[:, None, None]
    empty = np.zeros((16, 16, 1), np.uint8)
    drawn = pixels(
        overlay_slices(image, truth_IJK=empty, prediction_IJK=empty, grid=Grid.of_pixels(16, 16), regions=REGIONS)
    )
    assert drawn[100, -20, 0] > 200 and drawn[100, -20, 1:].max() < 20


def test_overlay__truth_alone_is_white_and_prediction_coloured():
    image, labels, grid = head()
    flat = np.zeros_like(image)
    only_truth = pixels(
        overlay_slices(flat, truth_IJK=labels, prediction_IJK=labels * 0, grid=grid, regions=REGIONS, window=(0.0, 1.0))
    )
    assert np.ptp(only_truth, axis=-1).max() < 12 and (only_truth.min(axis=-1) > 240).any()
    only_prediction = pixels(
        overlay_slices(flat, truth_IJK=None, prediction_IJK=labels, grid=grid, regions=REGIONS, window=(0.0, 1.0))
    )
    assert is_colour(only_prediction, 0).any()


def test_overlay__focus_on_error_cuts_where_voxels_are_wrong():
    image, labels, grid = head()
    wrong = labels.copy()
    wrong[0:2, 0:3, 0:2] = 2
    args = {"truth_IJK": labels, "prediction_IJK": wrong, "grid": grid, "regions": {"b": (2,)}, "zoom": False}
    assert overlay_slices(image, focus="error", **args) != overlay_slices(image, focus="truth", **args)


def test_overlay__window_sets_black_and_white():
    labels = np.zeros((12, 12, 1), np.uint8)
    image = np.full((1, 12, 12, 1), 40.0)
    grid = Grid.of_pixels(12, 12)
    drawn = pixels(
        overlay_slices(image, truth_IJK=None, prediction_IJK=labels, grid=grid, regions=REGIONS, window=(-160, 240))
    )
    assert abs(int(drawn[5, 5, 0]) - 128) <= 2


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_overlay__nothing_to_see(value):
    """A constant or undefined image without any structure is a picture all the same."""
    labels = np.zeros((6, 7, 8), np.uint8)
    image = np.full((1, 6, 7, 8), value)
    png = overlay_slices(
        image, truth_IJK=labels, prediction_IJK=labels, grid=Grid(labels.shape, np.eye(4)), regions=REGIONS
    )
    assert png.startswith(b"\x89PNG")


def test_overlay__other_shape_is_refused():
    image, labels, grid = head()
    with pytest.raises(GeometryError, match="the prediction is not on its grid"):
        overlay_slices(image, truth_IJK=labels, prediction_IJK=labels[1:], grid=grid, regions=REGIONS)


def test_largest_slice__middle_of_equals():
    weights = np.zeros((7, 3, 3), bool)
    weights[2:5, 1, 1] = True
    assert (largest_slice(weights, 0), largest_slice(weights, 1)) == (3, 1)
    assert largest_slice(np.zeros((7, 3, 3), bool), 0) == 3


def test_region_mask__union_of_values():
    assert region_mask(np.array([0, 1, 2, 3]), (1, 3)).tolist() == [False, True, False, True]


@pytest.mark.data
def test_overlay__real_scan(data_folder):
    nibabel = pytest.importorskip("nibabel")
    folder = data_folder / "hippocampus_mri"
    image, label = (nibabel.load(folder / part / "hippocampus_003.nii.gz") for part in ("imagesTr", "labelsTr"))
    labels = np.asarray(label.dataobj).astype(np.uint8)
    png = overlay_slices(
        np.asarray(image.dataobj, dtype=np.float32)[None],
        truth_IJK=labels,
        prediction_IJK=labels,
        grid=Grid(labels.shape, image.affine),
        regions=REGIONS,
    )
    drawn = pixels(png)
    assert drawn.shape[1] == 1920 and is_fill(drawn, 0).mean() > 0.02 and is_fill(drawn, 1).mean() > 0.02


def test_overlay__findings_carry_their_numbers_and_are_cut():
    """The planes go through the numbered one, though the other is larger; a number stands at the right of its finding."""
    image, labels, grid = head()
    labels[2:12, 2:12, 0:6] = 2
    numbers = np.where(labels == 1, 7, 0)
    args = {"truth_IJK": None, "prediction_IJK": labels, "grid": grid, "regions": REGIONS, "zoom": False}
    window = (100.0, 200.0)  # all is black
    numbered = pixels(overlay_slices(image, window=window, numbers_IJK=numbers, **args))
    unit = numbered.shape[1] / (20 + 20 + 24)
    axial = numbered[:, : int(20 * unit) - 8]
    assert is_fill(axial, 0).any() and not is_fill(axial, 1).any()
    letters = axial.min(axis=-1) > 200
    rows, columns = np.nonzero(letters[int(2 * unit) : int(12 * unit), int(5 * unit) : int(12 * unit)])
    assert columns.size and (columns.min() / unit + 5, rows.max() / unit + 2) == pytest.approx((7, 9), abs=1)
    assert regions_cut(labels, grid=grid, regions=REGIONS, numbers_IJK=numbers) == ("a",)
    assert regions_cut(labels, grid=grid, regions=REGIONS, numbers_IJK=numbers * 0) == ("b",)
    with pytest.raises(GeometryError, match="the numbers is not on its grid"):
        overlay_slices(image, numbers_IJK=numbers[1:], **args)
