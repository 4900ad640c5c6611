"""A package as a value: the small members parsed, the weights left on the disk until a model is asked for."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanwright.errors import IntegrityError, UsageError
from scanwright.package.verify import WEIGHTS, Verified, verify

if TYPE_CHECKING:
    import torch


CHOSEN = "chosen.json"
"""The member that holds what was chosen on out-of-fold answers: a calibration, a threshold."""
CONFIDENCE = "confidence.json"
"""The member that holds what is known of how sure answers are, fitted out of fold: scores and residuals of known cases."""
KNOWN_CASES = "arrays/known_cases.safetensors"
"""The member that holds training cases as the model sees them, without names; see explanation.known."""
MEMBERS = "members.json"
"""The member that says which models have which plan, and how much they count, where plan.json alone does not."""
IN_RANGE = "arrays/in_range.safetensors"
"""The member that tells whether an image is of the kind that the model was made for; see explanation.reference."""
LEARNED_FROM = "learned_from.json"
"""The member that tells which cases weights have learned from: {"cases": [hash of each case's voxels]}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A whole package. Task and plan are plain data, for whoever knows their models; `problem` is a name only.

    metrics: what was measured of this model (as metrics.json), None where nothing was.
    reference: statistics of the training images that an input is compared with, None where there are none.
    models: the names to ask `weights` for, sorted; more than one are an ensemble.
    """

    digest: str
    problem: str
    task: dict[str, Any]
    plan: dict[str, Any]
    card: dict[str, Any]
    metrics: dict[str, Any] | None
    reference: dict[str, Any] | None
    models: tuple[str, ...]
    source: Verified

    def read(self, name: str) -> bytes:
        """The bytes of any member by its name, such as "card.md". Raises UsageError if there is none of that name."""
        if name not in self.source.manifest.members:
            raise UsageError("no such member in the package", where=self.source.path, found=name)
        return self.source.read(name)

    def has(self, name: str) -> bool:
        """Whether there is a member of this name."""
        return name in self.source.manifest.members

    def optional(self, name: str) -> dict[str, Any] | None:
        """A member that is a JSON object, None if there is none of this name."""
        return _read_optional(self.source, name)

    def weights(self, model: str) -> "dict[str, torch.Tensor]":
        """One model's parameters and buffers by name, on the CPU, in the types they were stored in.

        Raises UsageError for an unknown model, IntegrityError if a value is NaN or infinite or the file has changed.
        """
        from safetensors.torch import load as load_tensors

        if model not in self.models:
            raise UsageError("no such model in the package", expected=", ".join(self.models), found=model)
        tensors: dict[str, torch.Tensor] = load_tensors(self.source.read(f"{WEIGHTS}{model}.safetensors"))
        for name, tensor in tensors.items():
            if not _is_finite(tensor):
                raise IntegrityError(
                    "the package's weights are not finite",
                    where=self.source.path,
                    expected=f"finite numbers in {model}",
                    found=f"NaN or infinity in {name}",
                    hint="Train again; such a model predicts nothing.",
                )
        return tensors


def load(path: Path) -> Package:
    """Verify a package and read all but its weights. No torch yet. Raises what `verify` raises."""
    source = verify(path)
    return Package(
        digest=source.digest,
        problem=source.manifest.problem,
        task=_read_object(source, "task.json"),
        plan=_read_object(source, "plan.json"),
        card=_read_object(source, "card.json"),
        metrics=_read_optional(source, "metrics.json"),
        reference=_read_optional(source, "reference.json"),
        models=source.models,
        source=source,
    )


def _is_finite(tensor: "torch.Tensor") -> bool:
    """Smallest and largest tell: NaN goes through to both, and unlike `isfinite` they need no copy of the tensor."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    return all(bool(extreme.isfinite()) for extreme in tensor.aminmax())


def _read_object(source: Verified, name: str) -> dict[str, Any]:
    return dict(json.loads(source.read(name)))


def _read_optional(source: Verified, name: str) -> dict[str, Any] | None:
    return _read_object(source, name) if name in source.manifest.members else None
