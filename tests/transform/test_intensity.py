import numpy as np
import pytest
import torch
from scipy import ndimage

from fakes import augment
from scanwright.transform.intensity import Tint, apply, draw

STRONG = augment(gamma=0.5, contrast=0.4, brightness=0.5, noise=0.3, blur_voxels=1.5, low_resolution=3.0)


def batch(shape: tuple[int, ...] = (2, 1, 6, 12, 10), *, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def tint(*, samples: int = 1, **changes: list[float]) -> Tint:
    still = dict(contrast=1.0, brightness=0.0, gamma=1.0, noise=0.0, blur=0.0, low_resolution=1.0)
    return Tint(**{key: np.array(changes.get(key, [value] * samples)) for key, value in still.items()}, seed=1)


def test_draw__without_ranges_changes_not_one_bit() -> None:
    image = batch()
    assert torch.equal(apply(draw(np.random.default_rng(0), augment(), samples=2), image), image)


def test_draw__about_half_of_the_samples_get_each_change() -> None:
    made = draw(np.random.default_rng(0), STRONG, samples=2000)
    shares = [
        (values != still).mean()
        for values, still in (
            (made.contrast, 1), (made.brightness, 0), (made.gamma, 1), (made.noise, 0), (made.blur, 0),
            (made.low_resolution, 1),
        )
    ]  # fmt: skip
    assert all(0.46 < share < 0.54 for share in shares)
    assert np.exp(-0.4) <= made.contrast.min() < 0.7 and 1.45 < made.contrast.max() <= np.exp(0.4)
    assert made.noise.min() == 0 and 0.28 < made.noise.max() <= 0.3
    assert made.low_resolution.min() == 1 and 2.9 < made.low_resolution.max() <= 3


def test_draw__consumes_as_many_numbers_whatever_the_ranges() -> None:
    after = []
    for planned in (augment(), STRONG):
        rng = np.random.default_rng(5)
        draw(rng, planned, samples=3)
        after.append(rng.random())
    assert after[0] == after[1]


def test_apply__contrast_then_brightness_each_sample_its_own() -> None:
    image = batch()
    changed = apply(tint(samples=2, contrast=[2.0, 1.0], brightness=[0.5, -1.0]), image)
    assert torch.equal(changed, torch.stack([image[0] * 2 + 0.5, image[1] - 1]))


def test_apply__gamma_bends_between_the_extremes_and_keeps_mean_and_spread() -> None:
    image = batch((2, 2, 6, 12, 10))
    changed = apply(tint(samples=2, gamma=[2.0, 0.5]), image)
    space = (2, 3, 4)
    assert torch.allclose(changed.mean(space), image.mean(space), atol=1e-5)
    assert torch.allclose(changed.std(space), image.std(space), atol=1e-4)
    for sample, channel in np.ndindex(2, 2):
        order = image[sample, channel].flatten().argsort()
        assert bool((changed[sample, channel].flatten()[order].diff() >= 0).all()), "grey values keep their order"


def test_apply__gamma_by_hand() -> None:
    """0, 1, 2 squared within their range: 0, 0.5, 2 before mean and spread are restored."""
    image = torch.tensor([0.0, 1.0, 2.0]).view(1, 1, 1, 1, 3)
    bent = np.array([0.0, 0.5, 2.0])
    expected = (bent - bent.mean()) / bent.std(ddof=1) * 1.0 + 1.0
    assert apply(tint(gamma=[2.0]), image).flatten().tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_apply__blur_is_scipys_gaussian() -> None:
    image, sigma = batch((1, 2, 9, 12, 10)), 1.3
    changed = apply(tint(blur=[sigma]), image)
    for channel in range(2):
        expected = ndimage.gaussian_filter(image[0, channel].numpy(), sigma, mode="nearest", radius=4)
        assert np.abs(changed[0, channel].numpy() - expected).max() < 1e-5


def test_apply__a_sample_without_blur_is_left_alone_beside_one_with() -> None:
    image = batch()
    changed = apply(tint(samples=2, blur=[0.0, 1.0], low_resolution=[1.0, 2.0]), image)
    assert torch.equal(changed[0], image[0]) and not torch.equal(changed[1], image[1])


def test_apply__low_resolution_by_hand() -> None:
    """Eight voxels scanned as four (each the later of its pair), then drawn out to eight again."""
    line = torch.arange(8.0).view(1, 1, 1, 1, 8)
    changed = apply(tint(low_resolution=[2.0]), line).flatten().tolist()
    assert changed == pytest.approx([1, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7])


def test_apply__noise_has_the_spread_asked_for_and_comes_from_the_seed() -> None:
    image = torch.zeros(2, 1, 20, 30, 30)
    made = tint(samples=2, noise=[0.2, 0.0])
    changed = apply(made, image)
    assert float(changed[0].std()) == pytest.approx(0.2, rel=0.02) and not changed[1].any()
    assert torch.equal(apply(made, image), changed)


@pytest.mark.parametrize("shape", [(2, 1, 1, 16, 12), (2, 3, 5, 8, 9)])
def test_apply__keeps_shape_type_and_finiteness(shape: tuple[int, ...]) -> None:
    for seed in range(5):
        changed = apply(draw(np.random.default_rng(seed), STRONG, samples=2), batch(shape))
        assert changed.shape == shape and changed.dtype == torch.float32 and bool(torch.isfinite(changed).all())


def test_apply__a_constant_image_stays_finite() -> None:
    changed = apply(tint(gamma=[1.7], blur=[1.0], low_resolution=[2.0]), torch.full((1, 1, 4, 6, 6), 3.0))
    assert torch.allclose(changed, torch.full_like(changed, 3.0), atol=1e-4)
