"""An ablation: models that differ from a tried one in one thing each, judged on the same folds. None of them is kept."""

from collections.abc import Mapping
from functools import partial

import torch

from scanwright.api.run import ABLATION, Run
from scanwright.api.study import Material
from scanwright.api.trials import Tried, Unplanned, model_rows, train_model
from scanwright.errors import ResourceError
from scanwright.files import write_json
from scanwright.plan.ablation import Ablation, ablations
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings
from scanwright.protocols import Listener, Progress
from scanwright.report.content import Fact, ModelsPart
from scanwright.runtime import Machine


def ablate(
    run: Run,
    material: Material,
    settings: Settings,
    tried: Mapping[str, Tried],
    *,
    machine: Machine,
    device: torch.device,
    tell: Listener,
) -> tuple[ModelsPart, ...]:
    """Train and judge what each tried model is compared with, in parts of the run; writes ablation.json.

    Networks take as many steps as the one that they differ from. No budget counts: it takes several times as long as the run.
    """
    train = partial(train_model, material=material, machine=machine, device=device, tell=tell)
    parts = []
    for base, model in tried.items():
        plan = model.study.plan
        found, refused = {base: model}, {}
        listed = ablations(plan)
        for place, one in enumerate(listed):
            tell(Progress("ablate", note=f"{base}, {place + 1} of {len(listed)}: {one.title}"))
            try:
                found[one.name] = train(run.part(f"{base}-{one.name}"), settings=settings_of(one, settings, base, plan))
            except Unplanned as error:
                refused[one.name] = error.reason
        titles = {base: f"{plan.network.title}, as planned", **{one.name: one.title for one in listed}}
        parts.append(part_of(found, base, titles, refused, material, seed=settings.seed))
    write_json(run.path(ABLATION), [part.to_json() for part in parts])
    return tuple(parts)


def settings_of(one: Ablation, settings: Settings, base: str, plan: Plan) -> Settings:
    """The user's settings with the one difference, and for a network the steps of the plan that it differs from."""
    steps = None if isinstance(plan.network, ClassicalPlan) else plan.training.steps
    changed = {"model": base, "budget_s": None, "steps": steps, "values": {**settings.values, **one.values}}
    return settings.model_copy(update=changed)


def part_of(
    found: Mapping[str, Tried],
    base: str,
    titles: Mapping[str, str],
    refused: Mapping[str, ResourceError],
    material: Material,
    *,
    seed: int,
) -> ModelsPart:
    """The table of one base and what differs from it."""
    return ModelsPart(
        metric=material.problem.primary,
        models=model_rows(found, base, material, titles=titles, seed=seed),
        left_out=tuple(Fact(name=titles[name], value=error.message) for name, error in refused.items()),
    )
