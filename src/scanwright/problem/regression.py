"""Regression: one or several quantities of a whole image. A network learns them less their mean, over their deviation.

Both are those of the training cases and stand in the plan (`TargetPlan`); unbound from a plan they are 0 and 1. A quantity
that is not known of a case is NaN in its target and counts for nothing.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from scanwright.dataset.cases import Quantities
from scanwright.dataset.task import Task
from scanwright.plan.plan import Plan, TargetPlan
from scanwright.problem.numbers.answers import NumberAnswers
from scanwright.problem.numbers.certain import NumberCertainty
from scanwright.training.losses.names import loss_named
from scanwright.training.losses.numbers import NUMBERS
from scanwright.types import Array, Floats

PLANNED_FIRST = "huber"


class Regression(NumberAnswers):
    """A Kind (see `scanwright.problem.kind`) bound to one task, and once there is a plan to that."""

    name = "regression"
    sees_whole = True
    gives_boxes = False
    learns_normal = False
    codes: dict[int, int] = {}  # noqa: RUF012  # never written to

    def __init__(self, task: Task, target: TargetPlan | None = None, trust: NumberCertainty | None = None) -> None:
        self.task, self.learned, self.trust = task, target, trust
        number = len(task.quantities)
        self.target = target or TargetPlan(center=(0.0,) * number, scale=(1.0,) * number)

    def planned(self, plan: Plan) -> "Regression":
        """The same problem with the plan's means and deviations."""
        return Regression(self.task, plan.target, self.trust)

    @property
    def outputs(self) -> int:
        """A number for each quantity."""
        return len(self.task.quantities)

    @property
    def losses(self) -> tuple[str, ...]:
        """Huber's first: outliers of measured quantities are common."""
        return (PLANNED_FIRST, *(name for name in NUMBERS if name != PLANNED_FIRST))

    def encode(self, target: object) -> Floats:
        """(Q,) float32 in deviations from the mean, NaN for what is not known."""
        if not isinstance(target, Quantities):
            return np.full(self.outputs, np.nan, dtype=np.float32)
        known = np.array([np.nan if number is None else number for number in target.numbers], dtype=np.float64)
        return ((known - self.target.center) / self.target.scale).astype(np.float32)

    def loss(
        self, outputs: Sequence[Tensor], target: Tensor, *, name: str = "", class_weights: Sequence[float] = ()
    ) -> Tensor:
        """The named loss of values (N, Q) and targets (N, Q), both in deviations."""
        return loss_named(NUMBERS, name or self.losses[0])(outputs[0], target)

    def probabilities(self, logits: Tensor) -> Tensor:
        """(N, Q) in the quantities' own units."""
        center, scale = (
            torch.tensor(values, device=logits.device) for values in (self.target.center, self.target.scale)
        )
        return logits * scale + center

    def agreement(self, logits: Tensor, target: Tensor) -> Tensor:
        """(Q, 2): how much of the spread is explained, 1 less the absolute error in deviations, not under 0, and the cases."""
        known = torch.isfinite(target)
        near = (1 - (logits - torch.nan_to_num(target)).abs()).clamp_min(0) * known
        return torch.stack([near.sum(0), known.sum(0).to(near.dtype)], 1).double()

    def decode(self, probabilities: Iterable[Array]) -> Array:
        """The numbers as they are."""
        return np.stack(list(probabilities))
