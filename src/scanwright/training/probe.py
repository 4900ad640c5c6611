"""Measure, on this machine, what a step costs: the planner's ground truth about time.

A few real steps, batches and all, on random data with the planned shapes. The first is not counted: it allocates and
chooses kernels.
"""

import itertools
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from scanwright.network.build import build
from scanwright.plan.budget import Cost
from scanwright.plan.plan import Plan
from scanwright.protocols import Problem
from scanwright.runtime import generator
from scanwright.training.batches import Batches, TrainingCase
from scanwright.training.loop import autocast, network_input, start, take_step


def measure(plan: Plan, problem: Problem, *, device: torch.device, steps: int = 3) -> Cost:
    """Medians over `steps` training steps, their batches included, and as many forward passes of one window."""
    state = start(build(plan.network), plan, device=device)
    batches = Batches([random_case(plan, problem)], plan, seed=0, device=device)
    window = batches.batch(0)[0][:1]
    counter = itertools.count()

    def step() -> None:
        take_step(state, *batches.batch(next(counter)), problem=problem, plan=plan, progress=1.0)

    @torch.no_grad()
    def answer() -> None:
        with autocast(plan, device):
            problem.probabilities(state.averaged(network_input(window, plan))[0])

    return Cost(step_s=median_seconds(step, steps, device), window_s=median_seconds(answer, steps, device))


def random_case(plan: Plan, problem: Problem) -> TrainingCase:
    """Noise a little larger than a patch, with two codes; a whole image knows nothing of its target, which costs the same."""
    shape = tuple(length + length // 4 if length > 1 else 1 for length in plan.batch.patch)
    rng = generator(0)
    image = rng.standard_normal((plan.network.in_channels, *shape), dtype=np.float32)
    nothing = problem.encode(None)
    if nothing is not None:
        return TrainingCase("noise", image, nothing)
    codes = rng.integers(0, 2, shape, dtype=np.uint8)
    return TrainingCase("noise", image, codes, {1: np.argwhere(codes == 1)[:100]})


def median_seconds(work: Callable[[], None], times: int, device: torch.device) -> float:
    """Median wall time of `work`, its first call not counted, the device waited for."""

    def once() -> float:
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - began

    once()
    return statistics.median(once() for _ in range(times))
