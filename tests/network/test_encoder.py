import pytest
import torch

from encoder_plans import noise
from scanwright.network.blocks import to_layout
from scanwright.network.encoder import ENCODERS, Encoder, densenet, resnet


def drawn(family: str, *, strides: tuple[int, ...] = (1, 2), kernels: tuple[int, ...] = (3, 3)) -> Encoder:
    more = {"growth": 4} if family == "densenet" else {}
    sizes = {"strides": [(s, s) for s in strides], "kernels": [(k, k) for k in kernels]}
    stages = {"widths": (8, 16, 24)[: len(strides)], "blocks": (2, 1, 1)[: len(strides)]}
    torch.manual_seed(0)
    return ENCODERS[family](2, 1, **sizes, **stages, **more)


@pytest.mark.parametrize("family", list(ENCODERS))
@pytest.mark.parametrize("strides", [(1, 1), (1, 2), (2, 2), (4, 2), (3, 1, 2)])
def test_encoder__gives_its_channels_on_the_coarse_grid(family: str, strides: tuple[int, ...]) -> None:
    encoder = drawn(family, strides=strides, kernels=(3,) * len(strides))
    total = torch.tensor(strides).prod().item()
    assert encoder(noise(1, 1, 24, 48)).shape == (1, encoder.channels, 24 // total, 48 // total)


@pytest.mark.parametrize("family", list(ENCODERS))
@pytest.mark.parametrize(
    ("strides", "kernels"), [((2, 2), (3, 3)), ((4, 2), (3, 3)), ((2, 2), (5, 5)), ((7, 1), (3, 3))]
)
def test_encoder__no_voxel_is_passed_over(family: str, strides: tuple[int, ...], kernels: tuple[int, ...]) -> None:
    image = noise(1, 1, 28, 28).requires_grad_()
    drawn(family, strides=strides, kernels=kernels)(image).square().sum().backward()
    assert image.grad is not None and bool((image.grad != 0).all())


@pytest.mark.parametrize("family", list(ENCODERS))
def test_encoder__does_not_change_its_input(family: str) -> None:
    image = noise(1, 1, 8, 8)
    before = image.clone()
    drawn(family)(image)
    assert torch.equal(image, before)


@pytest.mark.parametrize("family", list(ENCODERS))
def test_encoder__channels_last_gives_the_same_numbers(family: str) -> None:
    encoder = drawn(family).eval()
    image = noise(2, 1, 12, 12)
    plain = encoder(image)
    assert torch.allclose(encoder(to_layout(image, channels_last=True)), plain, atol=1e-5)


def test_densenet__appends_and_is_the_source_s_121_layers() -> None:
    stages = {"widths": (64, 128, 256, 512), "blocks": (6, 12, 24, 16), "growth": 32}
    encoder = densenet(2, 3, strides=[(4, 4), (2, 2), (2, 2), (2, 2)], kernels=[(7, 7)] + [(3, 3)] * 3, **stages)  # type: ignore[arg-type]
    assert encoder.channels == 1024
    convolutions = [layer for layer in encoder.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert len(convolutions) == 120, "and one linear head"


def test_resnet__the_source_s_18_layers() -> None:
    encoder = resnet(
        2, 3, widths=(64, 128, 256, 512), strides=[(1, 1)] + [(2, 2)] * 3, kernels=[(3, 3)] * 4, blocks=(2, 2, 2, 2)
    )
    shortcuts, layers = 3, 17
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in encoder.modules()) == layers + shortcuts
    assert encoder.channels == 512
