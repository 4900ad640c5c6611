"""The sections of a plan for one answer to a whole image: nothing is cut, and an encoder takes the place of the U-Net.

Triples come in canonical order from the fingerprint and leave in network order (D, H, W), as in `sections` and `rules`.
"""

import math
from collections.abc import Sequence
from math import prod
from typing import Any, Literal

from scanwright.dataset.facts import Fingerprint
from scanwright.plan import rules, sections
from scanwright.plan.budget import Candidate
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import AugmentPlan, BatchPlan, PreprocessPlan
from scanwright.plan.rules import DEFAULT, MEASURED, Choice
from scanwright.protocols import Problem
from scanwright.runtime import Machine
from scanwright.types import Shape3, Triple

MOST_VOXELS = {("cpu", 3): 64_000, ("cpu", 2): 128 * 128, ("cuda", 3): 96**3, ("cuda", 2): 320 * 320}
"""Of a whole image that a step sees. More cost time in proportion, and what is diagnosed from is seldom that fine."""

SMALLEST_LAST_MAP = 4
"""Cells along an axis that the last feature map keeps."""
MOST_STAGES = 4
UNEVEN = 1.5
"""From this ratio of the commonest class to the rarest on, classes are weighted."""
HEAVIEST = 10.0


def plan_preprocess(ledger: Ledger, fingerprint: Fingerprint, machine: Machine) -> PreprocessPlan:
    """As for voxels, but so coarse that a step can see the whole image."""
    most = MOST_VOXELS[machine.device, fingerprint.dimension]
    axes = ledger.decide("preprocess.axes", rules.choose_axes(fingerprint))
    return sections.preprocess_section(
        ledger,
        fingerprint,
        axes,
        spacing=whole_spacing(fingerprint, axes, most_voxels=most),
        long_side=whole_side(fingerprint, axes, most_voxels=most),
    )


def whole_spacing(fingerprint: Fingerprint, axes: Shape3, *, most_voxels: int) -> Choice[Triple | None]:
    """The data set's own spacing, or coarser, the finest axes first, until the median image has `most_voxels`."""
    native = rules.choose_spacing(fingerprint, axes)
    if native.value is None:
        return native
    extent = [fingerprint.extent[axis].median for axis in axes]
    low, high = 0.0, max(extent)
    if fingerprint.dimension == 2:
        most_voxels = max(1, most_voxels)
        extent[0] = native.value[0]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rules.voxels_at(middle, native.value, extent) > most_voxels else (low, middle)
    edges = rules.coarser(native.value, high)
    if fingerprint.dimension == 2:
        edges = (native.value[0], edges[1], edges[2])
    if rules.voxels_at(0.0, native.value, extent) <= most_voxels:
        return native
    rounded: Triple = tuple(float(f"{edge:.3g}") for edge in edges)  # type: ignore[assignment]
    return Choice(rounded, f"coarser, so that the whole image has about {most_voxels} voxels", DEFAULT)


def whole_side(fingerprint: Fingerprint, axes: Shape3, *, most_voxels: int) -> Choice[int | None]:
    """For pictures without a scale: the median longer side, at most so long that a square of it has `most_voxels`."""
    if fingerprint.unit != "px":
        return Choice(None, "the images have a physical scale", "this package")
    median = max(fingerprint.shape[axis].median for axis in axes[1:])
    side = round(min(median, math.sqrt(most_voxels)))
    return Choice(side, f"median longer side {median:.0f} px, at most {most_voxels} pixels an image", DEFAULT)


def plan_patch(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, machine: Machine) -> Shape3:
    """The size to which every image is filled up: the longest along each axis, once prepared."""
    if preprocess.spacing is None:
        side = preprocess.long_side or 1
        shapes = [fingerprint.shape[axis] for axis in preprocess.axes]
        alike = all(shape.min == shape.max for shape in shapes)
        longest = max(shape.max for shape in shapes[1:])
        size = [round(side * shape.max / longest) if alike else side for shape in shapes]
        size[0] = round(shapes[0].max)
    else:
        extents = [fingerprint.extent[axis].max for axis in preprocess.axes]
        size = [round(length / edge) for length, edge in zip(extents, preprocess.spacing, strict=True)]
    if fingerprint.dimension == 2:
        size[0] = 1
    found = _three([max(1, length) for length in size])
    patch: Shape3 = ledger.decide(
        "batch.patch", Choice(found, "every image whole, filled up at its edges", "this package")
    )
    return patch


def plan_batch(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    machine: Machine,
    *,
    patch: Shape3,
) -> BatchPlan:
    """How many images a step has."""
    most = max(4, fingerprint.num_cases // 4)
    size = min(candidate.patches, most)
    fewer = f", a quarter of {fingerprint.num_cases} cases at most" if size < candidate.patches else ""
    return ledger.section(
        BatchPlan,
        "batch",
        {
            "size": Choice(size, f"{candidate.patches} a step{fewer}", DEFAULT),
            "foreground_share": Choice(0.0, "images are seen whole", "this package"),
        },
        patch=patch,
    )


def plan_augment(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan) -> AugmentPlan:
    """Changes that leave the answer as it is."""
    across = 0.0 if fingerprint.dimension == 2 else 8.0
    mirror = rules.choose_mirror_of_images(fingerprint, preprocess.axes)
    return ledger.section(
        AugmentPlan,
        "augment",
        {
            "warp_share": Choice(0.8, "most samples are turned and scaled", DEFAULT),
            "rotate_deg": Choice((15.0, across, across), "within what positioning varies by", DEFAULT),
            "scale": Choice(0.15, "within what distances vary by", DEFAULT),
            "elastic_voxels": Choice(0.0, "off: it bends what is diagnosed from", DEFAULT),
            "mirror": mirror,
            "gamma": Choice(0.3, "exposure varies", DEFAULT),
            "contrast": Choice(0.2, "contrast varies", DEFAULT),
            "brightness": Choice(0.2, "brightness varies", DEFAULT),
            "noise": Choice(0.1, "noise varies", DEFAULT),
            "blur_voxels": Choice(0.0, "off", DEFAULT),
            "low_resolution": Choice(1.0, "off", DEFAULT),
            "shift": Choice(0.1, "what is diagnosed from lies anywhere", DEFAULT),
        },
    )


def plan_network(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    batch: BatchPlan,
    *,
    outputs: int,
) -> EncoderPlan:
    """A residual encoder for the image size."""
    flat = fingerprint.dimension == 2
    shown = f"the images are {fingerprint.dimension}-D"
    dims: Literal[2, 3] = ledger.decide("network.dims", Choice(2 if flat else 3, shown, "this package"))
    strides = choose_strides(batch.patch, preprocess.spacing or (1.0, 1.0, 1.0))
    spacing = preprocess.spacing or (1.0, 1.0, 1.0)
    kernels = rules.choose_kernels(strides, spacing, flat=dims == 2)
    widths = tuple(candidate.base * 2**level for level in range(len(strides)))
    return ledger.section(
        EncoderPlan,
        "network",
        {
            "family": Choice("resnet", "residual blocks", MEASURED),
            "in_channels": Choice(len(fingerprint.channels), "the task's channels", "the task"),
            "out_channels": Choice(outputs, "what the task asks for", "the task"),
            "widths": Choice(widths, f"{candidate.base} features, doubled at each stage", DEFAULT),
            "strides": Choice(tuple(strides), f"halved while a map keeps {SMALLEST_LAST_MAP} cells an axis", DEFAULT),
            "kernels": Choice(tuple(kernels), "3, or 1 across slices while they are thick", rules.NNUNET),
            "blocks": Choice((2,) * len(strides), "two a stage", "He et al. 2016 (ResNet-18)"),
            "growth": Choice(None, "of a DenseNet only", "this package"),
            "attention_heads": Choice(None, "of a vit only", "this package"),
            "image": Choice(None, "of a vit only", "this package"),
            "join": Choice("mean", "there are no slices to be joined", "this package"),
            "hidden": Choice(None, "nothing is joined", "this package"),
            "bidirectional": Choice(False, "nothing is joined", "this package"),
            "dropout": Choice(0.2, "of the features that the head sees", DEFAULT),
        },
        dims=dims,
    )


def choose_strides(patch: Shape3, spacing: Triple) -> list[Shape3]:
    """Halve the axes that have twice SMALLEST_LAST_MAP cells and are not much coarser than the finest; at most four stages.

    Where an image is larger than four halvings bring to size, the first layer strides as well.
    """
    strides = rules.choose_strides(patch, spacing, most_levels=MOST_STAGES)
    size = [length / prod(axis) for length, axis in zip(patch, zip(*strides, strict=True), strict=True)]
    first = _three([2 if length >= 3 * SMALLEST_LAST_MAP else 1 for length in size])
    return [first, *strides[1:]]


def recipe(fingerprint: Fingerprint, problem: Problem, steps: int) -> dict[str, Choice[Any]]:
    """How an encoder is trained: optimiser, its numbers, and the loss."""
    return {
        "optimizer": Choice("muon", "orthogonalised momentum", DEFAULT),
        "learning_rate": Choice(3e-3, "peak of one cosine cycle", DEFAULT),
        "weight_decay": Choice(0.05, "on kernels only", "Loshchilov and Hutter 2019"),
        "warmup_share": Choice(0.05, "5 % of the steps", DEFAULT),
        "clip_norm": Choice(1.0, "gradients are cut to norm 1", DEFAULT),
        "ema_decay": Choice(
            round(min(0.999, max(0.9, 1 - 6 / steps)), 5), "averages over about a sixth of the steps", MEASURED
        ),
        "loss": Choice(problem.losses[0], "of the kind of problem", "the task"),
        "class_weights": choose_class_weights(fingerprint, outputs=problem.outputs),
    }


def weighted(fingerprint: Fingerprint, outputs: int) -> tuple[str, ...]:
    """Classes of which one is right have weights; grades and classes of which several may be there have none."""
    names = tuple(one.name for one in fingerprint.classes)
    return names if len(names) == outputs else ()


def choose_class_weights(fingerprint: Fingerprint, *, outputs: int) -> Choice[tuple[float, ...]]:
    """The inverse square root of each class's frequency, mean 1, where the commonest is 1.5 times the rarest."""
    counts = [one.cases for one in fingerprint.classes]
    if len(counts) != outputs or not counts or min(counts) < 1 or max(counts) < UNEVEN * min(counts):
        return Choice((), "classes are of like frequency, or do not exclude each other", DEFAULT)
    inverse = [min(HEAVIEST, (max(counts) / count) ** 0.5) for count in counts]
    weights = tuple(round(one * len(inverse) / sum(inverse), 3) for one in inverse)
    return Choice(weights, f"the commonest class is {max(counts) / min(counts):.1f} times the rarest", DEFAULT)


def _three(values: Sequence[float]) -> Shape3:
    return int(values[0]), int(values[1]), int(values[2])
