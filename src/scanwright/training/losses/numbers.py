"""Losses of numbers: one or several quantities of a case, each standardised on the training cases.

Shapes: values and targets (N, Q), in standard deviations of each quantity. Unknown is NaN in the targets and counts for
nothing. The mean is taken over the known cases of each quantity first and then over quantities, so that one which is seldom
known counts as much. weights (Q,): of the quantities in the second mean. Nothing known: 0, with a gradient of 0.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from scanwright.training.losses.precision import single

TINY = 1e-12


class NumberLoss(Protocol):
    """A loss of numbers."""

    def __call__(self, values: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """values (N, Q), targets (N, Q), weights (Q,), to a scalar."""
        ...


def mean_squared(values: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Mean squared error (MSE); its best constant answer is the mean."""
    return _mean(_errors(values, targets).square(), targets, weights)


def mean_absolute(values: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Mean absolute error (L1); its best constant answer is the median."""
    return _mean(_errors(values, targets).abs(), targets, weights)


def huber(values: Tensor, targets: Tensor, *, weights: Tensor | None = None, delta: float = 1.0) -> Tensor:
    """Half the squared error up to delta, a line of the same slope beyond: far outliers pull no harder than near ones.

    delta: in standard deviations, above 0. Source: Huber 1964, Ann Math Stat 35:73.
    """
    errors = _errors(values, targets)
    costs = functional.huber_loss(errors, torch.zeros_like(errors), reduction="none", delta=delta)
    return _mean(costs, targets, weights)


def _errors(values: Tensor, targets: Tensor) -> Tensor:
    """Value minus target, 0 where the target is unknown."""
    values = single(values)
    known = ~targets.isnan()
    return (values - targets.to(values.dtype).where(known, 0)) * known


def _mean(costs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    counts = (~targets.isnan()).sum(0)
    each = costs.sum(0) / counts.clamp_min(1)
    present = (counts > 0).to(each.dtype)
    present = present if weights is None else present * weights.to(each)
    return (each * present).sum() / present.sum().clamp_min(TINY)


NUMBERS: dict[str, NumberLoss] = {"mse": mean_squared, "l1": mean_absolute, "huber": huber}
