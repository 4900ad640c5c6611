"""The sections of a plan for boxes: how fine an image must be for the smallest of them, and which maps are searched.

Triples come in canonical order from the fingerprint and leave in network order (D, H, W), as in `sections` and `rules`.
"""

import math
from math import prod
from typing import Any, Literal

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import UsageError
from scanwright.plan import rules, sections, whole_images
from scanwright.plan.budget import Candidate
from scanwright.plan.detector_plan import DetectorPlan, steps_of
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import AugmentPlan, BatchPlan, PreprocessPlan
from scanwright.plan.rules import DEFAULT, Choice
from scanwright.protocols import Problem
from scanwright.runtime import Machine
from scanwright.types import Shape3, Triple

MOST_VOXELS = {("cpu", 3): 500_000, ("cpu", 2): 80_000, ("cuda", 3): 160**3, ("cuda", 2): 640 * 640}
"""Of an image, or a part of one, that a step sees."""
LARGER = 1.5
"""By how much the largest image may exceed that and still be seen whole."""
LEAST_EDGE = 8.0
"""Voxels along the edges of the smallest boxes that a coarser image must leave."""
CELLS_ACROSS, CELLS_OF_LARGE = 3.0, 8.0
"""Cells of the finest map that is searched across the smallest boxes, and of the coarsest across the largest."""
MOST_STAGES, SMALLEST_MAP = 5, 4
GROWTH = (1, 2, 4, 6, 8)
"""Features of each stage, in multiples of the first one's."""
MEASURED_HERE = "measured, docs/design/0008-detection.md"


def edges(fingerprint: Fingerprint, axes: Shape3) -> tuple[Triple, Triple] | None:
    """Edges of small and of large boxes in network order, in the data set's unit: the least 10th and the largest 90th
    percentile over classes. None without boxes.
    """
    sizes = [one.size for one in fingerprint.boxes if one.size is not None]
    if not sizes:
        return None
    small = [min(size[axis].p10 for size in sizes) for axis in axes]
    large = [max(size[axis].p90 for size in sizes) for axis in axes]
    return (small[0], small[1], small[2]), (large[0], large[1], large[2])


def plan_preprocess(ledger: Ledger, fingerprint: Fingerprint, machine: Machine) -> PreprocessPlan:
    """So coarse that a step sees the whole image, unless the smallest boxes would then be too small to be found.

    Raises UsageError for a data set without boxes.
    """
    axes = ledger.decide("preprocess.axes", rules.choose_axes(fingerprint))
    found = edges(fingerprint, axes)
    if found is None:
        raise UsageError("no boxes to learn from", hint="Add them, or choose another --task.")
    most = MOST_VOXELS[machine.device, fingerprint.dimension]
    return sections.preprocess_section(
        ledger,
        fingerprint,
        axes,
        spacing=box_spacing(fingerprint, axes, found[0], most_voxels=most),
        long_side=box_side(fingerprint, axes, found[0], most_voxels=most),
    )


def box_spacing(fingerprint: Fingerprint, axes: Shape3, small: Triple, *, most_voxels: int) -> Choice[Triple | None]:
    """Edges of voxels: coarser than the data set's own until a step sees the whole, or small boxes are LEAST_EDGE voxels
    long.
    """
    native = rules.choose_spacing(fingerprint, axes)
    whole = whole_images.whole_spacing(fingerprint, axes, most_voxels=most_voxels)
    if native.value is None or whole.value is None:
        return native
    flat = fingerprint.dimension == 2
    coarsest = [edge / LEAST_EDGE for edge in small]
    kept = [
        own if flat and axis == 0 else max(own, min(wanted, bound))
        for axis, (own, wanted, bound) in enumerate(zip(native.value, whole.value, coarsest, strict=True))
    ]
    value = (float(f"{kept[0]:.3g}"), float(f"{kept[1]:.3g}"), float(f"{kept[2]:.3g}"))
    if value == whole.value:
        return Choice(value, f"the whole image has about {most_voxels} voxels", DEFAULT)
    return Choice(value, f"small boxes keep {LEAST_EDGE:g} voxels an edge; a step sees a part of the image", DEFAULT)


def box_side(fingerprint: Fingerprint, axes: Shape3, small: Triple, *, most_voxels: int) -> Choice[int | None]:
    """For pictures without a scale: the median longer side, or shorter, until a step sees the whole, or small boxes are
    LEAST_EDGE pixels long.
    """
    if fingerprint.unit != "px":
        return Choice(None, "the images have a physical scale", "this package")
    height, width = (fingerprint.shape[axis].median for axis in axes[1:])
    longest = max(height, width)
    whole = longest * min(1.0, math.sqrt(most_voxels / (height * width)))
    needed = longest * min(1.0, LEAST_EDGE / min(small[1:]))
    side = round(max(whole, needed))
    if side > round(whole):
        return Choice(
            side, f"small boxes keep {LEAST_EDGE:g} pixels an edge; a step sees a part of the picture", DEFAULT
        )
    return Choice(side, f"median longer side {longest:.0f} px, at most about {most_voxels} pixels", DEFAULT)


def plan_patch(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, machine: Machine) -> Shape3:
    """What a step sees: the whole image where that is not too large, else a part of about MOST_VOXELS."""
    most = MOST_VOXELS[machine.device, fingerprint.dimension]
    if prod(whole_images.longest(fingerprint, preprocess)) <= LARGER * most:
        return whole_images.plan_patch(ledger, fingerprint, preprocess, machine)
    return sections.patch_of(ledger, fingerprint, preprocess, most_voxels=most)


def plan_batch(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    machine: Machine,
    *,
    patch: Shape3,
) -> BatchPlan:
    """How many images a step has, and how many of them are parts around a box."""
    whole = sections.holds_whole(patch, sections.network_shape(fingerprint, preprocess))
    share = (
        Choice(0.0, "images are seen whole", "this package") if whole else Choice(0.7, "most parts hold a box", DEFAULT)
    )
    return ledger.section(
        BatchPlan,
        "batch",
        {"size": Choice(candidate.patches, f"{candidate.patches} a step", DEFAULT), "foreground_share": share},
        patch=patch,
    )


def plan_augment(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan) -> AugmentPlan:
    """Changes that leave boxes upright: other sizes, places, sides and grey values."""
    colour = all(channel.modality == "rgb" for channel in fingerprint.channels)
    wanted = [
        axis == 0 or (colour and fingerprint.dimension == 2 and axis != fingerprint.flat_axis)
        for axis in preprocess.axes
    ]
    upright, light = "off: boxes stay upright", "light changes"
    return ledger.section(
        AugmentPlan,
        "augment",
        {
            "warp_share": Choice(0.5, "half of the samples keep their voxels as they are", DEFAULT),
            "rotate_deg": Choice((0.0, 0.0, 0.0), upright, DEFAULT),
            "scale": Choice(0.35, "what is looked for is near or far, large or small", MEASURED_HERE),
            "elastic_voxels": Choice(0.0, "off: boxes do not follow bends", "this package"),
            "mirror": Choice(
                (wanted[0], wanted[1], wanted[2]),
                "colour pictures have no up and down" if colour else "left and right",
                MEASURED_HERE,
            ),
            "gamma": Choice(0.3, light, DEFAULT),
            "contrast": Choice(0.15, light, MEASURED_HERE),
            "brightness": Choice(0.15, light, MEASURED_HERE),
            "noise": Choice(0.1, light, DEFAULT),
            "blur_voxels": Choice(0.0, "off", DEFAULT),
            "low_resolution": Choice(1.0, "off", DEFAULT),
            "shift": Choice(0.1, "images lie off their place by up to a tenth", MEASURED_HERE),
            "mixup": Choice(0.0, "off: boxes are not mixed", "this package"),
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
) -> DetectorPlan:
    """A residual encoder with a feature pyramid, searched on the maps that fit the boxes."""
    dims: Literal[2, 3] = ledger.decide("network.dims", rules.choose_dims(fingerprint, "this package"))
    spacing = preprocess.spacing or (1.0, 1.0, 1.0)
    halved = f"halved by every stage while a map keeps {SMALLEST_MAP} cells an axis"
    strides: tuple[Shape3, ...] = ledger.decide(
        "network.strides", Choice(tuple(choose_strides(batch.patch, spacing)), halved, MEASURED_HERE)
    )
    kernels = rules.choose_kernels(strides, spacing, flat=dims == 2)
    widths = tuple(candidate.base * GROWTH[min(stage, len(GROWTH) - 1)] for stage in range(len(strides)))
    found = edges(fingerprint, preprocess.axes)
    assert found is not None, "plan_preprocess has refused it"
    small, large = (in_voxels(one, fingerprint, preprocess) for one in found)
    return ledger.section(
        DetectorPlan,
        "network",
        {
            "family": Choice("resnet", "residual blocks", DEFAULT),
            "in_channels": Choice(len(fingerprint.channels), "the task's channels", "the task"),
            "out_channels": Choice(outputs, "the task's classes", "the task"),
            "widths": Choice(widths, f"{candidate.base} features, more at each stage", MEASURED_HERE),
            "kernels": Choice(tuple(kernels), "3, or 1 across slices while they are thick", rules.NNUNET),
            "blocks": Choice((1,) * len(strides), "one a stage", DEFAULT),
            "growth": Choice(None, "of a DenseNet only", "this package"),
            "levels": choose_levels(strides, small, large),
            "neck": Choice(4 * candidate.base, "of pyramid and heads", MEASURED_HERE),
        },
        dims=dims,
        strides=strides,
    )


def in_voxels(lengths: Triple, fingerprint: Fingerprint, preprocess: PreprocessPlan) -> Triple:
    """Lengths in the data set's unit as voxels of the preprocessed image."""
    if preprocess.spacing is not None:
        d, h, w = (length / edge for length, edge in zip(lengths, preprocess.spacing, strict=True))
        return d, h, w
    longest = max(fingerprint.shape[axis].median for axis in preprocess.axes[1:])
    factor = (preprocess.long_side or longest) / longest
    return lengths[0], lengths[1] * factor, lengths[2] * factor


def choose_strides(patch: Shape3, spacing: Triple) -> list[Shape3]:
    """Each stage halves the axes that keep SMALLEST_MAP cells and are not much coarser than the finest; the first one too."""
    strides = rules.choose_strides(patch, spacing, most_levels=MOST_STAGES + 1)
    return strides[1:] if len(strides) > 1 else strides


def choose_levels(strides: tuple[Shape3, ...], small: Triple, large: Triple) -> Choice[tuple[int, ...]]:
    """The stages whose maps are searched: from the coarsest on which small boxes are CELLS_ACROSS cells long, to the first on
    which large ones are CELLS_OF_LARGE cells long at most.
    """
    steps = steps_of(strides)

    def across(lengths: Triple, step: Shape3) -> list[float]:
        return [length / size for length, size in zip(lengths, step, strict=True) if size > 1]

    fine = [stage for stage, step in enumerate(steps) if min(across(small, step), default=0.0) >= CELLS_ACROSS]
    first = max(fine, default=0)
    wide = [stage for stage, step in enumerate(steps) if max(across(large, step), default=0.0) <= CELLS_OF_LARGE]
    last = max(first, min(wide, default=len(steps) - 1))
    reason = (
        f"small boxes are {CELLS_ACROSS:g} cells long on the first, large ones at most {CELLS_OF_LARGE:g} on the last"
    )
    return Choice(tuple(range(first, last + 1)), reason, MEASURED_HERE)


def recipe(fingerprint: Fingerprint, problem: Problem, steps: int) -> dict[str, Choice[Any]]:
    """How a detector is trained: optimiser, its numbers, and the loss."""
    return {
        "optimizer": Choice("muon", "orthogonalised momentum", MEASURED_HERE),
        "learning_rate": Choice(4e-3, "peak of one cosine cycle", MEASURED_HERE),
        "weight_decay": Choice(0.05, "on kernels only", "Loshchilov and Hutter 2019"),
        "warmup_share": Choice(0.05, "5 % of the steps", DEFAULT),
        "clip_norm": Choice(10.0, "gradients are cut to norm 10", DEFAULT),
        "ema_decay": Choice(
            round(min(0.999, max(0.9, 1 - 10 / steps)), 5), "averages over about a tenth of the steps", DEFAULT
        ),
        "loss": Choice(problem.losses[0], "how well each place fits, and the overlap of boxes", MEASURED_HERE),
        "smoothing": Choice(0.0, "off: what a place is worth is a share anyway", "this package"),
        "class_weights": Choice((), "all alike", DEFAULT),
    }


def weighted(fingerprint: Fingerprint, outputs: int) -> tuple[str, ...]:
    """The classes: each is a probability of its own, and may weigh more or less."""
    return tuple(one.name for one in fingerprint.boxes)
