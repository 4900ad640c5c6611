"""Small pictures: what is shown, and how it lies."""

import io

import numpy as np
import pytest
from PIL import Image

from scanwright.figures.thumbnail import thumbnail
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical


def pixels(jpeg: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)


def test_thumbnail__patient_right_on_the_left_and_anterior_on_top() -> None:
    image = np.zeros((1, 40, 40, 5), dtype=np.int16)
    image[0, 30:38, 30:38, :] = 1000  # right and anterior
    shown = pixels(thumbnail(image, grid=Grid.from_spacing((40, 40, 5), (1, 1, 3))))
    assert shown.shape == (192, 192, 3)
    assert shown[30, 30].min() > 200  # on top, to the viewer's left
    assert shown[:, 100:].max() < 5 and shown[100:].max() < 5


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAR", "PIR"])
def test_thumbnail__the_same_however_it_is_stored(codes: str) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 30, 20, 4)).astype(np.float32)
    label = np.zeros((30, 20, 4), dtype=np.uint8)
    label[5:20, 4:15, 1] = 1
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for column, code in enumerate(codes):
        axis = next(k for k, pair in enumerate(("RL", "AP", "SI")) if code in pair)
        affine[axis, column] = 1 if code in "RAS" else -1
    stored = canonical(affine).invert(np.concatenate([image, label[None]]))
    other = thumbnail(
        stored[:1], grid=Grid(stored.shape[1:], affine), label_IJK=stored[1].astype(np.uint8), regions={"a": [1]}
    )
    plain = thumbnail(image, grid=Grid.from_spacing((30, 20, 4), (1, 1, 1)), label_IJK=label, regions={"a": [1]})
    assert np.abs(pixels(other) - pixels(plain)).max() == 0


def test_thumbnail__cut_where_the_label_is_largest() -> None:
    image = np.zeros((1, 20, 20, 6), dtype=np.float32)
    image[..., 4] = np.arange(20)
    label = np.zeros((20, 20, 6), dtype=np.uint8)
    label[5:15, 5:15, 4], label[5, 5, 1] = 2, 2
    shown = pixels(
        thumbnail(image, grid=Grid.from_spacing((20, 20, 6), (1, 1, 1)), label_IJK=label, regions={"a": [2]})
    )
    assert shown.max() > 200
    saturation = shown.max(axis=-1) - shown.min(axis=-1)
    assert (saturation > 80).sum() > 100  # the outline


def test_thumbnail__colour_and_proportions() -> None:
    image = np.zeros((3, 60, 30, 1), dtype=np.uint8)
    image[0] = np.arange(60, dtype=np.uint8)[:, None, None] * 4
    shown = pixels(thumbnail(image, grid=Grid.of_pixels(60, 30)))
    assert shown.shape == (96, 192, 3)
    assert shown[..., 0].max() > 200 and shown[..., 2].max() < 60


def test_thumbnail__boxes() -> None:
    image = np.zeros((1, 100, 50, 1), dtype=np.uint8)
    boxes = [((10.0, 5.0), (60.0, 45.0)), ((90.0, 40.0), (80.0, 20.0)), ((5.0, 5.0), (5.0, 5.0))]  # turned round, empty
    shown = pixels(thumbnail(image, grid=Grid.of_pixels(100, 50), boxes=boxes))
    bright = shown.max(axis=-1) > 100
    assert bright[:, round(10 * 1.92)].sum() > 50 and bright[:, round(85 * 1.92)].sum() == 2
    assert not bright[:, 185:].any()


def test_thumbnail__nothing_to_see() -> None:
    for image in (np.full((1, 1, 1, 1), 7), np.full((1, 8, 8, 1), np.nan), np.zeros((2, 4, 300, 2))):
        shown = pixels(thumbnail(image, grid=Grid.from_spacing(image.shape[1:], (1, 1, 1))))
        assert shown.max() <= 1 and max(shown.shape[:2]) == 192
