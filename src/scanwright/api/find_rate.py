"""The verb `find-rate`: a short ramp of the learning rate on a data set, and what it suggests beside what is planned.

The network that `train` would plan sees its training batches, changed at random as in training, while the rate grows by equal
factors at each step; weights are not kept. Source: Smith 2017, WACV ("LR range test").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scanwright.api.claims import require_outside
from scanwright.api.make_model import require_possible
from scanwright.api.run import study
from scanwright.api.run.asked import Asked, computing_on
from scanwright.api.run.folder import Run, open_run
from scanwright.api.run.learn import FITTED, prepare, stored_case
from scanwright.dataset.split import Fold
from scanwright.dataset.store import Store
from scanwright.dataset.task import Kind
from scanwright.errors import UsageError
from scanwright.figures.rate import rate_plot
from scanwright.files import write_bytes, write_json
from scanwright.network.build import build
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import DeviceName, command_line
from scanwright.search.rate import Suggestion, has_risen, ramp, smoothed, suggest
from scanwright.training.batches import Batches
from scanwright.training.checkpoint import TrainingState
from scanwright.training.loop import autocast, network_input, start
from scanwright.training.schedule import faded_weights, set_learning_rate

RAMP_STEPS = 150
LOWEST, HIGHEST = 1e-3, 30.0
"""Times the planned rate, where the ramp begins and where it ends."""
MOST_CASES = {True: 2000, False: 48}
"""Training cases that are prepared for it: whole images, which are small, and others. A ramp sees no more of the latter."""


@dataclass(frozen=True, slots=True)
class FoundRate:
    """rate: what is suggested, None where the loss did not fall. picture: the curve. found: all of rate.json."""

    rate: float | None
    planned: float
    reason: str
    beside: str
    picture: Path
    found: dict[str, Any]

    def lines(self) -> list[str]:
        """What the console says."""
        told = "none" if self.rate is None else f"{self.rate:g}"
        lines = [f"rate     {told}: {self.reason}", f"planned  {self.beside}", f"picture  {self.picture}"]
        if self.rate is not None:
            lines.append(f"use it   --set training.learning_rate={self.rate:g}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"picture": str(self.picture), **self.found}


def find_rate(
    data: str | Path,
    *,
    out: str | Path,
    ramp_steps: int = RAMP_STEPS,
    settings: Settings | None = None,
    layout: str | None = None,
    task: Kind | None = None,
    exclude: Sequence[str] = (),
    split: str | Path | None = None,
    waive: Sequence[str] = (),
    device: DeviceName = "auto",
    restart: bool = False,
    tell: Listener = silent,
    command: str | None = None,
) -> FoundRate:
    """Suggest a learning rate for the network that is planned for a data set.

    Only training cases of one fold are used (0 unless the settings name another), so that nothing held out has a part in it.
    out: a folder for rate.json and rate.svg, and what it is made from. settings: fold, seed, model and plan values.
    Raises what `train` raises before training; UsageError for a model that is fitted without steps.
    """
    given = settings or Settings()
    settings = given.model_copy(update={"fold": 0 if given.fold is None else given.fold, "budget_s": None})
    asked = Asked.of(data, layout=layout, task=task, exclude=exclude, split=split, waive=waive)
    require_possible(settings, folds_given=split is not None)
    if ramp_steps < 2:
        raise UsageError("not a ramp", expected="2 steps or more", found=ramp_steps)
    require_outside(Path(out), Path(data))
    torch_device, machine = computing_on(device)
    request = {
        **asked.request(settings, torch_device),
        "verb": "find-rate",
        "ramp_steps": ramp_steps,
    }
    with open_run(Path(out), request, command=command or command_line(), restart=restart) as run:
        material = study.look(run, asked, settings=settings, machine=machine, tell=tell)
        settings = settings.model_copy(update={"model": network_of(material, settings)})
        planned = study.plan_model(run, fewer(material), settings, machine=machine, device=torch_device, tell=tell)
        if type(planned.plan.network) in FITTED:
            raise UsageError("a model that takes no steps has no learning rate", found=planned.plan.network.title)
        with run.stage("prepare"):
            keys = prepare(run, planned, tell=tell)
        with run.stage("ramp"):
            rates, losses = climb(run, planned, keys, steps=ramp_steps, device=torch_device, tell=tell)
        return written(run, planned.plan, rates, losses)


def network_of(material: study.Material, settings: Settings) -> Any:
    """Of whole images a network, unless another model is named."""
    whole = material.problem.sees_whole and not material.problem.learns_normal
    return "cnn" if settings.model == "auto" and whole else settings.model


def fewer(material: study.Material) -> study.Material:
    """The material with no more training cases than a ramp looks at, evenly spread over their names."""
    (number,) = material.folds
    folds = list(material.splits.folds)
    names = folds[number].train
    kept = names[:: max(1, -(-len(names) // MOST_CASES[material.problem.sees_whole]))]
    folds[number] = Fold(train=kept, validation=folds[number].validation)
    return replace(material, splits=material.splits.model_copy(update={"folds": tuple(folds)}))


def climb(
    run: Run, planned: study.Study, keys: dict[str, str], *, steps: int, device: torch.device, tell: Listener
) -> tuple[list[float], list[float]]:
    """The rates and losses of the steps, up to where the loss is many times its least."""
    plan, store = planned.plan, Store(run.store)
    (fold,) = plan.training.folds
    cases = [stored_case(store, keys[name], planned, name) for name in planned.splits.folds[fold].train]
    state = start(build(plan.network, seed=plan.training.seed + fold), plan, device=device)
    batches = Batches(cases, plan, seed=plan.training.seed * 1000 + fold, device=device)
    rates = ramp(LOWEST * plan.training.learning_rate, HIGHEST * plan.training.learning_rate, steps).tolist()
    losses: list[float] = []
    for number, rate in enumerate(rates):
        loss = ramp_step(state, *batches.batch(number), planned=planned, rate=rate)
        run.beat()
        tell(Progress("ramp", done=number + 1, total=steps))
        if not math.isfinite(loss):
            break
        losses.append(loss)
        if has_risen(losses):
            break
    return rates[: len(losses)], losses


def ramp_step(
    state: TrainingState, image: torch.Tensor, target: torch.Tensor, *, planned: study.Study, rate: float
) -> float:
    """One step at a rate, as in training but for the schedule; gives the loss before it."""
    plan = planned.plan
    set_learning_rate(state.optimizer, rate)
    state.network.train()
    with autocast(plan, image.device):
        outputs = state.network(network_input(image, plan))
    weights = faded_weights(plan.training, 0.0)
    loss = planned.problem.loss(outputs, target, name=plan.training.loss, class_weights=weights)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), plan.training.clip_norm)
    state.optimizer.step()
    return float(loss.detach())


def written(run: Run, plan: Plan, rates: list[float], losses: list[float]) -> FoundRate:
    """rate.json and rate.svg."""
    how = plan.training
    found: Suggestion = suggest(rates, losses)
    curve = smoothed(losses).tolist() if losses else []
    picture = run.path("rate.svg")
    words = {"x_label": "learning rate", "y_label": f"loss ({how.loss}) of a step"}
    write_bytes(picture, rate_plot(rates, losses, curve, suggested=found.rate, planned=how.learning_rate, **words))
    compared = found.beside(how.learning_rate)
    kept = {
        "suggested": found.rate,
        "planned": how.learning_rate,
        "reason": found.reason,
        "beside": compared,
        "falls_fastest_at": found.steepest,
        "lowest_loss_at": found.lowest,
        "rises_from": found.rises,
        "optimizer": how.optimizer,
        "loss": how.loss,
        "network": plan.network.title,
        "rates": rates,
        "losses": losses,
        "smoothed": curve,
    }
    write_json(run.path("rate.json"), kept)
    return FoundRate(found.rate, how.learning_rate, found.reason, compared, picture, kept)
