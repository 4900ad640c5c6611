"""The sections of a plan for one answer to a whole image: nothing is cut, and an encoder takes the place of the U-Net.

Triples come in canonical order from the fingerprint and leave in network order (D, H, W), as in `sections` and `rules`.
"""

import math
from math import prod
from typing import Any

from scanwright.dataset.facts import Fingerprint
from scanwright.plan import rules, sections
from scanwright.plan.budget import Candidate
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import AugmentPlan, BatchPlan, PreprocessPlan
from scanwright.plan.rules import DEFAULT, Choice, Decide
from scanwright.protocols import Problem
from scanwright.runtime import Machine
from scanwright.types import Shape3, Triple, three

MOST_VOXELS = {("cpu", 3): 64_000, ("cpu", 2): 128 * 128, ("cuda", 3): 96**3, ("cuda", 2): 320 * 320}
"""Of a whole image that a step sees. More cost time in proportion, and what is diagnosed from is seldom that fine."""

MEASURED_HERE = "measured, docs/design/0007-diagnosis.md"
FEW_CASES = 2000
RARE = 0.2
"""Share of the cases below which the rarer of two classes is seldom the more probable one, whatever an image shows: evidence
must raise its odds more than fourfold.
"""


def plan_preprocess(
    ledger: Ledger, fingerprint: Fingerprint, machine: Machine, *, keep_first: bool = False
) -> PreprocessPlan:
    """As for voxels, but so coarse that a step can see the whole image. keep_first: not along the first axis."""
    most = MOST_VOXELS[machine.device, fingerprint.dimension]
    axes = ledger.decide("preprocess.axes", rules.choose_axes(fingerprint))
    return sections.preprocess_section(
        ledger,
        fingerprint,
        axes,
        spacing=whole_spacing(fingerprint, axes, most_voxels=most, keep_first=keep_first),
        long_side=whole_side(fingerprint, axes, most_voxels=most),
    )


def plan_sequence_preprocess(ledger: Ledger, fingerprint: Fingerprint, machine: Machine) -> PreprocessPlan:
    """As above, but slices or frames keep their distance: what is learned is how they follow each other."""
    return plan_preprocess(ledger, fingerprint, machine, keep_first=True)


def whole_spacing(
    fingerprint: Fingerprint, axes: Shape3, *, most_voxels: int, keep_first: bool = False
) -> Choice[Triple | None]:
    """The data set's own spacing, or coarser, the finest axes first, until the median image has `most_voxels`.

    keep_first: not along the first axis; nor where images have one slice.
    """
    native = rules.choose_spacing(fingerprint, axes)
    if native.value is None:
        return native
    first = native.value[0]
    kept = keep_first or fingerprint.dimension == 2
    extent = [fingerprint.extent[axis].median for axis in axes]
    if fingerprint.dimension == 2:
        extent[0] = first

    def coarsened(edge: float) -> Triple:
        d, h, w = rules.coarser(native.value or (1.0, 1.0, 1.0), edge)
        return (first if kept else d, h, w)

    def voxels(edge: float) -> float:
        return prod(length / one for length, one in zip(extent, coarsened(edge), strict=True))

    if voxels(0.0) <= most_voxels:
        return native
    low, high = 0.0, max(extent)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if voxels(middle) > most_voxels else (low, middle)
    d, h, w = (float(f"{edge:.3g}") for edge in coarsened(high))
    return Choice((d, h, w), f"coarser, so that the whole image has about {most_voxels} voxels", DEFAULT)


def whole_side(fingerprint: Fingerprint, axes: Shape3, *, most_voxels: int) -> Choice[int | None]:
    """For pictures without a scale: the median longer side, at most so long that a square of it has `most_voxels`."""
    if fingerprint.unit != "px":
        return Choice(None, "the images have a physical scale", "this package")
    median = max(fingerprint.shape[axis].median for axis in axes[1:])
    side = round(min(median, math.sqrt(most_voxels)))
    return Choice(side, f"median longer side {median:.0f} px, at most {most_voxels} pixels an image", DEFAULT)


def plan_patch(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, machine: Machine) -> Shape3:
    """The size to which every image is filled up."""
    whole = Choice(longest(fingerprint, preprocess), "every image whole, filled up at its edges", "this package")
    patch: Shape3 = ledger.decide("batch.patch", whole)
    return patch


def longest(fingerprint: Fingerprint, preprocess: PreprocessPlan) -> Shape3:
    """The longest image along each axis, once prepared; network order."""
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
    return three([max(1, length) for length in size])


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


def is_small(fingerprint: Fingerprint) -> bool:
    """Whether there are so few cases that a network learns them by heart before it learns what they have in common."""
    return fingerprint.num_cases < FEW_CASES


def plan_sequence_augment(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan) -> AugmentPlan:
    """As below, but nothing is mixed: two loops laid over each other follow no order."""
    return plan_augment(ledger, fingerprint, preprocess, mixed=False)


def plan_augment(
    ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, *, mixed: bool = True
) -> AugmentPlan:
    """Light changes that leave the answer as it is; of few cases mixtures, and mirror images."""
    across = 0.0 if fingerprint.dimension == 2 else 11.5
    few, light = is_small(fingerprint), "light: stronger changes did no better"
    wanted = [few and axis == 0 for axis in preprocess.axes]
    many = f"off: {fingerprint.num_cases} cases show enough by themselves"
    classes = mixed and few and bool(fingerprint.classes)
    mixtures = (
        "few cases: images and their classes are mixed" if classes else "off: many cases, no classes, or an order"
    )
    return ledger.section(
        AugmentPlan,
        "augment",
        {
            "warp_share": Choice(0.3, light, MEASURED_HERE),
            "rotate_deg": Choice((11.5, across, across), light, MEASURED_HERE),
            "scale": scale(fingerprint),
            "elastic_voxels": Choice(0.0, "off: it bends what is diagnosed from", DEFAULT),
            "mirror": Choice(tuple(wanted), "of few cases: left and right" if few else many, MEASURED_HERE),
            "gamma": Choice(0.3, light, MEASURED_HERE),
            "contrast": Choice(0.1, light, MEASURED_HERE),
            "brightness": Choice(0.1, light, MEASURED_HERE),
            "noise": Choice(0.1, light, MEASURED_HERE),
            "blur_voxels": Choice(0.0, "off", DEFAULT),
            "low_resolution": Choice(1.0, "off", DEFAULT),
            "shift": Choice(0.04, light, MEASURED_HERE),
            "mixup": Choice(0.3 if classes else 0.0, mixtures, MEASURED_HERE),
        },
    )


def scale(fingerprint: Fingerprint) -> Choice[float]:
    """Sizes vary where classes are told, and stay where quantities are: many of these are sizes."""
    if fingerprint.quantities:
        return Choice(0.0, "off: a quantity may be a size, which scaling would change without its target", DEFAULT)
    return Choice(0.16, "light: stronger changes did no better", MEASURED_HERE)


def recipe(fingerprint: Fingerprint, problem: Problem, steps: int) -> dict[str, Choice[Any]]:
    """How an encoder is trained: optimiser, its numbers, and the loss."""
    return {
        "optimizer": Choice("muon", "orthogonalised momentum: better than AdamW in as many steps", MEASURED_HERE),
        "learning_rate": Choice(6e-3, "peak of one cosine cycle", MEASURED_HERE),
        "weight_decay": Choice(0.01, "on kernels only", "Loshchilov and Hutter 2019"),
        "warmup_share": Choice(0.05, "5 % of the steps", DEFAULT),
        "clip_norm": Choice(1.0, "gradients are cut to norm 1", DEFAULT),
        "ema_decay": Choice(
            round(min(0.999, max(0.9, 1 - 6 / steps)), 5), "averages over about a sixth of the steps", MEASURED_HERE
        ),
        "loss": Choice(problem.losses[0], "of the kind of problem", "the task"),
        "smoothing": smoothing(fingerprint),
        "class_weights": Choice(
            (), "all alike: weights did worse; probabilities are calibrated afterwards", MEASURED_HERE
        ),
    }


def smoothing(fingerprint: Fingerprint) -> Choice[float]:
    """Of few cases the classes are smoothed; of many, or of quantities, they are taken at their word."""
    if fingerprint.classes and is_small(fingerprint):
        return Choice(0.1, "few cases: no answer should be too sure", MEASURED_HERE)
    return Choice(0.0, "off: there are many cases, or no classes", MEASURED_HERE)


def weighted(fingerprint: Fingerprint, outputs: int) -> tuple[str, ...]:
    """Classes of which one is right have weights; grades and classes of which several may be there have none."""
    names = tuple(one.name for one in fingerprint.classes)
    return names if len(names) == outputs else ()


def choose_decision(fingerprint: Fingerprint) -> Choice[Decide]:
    """What is more probable; of two classes one of which is RARE, by a threshold that weighs both alike.

    The threshold is chosen on out-of-fold answers; with one fold alone there is nothing to choose on, and what is more
    probable is said. Labels, of which each may be rare, are left as they are: it was measured of two classes.
    """
    total = sum(one.cases for one in fingerprint.classes)
    rarest = min(fingerprint.classes, key=lambda one: one.cases, default=None)
    two = fingerprint.choice == "one" and len(fingerprint.classes) == 2
    if rarest is None or not two or rarest.cases >= RARE * total:
        return rules.most_probable(fingerprint)
    share = f"{100 * rarest.cases / total:.2g} %"
    why = f"{rarest.name} has {share} of the cases, and would seldom be the more probable: both classes weigh alike"
    return Choice("youden", why, MEASURED_HERE)
