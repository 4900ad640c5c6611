from itertools import product

import pytest
import torch

from scanwright.network.blocks import (
    Block,
    Convolution3d,
    convolution,
    fold_space,
    initialize,
    kernels_to_layout,
    norm,
    to_layout,
    unfold_space,
)


@pytest.mark.parametrize("kernel", [(1, 3, 3), (3, 3, 3), (1, 1, 1), (5, 3, 1)])
def test_convolution__keeps_the_size_without_a_stride_and_divides_it_by_one(kernel: tuple[int, ...]) -> None:
    image = torch.zeros(1, 2, 8, 12, 16)
    assert convolution(3, 2, 5, kernel=kernel, stride=(1, 1, 1))(image).shape == (1, 5, 8, 12, 16)
    assert convolution(3, 2, 5, kernel=kernel, stride=(1, 2, 2))(image).shape == (1, 5, 8, 6, 8)
    assert convolution(2, 2, 5, kernel=kernel[1:], stride=(2, 2))(image[0].movedim(1, 0)).shape == (8, 5, 6, 8)


@pytest.mark.parametrize(("size", "kernel"), [((2, 4, 4), 3), ((2, 2, 2), 3), ((4, 4, 4), 5), ((3, 8, 8), 3)])
def test_convolution3d__the_gradient_of_few_slices_in_bfloat16_is_right(size: tuple[int, ...], kernel: int) -> None:
    torch.manual_seed(0)
    layer = Convolution3d(16, 16, kernel, padding=kernel // 2, bias=False)
    image = torch.randn(4, 16, *size)
    (exact,) = torch.autograd.grad(layer(image).square().sum(), layer.weight)
    for _ in range(4):
        with torch.autocast("cpu", torch.bfloat16):
            features = layer(image)
        spoiled = [torch.full((count,), torch.nan, dtype=torch.bfloat16) for count in (64, 1000, 20000, 50000)]
        del spoiled  # its memory is what an unwritten gradient would show
        (gradient,) = torch.autograd.grad(features.float().square().sum(), layer.weight)
        assert torch.allclose(gradient, exact, atol=0.05 * float(exact.abs().max()))


@pytest.mark.parametrize(
    ("channels", "groups"), [(4, 1), (8, 1), (16, 2), (24, 3), (20, 2), (30, 3), (7, 1), (320, 40)]
)
def test_norm__groups_of_about_eight_that_divide_the_channels(channels: int, groups: int) -> None:
    assert norm(channels).num_groups == groups


def test_fold_space__by_hand_and_each_channel_is_a_shifted_subset() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    folded = fold_space(image, (2, 2))
    assert folded.shape == (1, 4, 2, 2)
    assert folded[0, 0].tolist() == [[0, 2], [8, 10]] and folded[0, 3].tolist() == [[5, 7], [13, 15]]
    assert torch.equal(folded, torch.nn.functional.pixel_unshuffle(image, 2)), "in 2-D, what torch has a word for"


@pytest.mark.parametrize("factor", list(product((1, 2, 3), repeat=3)))
def test_unfold_space__is_the_inverse_bit_for_bit(factor: tuple[int, int, int]) -> None:
    image = torch.randn(2, 3, 6, 12, 6, generator=torch.Generator().manual_seed(0))
    folded = fold_space(image, factor)
    assert folded.shape[1] == 3 * factor[0] * factor[1] * factor[2]
    assert torch.equal(unfold_space(folded, factor), image)


@pytest.mark.parametrize(("inputs", "stride"), [(8, (1, 1, 1)), (4, (1, 1, 1)), (8, (1, 2, 2))])
def test_block__a_residual_one_adds_what_came_in(inputs: int, stride: tuple[int, int, int]) -> None:
    """With the last norm silenced, the activation of the shortcut is all that is left."""
    torch.manual_seed(0)
    block = Block(3, inputs, 8, kernel=(3, 3, 3), stride=stride, depth=2, residual=True)
    torch.nn.init.zeros_(block.norms[-1].weight)  # type: ignore[arg-type]
    image = torch.randn(2, inputs, 4, 6, 8)
    expected = torch.nn.functional.leaky_relu(block.shortcut(image), 0.01)
    assert torch.allclose(block(image.clone()), expected, atol=1e-6)
    assert isinstance(block.shortcut, torch.nn.Identity) is (inputs == 8 and stride == (1, 1, 1))


def test_block__does_not_change_its_input() -> None:
    image = torch.randn(1, 8, 4, 4, 4)
    before = image.clone()
    for residual in (False, True):
        Block(3, 8, 8, kernel=(3, 3, 3), stride=(1, 1, 1), depth=1, residual=residual)(image)
        assert torch.equal(image, before)


def test_initialize__spread_for_leaky_relu() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv3d(16, 64, 3)
    initialize(layer)
    assert float(layer.weight.detach().std()) == pytest.approx((2 / (1 + 0.01**2) / (16 * 27)) ** 0.5, rel=0.02)
    assert not layer.bias.detach().any()  # type: ignore[union-attr]


def test_to_layout__keeps_values_and_changes_strides() -> None:
    for shape in ((2, 3, 4, 5), (2, 3, 4, 5, 6)):
        tensor = torch.randn(shape)
        changed = to_layout(tensor, channels_last=True)
        assert torch.equal(changed, tensor) and changed.stride(1) == 1
        assert to_layout(tensor, channels_last=False) is tensor


def test_kernels_to_layout__keeps_every_weight() -> None:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Conv3d(2, 4, 3), torch.nn.GroupNorm(1, 4))
    before = [parameter.clone() for parameter in layers.parameters()]
    kernels_to_layout(layers)
    assert all(torch.equal(a, b) for a, b in zip(layers.parameters(), before, strict=True))
    assert layers[0].weight.stride(1) == 1
