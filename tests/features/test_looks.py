"""How an image looks to the test of range: views that tell noise, textures and layouts apart, and a network's stages."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from encoder_plans import encoder_plan
from scanwright.explanation.in_range import GRAIN, LAYOUT
from scanwright.features import depths
from scanwright.features.depths import depth_features
from scanwright.features.looks import NETWORK, TEXTURE, coarse, grain, layout_cells, look_at
from scanwright.network.build import build
from scanwright.plan import rules
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.runtime import generator

FLAT, DEEP = (1, 32, 32), (16, 16, 16)


def noise(*shape):
    return generator(0).normal(size=shape).astype(np.float32)


def with_patch(patch):
    """As much of a plan as features need."""
    return SimpleNamespace(batch=SimpleNamespace(patch=patch))


def unet(patch, fold=(1, 1, 1)):
    dims = 2 if patch[0] == 1 else 3
    return build(rules.network(patch, (1, 1, 1), dims=dims, base=4, fold=fold, channels=1, outputs=2))


def test_grain__of_noise_is_one_and_of_what_is_smooth_near_zero():
    white = noise(1, 24, 24, 24)
    assert grain(white) == pytest.approx(1, abs=0.03)
    assert grain(gaussian_filter(white, 3)) < 0.1
    assert grain(np.ones((1, 4, 4, 4), np.float32)) == 0.0


def test_grain__is_one_less_the_correlation_of_neighbours():
    rows = noise(1, 1, 40, 4000).cumsum(axis=3) * 0.02 + noise(1, 1, 40, 4000)
    along = [np.corrcoef(rows[0, 0, :, 1:].ravel(), rows[0, 0, :, :-1].ravel())[0, 1]]
    along.append(np.corrcoef(rows[0, 0, 1:].ravel(), rows[0, 0, :-1].ravel())[0, 1])
    assert grain(rows) == pytest.approx(1 - np.mean(along), abs=0.05)


def test_coarse__same_size_whatever_the_image_is():
    assert coarse(noise(2, *FLAT)).shape == coarse(noise(2, 1, 200, 90)).shape == (2, 1, 96, 96)
    assert coarse(noise(1, *DEEP)).shape == coarse(noise(1, 40, 20, 90)).shape == (1, 32, 32, 32)


def test_layout__says_what_is_bright_where():
    image = np.zeros((1, 32, 32, 32), np.float32)
    image[0, :8, :8, 8:16] = 1
    mean, deviation = layout_cells(coarse(image))[:, 0]
    assert np.argwhere(mean > mean.mean() + mean.std()).tolist() == [[0, 0, 1]]
    assert deviation == pytest.approx(np.zeros((4, 4, 4)), abs=1e-3)


def test_layout__turns_with_the_image():
    """So that images need not be described anew in every way that they can lie."""
    image = gaussian_filter(noise(1, 32, 32, 32), (0, 2, 2, 2))
    turned = np.ascontiguousarray(np.flip(image.transpose(0, 2, 1, 3), 3))
    expected = np.flip(layout_cells(coarse(image)).transpose(0, 1, 3, 2, 4), 4)
    assert layout_cells(coarse(turned)) == pytest.approx(expected, abs=1e-4)


def test_look__has_every_view_and_the_same_twice():
    network, plan = unet(DEEP), with_patch(DEEP)
    one, two = (look_at(noise(1, 20, 18, 16), network=network, plan=plan) for _ in range(2))
    assert set(one.views) == {TEXTURE, LAYOUT, GRAIN, NETWORK}
    for name, features in one.views.items():
        assert np.array_equal(features, two.views[name]) and np.isfinite(features).all(), name


def test_look__scale_and_offset_of_grey_values_leave_the_images_views_alone():
    image = gaussian_filter(noise(1, *DEEP), (0, 1, 1, 1))
    network, plan = unet(DEEP), with_patch(DEEP)
    one, two = (look_at(each, network=network, plan=plan) for each in (image, 50 * image + 300))
    for name in (TEXTURE, LAYOUT, GRAIN):
        assert two.views[name] == pytest.approx(one.views[name], abs=2e-3), name


@pytest.mark.parametrize(("patch", "fold"), [(DEEP, (1, 1, 1)), (DEEP, (2, 2, 2)), (FLAT, (1, 2, 2))])
def test_depths__of_a_unet_are_moments_of_each_level(patch, fold):
    network = unet(patch, fold)
    seen = []
    for level in network.encoder:
        level.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    image = noise(1, *patch)
    found = depth_features(network, image, with_patch(patch))
    assert len(found) == len(network.encoder) == len(seen)
    for features, maps in zip(found, seen, strict=True):
        values = maps.double().transpose(0, 1).flatten(1).numpy()
        assert features == pytest.approx(np.concatenate([values.mean(1), values.std(1)]), abs=1e-5)


def test_depths__patches_are_taken_together_and_are_few():
    network, plan = unet(DEEP), with_patch(DEEP)
    calls = []
    network.encoder[0].register_forward_hook(lambda *_: calls.append(1))
    twice = np.concatenate([noise(1, *DEEP)] * 2, axis=1)
    assert depth_features(network, twice, plan)[-1] == pytest.approx(
        depth_features(network, noise(1, *DEEP), plan)[-1], abs=1e-5
    )
    calls.clear()
    depth_features(network, noise(1, 64, 64, 64), plan)
    assert len(calls) == depths.MOST_WINDOWS


@pytest.mark.parametrize("family", ["resnet", "densenet", "convnext", "efficientnet", "vit"])
@pytest.mark.parametrize("dims", [2, 3])
def test_depths__of_every_encoder(family, dims):
    network = build(encoder_plan(family, dims)).train()
    image = noise(2, *((1, 8, 8) if dims == 2 else (8, 8, 8)))
    found = depth_features(network, image, with_patch(image.shape[1:]))
    assert len(found) == (1 if family == "vit" else 2)
    assert all(np.isfinite(one).all() and one.std() > 0 for one in found)
    assert network.training


def test_depths__of_a_detector():
    half, kernel = [1, 2, 2], [1, 3, 3]
    plan = {"family": "resnet", "dims": 2, "in_channels": 1, "out_channels": 2, "widths": [4, 8], "strides": [half] * 2}
    plan |= {"kernels": [kernel] * 2, "blocks": [1, 1], "levels": [1], "neck": 4}
    network = build(DetectorPlan.model_validate(plan))
    found = depth_features(network, noise(1, 1, 40, 24), with_patch((1, 16, 16)))
    assert [len(one) for one in found] == [8, 16]


def test_depths__features_without_places_are_taken_as_they_are():
    class Told(torch.nn.Module):
        def features(self, image_NCDHW):
            return image_NCDHW.flatten(1)[:, :3]

    image = noise(1, *FLAT)
    (found,) = depth_features(Told(), image, with_patch(FLAT))
    assert found == pytest.approx(image.ravel()[:3], abs=1e-6)
    assert depth_features(torch.nn.Linear(1, 1), image, with_patch(FLAT)) == ()
