"""Losses of numbers: laws for all of them, then each against torch."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from scanwright.training.losses.numbers import NUMBERS, NumberLoss, huber, mean_absolute, mean_squared

every = pytest.mark.parametrize("loss", NUMBERS.values(), ids=NUMBERS)
NAN = torch.nan


def drawn(*, unknown: bool = False) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    values, targets = torch.randn(6, 3, generator=generator), torch.randn(6, 3, generator=generator)
    if unknown:
        targets[1, 0] = targets[2:, 2] = NAN
    return values, targets


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_value_and_gradient_are_finite(loss: NumberLoss, scale: float, dtype: torch.dtype) -> None:
    values, targets = drawn(unknown=True)
    given = (scale * values).to(dtype).requires_grad_()
    value = loss(given, targets)
    value.backward()
    assert value.shape == () and value.dtype == torch.float32 and bool(torch.isfinite(value))
    assert given.grad is not None and bool(torch.isfinite(given.grad).all())


@every
def test_the_gradient_is_that_of_finite_differences(loss: NumberLoss) -> None:
    values, targets = (part.double() for part in drawn(unknown=True))
    weights = torch.tensor([1.0, 3.0, 0.5])
    assert torch.autograd.gradcheck(lambda given: loss(given, targets, weights=weights), values.requires_grad_())


@every
def test_nothing_known_costs_nothing_and_teaches_nothing(loss: NumberLoss) -> None:
    values = drawn()[0].requires_grad_()
    value = loss(values, torch.full((6, 3), NAN))
    value.backward()
    assert float(value.detach()) == 0.0
    assert values.grad is not None and not values.grad.any()


@every
def test_further_off_costs_more_and_a_perfect_answer_nothing(loss: NumberLoss) -> None:
    _, targets = drawn(unknown=True)
    right = targets.nan_to_num(5.0)
    costs = [float(loss(right + offset, targets)) for offset in (0.0, 0.1, 1.0, 3.0, 100.0)]
    assert costs[0] == 0.0
    assert all(earlier < later for earlier, later in itertools.pairwise(costs))


@every
def test_each_quantity_counts_as_much_however_seldom_it_is_known(loss: NumberLoss) -> None:
    values, targets = drawn(unknown=True)
    apart = [float(loss(values[:, k : k + 1], targets[:, k : k + 1])) for k in range(3)]
    assert float(loss(values, targets)) == pytest.approx(sum(apart) / 3, rel=1e-6)
    weighted = loss(values, targets, weights=torch.tensor([1.0, 2.0, 5.0]))
    assert float(weighted) == pytest.approx((apart[0] + 2 * apart[1] + 5 * apart[2]) / 8, rel=1e-6)
    targets[:, 2] = NAN
    assert float(loss(values, targets)) == pytest.approx(sum(apart[:2]) / 2, rel=1e-6)


def test_mean_absolute__by_hand_with_unknowns() -> None:
    values = torch.tensor([[1.0, 0.0], [2.0, 5.0], [4.0, 7.0]])
    targets = torch.tensor([[0.0, NAN], [0.0, 1.0], [NAN, NAN]])
    assert float(mean_absolute(values, targets)) == pytest.approx(((1 + 2) / 2 + 4) / 2)


@every
def test_an_unknown_number_has_no_gradient(loss: NumberLoss) -> None:
    values, targets = drawn(unknown=True)
    loss(values.requires_grad_(), targets).backward()
    assert bool((values.grad[targets.isnan()] == 0).all()) and bool((values.grad[~targets.isnan()] != 0).all())


def test_each__equals_torch() -> None:
    values, targets = drawn()
    assert float(mean_squared(values, targets)) == pytest.approx(float(functional.mse_loss(values, targets)), rel=1e-6)
    assert float(mean_absolute(values, targets)) == pytest.approx(float(functional.l1_loss(values, targets)), rel=1e-6)
    theirs = functional.huber_loss(values, targets, delta=0.7)
    assert float(huber(values, targets, delta=0.7)) == pytest.approx(float(theirs), rel=1e-6)
