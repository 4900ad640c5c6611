"""The sections of a plan, one function each: rules propose, the ledger keeps, later sections see what was decided."""

from functools import partial
from typing import Any, Literal

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import UsageError
from scanwright.plan import rules
from scanwright.plan.budget import Candidate
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import AugmentPlan, BatchPlan, ChannelNormalization, NetworkPlan, PreprocessPlan
from scanwright.plan.rules import DEFAULT, MEASURED, NNUNET, Choice
from scanwright.protocols import Problem
from scanwright.runtime import Machine
from scanwright.types import Shape3, Triple

MOST_VOXELS = {("cpu", 3): 110_000, ("cpu", 2): 256 * 256, ("cuda", 3): 128**3, ("cuda", 2): 512 * 512}


def plan_preprocess(ledger: Ledger, fingerprint: Fingerprint, machine: Machine) -> PreprocessPlan:
    """Axes, spacing, crop, normalisation."""
    axes = ledger.decide("preprocess.axes", rules.choose_axes(fingerprint))
    most = MOST_VOXELS[machine.device, fingerprint.dimension]
    spacing = rules.choose_spacing(fingerprint, axes)
    if machine.device == "cpu":
        spacing = rules.coarsen(spacing, fingerprint, axes, most_voxels=most)
    long_side = rules.choose_long_side(fingerprint, axes, most_voxels=most)
    return preprocess_section(ledger, fingerprint, axes, spacing=spacing, long_side=long_side)


def preprocess_section(
    ledger: Ledger,
    fingerprint: Fingerprint,
    axes: Shape3,
    *,
    spacing: Choice[Triple | None],
    long_side: Choice[int | None],
) -> PreprocessPlan:
    """The section for a spacing and a side: crop and normalisation by the data set."""
    body = fingerprint.body_fraction.median
    channels = [rules.choose_normalization(channel, body_fraction=body) for channel in fingerprint.channels]
    schemes: Choice[tuple[ChannelNormalization, ...]] = Choice(
        tuple(choice.value for choice in channels),
        "; ".join(dict.fromkeys(choice.reason for choice in channels)),
        "; ".join(dict.fromkeys(choice.source for choice in channels)),
    )
    preprocess = ledger.section(
        PreprocessPlan,
        "preprocess",
        {
            "spacing": spacing,
            "long_side": long_side,
            "crop_to_nonzero": rules.choose_crop(fingerprint),
            "normalization": schemes,
            "image_order": Choice(3, "cubic for images, linear shares for labels", NNUNET),
        },
        axes=axes,
    )
    if len(preprocess.normalization) != len(channels):
        raise UsageError(
            "a plan value that cannot be",
            where="preprocess.normalization",
            expected=f"one entry for each of {len(channels)} channels",
            found=f"{len(preprocess.normalization)} entries",
        )
    return preprocess


def network_shape(fingerprint: Fingerprint, preprocess: PreprocessPlan) -> Triple:
    """Median shape of the preprocessed image, in voxels, network order."""
    if preprocess.spacing is None:
        shape = [fingerprint.shape[axis].median for axis in preprocess.axes]
        scale = (preprocess.long_side or max(shape[1:])) / max(shape[1:])
        return shape[0], shape[1] * scale, shape[2] * scale
    extent = fingerprint.body_extent if preprocess.crop_to_nonzero else fingerprint.extent
    lengths = [extent[axis].median / edge for axis, edge in zip(preprocess.axes, preprocess.spacing, strict=True)]
    return lengths[0], lengths[1], lengths[2]


def plan_patch(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, machine: Machine) -> Shape3:
    """The patch that a step sees, in voxels, network order."""
    return patch_of(ledger, fingerprint, preprocess, most_voxels=MOST_VOXELS[machine.device, fingerprint.dimension])


def patch_of(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, *, most_voxels: int) -> Shape3:
    """A patch of at most about so many voxels, as the median image is shaped."""
    spacing, shape = preprocess.spacing or (1.0, 1.0, 1.0), network_shape(fingerprint, preprocess)
    flat = fingerprint.dimension == 2
    patch: Shape3 = ledger.decide("batch.patch", rules.choose_patch(shape, spacing, most_voxels=most_voxels, flat=flat))
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
    """How many patches a step has, and where they lie."""
    if candidate.patches == 1:
        size = Choice(1, "where few steps fit, more steps of one patch learn more", MEASURED)
    elif machine.device == "cpu":
        size = Choice(
            candidate.patches, f"{candidate.patches} a step: twice as many in half the steps did worse", MEASURED
        )
    else:
        size = Choice(candidate.patches, f"{candidate.patches} a step", DEFAULT)
    return ledger.section(
        BatchPlan,
        "batch",
        {
            "size": size,
            "foreground_share": foreground_share(network_shape(fingerprint, preprocess), patch),
        },
        patch=patch,
    )


def holds_whole(patch: Shape3, shape: Triple) -> bool:
    """Whether a patch holds a whole image of this shape, but for a little at its border."""
    return all(size >= rules.GRACE * length for size, length in zip(patch, shape, strict=True))


def foreground_share(shape: Triple, patch: Shape3) -> Choice[float]:
    """A third of the patches are centred on foreground, unless a patch holds the whole image anyway."""
    if holds_whole(patch, shape):
        return Choice(0.0, "a patch holds the whole median image", "this package")
    return Choice(0.34, "every third patch is centred on a foreground voxel", NNUNET)


def plan_augment(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan) -> AugmentPlan:
    """Light changes: on short schedules heavy ones cost more than they give."""
    spacing = preprocess.spacing or (1.0, 1.0, 1.0)
    thick = spacing[0] / min(spacing[1:]) > rules.ANISOTROPIC
    across = 0.0 if thick or fingerprint.dimension == 2 else 11.5
    light = "light: heavy augmentation did worse or no better on short schedules"
    off = "off: part of the heavy augmentation that did worse or no better"
    return ledger.section(
        AugmentPlan,
        "augment",
        {
            "warp_share": Choice(
                0.3, "most samples stay sharp: interpolation blurs, and scans to be answered are not blurred", MEASURED
            ),
            "rotate_deg": Choice((11.5, across, across), "within the slice only" if not across else light, MEASURED),
            "scale": Choice(0.16, light, MEASURED),
            "elastic_voxels": Choice(0.0, off, MEASURED),
            "mirror": rules.choose_mirror(fingerprint, preprocess.axes),
            "gamma": Choice(0.3, light, MEASURED),
            "contrast": Choice(0.1, light, MEASURED),
            "brightness": Choice(0.1, light, MEASURED),
            "noise": Choice(0.1, light, MEASURED),
            "blur_voxels": Choice(0.0, off, MEASURED),
            "low_resolution": Choice(1.0, off, MEASURED),
            "shift": Choice(0.0, "patches lie anywhere as it is", "this package"),
            "mixup": Choice(0.0, "off: voxels are not mixed", "this package"),
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
) -> NetworkPlan:
    """The U-Net for the patch, with what the user set in place of single values."""
    dims: Literal[2, 3] = ledger.decide("network.dims", rules.choose_dims(fingerprint, NNUNET))
    cells = candidate.fold
    entering = "every voxel enters by itself" if cells == 1 else f"{cells} voxels an axis enter as channels"
    folded = Choice((cells if dims == 3 else 1, cells, cells), entering, MEASURED)
    fold: Shape3 = ledger.decide("network.fold", folded)
    draw = partial(
        rules.network,
        batch.patch,
        preprocess.spacing or (1.0, 1.0, 1.0),
        dims=dims,
        base=candidate.base,
        fold=fold,
        channels=len(fingerprint.channels),
        outputs=outputs,
    )
    halved = "halved while a feature map stays at least 4 and edges stay within a factor of 2"
    strides = ledger.decide("network.strides", Choice(draw().strides, halved, NNUNET))
    drawn = draw(strides=strides)
    network = ledger.section(
        NetworkPlan,
        "network",
        {
            "in_channels": Choice(drawn.in_channels, "the task's channels", "the task"),
            "out_channels": Choice(drawn.out_channels, "the task's regions, and background if exclusive", "the task"),
            "widths": Choice(drawn.widths, f"{candidate.base} features, doubled at each level", MEASURED),
            "kernels": Choice(drawn.kernels, "3, or 1 across slices while they are thick", NNUNET),
            "blocks": Choice(drawn.blocks, "two convolutions a level", NNUNET),
            "residual": Choice(drawn.residual, "plain blocks", MEASURED),
            "deep_supervision": Choice(drawn.deep_supervision, "one output, at full resolution", MEASURED),
        },
        dims=dims,
        fold=fold,
        strides=strides,
    )
    require_levels(network)
    return network


def require_levels(network: NetworkPlan) -> None:
    """Raise UsageError unless widths, strides and kernels speak of the same number of levels."""
    levels = len(network.widths), len(network.strides), len(network.kernels)
    if len(set(levels)) > 1:
        raise UsageError(
            "network.widths, network.strides and network.kernels need one entry a level each",
            found=f"{levels[0]}, {levels[1]} and {levels[2]} entries",
            hint="Set network.strides first: the other two follow, or can be set with as many entries.",
        )


def weighted(fingerprint: Fingerprint, outputs: int) -> tuple[str, ...]:
    """Background and the regions, where they exclude each other."""
    names = ("background", *(region.name for region in fingerprint.regions))
    return names if len(names) == outputs else ()


def voxel_recipe(fingerprint: Fingerprint, problem: Problem, steps: int) -> dict[str, Choice[Any]]:
    """How a network of voxels is trained: optimiser, its numbers, and the loss."""
    return {
        "optimizer": Choice("muon", "orthogonalised momentum: as good as AdamW in half the steps", MEASURED),
        "learning_rate": Choice(6e-3, "peak of one cosine cycle", MEASURED),
        "weight_decay": Choice(0.01, "on kernels only", "Loshchilov and Hutter 2019"),
        "warmup_share": Choice(0.03, "3 % of the steps", DEFAULT),
        "clip_norm": Choice(1.0, "gradients are cut to norm 1", DEFAULT),
        "ema_decay": Choice(
            round(min(0.999, max(0.9, 1 - 6 / steps)), 5),
            "averages over about a sixth of the steps: as good as the last weights in short trainings",
            MEASURED,
        ),
        "loss": Choice(problem.losses[0], "overlap and per-voxel evidence together", NNUNET),
        "smoothing": Choice(0.0, "off: labels are taken at their word", DEFAULT),
        "class_weights": rules.choose_class_weights(fingerprint, outputs=problem.outputs),
    }
