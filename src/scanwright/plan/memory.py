"""Peak memory by arithmetic, before anything is allocated, so that a run is refused or replanned and never killed.

Estimates in bytes. The constants were fitted to measured peaks of this package's own network (tests compare them).
"""

from math import prod

from scanwright.dataset.facts import Fingerprint
from scanwright.plan import encoder_memory
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.plan import NetworkPlan, Plan, PreprocessPlan
from scanwright.plan.rules import windows_along
from scanwright.types import Shape3, Triple

AnyPlan = NetworkPlan | EncoderPlan | DetectorPlan | ClassicalPlan | NormalPlan

FEATURE_MAPS = 24
"""Copies of an image that are alive while features are made of it."""

BASE_BYTES = 700 << 20
"""Interpreter, torch and its kernels, before any image."""

STARTING_BYTES = 224 << 20
"""What a prediction loads beside torch: kernels, and the modules that read, plan and write."""

NORMALIZING_BYTES = {"ct": 16, "zscore": 12, "zscore_nonzero": 17, "percentile": 24, "range": 12, "none": 4}
"""For each voxel of a channel: the channel in float32 and the copies of it that its normalisation makes (measured)."""

LABEL_BYTES = 2
"""For each voxel: label values above 255 take two bytes."""

DECODING_BYTES = 96 << 20
"""Interpolated probabilities of one output, some copies of them, and the labels of one part of a block."""

ACTIVATION_COPIES = 3.2
"""Activations alive in a training step, per convolution output: output, norm, and what backward keeps."""


def feature_bytes(network: AnyPlan, patch: Shape3, *, bytes_per_value: int) -> int:
    """All convolution outputs of one forward pass of one patch."""
    if isinstance(network, EncoderPlan):
        return encoder_memory.feature_values(network, patch) * bytes_per_value
    if isinstance(network, DetectorPlan):
        return encoder_memory.detector_values(network, patch) * bytes_per_value
    if isinstance(network, ClassicalPlan):
        if network.encoder is not None:
            return encoder_memory.feature_values(network.encoder, patch) * bytes_per_value
        return prod(patch) * network.in_channels * bytes_per_value * FEATURE_MAPS
    if isinstance(network, NormalPlan):
        return network.values_seen * 4
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


def weight_count(network: AnyPlan) -> int:
    """Parameters of the planned network, from its shape alone (norms and heads are left out: under 1 %)."""
    if isinstance(network, EncoderPlan):
        return encoder_memory.weight_count(network)
    if isinstance(network, DetectorPlan):
        return encoder_memory.detector_weights(network)
    if isinstance(network, ClassicalPlan):
        return 0 if network.encoder is None else encoder_memory.weight_count(network.encoder)  # and few beside
    if isinstance(network, NormalPlan):
        return network.values_held
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
    """Peak of a prediction above its input, on the CPU: the larger of preparing the image and answering it.

    network_shape: of the preprocessed image; case_shape: of the file, same axis order. half: running sums in float16.
    networks: how many are averaged. Does not grow with the product of classes and volume.
    """
    image = prod(network_shape) * 4 * plan.network.in_channels
    resampled = network_shape != case_shape
    preparing = preparing_bytes(plan, network_shape, case_shape)
    answering = answering_bytes(plan, network_shape, half=half, networks=networks, resampled=resampled)
    answering += image + prod(case_shape) * LABEL_BYTES
    return STARTING_BYTES + weight_count(plan.network) * 4 * networks + max(preparing, answering)


def preparing_bytes(plan: Plan, network_shape: Shape3, case_shape: Shape3) -> int:
    """Peak while the last channel is normalised and resampled: the channels before it, and the copies of this one."""
    case, network = prod(case_shape), prod(network_shape)
    copies = [NORMALIZING_BYTES[channel.scheme] * case for channel in plan.preprocess.normalization]
    resampling = 8 * case + (4 * network if network_shape == case_shape else 8 * max(case, network))
    return 4 * network * (plan.network.in_channels - 1) + max(*copies, resampling)


def least_preparing_bytes(plan: Plan, fingerprint: Fingerprint) -> int:
    """What preparing the largest case takes at least, above its input.

    Its network image in float32, and where that has more voxels than any file, so that it is certainly interpolated, a second
    copy of a channel and what is between the two.
    """
    voxels, channels = least_voxels(plan.preprocess, fingerprint), plan.network.in_channels
    return int(4 * voxels * (channels + (1 if voxels > fingerprint.voxels.max else 0)))


def least_answering_bytes(plan: Plan, fingerprint: Fingerprint) -> int:
    """What answering the case of most slices takes at least, above its input: its image, and running sums in float16.

    The whole image counts, also where a border of zeros will be cut away: by that an answer is refused.
    """
    box = least_boxes(plan.preprocess, fingerprint, cropped=False)[0]
    if not isinstance(plan.network, NetworkPlan):
        return whole_image_bytes(plan, box)
    answering = answering_bytes(plan, grown_shape(plan, box), half=True, networks=1, resampled=False)
    image = 4 * prod(box) * plan.network.in_channels
    return STARTING_BYTES + weight_count(plan.network) * 4 + image + answering


def whole_image_bytes(plan: Plan, network_shape: Shape3) -> int:
    """Peak of one answer to an image of this shape that is no label map, above its input: the image, and the features of one
    pass, of the whole image or, where boxes are looked for, of a window.
    """
    size = 2 if plan.training.precision == "bfloat16" else 4
    window = plan.batch.patch if isinstance(plan.network, DetectorPlan) else grown_shape(plan, network_shape)
    seen = feature_bytes(plan.network, window, bytes_per_value=size)
    image = 4 * prod(network_shape) * plan.network.in_channels
    return STARTING_BYTES + weight_count(plan.network) * 4 + image + seen


def least_voxels(preprocess: PreprocessPlan, fingerprint: Fingerprint) -> float:
    """Voxels that the largest case has at least once it is prepared: by the most voxels of a file, or by lengths."""
    cropped = preprocess.crop_to_nonzero
    kept = fingerprint.body_fraction.min if cropped else 1.0
    grown = fingerprint.voxels.max * kept * prod(least_factors(preprocess, fingerprint))
    return max(grown, *(prod(box) for box in least_boxes(preprocess, fingerprint, cropped=cropped)))


def least_boxes(preprocess: PreprocessPlan, fingerprint: Fingerprint, *, cropped: bool) -> list[Shape3]:
    """Shapes of which each is surely contained in that of some prepared case, in network order.

    A fingerprint holds ranges and no cases. But along each axis one case is the longest, and along the others it is at least
    as long as the shortest one. Three shapes: the longest along D, along H, along W. cropped: without a border of zeros.
    """
    shapes = fingerprint.body_shape if cropped else fingerprint.shape
    extents = fingerprint.body_extent if cropped else fingerprint.extent
    scaled = preprocess.spacing is not None and fingerprint.unit == "mm"
    factors, edges = least_factors(preprocess, fingerprint), preprocess.spacing or (1.0, 1.0, 1.0)
    shortest, longest = [], []
    for axis, factor, edge in zip(preprocess.axes, factors, edges, strict=True):
        low, high = shapes[axis].min * factor, shapes[axis].max * factor
        if scaled:
            low, high = extents[axis].min / edge, extents[axis].max / edge
        single = shapes[axis].min <= 1  # one slice stays one slice, however thick
        shortest.append(1 if single else max(1, int(low)))
        longest.append(1 if single else max(1, int(high)))
    d, h, w = shortest
    return [(longest[0], h, w), (d, longest[1], w), (d, h, longest[2])]


def least_factors(preprocess: PreprocessPlan, fingerprint: Fingerprint) -> Triple:
    """By how much the voxels of every case are multiplied at least along each network axis (see `planned_shape`)."""
    if preprocess.spacing is not None and fingerprint.unit == "mm":
        spacings = [fingerprint.spacing[axis].min for axis in preprocess.axes]
        factors = [have / want for have, want in zip(spacings, preprocess.spacing, strict=True)]
    else:
        longest = max(fingerprint.shape[axis].max for axis in preprocess.axes[1:])
        factors = [preprocess.long_side / longest if preprocess.long_side else 1.0] * 3
    single = [fingerprint.shape[axis].min <= 1 for axis in preprocess.axes]
    d, h, w = (min(1.0, factor) if one else factor for factor, one in zip(factors, single, strict=True))
    return d, h, w


def answering_bytes(plan: Plan, network_shape: Shape3, *, half: bool, networks: int, resampled: bool) -> int:
    """Running sums, and the larger of a batch of windows in the network and a block that becomes labels.

    resampled: the answer is interpolated to the case's grid, so a slice of every output is carried between rows of windows.
    """
    grown = grown_shape(plan, network_shape)
    padded = 0 if grown == network_shape else prod(grown) * 4 * plan.network.in_channels
    _, height, width = grown
    size, outputs = 2 if half else 4, plan.network.out_channels
    strip = outputs * plan.batch.patch[0] * plan.batch.patch[1] * width * size
    kept = outputs * overlap_along(plan, network_shape) * height * width * size
    carried = 2 * outputs * height * width * size if resampled else 0
    answered = prod(plan.batch.patch) * outputs * 4 * plan.inference.batch
    block = answered + (2 * strip if resampled else 0) + DECODING_BYTES
    return padded + strip + kept + carried + max(window_bytes(plan, networks=networks), block)


def overlap_along(plan: Plan, network_shape: Shape3) -> int:
    """The most slices that two neighbouring rows of windows share; the sums of these are held between rows."""
    patch, length = plan.batch.patch[0], network_shape[0]
    count = windows_along(length, patch, step_share=plan.inference.step_share)
    return patch - (length - patch) // (count - 1) if count > 1 else 0


def grown_shape(plan: Plan, network_shape: Shape3) -> Shape3:
    """An image's shape, grown to at least a patch."""
    d, h, w = (max(have, want) for have, want in zip(network_shape, plan.batch.patch, strict=True))
    return d, h, w


def row_bytes(plan: Plan, network_shape: Shape3) -> int:
    """A whole row of windows of every output in float32: by this is decided whether sums are in float16."""
    _, height, width = grown_shape(plan, network_shape)
    return plan.network.out_channels * plan.batch.patch[0] * height * width * 4


def window_bytes(plan: Plan, *, networks: int) -> int:
    """Peak of a batch of windows on its way through the network: its features; then logits and probabilities.

    Each output value takes its logit, a float32 copy of that if it is bfloat16, and its probability; with several networks
    or mirrored views also their sum so far.
    """
    low = plan.training.precision == "bfloat16"
    voxels, outputs = prod(plan.batch.patch), plan.network.out_channels
    head = voxels * outputs * 3 * (2 if low else 4)
    features = feature_bytes(plan.network, plan.batch.patch, bytes_per_value=2 if low else 4) - head
    views = networks > 1 or any(plan.inference.mirror)
    value = (10 if low else 8) + (4 if views else 0)
    return (features + voxels * outputs * value) * plan.inference.batch
