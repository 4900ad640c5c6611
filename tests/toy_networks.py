"""Small networks whose reasons are known: one that looks at one corner, and one that learned to tell bumps from dips."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def filled(network: nn.Module, seed: int) -> nn.Module:
    """The network with weights drawn from a generator of its own, He's way, and biases of 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = parameter[0].numel()
            kernel = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5
            parameter.copy_(kernel if parameter.ndim > 1 else torch.zeros_like(parameter))
    return network


class Corner(nn.Module):
    """Scores the texture in the first quarter of each axis that has more than one voxel; the rest is not even seen."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        seen = torch.zeros(tuple(shape))
        seen[tuple(slice(0, max(1, length // 4)) for length in shape)] = 1.0
        self.register_buffer("seen", seen)
        self.features = nn.Sequential(nn.Conv3d(1, 6, 3, padding=1, bias=False), nn.ReLU())
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(6, 2)
        filled(self, 0)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[-1.0] * 6, [1.0] * 6]))

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        maps = self.features(image_NCDHW * self.seen)
        return [self.head(self.dropout(maps.mean((2, 3, 4))))]


class CornerBySlices(nn.Module):
    """The same over slices as samples of their own, put together by a recurrent layer."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.ReLU())
        self.sequence = nn.GRU(6, 4, batch_first=True)
        self.head = nn.Linear(4, 2)
        seen = torch.zeros(tuple(shape))
        seen[: max(1, shape[0] // 4), : shape[1] // 4, : shape[2] // 4] = 1.0
        self.register_buffer("seen", seen)
        filled(self, 3)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        samples, channels, depth, *size = image_NCDHW.shape
        slices = (image_NCDHW * self.seen).movedim(1, 2).reshape(samples * depth, channels, *size)
        states, _ = self.sequence(self.features(slices).mean((2, 3)).view(samples, depth, -1))
        return [self.head(states.mean(1))]


class Bumps(nn.Module):
    """Two convolutions and the largest answer: enough to tell a bump from a dip wherever it lies."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        kernel = (3 if dims == 3 else 1, 3, 3)
        padding = tuple(length // 2 for length in kernel)
        self.features = nn.Sequential(
            nn.Conv3d(1, 8, kernel, padding=padding),
            nn.BatchNorm3d(8),
            nn.ReLU(),
            nn.AvgPool3d((2 if dims == 3 else 1, 2, 2)),
            nn.Conv3d(8, 8, kernel, padding=padding),
            nn.ReLU(),
        )
        self.head = nn.Linear(8, 2)
        filled(self.features[0], 1)
        filled(self.features[4], 2)
        filled(self.head, 3)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        return [self.head(self.features(image_NCDHW).amax((2, 3, 4)))]


def bumps(count: int, *, shape: Sequence[int], seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noise with a smooth bump (class 1) or dip (class 0): images (N, 1, *shape), classes (N,), centres (N, 3)."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randint(0, 2, (count,), generator=generator)
    sizes = torch.tensor(shape)
    centres = ((0.2 + 0.6 * torch.rand((count, 3), generator=generator)) * sizes).floor()
    places = torch.stack(torch.meshgrid(*(torch.arange(length) for length in shape), indexing="ij"), -1)
    squared = (places - centres[:, None, None, None]).square().sum(-1)
    bump = 3.0 * torch.exp(-squared / (2 * 1.5**2)) * (2 * classes - 1)[:, None, None, None]
    return (bump + 0.5 * torch.randn((count, *shape), generator=generator))[:, None], classes, centres


def trained_on_bumps(shape: Sequence[int], *, steps: int) -> Bumps:
    """The network after some steps on fresh images each."""
    network = Bumps(2 if shape[0] == 1 else 3)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for step in range(steps):
        images, classes, _ = bumps(16, shape=shape, seed=100 + step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images)[0], classes).backward()
        optimizer.step()
    return network.eval()
