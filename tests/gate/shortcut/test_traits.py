"""Traits of a case: right where they can be counted by hand, and never an error for an odd image."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scanwright.dataset.cases import Case
from scanwright.gate.shortcut.traits import FAMILIES, Traits, glance
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.source import ArrayItem, DicomVolume


def picture(pixels: np.ndarray) -> Volume:
    """A grey picture from (x, y), or colour from (C, x, y)."""
    voxels = pixels[None, :, :, None] if pixels.ndim == 2 else pixels[..., None]
    return Volume(voxels, Grid.of_pixels(*voxels.shape[1:3]))


def case_of(*sources) -> Case:
    return Case(id="a", images=sources, patient="a")


def seen(volume: Volume, *sources) -> dict[str, dict[str, float | str]]:
    return glance(case_of(*(sources or (Path("/nowhere/scan_0042.png"),))), volume).values


def test_glance__a_frame_by_hand():
    pixels = np.full((32, 48), 100, np.uint8)
    pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:] = 7, 7, 7, 7
    border = seen(picture(pixels))["border"]
    assert (border["frame mean"], border["frame spread"], border["frame darkest share"]) == (7, 0, 1)
    assert border["constant from the start of x"] == pytest.approx(2 / 32)
    assert border["constant from the end of y"] == pytest.approx(2 / 48)


def test_glance__channels_as_stored_not_as_read(tmp_path):
    pixels = np.full((32, 48), 100, np.uint8)
    for mode, told in ("L", 1.0), ("RGB", 3.0):
        Image.fromarray(pixels).convert(mode).save(tmp_path / f"{mode}.png")
        assert seen(picture(pixels), tmp_path / f"{mode}.png")["file"]["channels"] == told
    assert "channels" not in seen(picture(pixels))["file"]


def test_glance__a_corner_by_hand():
    pixels = np.random.default_rng(0).integers(1, 9, (64, 64)).astype(np.uint8)
    pixels[:4, -4:] = 255
    border = seen(picture(pixels))["border"]
    assert (border["corner left back mean"], border["corner left back spread"]) == (255, 0)
    assert border["corner right front mean"] < 10
    assert border["constant from the start of x"] == 0


def test_glance__what_is_inside_is_no_border():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 9, (64, 64)).astype(np.uint8)
    other = pixels.copy()
    other[20:40, 20:40] = rng.integers(100, 255, (20, 20))
    one, two = seen(picture(pixels)), seen(picture(other))
    assert one["border"] == two["border"] and one["size"] == two["size"]
    assert one["look"] != two["look"]


def test_glance__size_in_canonical_order():
    """Axes of the file run I, R, A: 20 voxels of 3 mm from feet to head, 30 from left to right, 40 from back to front."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[0, 1], affine[1, 2], affine[3, 3] = -3.0, 1.0, 2.0, 1.0
    size = seen(Volume(np.zeros((1, 20, 30, 40), np.int16), Grid((20, 30, 40), affine)))["size"]
    assert [size[f"voxels {axis}"] for axis in "xyz"] == [30, 40, 20]
    assert [size[f"spacing {axis}"] for axis in "xyz"] == [1, 2, 3]
    assert size["aspect"] == pytest.approx(30 / 80)


def test_glance__file_of_one_image(tmp_path):
    path = tmp_path / "X_17_0042.JPG"
    path.write_bytes(b"x" * 500)
    os.utime(path, (86400 * 100, 86400 * 100))
    found = seen(picture(np.zeros((10, 10), np.uint8)), path)
    assert found["file"] == {
        "number type": "uint8",
        "format": ".jpg",
        "bytes": 500,
        "bytes a voxel": 5,
        "colour": "one channel",
    }
    assert found["name"] == {"number": 42} and found["date"] == {"changed": 100}


def test_glance__files_of_a_series_are_added_up(tmp_path):
    files = tuple(tmp_path / f"{number}.dcm" for number in range(3))
    for path in files:
        path.write_bytes(b"x" * 10)
    assert seen(picture(np.zeros((4, 4), np.uint8)), DicomVolume(files=files))["file"]["bytes"] == 30


def test_glance__an_archive_says_nothing_of_one_image():
    found = seen(picture(np.zeros((28, 28), np.uint8)), ArrayItem(path=Path("a7.npz"), key="train_images", index=3))
    assert found["file"].keys() == {"number type", "colour"} and not found["name"] and not found["date"]


def test_glance__a_file_that_is_gone():
    assert "bytes" not in seen(picture(np.zeros((4, 4), np.uint8)))["file"]


def test_glance__colour_that_is_grey():
    grey = np.random.default_rng(2).integers(0, 255, (20, 20)).astype(np.uint8)
    assert seen(picture(np.stack([grey] * 3)))["file"]["colour"] == "equal channels"
    assert seen(picture(np.stack([grey, grey, grey // 2])))["file"]["colour"] == "channels that differ"


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 1), (5, 1, 7), (2, 2, 2), (3, 300, 1), (1, 1, 40), (1000, 3, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, bool])
@pytest.mark.parametrize("channels", [1, 5])
def test_glance__odd_images(shape, dtype, channels):
    rng = np.random.default_rng(3)
    for voxels in (rng.integers(0, 2, (channels, *shape)).astype(dtype), np.ones((channels, *shape), dtype)):
        found = glance(case_of(Path("/nowhere/a")), Volume(voxels, Grid(shape, np.eye(4))))
        numbers = [value for held in found.values.values() for value in held.values() if not isinstance(value, str)]
        assert np.isfinite(numbers).all() and set(found.values) == set(FAMILIES)


def test_glance__small_and_picklable():
    found = glance(case_of(Path("/nowhere/a.png")), picture(np.eye(300, dtype=np.uint8)))
    assert pickle.loads(pickle.dumps(found)) == found and len(pickle.dumps(found)) < 10_000
    assert isinstance(found, Traits)


def test_glance__large_values_stay_finite():
    voxels = np.full((1, 20, 20, 2), 3e38, np.float32)
    voxels[0, 5, 5, 0] = -3e38
    found = glance(case_of(Path("/nowhere/a")), Volume(voxels, Grid((20, 20, 2), np.eye(4))))
    assert all(np.isfinite(value) for value in found.values["look"].values())


def test_glance__noise_and_sharpness():
    rng = np.random.default_rng(4)
    smooth = np.add.outer(np.linspace(0, 100, 80), np.linspace(0, 100, 80)).astype(np.float32)
    rough = smooth + rng.normal(0, 10, smooth.shape).astype(np.float32)
    calm, loud = seen(picture(smooth))["look"], seen(picture(rough))["look"]
    assert calm["noise"] < 0.01 < 5 < loud["noise"] and calm["sharpness"] < loud["sharpness"]
