"""A budget of wall time to a network, a batch and a number of steps: the largest that can take enough of them.

Time is measured, not modelled: a candidate takes a few real steps on this machine (`cost`), and what surrounds the steps is
estimated from what the checks took.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

from scanwright.errors import ResourceError
from scanwright.plan import rules
from scanwright.plan.plan import Plan
from scanwright.types import Triple

FEWEST_STEPS = 20
USED_SHARE = 0.97
"""Of a budget, what is planned for; the rest is start-up and what no estimate knows."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on this machine: of one training step with its data, and of one window of one view through one network."""

    step_s: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What a budget turned into: seconds a step, and seconds kept for what comes after training."""

    step_s: float
    reserve_s: float


@dataclass(frozen=True, slots=True)
class Workload:
    """What surrounds the steps: folds to train, cases to answer in all of them, and seconds that other stages take.

    spent_s: used before planning. per_case_s: to read, preprocess or write one case. tail_s: evaluation, report, package.
    explaining: how often a network sees a whole image so that answers are explained.
    """

    folds: int
    cases: int
    answered: int
    spent_s: float
    per_case_s: float
    tail_s: float
    explaining: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a budget may be spent on. base: features at the finest level. fold: voxels an axis that enter as one.

    patches: how many a step. wanted_steps: in fewer, the next smaller candidate learns more.
    """

    base: int
    fold: int
    patches: int
    wanted_steps: int


def fit_budget(
    trials: Iterator[tuple[Candidate, Plan]],
    complete: Callable[..., Plan],
    budget_s: float,
    *,
    shape: Triple,
    workload: Workload,
    cost: Callable[[Plan], Cost],
) -> Plan:
    """The largest candidate that can take its wanted number of steps in the budget, with the steps that it can take.

    trials: candidates from large to small, each with a plan of one step. shape: of the median preprocessed image.
    """
    if budget_s - workload.spent_s < workload.tail_s:
        raise budget_too_small(budget_s, workload.spent_s + 2 * workload.tail_s, folds=workload.folds)
    candidate, first = next(trials)
    while True:
        measured = cost(first)
        reserve_s = time_after_training(measured, workload, windows=views_of(first, shape))
        steps = affordable_steps(budget_s, measured, workload, reserve_s=reserve_s)
        smaller = None if steps >= candidate.wanted_steps else next(trials, None)
        if smaller is None:
            break
        candidate, first = smaller
    if steps < FEWEST_STEPS:
        raise budget_too_small(budget_s, smallest_budget(measured, workload, reserve_s=reserve_s), folds=workload.folds)
    return complete(candidate, steps=steps, pace=Pace(measured.step_s, reserve_s))


def views_of(plan: Plan, shape: Triple) -> int:
    """How many windows the network sees, mirrored ones counted, to answer an image of a shape (of the median case)."""
    d, h, w = (round(length) for length in shape)
    windows = rules.num_windows((d, h, w), plan.batch.patch, step_share=plan.inference.step_share)
    return windows * prod(2 if mirrored else 1 for mirrored in plan.inference.mirror)


def time_after_training(cost: Cost, workload: Workload, *, windows: int) -> float:
    """Seconds for answering every case that is judged, and for explanations, evaluation, report and package."""
    answers = workload.answered * (cost.window_s * windows + 2 * workload.per_case_s)
    return workload.tail_s + answers + workload.explaining * cost.window_s


def affordable_steps(budget_s: float, cost: Cost, workload: Workload, *, reserve_s: float) -> int:
    """Steps a fold that fit between the other stages; negative if not even those fit."""
    before = workload.spent_s + workload.cases * workload.per_case_s
    return int((USED_SHARE * budget_s - before - reserve_s) / workload.folds / cost.step_s)


def smallest_budget(cost: Cost, workload: Workload, *, reserve_s: float) -> float:
    """The budget in whole seconds in which `affordable_steps` gives FEWEST_STEPS."""
    before = workload.spent_s + workload.cases * workload.per_case_s
    return math.floor((before + reserve_s + FEWEST_STEPS * workload.folds * cost.step_s) / USED_SHARE) + 1


def budget_too_small(budget_s: float, need_s: float, *, folds: int) -> ResourceError:
    """The error for a budget in which nothing can be learned. folds: to be trained in it."""
    three = ", or set fewer folds (--folds 3)" if folds > 3 else ""
    fewer = f", {'' if three else 'or '}train one fold only (--fold 0){three}" if folds > 1 else ""
    return ResourceError(
        "the budget is too small to train anything",
        expected=f"at least {need_s:.0f} s for this data set on this machine",
        found=f"--budget {budget_s:.0f}s",
        hint=f"Give more time{fewer}.",
    )
