"""One job of tuning: train a trial on inner folds up to a rung, from its checkpoint, and judge it on their held-out cases.

A trial is a part of the run folder like any model that is tried: its plan, its folds' states, its answers. It is trained on the
schedule of its whole training and judged on the way by its averaged weights. So that larger networks do not win by the time
that they are given, every trial has as much time as the default plan: steps in proportion to what a step costs here.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scanwright.api.run.answer import own_answer, trained_network
from scanwright.api.run.folder import PLAN, TRIALS, WEIGHTS, Clock, Run
from scanwright.api.run.learn import FITTED, STATE, prepare, stored_case
from scanwright.api.run.study import Material, Study, plan_model
from scanwright.dataset.images import read_case_image
from scanwright.dataset.store import Store
from scanwright.errors import ResourceError, UsageError
from scanwright.inference.predict import Engine
from scanwright.io.source import place_of
from scanwright.network.build import build
from scanwright.plan.budget import Cost, Workload
from scanwright.plan.make import make
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings
from scanwright.protocols import silent
from scanwright.runtime import Machine
from scanwright.search.rungs import Rung
from scanwright.search.trials import Job, Outcome
from scanwright.training.batches import Batches
from scanwright.training.checkpoint import load_state, save_weights
from scanwright.training.loop import start, train
from scanwright.training.probe import measure

FEW_JUDGED = 24
"""Cases with label maps or boxes that judge a fold which is not at its end; answering all would take longer than training."""
SLOWEST, FASTEST = 0.2, 3.0
"""Of the default plan's steps, what a plan of another cost takes at least and at most."""
MEASURED_STEPS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What all trials of a search stand on. It travels to worker processes.

    folder, store: of the run. material: the training part of the outer fold alone, with its inner folds. settings: of the
    default plan, with its steps. base: the default plan. machine: what one job may use of it.
    """

    folder: Path
    store: Path
    material: Material
    settings: Settings
    base: Plan
    machine: Machine
    device: str


def trial_name(number: int) -> str:
    """The part of the run in which a trial lies."""
    return f"trial-{number:04d}"


def climb(ground: Ground, job: Job, *, stop: Callable[[], bool], beat: Callable[[], None] = lambda: None) -> Outcome:
    """Train a trial up to a rung and judge it. What was done before is not done again.

    stop: asked after every step and every answer. beat: called as often.
    """
    began = time.monotonic()
    torch.set_num_threads(ground.machine.threads)
    name = trial_name(job.number)
    folder = ground.folder / TRIALS / name
    run = Run(folder, "", Clock(folder / "clock.json"), ground.store, name)
    try:
        study = planned_trial(run, ground, job)
        steps = study.plan.training.steps
        value = climbed(run, study, job.rung, device=torch.device(ground.device), stop=stop, beat=beat)
    except StoppedTrial:
        return Outcome(stopped=True, seconds=time.monotonic() - began)
    except (ResourceError, UsageError, MemoryError) as error:
        return Outcome(refused=getattr(error, "message", "") or "out of memory", seconds=time.monotonic() - began)
    return Outcome(value, time.monotonic() - began, steps)


class StoppedTrial(Exception):
    """The trial was asked to stop, and has saved its state."""


def planned_trial(run: Run, ground: Ground, job: Job) -> Study:
    """The trial's plan: as it was made before, else made now, with as many steps as fit in the default plan's time."""
    given: dict[str, Any] = {
        "machine": ground.machine,
        "device": torch.device(ground.device),
        "tell": silent,
    }
    settings = ground.settings.model_copy(update={"values": dict(job.values)})
    if not run.path(PLAN).exists() and ground.settings.steps is not None:
        draft = plan_at(ground.material, settings, machine=ground.machine)
        share = 1.0 if costs_the_same(draft, ground.base) else cost_share(draft, ground)
        steps = max(1, round(ground.settings.steps * min(FASTEST, max(SLOWEST, share))))
        settings = settings.model_copy(update={"steps": steps})
    return plan_model(run, ground.material, settings, **given)


def plan_at(material: Material, settings: Settings, *, machine: Machine) -> Plan:
    """The plan for settings without a budget; nothing is written. Raises as `plan.make`."""

    def unmeasured(plan: Plan) -> Cost:
        raise AssertionError("without a budget nothing is measured")

    cases = len(material.held_out())
    workload = Workload(folds=len(material.folds), cases=cases, answered=cases, spent_s=0.0, per_case_s=0.0, tail_s=0.0)
    return make(
        material.fingerprint,
        settings,
        problem=material.problem,
        folds=material.folds,
        machine=machine,
        workload=workload,
        cost=unmeasured,
    )


def costs_the_same(plan: Plan, base: Plan) -> bool:
    """Whether a step of both plans takes the same time: what else may differ costs next to nothing."""

    def shape(one: Plan) -> Any:
        return one.network.model_dump(exclude={"dropout"}), one.batch

    return bool(shape(plan) == shape(base))


def cost_share(plan: Plan, ground: Ground) -> float:
    """How many steps of this plan take the time of one of the default plan's, measured one after the other here and now."""
    device = torch.device(ground.device)
    problem = ground.material.problem
    costs = [
        measure(one, problem.planned(one), device=device, steps=MEASURED_STEPS).step_s for one in (ground.base, plan)
    ]
    return costs[0] / max(costs[1], 1e-9)


def climbed(
    run: Run, study: Study, rung: Rung, *, device: torch.device, stop: Callable[[], bool], beat: Callable[[], None]
) -> float | None:
    """The headline's metric on the held-out cases of the rung's folds, once they are trained as far as it asks."""
    prepared = of_folds(study, tuple(range(rung.folds)))
    keys = prepare(run, prepared, tell=lambda progress: beat())
    rows: list[Any] = []
    for fold in range(rung.folds):
        if stop():
            raise StoppedTrial
        network = advance(run, study, keys, fold, share=rung.share, device=device, stop=stop, beat=beat)
        rows += judged_fold(run, study, fold, network, whole=rung.share == 1.0, device=device, stop=stop, beat=beat)
    summary = study.problem.summary(rows, [], seed=study.plan.training.seed, yardstick=yardstick_of(study))
    value: float | None = summary["overall"][study.problem.primary]["mean"]
    return value


def of_folds(study: Study, folds: tuple[int, ...]) -> Study:
    """The study with these folds alone to be trained."""
    training = study.plan.training.model_copy(update={"folds": folds})
    return replace(study, plan=study.plan.model_copy(update={"training": training}))


def yardstick_of(study: Study) -> float | None:
    """The number by which all cases of the inner folds are measured alike."""
    names = [name for fold in study.splits.folds for name in fold.validation]
    return study.problem.yardstick([study.facts(name) for name in names])


def advance(
    run: Run,
    study: Study,
    keys: Mapping[str, str],
    fold: int,
    *,
    share: float,
    device: torch.device,
    stop: Callable[[], bool],
    beat: Callable[[], None],
) -> nn.Module:
    """Train a fold up to a share of its steps, from its checkpoint if there is one; its averaged network.

    Raises StoppedTrial if asked to stop, with the state saved; UsageError if the loss stays infinite.
    """
    plan, file = study.plan, run.fold(fold) / STATE
    weights = run.fold(fold) / WEIGHTS
    if (fit := FITTED.get(type(plan.network))) and not weights.exists():
        fit(run, study, keys, fold, tell=lambda progress: beat())
    if weights.exists():
        return trained_network(weights, plan, device)
    until = max(1, math.ceil(share * plan.training.steps))
    state = start(build(plan.network, seed=plan.training.seed + fold), plan, device=device)
    if file.exists():
        load_state(file, state)
    if state.step < until:
        store = Store(run.store)
        cases = [stored_case(store, keys[name], study, name) for name in study.splits.folds[fold].train]
        batches = Batches(cases, plan, seed=plan.training.seed * 1000 + fold, device=device)
        events = train(
            state,
            batches,
            study.problem,
            plan,
            file=file,
            clock=time.monotonic,
            should_stop=lambda: state.step >= until or stop(),
        )
        for _ in events:
            beat()
    if state.step < until:
        raise StoppedTrial
    if share == 1.0:
        save_weights(weights, state.averaged)
        file.unlink(missing_ok=True)  # several times the weights, and not needed any more
    return state.averaged


def judged_fold(
    run: Run,
    study: Study,
    fold: int,
    network: nn.Module,
    *,
    whole: bool,
    device: torch.device,
    stop: Callable[[], bool],
    beat: Callable[[], None],
) -> list[Any]:
    """Rows of a fold's held-out cases, of some of them where it is not at its end. Answers of its end are kept.

    A trial's trained folds never change, so that an answer that is there is theirs.
    """
    problem, engine = study.problem, Engine([network], study.plan, study.problem, device)
    yardstick, rows = yardstick_of(study), []
    for name in judging(study, fold, whole=whole):
        if stop():
            raise StoppedTrial
        case = study.case(name)
        file = run.path("predictions", problem.file_name(case))
        if whole and file.exists():
            answer = own_answer(file, problem)
        else:
            image = read_case_image(case, study.dataset.task, outlined=study.plan.reads_outlines)
            answer = problem.answer(engine, image, where=place_of(case.images[0]))
            if whole:
                problem.write(file, answer)
        rows.append(problem.row(case, answer, fold=fold, yardstick=yardstick))
        beat()
    return rows


def judging(study: Study, fold: int, *, whole: bool) -> tuple[str, ...]:
    """The held-out cases that judge a fold: all at its end, and wherever an answer costs little; else some, evenly spread."""
    names = study.splits.folds[fold].validation
    if whole or study.problem.sees_whole:
        return names
    return names[:: max(1, -(-len(names) // FEW_JUDGED))]
