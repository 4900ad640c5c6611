"""Voices: the single sources of answers that one training leaves, from which ensembles are put together.

A voice has one network in each fold, and says how it is asked. The network of a fold answers only what that fold held out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

from scanwright.api.ensemble.sources import Source
from scanwright.api.run.folder import WEIGHTS
from scanwright.files import write_bytes
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.plan import Plan
from scanwright.training.snapshots import mean_weights, snapshots_in

SINGLE, VIEWS, DROPOUT, LAST, SWA, SOUP = "single", "views", "dropout", "last", "swa", "soup"
SNAPSHOT = "snapshot"
PASSES = 10
"""Draws of dropout."""
NO_VIEWS = (False, False, False)


@dataclass(frozen=True)
class Voice:
    """One source of answers. variant: how it came of its training. files: the weights of each fold.

    by_case: other weights that answer some held-out cases, where they were chosen on the others of the fold.
    """

    source: Source
    variant: str
    plan: Plan
    files: Mapping[int, Path]
    by_case: Mapping[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As ensemble.json calls it."""
        return f"{self.source.name}:{self.variant}"


def asked_once(plan: Plan) -> Plan:
    """The plan with one forward pass an image or window: no mirrored views, no dropout."""
    return asking(plan, mirror=NO_VIEWS, dropout_passes=0)


def asking(plan: Plan, **how: Any) -> Plan:
    """The plan with other values of its section on inference."""
    return plan.model_copy(update={"inference": plan.inference.model_copy(update=how)})


def single(source: Source, folds: tuple[int, ...]) -> Voice:
    """The network as it is used today, its averaged weights, seen once."""
    return Voice(source, SINGLE, asked_once(source.plan), _averaged(source, folds))


def views(source: Source, folds: tuple[int, ...]) -> Voice | None:
    """The same, seen mirrored as in training too; None where training mirrored nothing."""
    if not any(source.plan.augment.mirror):
        return None
    return Voice(
        source,
        VIEWS,
        asking(source.plan, mirror=source.plan.augment.mirror, dropout_passes=0),
        _averaged(source, folds),
    )


def dropout(source: Source, folds: tuple[int, ...], *, passes: int = PASSES) -> Voice | None:
    """The same, asked with values dropped at random; None for a network that drops nothing."""
    network = source.plan.network
    if not isinstance(network, EncoderPlan) or not network.dropout:
        return None
    passes = source.plan.inference.dropout_passes or passes
    return Voice(source, DROPOUT, asking(source.plan, mirror=NO_VIEWS, dropout_passes=passes), _averaged(source, folds))


def snapshots(source: Source, folds: tuple[int, ...]) -> list[Voice]:
    """The raw weights that were kept, the oldest first; [] where a fold has fewer than another, or none."""
    kept = {fold: snapshots_in(source.run.fold(fold)) for fold in folds}
    count = min(len(files) for files in kept.values())
    if any(len(files) != count for files in kept.values()):
        return []
    plan = asked_once(source.plan)
    return [
        Voice(source, f"{SNAPSHOT} {number + 1}", plan, {fold: files[number] for fold, files in kept.items()})
        for number in range(count)
    ]


def averaged_snapshots(source: Source, taken: list[Voice], folder: Path) -> Voice:
    """The mean of the snapshots of each fold (SWA), written into a folder."""
    files = {
        fold: mean_file([voice.files[fold] for voice in taken], folder / f"fold_{fold}_swa.safetensors")
        for fold in taken[0].files
    }
    return Voice(source, SWA, asked_once(source.plan), files)


def mean_file(files: list[Path], target: Path) -> Path:
    """A file with the mean of weights; it is made anew, and is the same as long as they are."""
    weights = mean_weights([load_file(file) for file in files])
    write_bytes(target, save({name: part.contiguous() for name, part in weights.items()}))
    return target


def _averaged(source: Source, folds: tuple[int, ...]) -> dict[int, Path]:
    return {fold: source.run.fold(fold) / WEIGHTS for fold in folds}
