"""How much an encoder holds and weighs, from its plan alone; as `memory` counts for a network of voxels."""

from math import ceil, prod

from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.types import Shape3

INNER = {"resnet": 2.0, "densenet": 2.0, "convnext": 6.0, "efficientnet": 9.0, "vit": 12.0}
"""Feature maps of a block, each as wide as its stage: convolutions and their expansions; of a vit with its attention."""
KERNEL_SHARE = {"resnet": 2.0, "densenet": 1.0, "convnext": 0.0, "efficientnet": 0.0, "vit": 0.0}
"""Convolutions of a block that mix all channels over the whole kernel."""
POINTWISE = {"resnet": 0.0, "densenet": 0.0, "convnext": 8.0, "efficientnet": 8.0, "vit": 12.0}
"""Products of a block that mix channels at each place, in squares of the width."""


def feature_values(network: EncoderPlan | DetectorPlan, patch: Shape3) -> int:
    """Values of all feature maps of one forward pass of one image."""
    size, total = list(patch), 0.0
    for width, stride, blocks in zip(network.widths, network.strides, network.blocks, strict=True):
        size = [ceil(length / step) for length, step in zip(size, stride, strict=True)]
        wide = width + (network.growth or 0) * blocks
        total += prod(size) * wide * (1 + INNER[network.family] * blocks)
    return int(total)


def weight_count(network: EncoderPlan | DetectorPlan) -> int:
    """Parameters, norms and heads left out."""
    total, inputs = 0.0, network.in_channels
    for width, kernel, blocks in zip(network.widths, network.kernels, network.blocks, strict=True):
        wide = width + (network.growth or 0) * blocks
        each = KERNEL_SHARE[network.family] * prod(kernel) + POINTWISE[network.family]
        total += prod(kernel) * inputs * width + each * blocks * wide * wide
        inputs = wide
    joined = (network.hidden or 0) if isinstance(network, EncoderPlan) else 0
    doubled = isinstance(network, EncoderPlan) and network.bidirectional
    total += joined * (inputs + joined) * (8 if doubled else 4)
    return int(total)


HEAD_MAPS = 12.0
"""Feature maps of pyramid and heads on each level that is searched, each as wide as the neck: convolutions and their norms."""


def detector_values(network: DetectorPlan, patch: Shape3) -> int:
    """Values of all feature maps of one forward pass of one image: the encoder's, the pyramid's, and those of the heads."""
    return feature_values(network, patch) + int(network.num_points(patch) * network.neck * HEAD_MAPS)


def detector_weights(network: DetectorPlan) -> int:
    """Parameters, norms left out."""
    taps = prod(network.kernels[-1])
    pyramid = sum(network.widths[network.levels[0] :]) * network.neck + taps * len(network.levels) * network.neck**2
    return weight_count(network) + pyramid + 4 * taps * network.neck**2
