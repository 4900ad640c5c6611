"""Deep features: of a network that says them, and of a U-Net's coarsest map."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scanwright.errors import UsageError
from scanwright.features.deep import deep_features, deep_names
from scanwright.network.build import build
from scanwright.network.unet import UNet
from scanwright.plan import rules
from scanwright.plan.plan import NetworkPlan

Shape = tuple[int, int, int]


class Brightness(nn.Module):
    """Mean and largest value of the first channel."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def features(self, image_NCDHW: Tensor) -> Tensor:
        flat = image_NCDHW[:, 0].flatten(1)
        return self.scale * torch.stack([flat.mean(dim=1), flat.amax(dim=1)], dim=1)


def unet(patch: Shape, fold: Shape = (1, 1, 1)) -> UNet:
    dims = 2 if patch[0] == 1 else 3
    made: NetworkPlan = rules.network(patch, (1, 1, 1), dims=dims, base=4, fold=fold, channels=2, outputs=3)
    network = build(made)
    assert isinstance(network, UNet)
    return network


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_deep_features__of_a_network_that_says_them() -> None:
    images = noise(5, 1, 1, 8, 8)
    network = Brightness().train()
    found = deep_features(network, images.split(2))
    assert found.shape == (5, 2) and found.dtype == np.float64 and network.training
    assert np.allclose(found[:, 0], 2 * images.flatten(1).mean(dim=1))
    assert deep_features(network, []).shape == (0, 0)


@pytest.mark.parametrize(
    ("patch", "fold"), [((16, 16, 16), (1, 1, 1)), ((16, 16, 16), (2, 2, 2)), ((1, 32, 32), (1, 2, 2))]
)
def test_deep_features__of_a_unet_is_the_mean_of_its_coarsest_map(patch: Shape, fold: Shape) -> None:
    network = unet(patch, fold)
    seen: list[Tensor] = []
    network.encoder[-1].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    images = noise(3, 2, *patch)
    found = deep_features(network, [images])
    with torch.inference_mode():
        network.eval()(images)  # the whole network, with its decoder, passes through the same map
    assert found.shape == (3, seen[-1].shape[1])
    assert np.allclose(found, seen[-1].flatten(2).mean(dim=2), atol=1e-5)
    assert np.ptp(found, axis=0).max() > 0


def test_deep_features__slices_of_a_stack_are_averaged() -> None:
    network = unet((1, 32, 32))
    stack = noise(1, 2, 3, 32, 32)
    single = [deep_features(network, [stack[:, :, k : k + 1]]) for k in range(3)]
    assert np.allclose(deep_features(network, [stack]), np.mean(single, axis=0), atol=1e-6)


def test_deep_features__does_not_depend_on_the_batch() -> None:
    network, images = unet((16, 16, 16)), noise(4, 2, 16, 16, 16)
    assert np.allclose(deep_features(network, images.split(1)), deep_features(network, [images]), atol=1e-6)


def test_deep_features__refuses_other_networks() -> None:
    with pytest.raises(UsageError, match="no features"):
        deep_features(nn.Linear(2, 2), [noise(1, 2)])


def test_deep_names() -> None:
    assert deep_names("net", 2) == ("net_000", "net_001") and deep_names("net", 1001)[-1] == "net_1000"
