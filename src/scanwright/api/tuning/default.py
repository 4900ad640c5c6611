"""The default plan, as the planner makes it for the part of the budget that one training of a trial has."""

from dataclasses import dataclass
from typing import Any

import torch

from scanwright.api.run.folder import PLAN, Run
from scanwright.api.run.learn import FITTED
from scanwright.api.run.rung import plan_at
from scanwright.api.run.study import PER_CASE_SHARE, TAIL_S, Material, earlier_plan
from scanwright.errors import ResourceError
from scanwright.files import canonical_json, sha256_bytes, write_json
from scanwright.plan.budget import FEWEST_STEPS, Cost, Workload
from scanwright.plan.make import DEFAULT_STEPS, make
from scanwright.plan.plan import Plan
from scanwright.plan.ruleset import rules_for
from scanwright.plan.settings import Settings
from scanwright.protocols import Listener, Progress
from scanwright.runtime import Machine
from scanwright.search.changes import pins
from scanwright.training.probe import measure

WHOLE_TRIALS = (6, 4, 2)
"""Trials on all inner folds that a budget has to hold: the default's, and what is spent on many that end early. Where even the
smallest network could not learn in so short a time, fewer."""
OUTER = 2
"""Trainings on the whole training part: of the default plan and of the best one."""
USED = 0.93
"""Of what is left of a budget, what trainings are planned to take."""


@dataclass(frozen=True, slots=True)
class Base:
    """The default plan and the settings that make it again without a budget: its network held, its steps given."""

    plan: Plan
    settings: Settings


def default_base(
    run: Run,
    outer: Material,
    inner: Material,
    settings: Settings,
    *,
    budget_s: float,
    machine: Machine,
    share: Machine,
    device: torch.device,
    tell: Listener,
) -> Base:
    """The plan that trials are compared with, kept in plan.json.

    Its network is the largest that takes enough steps in a trial's part of the budget, as `train --budget` would choose it, and
    its steps those that fit, DEFAULT_STEPS at most; with `settings.steps` these. machine: all of it. share: what one job has.
    Raises ResourceError if the budget or the memory is too small.
    """
    fixed, file = dict(settings.values), run.path(PLAN)
    if file.exists():
        return based(earlier_plan(file), settings, fixed)
    if settings.steps is None and rules_for(outer.problem, settings.model).takes_steps:
        given: dict[str, Any] = {"budget_s": budget_s, "machine": machine, "device": device, "tell": tell}
        first = fitted(run, inner, settings, **given)
        steps = min(first.training.steps, DEFAULT_STEPS)
        settings = settings.model_copy(update={"steps": steps, "values": {**pins(first, reshaped=False), **fixed}})
    plan = plan_at(outer, settings, machine=share)
    write_json(file, plan.to_json())
    return based(plan, settings, fixed)


def based(plan: Plan, settings: Settings, fixed: dict[str, Any]) -> Base:
    """A default plan with the settings that give it, steps only of a network that takes some."""
    values = {**pins(plan, reshaped=False), **fixed}
    update = {"budget_s": None, "values": values, "steps": plan.training.steps if takes_steps(plan) else None}
    return Base(plan, settings.model_copy(update=update))


def takes_steps(plan: Plan) -> bool:
    """Whether the plan's model is trained step by step."""
    return type(plan.network) not in FITTED


def fitted(
    run: Run,
    inner: Material,
    settings: Settings,
    *,
    budget_s: float,
    machine: Machine,
    device: torch.device,
    tell: Listener,
) -> Plan:
    """The planner's choice for one training in its share of the budget. Raises ResourceError if that is too little."""
    facts, tightest = inner.checks.facts, len(inner.folds) * WHOLE_TRIALS[-1] + OUTER
    read_s = sum(one.seconds for one in facts.values()) / max(1, len(facts)) / machine.threads
    judged = max(len(fold.validation) for fold in inner.splits.folds)
    workload = Workload(folds=1, cases=0, answered=judged, spent_s=0.0, per_case_s=read_s * PER_CASE_SHARE, tail_s=0.0)
    known: dict[str, Cost] = {}

    def cost(candidate: Plan) -> Cost:
        name = sha256_bytes(canonical_json(candidate.network.model_dump(mode="json")))
        if name not in known:
            tell(Progress("plan", note=f"measuring a step of {candidate.network.title} on this machine"))
            known[name] = measure(candidate, inner.problem, device=device)
        return known[name]

    for trials in WHOLE_TRIALS:
        left_s = USED * (budget_s - run.elapsed_s) - TAIL_S - len(facts) * read_s * PER_CASE_SHARE
        share_s = max(0.01, left_s / (trials * len(inner.folds) + OUTER))
        try:
            return make(
                inner.fingerprint,
                settings.model_copy(update={"budget_s": share_s}),
                problem=inner.problem,
                folds=inner.folds,
                machine=machine,
                workload=workload,
                cost=cost,
            )
        except ResourceError as error:
            if not str(error.found).startswith("--budget"):
                raise
    raise ResourceError(
        "the budget is too small to tune anything",
        expected=f"time for {tightest} trainings of {FEWEST_STEPS} steps or more each, on this data set and machine",
        found=f"--budget {budget_s:.0f}s, of which {run.elapsed_s:.0f} s are used",
        hint="Give more time, or fewer steps a training with --steps.",
    )
