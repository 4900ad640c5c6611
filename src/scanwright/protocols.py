"""What stages ask of each other when the thing itself lives on a higher floor or differs by kind of problem.

A stage never asks which kind a problem is. It takes a Problem, and calls it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from scanwright.types import Array

if TYPE_CHECKING:
    import torch


class Problem(Protocol):
    """What differs between segmentation, classification, regression and detection."""

    name: str

    def num_outputs(self, task: Any) -> int:
        """Output channels of the network's head for this task."""
        ...

    def encode_target(self, label_IJK: Array, task: Any) -> Array:
        """A label file's values as the integers that are stored and trained on, same shape."""
        ...

    def loss(self, outputs: "Sequence[torch.Tensor]", target: "torch.Tensor", plan: Any) -> "torch.Tensor":
        """One scalar from the network's outputs (finest first) and the encoded target."""
        ...
