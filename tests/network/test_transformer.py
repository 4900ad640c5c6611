import torch

from encoder_plans import noise
from scanwright.network.transformer import VisionTransformer


def drawn(**changes: object) -> VisionTransformer:
    torch.manual_seed(0)
    sizes = {"image": (8, 12), "patch": (4, 4), "width": 16, "layers": 2, "heads": 4} | changes
    return VisionTransformer(2, 1, **sizes).eval()  # type: ignore[arg-type]


def test_transformer__a_token_for_each_patch_in_its_place() -> None:
    """Without layers, a patch decides its own token and no other."""
    network = drawn(layers=0)
    image = noise(1, 1, 8, 12).requires_grad_()
    tokens = network(image)
    assert tokens.shape == (1, 16, 2, 3)
    (gradient,) = torch.autograd.grad(tokens[0, 0, 1, 2], image)
    touched = gradient[0, 0] != 0
    assert bool(touched[4:, 8:].all()) and not bool(touched[:4].any()) and not bool(touched[:, :8].any())


def test_transformer__every_token_reads_from_all_patches() -> None:
    image = noise(1, 1, 8, 12).requires_grad_()
    (gradient,) = torch.autograd.grad(drawn()(image)[0, 0, 0, 0], image)
    assert bool((gradient != 0).all())


def test_transformer__knows_where_a_patch_lies() -> None:
    """Two patches change places: without positions the tokens would only change places too."""
    network = drawn().requires_grad_(requires_grad=False)
    image = noise(1, 1, 8, 12)
    swapped = torch.cat([image[..., 4:8], image[..., :4], image[..., 8:]], dim=-1)

    def mean(picture: torch.Tensor) -> torch.Tensor:
        return network(picture).mean((2, 3))

    with_positions = float((mean(image) - mean(swapped)).abs().max())
    torch.nn.init.zeros_(network.position)
    without = float((mean(image) - mean(swapped)).abs().max())
    assert without < 1e-5 < 1e-4 < with_positions
