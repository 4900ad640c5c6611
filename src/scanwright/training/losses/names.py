"""Choosing a loss by the name that a plan holds."""

from collections.abc import Mapping
from typing import TypeVar

from scanwright.errors import UsageError

Loss = TypeVar("Loss")


def loss_named(losses: Mapping[str, Loss], name: str) -> Loss:
    """The loss of that name in the mapping of a kind of target. Raises UsageError, with the names, if there is none."""
    if name not in losses:
        raise UsageError(
            "a loss that this kind of target does not have",
            where="training.loss",
            expected=", ".join(losses),
            found=name,
            hint="Name one of those, or leave it out.",
        )
    return losses[name]
