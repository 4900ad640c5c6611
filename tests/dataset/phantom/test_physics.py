import numpy as np
import pytest

from scanwright.dataset.phantom import physics
from scanwright.dataset.phantom.scene import Layer, Scene
from scanwright.runtime import generator

SPACING = (4.0, 4.0, 5.0)


def uniform_scene(tissue, shape=(40, 40, 20)):
    whole = slice(None), slice(None), slice(None)
    return Scene(shape=shape, layers=(Layer(tissue=tissue, value=1, box=whole, cover=np.ones(shape, np.float32)),))


def test_mr__noise_in_air_is_rayleigh():
    """The magnitude of complex noise: mean and deviation have the ratio sqrt(pi/2) / sqrt(2 - pi/2) = 1.913."""
    empty = Scene(shape=(40, 40, 20), layers=())
    image = physics.mr(empty, generator(1), spacing=SPACING)
    assert image.min() >= 0
    assert image.mean() / image.std() == pytest.approx(1.913, rel=0.02)
    assert physics.MR_NOISE[0] < image.std() / np.sqrt(2 - np.pi / 2) < physics.MR_NOISE[1]


def test_mr__mean_follows_the_tissue_table():
    means = [physics.mr(uniform_scene("fat"), generator(k), spacing=SPACING).mean() for k in range(20)]
    assert np.mean(means) == pytest.approx(physics.TISSUES["fat"][0][0], rel=0.1)
    assert 0.03 < np.std(means) / np.mean(means) < 0.25  # scans differ


def test_mr__bias_is_smooth_and_within_reason():
    bias = physics._bias(generator(3), (80, 64, 40), SPACING)
    assert 0.4 < bias.min() < bias.max() < 2.5
    assert np.abs(np.diff(bias, axis=0)).max() < 0.05


def test_mr__t2_turns_fluid_bright():
    t1, t2 = (
        physics.mr(uniform_scene("bile"), generator(4), spacing=SPACING, weighting=weighting).mean()
        for weighting in (0, 1)
    )
    assert t2 > 1.8 * t1


def test_ct__air_and_liver_in_hounsfield_units():
    air = physics.ct(Scene(shape=(40, 40, 20), layers=()), generator(1), spacing=SPACING)
    assert air.mean() == pytest.approx(-1000, abs=1)
    liver = np.mean([physics.ct(uniform_scene("liver"), generator(k), spacing=SPACING).mean() for k in range(20)])
    assert liver == pytest.approx(105, abs=6)


def test_ct__noise_is_shared_between_neighbours_in_plane():
    noise = physics.ct(Scene(shape=(60, 60, 20), layers=()), generator(2), spacing=SPACING) + 1000
    assert physics.CT_NOISE_HU[0] <= noise.std() <= physics.CT_NOISE_HU[1]
    assert np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1] > 0.3


def test_acquire__mr_scales_differ_by_factors():
    scene = uniform_scene("liver", (10, 10, 10))
    means = [physics.acquire(scene, generator(k), modality="mr", spacing=SPACING)[0].mean() for k in range(20)]
    assert max(means) > 4 * min(means)


def test_acquire__two_channels_show_one_body():
    first, second = physics.acquire(uniform_scene("liver"), generator(1), modality="mr", spacing=SPACING, channels=2)
    assert first.shape == second.shape == (40, 40, 20)
    assert not np.allclose(first, second)


def test_tissues__every_layer_of_a_scene_has_values():
    from scanwright.dataset.phantom.cohort import draw_scan, scene_of

    used = {
        layer.tissue for subject in range(2) for layer in scene_of(draw_scan(seed=0, subject=subject), seed=0).layers
    }
    assert used <= set(physics.TISSUES)
    assert len(used) > 18
