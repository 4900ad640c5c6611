import itertools

import pytest
import torch

from fakes import plan
from scanwright.training.schedule import FLOOR, Muon, Timetable, faded_weights, learning_rate, orthogonalize


def test_timetable__without_refits_is_a_straight_line() -> None:
    table = Timetable(10)
    assert [table.progress(step) for step in (0, 5, 10, 20)] == [0.0, 0.5, 1.0, 1.0]
    assert table.end == 10


def test_timetable__a_refit_goes_on_from_where_it_is_and_ends_at_one() -> None:
    table = Timetable(100).refit(40, end=60)
    assert table.progress(40) == pytest.approx(0.4)
    assert table.progress(50) == pytest.approx(0.7)
    assert table.progress(60) == pytest.approx(1.0)
    assert table.progress(20) == pytest.approx(0.2), "the past does not change"
    assert table.refit(50, end=80).progress(65) == pytest.approx(0.85)


def test_learning_rate__warms_up_peaks_and_ends_at_its_floor() -> None:
    training = plan().training.model_copy(update={"learning_rate": 1.0, "warmup_share": 0.1})
    rates = [learning_rate(training, step / 100) for step in range(101)]
    assert rates[0] < 0.02
    assert max(rates) == pytest.approx(0.975, abs=0.01)
    assert rates[-1] == pytest.approx(FLOOR)
    assert all(a >= b for a, b in itertools.pairwise(rates[11:]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (16, 16)])
def test_orthogonalize__singular_values_come_close_to_one(shape: tuple[int, int], dtype: torch.dtype) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalize(matrix.to(dtype)).float())
    assert values.min() > 0.6 and values.max() < 1.3


def test_muon__minimises_a_quadratic() -> None:
    target = torch.randn(6, 4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    kernel, bias = torch.nn.Parameter(torch.zeros_like(target)), torch.nn.Parameter(torch.ones(6))
    optimizer = Muon([{"params": [kernel]}, {"params": [bias]}], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (((kernel - target) ** 2).sum() + (bias**2).sum()).backward()
        optimizer.step()
    assert float((kernel - target).detach().abs().mean()) < 0.1
    assert float(bias.detach().abs().max()) < 0.2


def test_faded_weights__are_planned_at_the_start_and_one_at_the_end() -> None:
    training = plan(class_weights=(1.0, 4.0, 16.0)).training
    assert faded_weights(training, 0.0) == (1.0, 4.0, 16.0)
    assert faded_weights(training, 0.5) == pytest.approx((1.0, 2.0, 4.0))
    assert faded_weights(training, 1.0) == (1.0, 1.0, 1.0)
    assert faded_weights(plan().training, 0.3) == ()
