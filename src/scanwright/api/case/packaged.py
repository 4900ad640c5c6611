"""The engine of a package: its networks built, of one plan or, where it has members.json, of several.

members.json is {"members": [{"plan": {…}, "models": ["…"], "weight": 0.5}, …]}; the first plan is plan.json's. Each model
belongs to one member. A package without it has one plan, and its models are averaged.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from scanwright.dataset.task import Task
from scanwright.errors import IntegrityError, UsageError
from scanwright.features.planned import network_with
from scanwright.inference.members import pooled
from scanwright.inference.predict import Engine
from scanwright.package.load import CHOSEN, CONFIDENCE, MEMBERS, Package
from scanwright.plan.make import require_divisible
from scanwright.plan.plan import Plan, plan_from_json
from scanwright.problem.kind import Kind
from scanwright.problem.known import MakeKind, problem_of


def engine_of(
    package: Package, task: Task, *, make_problem: MakeKind | None, device: torch.device, where: Path
) -> Engine:
    """The networks of a package, ready to answer. where: named in errors.

    Raises IntegrityError if weights, plans, members and task do not fit each other.
    """
    members = listed_members(package, where=where)
    return pooled(
        [
            _engine(package, task, plan, models, weight, make_problem=make_problem, device=device, where=where)
            for plan, models, weight in members
        ]
    )


def as_packaged(problem: Kind, package: Package) -> Kind:
    """The problem, decided and as sure as a package has it. Raises IntegrityError for choices that are none."""
    return problem.settled(package.optional(CHOSEN)).assured(package.optional(CONFIDENCE))


def listed_members(package: Package, *, where: Path) -> list[tuple[Plan, tuple[str, ...], float]]:
    """Plan, models and weight of each member. Raises IntegrityError for a list that does not fit the package."""
    plan = plan_from_json(package.plan, where=where)
    found = package.optional(MEMBERS)
    if found is None:
        return [(plan, package.models, 1.0)]
    try:
        members = [_member(entry, where=where) for entry in found["members"]]
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("not a list of members", where=where, found=str(error)[:160]) from error
    named = [name for _, models, _ in members for name in models]
    if sorted(named) != sorted(package.models) or not members or members[0][0] != plan:
        raise IntegrityError(
            "the members of this package are not its models",
            where=where,
            expected=f"{', '.join(package.models)}, each once, and the plan of the package first",
            found=", ".join(named),
        )
    return members


def num_folds(package: Package, *, where: Path) -> int:
    """How many folds' networks a package holds: of several members the most that one of them has."""
    return max(len(models) for _, models, _ in listed_members(package, where=where))


def _member(entry: Any, *, where: Path) -> tuple[Plan, tuple[str, ...], float]:
    weight, models = float(entry["weight"]), tuple(str(name) for name in entry["models"])
    if not (0 < weight < float("inf")) or not models:
        raise ValueError("a member has models, and a weight above 0")
    return plan_from_json(entry["plan"], where=where), models, weight


def _engine(
    package: Package,
    task: Task,
    plan: Plan,
    models: Sequence[str],
    weight: float,
    *,
    make_problem: MakeKind | None,
    device: torch.device,
    where: Path,
) -> Engine:
    try:
        require_divisible(plan)
        networks = [network_with(package.weights(name), plan, device) for name in models]
    except (RuntimeError, UsageError) as error:
        found = str(error).partition("\n")[0][:160]
        raise IntegrityError("weights and plan of this package do not fit", where=where, found=found) from error
    problem = as_packaged(problem_of(task, make_problem).planned(plan), package)
    if (plan.network.in_channels, plan.network.out_channels) != (len(task.channels), problem.outputs):
        raise IntegrityError(
            "task and plan of this package do not fit",
            where=where,
            expected=f"{len(task.channels)} channels in, {problem.outputs} out",
            found=f"{plan.network.in_channels} in, {plan.network.out_channels} out",
        )
    return Engine(networks, plan, problem, device, weight=weight)
