"""The optimiser, the learning rate, and the timetable that lets a schedule end on time.

Progress runs from 0 to 1 and everything that changes during training is a function of it. A timetable maps steps to
progress; when the machine turns out slower (or faster) than measured, the rest is refitted: progress goes on from where it
is, and only its pace changes. Refits are data, so a resumed run repeats them exactly.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from scanwright.plan.plan import TrainingPlan

FLOOR = 0.01
"""The learning rate ends at this share of its peak."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Total steps, and each refit as (step, progress at that step, new total), oldest first."""

    total: int
    refits: tuple[tuple[int, float, int], ...] = ()

    @property
    def end(self) -> int:
        """The step at which training ends."""
        return self.refits[-1][2] if self.refits else self.total

    def progress(self, step: int) -> float:
        """Share of the schedule that is done before `step`, in [0, 1]."""
        start, done, end = 0, 0.0, self.total
        for refit in self.refits:
            if step >= refit[0]:
                start, done, end = refit
        return min(1.0, done + (1 - done) * (step - start) / max(1, end - start))

    def refit(self, step: int, *, end: int) -> "Timetable":
        """The timetable that reaches its end at step `end`, its past unchanged."""
        return Timetable(self.total, (*self.refits, (step, self.progress(step), end)))


def learning_rate(plan: TrainingPlan, progress: float) -> float:
    """Linear warm-up, then half a cosine to FLOOR of the peak (Loshchilov and Hutter 2017, ICLR, one cycle)."""
    warm = min(1.0, (progress + 1e-3) / plan.warmup_share) if plan.warmup_share else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return plan.learning_rate * warm * (FLOOR + (1 - FLOOR) * cosine)


def faded_weights(plan: TrainingPlan, progress: float) -> tuple[float, ...]:
    """The planned weights, fading to one as training goes on: rare classes emerge early, and sizes come out unbiased."""
    return tuple(weight ** (1 - progress) for weight in plan.class_weights)


def make_optimizer(network: nn.Module, plan: TrainingPlan) -> torch.optim.Optimizer:
    """The planned optimiser over a network's parameters; weight decay spares norms and biases."""
    kernels = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [{"params": kernels, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return OPTIMIZERS[plan.optimizer](groups, plan)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for kernels; AdamW, at a tenth of the rate, for norms and biases.

    A kernel (outputs, inputs, *size) is treated as the matrix (outputs, inputs * size). Updates are scaled to the
    root-mean-square of AdamW's, so that learning rates carry over. dtype: of the orthogonalisation, half of a step's time
    where widths are large; bfloat16 serves, as in the source, since it only has to come near.
    Source: Jordan et al. 2024 (Muon, Newton-Schulz coefficients); Liu et al. 2025, arXiv:2502.16982 (the scale).
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, *, momentum: float = 0.95, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                update = self._kernel if parameter.ndim > 1 else self._vector
                update(parameter, parameter.grad, group)

    def _kernel(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        momentum = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(gradient, 1 - group["momentum"])
        update = gradient.lerp(momentum, group["momentum"]).reshape(parameter.shape[0], -1)
        scale = 0.2 * math.sqrt(max(update.shape))
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        direction = orthogonalize(update.to(self.dtype)).to(parameter.dtype)
        parameter.add_(direction.reshape(parameter.shape), alpha=-group["lr"] * scale)

    def _vector(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        first = state.setdefault("first", torch.zeros_like(parameter))
        second = state.setdefault("second", torch.zeros_like(parameter))
        count = state.setdefault("count", torch.zeros((), dtype=torch.float32))
        count += 1
        first.lerp_(gradient, 0.1)
        second.lerp_(gradient.square(), 0.01)
        corrected = (second / (1 - 0.99**count)).sqrt().add_(1e-8)
        parameter.addcdiv_(first / (1 - 0.9**count), corrected, value=-group["lr"])


def orthogonalize(matrix: Tensor) -> Tensor:
    """The nearest matrix with singular values about 1 (between 0.7 and 1.2), by five Newton-Schulz steps."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    orthogonal: Tensor = x if wide else x.T
    return orthogonal


OPTIMIZERS: dict[str, Callable[[list[dict[str, Any]], TrainingPlan], torch.optim.Optimizer]] = {
    "adamw": lambda groups, plan: torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.99)),
    "muon": lambda groups, plan: Muon(groups, plan.learning_rate, dtype=getattr(torch, plan.precision)),
    "sgd": lambda groups, plan: torch.optim.SGD(groups, lr=plan.learning_rate, momentum=0.99, nesterov=True),
}
