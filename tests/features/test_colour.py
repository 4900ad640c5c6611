"""Colour spaces against the standard library and published values, statistics of hues as angles."""

import colorsys

import numpy as np
import pytest

from scanwright.features.colour import as_shares, colour_features, to_hsv, to_lab

# sRGB to L*a*b* with white point D65, as published by Lindbloom (brucelindbloom.com, "CIE Color Calculator").
LAB = {
    (1.0, 1.0, 1.0): (100.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (53.2408, 80.0925, 67.2032),
    (0.0, 1.0, 0.0): (87.7347, -86.1827, 83.1793),
    (0.0, 0.0, 1.0): (32.2970, 79.1875, -107.8602),
}


def test_to_lab__published_values() -> None:
    assert np.allclose(to_lab(np.array(list(LAB))), list(LAB.values()), atol=0.01)


def test_to_hsv__as_the_standard_library() -> None:
    colours = np.vstack([np.random.default_rng(0).random((200, 3)), np.eye(3), 1 - np.eye(3), [[0, 0, 0], [0.3] * 3]])
    expected = [colorsys.rgb_to_hsv(*colour) for colour in colours.tolist()]
    assert np.allclose(to_hsv(colours), expected, atol=1e-12)


def test_as_shares__by_number_type() -> None:
    assert as_shares(np.array([0, 255], np.uint8)).tolist() == [0, 1]
    assert as_shares(np.array([0, 65535], np.uint16)).tolist() == [0, 1]
    assert as_shares(np.array([-0.1, 0.5, 2.0])).tolist() == [0, 0.5, 1]


def test_colour_features__red_on_both_sides_of_the_circle() -> None:
    # Hues of 350 and 10 degrees: their mean is red, not cyan as the mean of the two numbers would be.
    pixels = np.array([colorsys.hsv_to_rgb(350 / 360, 1, 1), colorsys.hsv_to_rgb(10 / 360, 1, 1)]).T
    found = colour_features(pixels)
    assert found["colour_hue_cosine"] == pytest.approx(1) and found["colour_hue_sine"] == pytest.approx(0, abs=1e-9)
    assert found["colour_hue_agreement"] == pytest.approx(np.cos(np.radians(10)))
    assert found["colour_hue_share"] == 1


def test_colour_features__grey_has_no_hue() -> None:
    found = colour_features(np.full((3, 10), 128, np.uint8))
    assert found["colour_hue_cosine"] is None and found["colour_hue_share"] == 0
    assert found["colour_chroma_mean"] == pytest.approx(0, abs=0.01)
    assert found["colour_value_mean"] == pytest.approx(128 / 255) and found["colour_value_deviation"] == 0
