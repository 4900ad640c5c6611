import numpy as np
import pytest

from scanwright.dataset.phantom.measure import (
    bias_slope,
    contrast_to_noise,
    edge_width,
    measure,
    noise_sigma,
    threshold_dice,
)
from scanwright.runtime import generator

EVERYWHERE = np.ones((60, 60, 10), bool)


def test_noise_sigma__white_noise_on_a_slope():
    i = np.arange(60, dtype=np.float32).reshape(60, 1, 1)
    noise = generator(1).normal(scale=3.0, size=EVERYWHERE.shape)
    assert noise_sigma(100 + 2 * i + noise, EVERYWHERE) == pytest.approx(3.0, rel=0.03)


def test_edge_width__a_step_is_one_voxel_and_a_ramp_its_length():
    step = np.zeros((60, 60, 1))
    step[30:] = 10
    ramp = np.clip(np.arange(60.0) - 25, 0, 8).reshape(60, 1, 1) * np.ones((1, 60, 1))
    assert edge_width(step, EVERYWHERE[..., :1], span=10) == pytest.approx(1.0)
    assert edge_width(ramp, EVERYWHERE[..., :1], span=8) == pytest.approx(4.0)  # 8 voxels long; a step spreads over 2


def test_bias_slope__recovers_a_planted_slope():
    i = np.arange(60, dtype=np.float32).reshape(60, 1, 1)
    noise = generator(2).normal(scale=0.02, size=EVERYWHERE.shape)
    assert bias_slope((100 * np.exp(0.002 * i) * (1 + noise)).astype(np.float32), EVERYWHERE) == pytest.approx(
        0.2, rel=0.1
    )


def test_contrast_to_noise__by_hand():
    image, label = np.zeros((21, 21, 21)), np.zeros((21, 21, 21), int)
    checker = np.indices(image.shape).sum(axis=0) % 2 * 2.0 - 1  # deviation 1 everywhere
    label[8:13, 8:13, 8:13] = 3
    image[label == 3] = 5
    assert contrast_to_noise(image + checker, label)[3] == pytest.approx(
        5.0, abs=0.05
    )  # 125 voxels of a checker leave 1/125
    assert contrast_to_noise(np.zeros_like(image), label)[3] == 0.0


def test_contrast_to_noise__a_tiny_structure_is_left_out():
    label = np.zeros((9, 9, 9), int)
    label[4, 4, 4] = 1
    assert contrast_to_noise(np.zeros((9, 9, 9)), label) == {}


def test_measure__too_little_body_is_not_defined():
    found = measure(np.zeros((8, 8, 8)), np.zeros((8, 8, 8), int))
    assert (found.noise, found.edge_voxels, found.bias, found.cnr) == (None, None, None, {})


def separable(seed):
    """A body of 100, a structure of 200 and one that has the body's own values."""
    image, label = np.zeros((30, 30, 30)), np.zeros((30, 30, 30), int)
    image[5:25, 5:25, 5:25] = 100
    image[8:12, 8:12, 8:12] = 200
    label[8:12, 8:12, 8:12], label[15:19, 15:19, 15:19] = 1, 2
    return image + generator(seed).normal(scale=2, size=image.shape), label


def test_threshold_dice__finds_what_intensity_can_tell_and_no_more():
    found = threshold_dice([separable(1), separable(2)], [separable(3)], values=(1, 2, 9))
    assert found[1] > 0.95
    assert found[2] < 0.05
    assert np.isnan(found[9])
