"""The fixed transform: named, finite, blind to size and scale of grey values, and it sees what it is meant to."""

import numpy as np
import pytest

from scanwright.features.fixed import coarse_image, features_of, fixed_features, fixed_settings
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.types import Array


def picture(values: Array) -> Volume:
    return Volume(values[None, :, :, None], Grid.from_spacing((*values.shape, 1), (1, 1, 1), unit="px"))


def stripes(size: int, angle: float) -> Array:
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    return np.sin((i * np.cos(angle) + j * np.sin(angle)) * 2 * np.pi / size * 8)


@pytest.mark.parametrize(("shape", "count"), [((50, 70, 1), 649), ((12, 30, 20), 3657), ((1, 40, 40), 649)])
def test_fixed_features__names_and_numbers(shape: tuple[int, int, int], count: int) -> None:
    voxels = np.random.default_rng(0).normal(size=(2, *shape))
    volume = Volume(voxels, Grid.from_spacing(shape, (1, 1, 1)))
    found = fixed_features(volume, ["t1", "t2"])
    assert len(found) == 2 * count and np.isfinite(list(found.values())).all()
    assert sum(name.startswith("t1_") for name in found) == count
    outlines, textures = features_of(coarse_image(volume))
    assert sorted(found.values()) == pytest.approx(sorted([*outlines, *textures]))


def test_fixed_features__blind_to_scale_of_grey_values_and_to_size() -> None:
    values = stripes(192, 0.3)
    one = fixed_features(picture(values), ["us"])
    louder = fixed_features(picture(values * 40 + 300), ["us"])
    larger = fixed_features(picture(values.repeat(2, axis=0).repeat(2, axis=1)), ["us"])
    assert list(louder.values()) == pytest.approx(list(one.values()), abs=1e-3)
    assert list(larger.values()) == pytest.approx(list(one.values()), abs=1e-3)


def test_fixed_features__directions_and_places() -> None:
    upright, lying = (fixed_features(picture(stripes(96, angle)), ["us"]) for angle in (0.0, np.pi / 2))
    names = [name for name in upright if "_direction_" in name]
    strength = [
        [sum(found[name] for name in names if f"_direction_{k}_" in name) for k in range(8)]
        for found in (upright, lying)
    ]
    assert np.argmax(strength[0]) != np.argmax(strength[1])
    assert max(strength[0]) > 5 * strength[0][np.argmax(strength[1])]
    spot = np.zeros((96, 96))
    spot[84:96, 0:12] = 1
    found = fixed_features(picture(spot), ["us"])
    greys = {name: value for name, value in found.items() if name.startswith("us_outline_grey_at_")}
    assert max(greys, key=greys.__getitem__) == "us_outline_grey_at_7_0"


def test_fixed_features__places_of_a_picture_file_count_from_its_lower_right_corner() -> None:
    spot = np.zeros((96, 96))
    spot[84:96, 0:12] = 1  # columns to the right, rows from the top
    found = fixed_features(Volume(spot[None, :, :, None], Grid.of_pixels(96, 96)), ["us"])
    greys = {name: value for name, value in found.items() if name.startswith("us_outline_grey_at_")}
    assert max(greys, key=greys.__getitem__) == "us_outline_grey_at_0_7"


def test_fixed_features__a_constant_image_and_settings_are_plain() -> None:
    found = fixed_features(picture(np.full((20, 20), 7.0)), ["us"])
    assert set(found.values()) == {0.0}
    assert fixed_settings()["features"] == "fixed" and fixed_settings()["side"] == {"picture": 96, "volume": 32}
