from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scanwright.explanation.gradients import grad_cam, integrated_gradients, output_score, smooth_grad
from toy_networks import Corner, CornerBySlices, bumps, trained_on_bumps

FLAT, DEEP = (1, 24, 20), (12, 16, 20)
every_shape = pytest.mark.parametrize("shape", [FLAT, DEEP], ids=["2-D", "3-D"])
Explain = Callable[[nn.Module, Tensor], np.ndarray]
METHODS: dict[str, Explain] = {
    "grad_cam": lambda network, image: grad_cam(network, image, score=output_score(1), layer="features"),
    "integrated_gradients": lambda network, image: integrated_gradients(network, image, score=output_score(1)),
    "smooth_grad": lambda network, image: smooth_grad(network, image, score=output_score(1), seed=0),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def noise(shape: tuple[int, int, int], *, channels: int = 1) -> Tensor:
    return torch.randn((channels, *shape), generator=torch.Generator().manual_seed(4))


def share_in_corner(found: np.ndarray) -> float:
    """How much of a map lies in the first quarter of each axis, and one voxel on, which a kernel of 3 reaches."""
    corner = tuple(slice(0, max(1, length // 4) + 1) for length in found.shape)
    return float(np.abs(found[corner]).sum() / np.abs(found).sum())


@every_shape
@every_method
def test_each__points_to_the_corner_that_the_network_looks_at(method: Explain, shape: tuple[int, int, int]) -> None:
    found = method(Corner(shape), noise(shape))
    assert found.shape == shape and found.dtype == np.float32
    assert share_in_corner(found) > 0.999


@every_method
def test_each__through_slices_and_a_recurrent_layer(method: Explain) -> None:
    found = method(CornerBySlices(DEEP), noise(DEEP))
    assert found.shape == DEEP and share_in_corner(found) > 0.999


@every_shape
def test_each__points_to_the_bump_that_decided(shape: tuple[int, int, int]) -> None:
    network = trained_on_bumps(shape, steps=40)
    images, classes, centres = bumps(12, shape=shape, seed=0)
    assert bool((network(images)[0].argmax(1) == classes).all())
    for name, method in METHODS.items():
        peaks = [np.unravel_index(np.abs(method(network, image)).argmax(), shape) for image in images[classes == 1]]
        distances = [
            np.linalg.norm(np.array(peak) - c.numpy()) for peak, c in zip(peaks, centres[classes == 1], strict=True)
        ]
        assert np.median(distances) <= 3, name


@every_method
def test_each__leaves_the_network_as_it_was(method: Explain) -> None:
    network = Corner(FLAT)
    network.train()
    network.features.eval()
    network.head.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    image = noise(FLAT)
    first, second = method(network, image), method(network, image)
    assert np.array_equal(first, second)  # dropout was off
    assert network.training and network.dropout.training and not network.features.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not network.features._forward_hooks and not image.requires_grad


@every_method
def test_each__works_where_gradients_are_switched_off(method: Explain) -> None:
    with torch.no_grad():
        assert method(Corner(FLAT), noise(FLAT)).any()


def test_grad_cam__by_hand() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Identity()

        def forward(self, image: Tensor) -> list[Tensor]:
            maps = self.last(image)
            return [torch.stack([maps[:, 0].sum((1, 2, 3)), (2 * maps[:, 0] - maps[:, 1]).sum((1, 2, 3))], 1)]

    image = torch.tensor([[[[1.0, 3.0]]], [[[4.0, 1.0]]]])
    found = grad_cam(Net(), image, score=output_score(1), layer="last")
    assert found.tolist() == [[[0.0, 5.0]]]  # 2 * (1, 3) - (4, 1), what is below 0 left out


def test_grad_cam__slices_that_are_samples_have_weights_of_their_own() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Identity()

        def forward(self, image: Tensor) -> list[Tensor]:
            maps = self.last(image.movedim(1, 2).flatten(0, 1))
            return [(maps.sum((1, 2, 3)) * torch.tensor([3.0, 0.0, 1.0])).view(1, 3).sum(1, keepdim=True)]

    image = torch.ones(1, 3, 2, 2)
    found = grad_cam(Attending(), image, score=output_score(0), layer="last")
    assert found[:, 0, 0].tolist() == [3.0, 0.0, 1.0]


def test_grad_cam__a_layer_whose_output_is_overwritten_in_place() -> None:
    class Overwriting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Conv3d(1, 2, 1)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, image: Tensor) -> list[Tensor]:
            return [self.relu(self.last(image)).sum((2, 3, 4))]

    network, image = Overwriting(), noise(FLAT)
    found = grad_cam(network, image, score=output_score(0), layer="last")
    assert np.allclose(found, network.last(image[None])[0, 0].relu().detach(), atol=1e-6)


def test_grad_cam__nothing_raises_the_score() -> None:
    found = grad_cam(Corner(FLAT), noise(FLAT), score=output_score(0), layer="features")
    assert not found.any()


def test_grad_cam__is_brought_to_the_size_of_the_input() -> None:
    network = trained_on_bumps(DEEP, steps=1)
    found = grad_cam(network, noise(DEEP), score=output_score(1), layer="features")
    assert found.shape == DEEP


def test_grad_cam__a_layer_that_is_not_there_or_has_no_space() -> None:
    with pytest.raises(AttributeError, match="elsewhere"):
        grad_cam(Corner(FLAT), noise(FLAT), score=output_score(1), layer="elsewhere")
    with pytest.raises(ValueError, match=r"the output of head is no spatial map .* \(1, 2\)"):
        grad_cam(Corner(FLAT), noise(FLAT), score=output_score(1), layer="head")


@every_shape
def test_integrated_gradients__sum_to_the_difference_of_scores(shape: tuple[int, int, int]) -> None:
    network = trained_on_bumps(shape, steps=40)
    images, classes, _ = bumps(4, shape=shape, seed=0)
    baseline = torch.full((1, *shape), -0.3)
    for image, kind in zip(images, classes.tolist(), strict=True):
        maps = [
            integrated_gradients(network, image, score=output_score(kind), baseline_CDHW=baseline, steps=steps)
            for steps in (64, 512)
        ]
        with torch.no_grad():
            difference = float(network(image[None])[0][0, kind] - network(baseline[None])[0][0, kind])
        assert difference > 1
        assert float(maps[0].sum()) == pytest.approx(difference, rel=0.02)
        assert float(maps[1].sum()) == pytest.approx(difference, rel=0.005)


def test_integrated_gradients__of_a_linear_network_is_weight_times_input() -> None:
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.Parameter(noise(FLAT, channels=2))

        def forward(self, image: Tensor) -> list[Tensor]:
            return [(image * self.weights).sum((1, 2, 3, 4))[:, None]]

    network, image = Linear(), noise(FLAT, channels=2).flip(2)
    found = integrated_gradients(network, image, score=output_score(0), steps=3, batch=2)
    assert np.allclose(found, (image * network.weights).detach().sum(0), atol=1e-5)


def test_integrated_gradients__of_a_square_are_exact() -> None:
    """Midpoints integrate a gradient that grows evenly without error."""

    class Square(nn.Module):
        def forward(self, image: Tensor) -> list[Tensor]:
            return [image.square().sum((1, 2, 3, 4))[:, None]]

    image = noise(FLAT)
    found = integrated_gradients(Square(), image, score=output_score(0), steps=4)
    assert np.allclose(found, image[0].square(), atol=1e-5)


def test_integrated_gradients__of_the_baseline_itself_is_nothing() -> None:
    image = noise(FLAT)
    found = integrated_gradients(Corner(FLAT), image, score=output_score(1), baseline_CDHW=image)
    assert not found.any()


def test_smooth_grad__noise_follows_the_seed_and_not_the_batch() -> None:
    network, image = Corner(FLAT), noise(FLAT)
    maps = [
        smooth_grad(network, image, score=output_score(1), seed=seed, samples=6, batch=batch)
        for seed, batch in ((0, 6), (0, 4), (1, 6))
    ]
    assert np.allclose(maps[0], maps[1], atol=1e-6) and not np.allclose(maps[0], maps[2], atol=1e-4)


def test_smooth_grad__without_noise_is_the_gradient() -> None:
    network, image = Corner(FLAT), noise(FLAT).requires_grad_()
    (slope,) = torch.autograd.grad(network.eval()(image[None])[0][0, 1], image)
    found = smooth_grad(network, image.detach(), score=output_score(1), seed=0, noise_share=0.0, samples=2)
    assert np.allclose(found, slope[0].abs(), atol=1e-7)


def test_a_score__may_be_any_function_of_the_outputs() -> None:
    network, image = Corner(FLAT), noise(FLAT)
    margin = grad_cam(network, image, score=lambda outputs: outputs[:, 1] - outputs[:, 0], layer="features")
    alone = grad_cam(network, image, score=output_score(1), layer="features")
    assert np.allclose(margin, 2 * alone, atol=1e-6)  # the two outputs are opposite
