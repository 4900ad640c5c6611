"""Convolutional encoders: an image to a coarse feature map, in 2-D and 3-D, in four families.

Each is a function of plain numbers, with one entry a stage, fine to coarse; it takes (N, inputs, *size), any size from the
product of its strides up, and gives (N, channels, *size / stride). The families differ in how a block treats features:

    resnet        adds to them, two full convolutions a block: the surest choice where cases are few
    densenet      appends to them: few weights, many layers that read all features before them
    convnext      adds to them, one large depthwise convolution and two pointwise ones
    efficientnet  adds to them, a depthwise convolution between two pointwise ones, channels weighed by the whole image

GroupNorm takes the place of BatchNorm and LayerNorm in all of them, see `blocks`.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from scanwright.network.blocks import CONVOLUTION, Block, convolution, norm

Triples = Sequence[Sequence[int]]
WIDENING = 4
"""Channels inside a block, in multiples of those around it: ConvNeXt, MBConv, and the bottleneck of a DenseNet."""
SQUEEZE = 4
"""Squeeze-and-excitation looks at the channels that enter its block, divided by this."""


class Encoder(nn.Sequential):
    """Layers one after another; `channels` is how many features the last one gives.

    stages: how many layers there are up to the end of each stage, and `widths` how many features each gives there.
    """

    def __init__(self, layers: Sequence[nn.Module], *, stages: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__(*layers)
        self.stages, self.widths = tuple(stages), tuple(widths)
        self.channels = self.widths[-1]

    def maps(self, image: Tensor) -> list[Tensor]:
        """The feature map at the end of each stage, fine to coarse; the last one is what `forward` gives."""
        found = []
        for number, layer in enumerate(self, start=1):
            image = layer(image)
            if number in self.stages:
                found.append(image)
        return found


def resnet(
    dims: int, inputs: int, *, widths: Sequence[int], strides: Triples, kernels: Triples, blocks: Sequence[int]
) -> Encoder:
    """Residual blocks of two convolutions. Source: He et al. 2016, CVPR; with GroupNorm, Wu and He 2018, ECCV."""
    once = (1,) * dims
    layers: list[nn.Module] = [_stem(dims, inputs, widths[0], kernel=kernels[0], stride=strides[0]), nn.LeakyReLU(0.01)]
    entering, stages = (widths[0], *widths), []
    for stage, count in enumerate(blocks):
        for index in range(count):
            first = index == 0
            layers.append(
                Block(
                    dims,
                    entering[stage] if first else widths[stage],
                    widths[stage],
                    kernel=kernels[stage],
                    stride=strides[stage] if first and stage else once,
                    depth=2,
                    residual=True,
                )
            )
        stages.append(len(layers))
    return Encoder(layers, stages=stages, widths=widths)


def densenet(
    dims: int,
    inputs: int,
    *,
    widths: Sequence[int],
    strides: Triples,
    kernels: Triples,
    blocks: Sequence[int],
    growth: int,
) -> Encoder:
    """Layers that append `growth` channels; widths are those that enter a stage. Source: Huang et al. 2017, CVPR (BC)."""
    layers: list[nn.Module] = [_stem(dims, inputs, widths[0], kernel=kernels[0], stride=strides[0], normed=False)]
    channels, stages, given = widths[0], [], []
    for stage, count in enumerate(blocks):
        if stage:
            layers += [_Activated(channels), _down(dims, channels, widths[stage], strides[stage])]
            channels = widths[stage]
        for _ in range(count):
            layers.append(_DenseLayer(dims, channels, growth, kernel=kernels[stage]))
            channels += growth
        stages.append(len(layers))
        given.append(channels)
    layers.append(_Activated(channels))
    return Encoder(layers, stages=[*stages[:-1], len(layers)], widths=given)


def convnext(
    dims: int, inputs: int, *, widths: Sequence[int], strides: Triples, kernels: Triples, blocks: Sequence[int]
) -> Encoder:
    """Depthwise, then pointwise convolutions (7 is its usual kernel). Source: Liu et al. 2022, CVPR (ConvNeXt)."""
    layers: list[nn.Module] = [_stem(dims, inputs, widths[0], kernel=kernels[0], stride=strides[0])]
    stages = []
    for stage, count in enumerate(blocks):
        if stage:
            layers += [norm(widths[stage - 1]), _down(dims, widths[stage - 1], widths[stage], strides[stage])]
        layers += [_DepthwiseBlock(dims, widths[stage], kernel=kernels[stage]) for _ in range(count)]
        stages.append(len(layers))
    layers.append(norm(widths[-1]))
    return Encoder(layers, stages=[*stages[:-1], len(layers)], widths=widths)


def efficientnet(
    dims: int, inputs: int, *, widths: Sequence[int], strides: Triples, kernels: Triples, blocks: Sequence[int]
) -> Encoder:
    """Inverted bottlenecks with squeeze-and-excitation. Source: Tan and Le 2019, ICML; Sandler et al. 2018, CVPR."""
    once = (1,) * dims
    layers: list[nn.Module] = [_stem(dims, inputs, widths[0], kernel=kernels[0], stride=strides[0]), nn.SiLU()]
    entering, stages = (widths[0], *widths), []
    for stage, count in enumerate(blocks):
        channels = [entering[stage], *[widths[stage]] * count]
        for index, (before, after) in enumerate(pairwise(channels)):
            stride = strides[stage] if stage and index == 0 else once
            layers.append(_InvertedBottleneck(dims, before, after, kernel=kernels[stage], stride=stride))
        stages.append(len(layers))
    layers += [norm(widths[-1]), nn.SiLU()]
    return Encoder(layers, stages=[*stages[:-1], len(layers)], widths=widths)


ENCODERS: dict[str, Callable[..., Encoder]] = {
    "resnet": resnet,
    "densenet": densenet,
    "convnext": convnext,
    "efficientnet": efficientnet,
}


class _Activated(nn.Sequential):
    """Norm and ReLU, as a DenseNet has them before a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__(norm(channels), nn.ReLU(inplace=True))


class _DenseLayer(nn.Module):
    """(N, inputs, *size) to (N, inputs + growth, *size)."""

    def __init__(self, dims: int, inputs: int, growth: int, *, kernel: Sequence[int]) -> None:
        super().__init__()
        once, middle = (1,) * dims, WIDENING * growth
        self.grow = nn.Sequential(
            _Activated(inputs),
            convolution(dims, inputs, middle, kernel=once, stride=once),
            _Activated(middle),
            convolution(dims, middle, growth, kernel=kernel, stride=once),
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features, self.grow(features)], dim=1)


class _DepthwiseBlock(nn.Module):
    """A ConvNeXt block, which keeps channels and size."""

    def __init__(self, dims: int, channels: int, *, kernel: Sequence[int]) -> None:
        super().__init__()
        once, middle = (1,) * dims, WIDENING * channels
        self.change = nn.Sequential(
            _depthwise(dims, channels, kernel=kernel, stride=once),
            norm(channels),
            CONVOLUTION[dims](channels, middle, 1),
            nn.GELU(),
            CONVOLUTION[dims](middle, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + self.change(features)
        return changed


class _InvertedBottleneck(nn.Module):
    """Widen, look around (with the stride), weigh the channels, narrow; added to what came in where the shapes agree."""

    def __init__(self, dims: int, inputs: int, outputs: int, *, kernel: Sequence[int], stride: Sequence[int]) -> None:
        super().__init__()
        once, middle = (1,) * dims, WIDENING * inputs
        self.change = nn.Sequential(
            convolution(dims, inputs, middle, kernel=once, stride=once),
            norm(middle),
            nn.SiLU(),
            _depthwise(dims, middle, kernel=kernel, stride=stride),
            norm(middle),
            nn.SiLU(),
            _Excitation(middle, max(1, inputs // SQUEEZE)),
            convolution(dims, middle, outputs, kernel=once, stride=once),
            norm(outputs),
        )
        self.residual = inputs == outputs and tuple(stride) == once

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.change(features)
        return features + changed if self.residual else changed


class _Excitation(nn.Module):
    """Each channel times a factor in (0, 1) that all channels' means decide. Source: Hu et al. 2018, CVPR."""

    def __init__(self, channels: int, middle: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(nn.Linear(channels, middle), nn.SiLU(), nn.Linear(middle, channels), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        factors: Tensor = self.weigh(features.flatten(2).mean(2))
        return features * factors.reshape(*factors.shape, *[1] * (features.ndim - 2))


def _stem(
    dims: int, inputs: int, outputs: int, *, kernel: Sequence[int], stride: Sequence[int], normed: bool = True
) -> nn.Sequential:
    """The first layer: a convolution whose windows leave out no voxel."""
    first = convolution(dims, inputs, outputs, kernel=_covering(kernel, stride), stride=stride)
    return nn.Sequential(first, norm(outputs)) if normed else nn.Sequential(first)


def _down(dims: int, inputs: int, outputs: int, stride: Sequence[int]) -> nn.Module:
    """Between two stages: other channels, and a coarser map that every voxel enters."""
    return convolution(dims, inputs, outputs, kernel=_covering((1,) * dims, stride), stride=stride)


def _covering(kernel: Sequence[int], stride: Sequence[int]) -> tuple[int, ...]:
    """The kernel, made longer where it is needed: 2 * stride - 1, centred on every stride-th voxel, reach the last one too."""
    return tuple(max(size, 2 * step - 1) for size, step in zip(kernel, stride, strict=True))


def _depthwise(dims: int, channels: int, *, kernel: Sequence[int], stride: Sequence[int]) -> nn.Module:
    padding = tuple(size // 2 for size in kernel)
    return CONVOLUTION[dims](
        channels, channels, tuple(kernel), stride=tuple(stride), padding=padding, groups=channels, bias=False
    )
