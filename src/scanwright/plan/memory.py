"""Peak memory by arithmetic, before anything is allocated, so that a run is refused or replanned and never killed.

Estimates in bytes. The constants were fitted to measured peaks of this package's own network (tests compare them).
"""

from math import prod

from scanwright.plan.plan import NetworkPlan, Plan
from scanwright.types import Shape3

BASE_BYTES = 700 << 20
"""Interpreter, torch and its kernels, before any image."""

ACTIVATION_COPIES = 3.2
"""Activations alive in a training step, per convolution output: output, norm, and what backward keeps."""


def feature_bytes(network: NetworkPlan, patch: Shape3, *, bytes_per_value: int) -> int:
    """All convolution outputs of one forward pass of one patch."""
    total = 0
    voxels = prod(patch) // prod(network.fold)
    for level, (width, stride) in enumerate(zip(network.widths, network.strides, strict=True)):
        voxels //= prod(stride)
        sides = 1 if level == len(network.widths) - 1 else 3  # encoder; upsampled and decoder
        total += voxels * width * network.blocks * sides
    return (total + prod(patch) * network.out_channels * 3) * bytes_per_value


def training_bytes(plan: Plan) -> int:
    """Peak of a training step above the base: activations of the batch, weights, gradients, averages and moments."""
    size = 2 if plan.training.precision == "bfloat16" else 4
    activations = feature_bytes(plan.network, plan.batch.patch, bytes_per_value=size) * plan.batch.size
    return int(activations * ACTIVATION_COPIES) + weight_count(plan.network) * 4 * 6


def weight_count(network: NetworkPlan) -> int:
    """Parameters of the planned network, from its shape alone (norms and heads are left out: under 1 %)."""
    widths, taps = network.widths, [prod(kernel) for kernel in network.kernels]
    inputs = (network.in_channels * prod(network.fold), *widths[:-1])
    total = 0
    for level, width in enumerate(widths):
        total += taps[level] * width * (inputs[level] + width * (network.blocks - 1))
        if level < len(widths) - 1:
            total += taps[level] * width * (2 * width + width * (network.blocks - 1))
            total += prod(network.strides[level + 1]) * width * widths[level + 1]
    return total


def prediction_bytes(plan: Plan, *, network_shape: Shape3, case_shape: Shape3, half: bool, networks: int = 1) -> int:
    """Peak of a prediction above its input: running sums of one row of windows, images, one slab, labels.

    network_shape: of the preprocessed image; case_shape: of the file, same axis order. Does not grow with the product of
    classes and volume.
    """
    patch, classes = plan.batch.patch, plan.network.out_channels
    grown = [max(have, want) for have, want in zip(network_shape, patch, strict=True)]
    sums = classes * patch[0] * grown[1] * grown[2] * (2 if half else 4)
    window = feature_bytes(plan.network, patch, bytes_per_value=4) + prod(patch) * classes * 4 * 4
    resampling = 2  # one channel's result, and the step before it
    image = prod(grown) * 4 * (plan.network.in_channels + resampling) + prod(case_shape) * 4 * 2
    labels = prod(case_shape) * 3
    slab = 3 * (256 << 20)
    return int(
        sums + max(window * plan.inference.batch, slab) + image + labels + weight_count(plan.network) * 4 * networks
    )
