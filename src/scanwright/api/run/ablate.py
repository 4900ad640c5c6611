"""An ablation: models that differ from a tried one in one thing each, judged on the same folds. None of them is kept."""

import statistics
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from safetensors.torch import load_file

from scanwright.api.run.beginning import Beginning, values_of
from scanwright.api.run.folder import ABLATION, WEIGHTS, Run
from scanwright.api.run.learn import read_log
from scanwright.api.run.study import Material, Unplanned
from scanwright.api.run.trials import Tried, model_rows, train_model
from scanwright.errors import ResourceError
from scanwright.files import sha256_bytes, sha256_file, write_json
from scanwright.package.learned import Learned
from scanwright.plan.ablation import Ablation, ablations
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings, Start
from scanwright.protocols import Listener, Progress
from scanwright.report.content import ModelsPart
from scanwright.report.results_content import Fact
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

    Networks take as many steps as the one that they differ from. Classical models read what a tried network makes of images
    fold by fold, so that no case that is judged had a part in it. No budget counts: it takes several times as long as the run.
    """
    train = partial(train_model, machine=machine, device=device, tell=tell)
    parts = []
    for base, model in tried.items():
        plan = model.study.plan
        found, refused = {base: model}, {}
        listed = ablations(plan, {} if material.beginning else encoders_among(tried))
        for place, one in enumerate(listed):
            tell(Progress("ablate", note=f"{base}, {place + 1} of {len(listed)}: {one.title}"))
            changed = settings_of(one, settings, base, plan, steps=steps_taken(model))
            on = material
            if one.reads:
                beginning = beginning_of(tried[one.reads])
                changed = changed.model_copy(update={"start": beginning.start})
                on = replace(material, beginning=beginning)
            try:
                found[one.name] = train(run.part(f"{base}-{one.name}"), material=on, settings=changed)
            except Unplanned as error:
                refused[one.name] = error
        titles = {base: f"{plan.network.title}, as planned", **{one.name: one.title for one in listed}}
        parts.append(part_of(found, base, titles, refused, material, seed=settings.seed))
    write_json(run.path(ABLATION), [part.to_json() for part in parts])
    return tuple(parts)


def encoders_among(tried: Mapping[str, Tried]) -> dict[str, str]:
    """The tried networks of whole images, with what they are called."""
    networks = {name: one.study.plan.network for name, one in tried.items()}
    return {name: network.title for name, network in networks.items() if isinstance(network, EncoderPlan)}


def beginning_of(model: Tried) -> Beginning:
    """The networks that a model's folds ended with, each for the fold whose held-out cases it has not seen."""
    files = [model.run.fold(fold) / WEIGHTS for fold in model.study.plan.training.folds]
    digest = sha256_bytes("".join(map(sha256_file, files)).encode())
    start = Start(digest=digest, values=values_of(model.study.plan))
    return Beginning(start, tuple(load_file(file) for file in files), Learned())


def steps_taken(model: Tried) -> int | None:
    """The steps that a network took, which a budget may have cut, in the mean of its folds; None of a model without steps."""
    if isinstance(model.study.plan.network, ClassicalPlan):
        return None
    lines = [read_log(model.run.fold(fold) / "log.jsonl") for fold in model.study.plan.training.folds]
    ends = [max(line["step"] for line in of_fold) for of_fold in lines if of_fold]
    return round(statistics.fmean(ends)) if ends else model.study.plan.training.steps


def settings_of(one: Ablation, settings: Settings, base: str, plan: Plan, *, steps: int | None) -> Settings:
    """The user's settings with the one difference, and the network and batch of the plan that it differs from."""
    values = {**settings.values, **one.values}
    if not isinstance(plan.network, ClassicalPlan):
        network = plan.network.model_dump(mode="json", exclude={"in_channels", "out_channels"})
        values = (
            {f"network.{name}": value for name, value in network.items()} | {"batch.size": plan.batch.size} | values
        )
    return settings.model_copy(update={"model": base, "budget_s": None, "steps": steps, "values": values})


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
