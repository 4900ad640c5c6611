"""The encoder of a plan for whole images, or for their slices and frames in order."""

from math import prod
from typing import Any, Literal

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import UsageError
from scanwright.plan import rules
from scanwright.plan.budget import Candidate
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import BatchPlan, PreprocessPlan
from scanwright.plan.rules import DEFAULT, Choice
from scanwright.plan.whole_images import MEASURED_HERE, is_small
from scanwright.types import Shape3, Triple, three

SMALLEST_LAST_MAP, LARGEST_LAST_MAP = 4, 10
"""Cells along an axis that the last feature map keeps, and may have."""
FINE_STAGES, MOST_STAGES = 3, 4
HIDDEN = 64
"""Numbers that a recurrent network, or the gate of attention, holds."""


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
    dims: Literal[2, 3] = ledger.decide("network.dims", rules.choose_dims(fingerprint, "this package"))
    return _encoder(ledger, candidate, fingerprint, preprocess, batch, dims=dims, outputs=outputs, join=MEAN)


def plan_sequence_network(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    batch: BatchPlan,
    *,
    outputs: int,
) -> EncoderPlan:
    """A residual encoder of each slice or frame, and a recurrent network over them in their order.

    Raises UsageError for images of one slice, which have no order.
    """
    if fingerprint.dimension == 2:
        raise UsageError(
            "nothing to be put in order",
            where="--model cnn-rnn",
            expected="volumes, or loops of frames",
            found="images of one slice",
            hint="Choose --model cnn.",
        )
    dims: Literal[2, 3] = ledger.decide("network.dims", Choice(2, "each slice or frame by itself", "--model cnn-rnn"))
    join: Choice[Any] = Choice("gru", "slices or frames in their order", "Cho et al. 2014, EMNLP")
    return _encoder(ledger, candidate, fingerprint, preprocess, batch, dims=dims, outputs=outputs, join=join)


MEAN: Choice[Any] = Choice("mean", "there are no slices to be joined", "this package")


def _encoder(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    batch: BatchPlan,
    *,
    dims: Literal[2, 3],
    outputs: int,
    join: Choice[Any],
) -> EncoderPlan:
    spacing = preprocess.spacing or (1.0, 1.0, 1.0)
    halved = f"halved while a map keeps {SMALLEST_LAST_MAP} cells an axis"
    seen = (1, *batch.patch[1:]) if dims == 2 else batch.patch
    fine = is_small(fingerprint) and candidate.fold == 1
    chosen = Choice(tuple(choose_strides(seen, spacing, fine=fine)), halved, MEASURED_HERE)
    strides: tuple[Shape3, ...] = ledger.decide("network.strides", chosen)
    kernels = rules.choose_kernels(strides, spacing, flat=dims == 2)
    widths = tuple(candidate.base * 2**level for level in range(len(strides)))
    joined = ledger.decide("network.join", join)
    return ledger.section(
        EncoderPlan,
        "network",
        {
            "family": Choice("resnet", "residual blocks", MEASURED_HERE),
            "in_channels": Choice(len(fingerprint.channels), "the task's channels", "the task"),
            "out_channels": Choice(outputs, "what the task asks for", "the task"),
            "widths": Choice(widths, f"{candidate.base} features, doubled at each stage", MEASURED_HERE),
            "kernels": Choice(tuple(kernels), "3, or 1 across slices while they are thick", rules.NNUNET),
            "blocks": Choice((1,) * len(strides), "one a stage", MEASURED_HERE),
            "growth": Choice(None, "of a DenseNet only", "this package"),
            "attention_heads": Choice(None, "of a vit only", "this package"),
            "image": Choice(None, "of a vit only", "this package"),
            "hidden": Choice(None if joined == "mean" else HIDDEN, "of the part that joins", DEFAULT),
            "bidirectional": Choice(False, "from the first to the last", DEFAULT),
            "dropout": Choice(0.2, "of the features that the head sees", MEASURED_HERE),
        },
        dims=dims,
        strides=strides,
        join=joined,
    )


def choose_strides(patch: Shape3, spacing: Triple, *, fine: bool) -> list[Shape3]:
    """Halve the axes that have twice SMALLEST_LAST_MAP cells and are not much coarser than the finest.

    fine: three stages of which the first keeps the full size; else the first one halves as well, and larger images have up to
    MOST_STAGES. Where these leave a map of over LARGEST_LAST_MAP cells an axis, the first layer halves once more.
    """
    strides = rules.choose_strides(patch, spacing, most_levels=FINE_STAGES if fine else MOST_STAGES)
    if not fine and len(strides) > 1:
        strides = strides[1:]
    size = [length / prod(axis) for length, axis in zip(patch, zip(*strides, strict=True), strict=True)]
    while max(size) > LARGEST_LAST_MAP:
        halve = three([2 if length >= 2 * SMALLEST_LAST_MAP else 1 for length in size])
        strides = [three([a * b for a, b in zip(strides[0], halve, strict=True)]), *strides[1:]]
        size = [length / step for length, step in zip(size, halve, strict=True)]
    return strides
