from collections.abc import Iterator

import numpy as np
import pytest
import torch

from fakes import plan, task
from scanwright.plan.plan import Plan
from scanwright.problem.segmentation import Segmentation
from scanwright.training import probe
from scanwright.training.batches import cut
from scanwright.training.probe import measure, median_seconds, random_case

CPU = torch.device("cpu")


def with_network(made: Plan, **changes: object) -> Plan:
    return made.model_copy(update={"network": made.network.model_copy(update=changes)})


@pytest.mark.parametrize(
    "planned",
    [
        plan(),
        plan(patch=(1, 32, 32)),
        plan(precision="bfloat16", channels_last=False),
        with_network(plan(patch=(16, 16, 16)), fold=(2, 2, 2)),
        with_network(plan(), in_channels=3, deep_supervision=True),
    ],
    ids=["3-D", "2-D", "bfloat16", "folded", "three channels"],
)
def test_measure__takes_real_steps_of_any_plan(planned: Plan) -> None:
    cost = measure(planned, Segmentation(task(2)), device=CPU)
    assert 0 < cost.step_s < 60 and 0 < cost.window_s < 60


def test_measure__leaves_the_programs_random_numbers_alone() -> None:
    before = torch.random.get_rng_state()
    measure(plan(), Segmentation(task(2)), device=CPU)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_measure__as_many_steps_and_windows_as_asked_and_one_uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(probe, "take_step", lambda state, image, codes, **rest: taken.append(len(image)))
    measure(plan(batch=3), Segmentation(task(2)), device=CPU, steps=4)
    assert taken == [3] * 5


def test_median_seconds__the_first_call_and_one_disturbance_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    pace: Iterator[float] = iter([100.0, 2.0, 50.0, 1.0])

    def work() -> None:
        now[0] += next(pace)

    monkeypatch.setattr(probe.time, "perf_counter", lambda: now[0])
    assert median_seconds(work, 3, CPU) == 2.0


@pytest.mark.parametrize("patch", [(8, 16, 16), (1, 32, 40)])
def test_random_case__is_larger_than_the_patch_and_always_the_same(patch: tuple[int, int, int]) -> None:
    planned = with_network(plan(patch=patch), in_channels=2)
    case = random_case(planned, Segmentation(task(2)))
    assert case.image.shape == (2, *case.target.shape) and case.image.dtype == np.float32
    assert all(n >= p for n, p in zip(case.target.shape, patch, strict=True)) and case.target.shape[0] >= patch[0]
    assert (case.target.shape[0] == 1) is (patch[0] == 1)
    assert np.array_equal(random_case(planned, Segmentation(task(2))).image, case.image)
    assert all(case.target[tuple(point)] == 1 for point in case.foreground[1])
    assert cut(case, [n // 2 for n in case.target.shape], patch)[0].shape == (2, *patch)
