"""What holds for every layer and every network: sizes are kept, samples do not know of each other, layout is no mathematics."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from scanwright.network.blocks import Block, convolution, fold_space, kernels_to_layout, norm, to_layout, unfold_space
from scanwright.network.build import build
from scanwright.plan import rules
from scanwright.plan.plan import NetworkPlan

CHANNELS = 8
SIZES = {2: (12, 8), 3: (4, 12, 8)}


class Folded(nn.Module):
    """Folding and unfolding, as one layer."""

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, image: Tensor) -> Tensor:
        return unfold_space(fold_space(image, self.factor), self.factor)


def blocks(dims: int) -> dict[str, Callable[[], nn.Module]]:
    once, wide = (1,) * dims, (3,) * dims
    kernels = {"wide": wide, "thin": (1, *wide[1:]), "point": once}
    one = partial(convolution, dims, CHANNELS, CHANNELS, stride=once)
    block = partial(Block, dims, CHANNELS, CHANNELS, stride=once)
    return {
        **{f"convolution {k}": partial(one, kernel=v) for k, v in kernels.items()},
        **{f"plain block {k}": partial(block, kernel=v, depth=2, residual=False) for k, v in kernels.items()},
        **{f"residual block {k}": partial(block, kernel=v, depth=3, residual=True) for k, v in kernels.items()},
        "norm": partial(norm, CHANNELS),
        "fold": partial(Folded, (2,) * dims),
    }


def network(dims: int, **changes: object) -> NetworkPlan:
    patch = (8, 16, 16) if dims == 3 else (1, 16, 16)
    made = rules.network(patch, (3, 1, 1), dims=dims, base=8, fold=(1, 1, 1), channels=CHANNELS, outputs=CHANNELS)  # type: ignore[arg-type]
    return NetworkPlan.model_validate(made.model_dump() | changes)


class Answer(nn.Module):
    """A planned network as a layer of (N, C, *size), its finest answer only."""

    def __init__(self, dims: int, plan: NetworkPlan) -> None:
        super().__init__()
        self.dims = dims
        self.network = build(plan)

    def forward(self, image: Tensor) -> Tensor:
        answer: Tensor = self.network(image if self.dims == 3 else image[:, :, None])[0]
        return answer if self.dims == 3 else answer[:, :, 0]


def networks(dims: int) -> dict[str, Callable[[], nn.Module]]:
    plans = {
        "plain": network(dims),
        "residual": network(dims, residual=True),
        "supervised": network(dims, deep_supervision=True),
        "folded": network(dims, fold=(1, 2, 2), strides=[(1, 1, 1), (1, 2, 2)], widths=(8, 8), kernels=[(1, 3, 3)] * 2),
    }
    return {f"{name} network": partial(Answer, dims, plan) for name, plan in plans.items()}


LAYERS = [
    pytest.param(dims, make, id=f"{dims}-D {name}")
    for dims in (2, 3)
    for name, make in {**blocks(dims), **networks(dims)}.items()
]
every = pytest.mark.parametrize(("dims", "make"), LAYERS)


def built(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().eval()


def noise(dims: int, *, samples: int = 3) -> Tensor:
    return torch.randn((samples, CHANNELS, *SIZES[dims]), generator=torch.Generator().manual_seed(1))


@every
def test_shape_and_type_are_kept(dims: int, make: Callable[[], nn.Module]) -> None:
    image = noise(dims)
    made = built(make)(image)
    assert made.shape == image.shape and made.dtype == torch.float32 and bool(torch.isfinite(made).all())


@every
def test_a_sample_does_not_know_of_the_others(dims: int, make: Callable[[], nn.Module]) -> None:
    layer, image = built(make), noise(dims)
    together = layer(image)
    assert all(torch.allclose(layer(image[k : k + 1])[0], together[k], atol=1e-5) for k in range(len(image)))


@every
def test_memory_layout_changes_no_value(dims: int, make: Callable[[], nn.Module]) -> None:
    layer, image = built(make), noise(dims)
    expected = layer(image)
    kernels_to_layout(layer)
    assert torch.allclose(layer(to_layout(image, channels_last=True)), expected, atol=1e-4)


@every
def test_a_constant_image_is_answered_with_finite_numbers(dims: int, make: Callable[[], nn.Module]) -> None:
    for value in (0.0, 1e4):
        assert bool(torch.isfinite(built(make)(torch.full_like(noise(dims), value))).all())
