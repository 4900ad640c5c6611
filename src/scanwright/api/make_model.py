"""The verb `train`: from a folder of scans to an evaluated model, a report and a package, in one call.

Every stage leaves its result in the run folder and takes up what an earlier session left there; the same call goes on where
the last one stopped, however it was stopped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scanwright.api.claims import require_outside
from scanwright.api.data.gate import content_digest
from scanwright.api.run import in_range, study, telling, trials
from scanwright.api.run.ablate import ablate
from scanwright.api.run.asked import Asked, computing_on
from scanwright.api.run.beginning import read_beginning
from scanwright.api.run.explained import Explained
from scanwright.api.run.folder import SAMPLE_SIZE, open_run
from scanwright.api.run.learning import draw_curve
from scanwright.api.run.paper import run_facts, write_paper
from scanwright.dataset.task import Kind
from scanwright.errors import UsageError
from scanwright.files import read_json
from scanwright.plan.ledger import require_possible_value
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings, require_known
from scanwright.problem.known import MakeKind
from scanwright.protocols import Listener, silent
from scanwright.runtime import DeviceName, command_line

LARGEST_SEED = 2**32


@dataclass(frozen=True, slots=True)
class Trained:
    """What a finished run leaves: its folder, the numbers of metrics.json, the plan, the report, the package.

    elapsed_s: of the whole command, all its sessions together. over_budget_s: more than the budget that was given.
    learning_curve, sample_size: the content of the files of these names; the first None where it was not asked for.
    """

    folder: Path
    metrics: dict[str, Any]
    plan: Plan
    report: Path
    package: Path
    digest: str
    elapsed_s: float
    over_budget_s: float = 0.0
    learning_curve: dict[str, Any] | None = None
    sample_size: dict[str, Any] | None = None


def train(
    data: str | Path,
    *,
    out: str | Path,
    settings: Settings | None = None,
    layout: str | None = None,
    task: Kind | None = None,
    exclude: Sequence[str] = (),
    split: str | Path | None = None,
    waive: Sequence[str] = (),
    begin_from: str | Path | None = None,
    ablation: bool = False,
    learning_curve: bool = False,
    device: DeviceName = "auto",
    restart: bool = False,
    tell: Listener = silent,
    command: str | None = None,
    began: float | None = None,
    problem: MakeKind | None = None,
) -> Trained:
    """Train, evaluate, report and package a model.

    data: a folder in any layout that is read (nnU-Net raw, Decathlon, image and mask folders) or a CSV table.
    out: the run folder; new, or one that the same call began and that is then continued.
    settings: budget or steps, folds, seed and plan values; everything else is decided from the data.
    task: what is wanted of the data, instead of "kind" in scanwright.json.
    exclude: names of cases to leave out. split: a splits file (nnU-Net's JSON or a CSV) instead of folds made here.
    waive: findings of policy that are let pass, "CODE=REASON" or "CODE:CASE=REASON"; report and package show them.
    begin_from: a package whose network and weights training begins from, or a .safetensors file of weights that fit.
    ablation: train further models as well, each with one thing taken away or exchanged, and report how they differ: other
    classifiers on the features, and the network without each random change. It takes several times as long; no budget counts.
    learning_curve: train the kept model again on shares of its training patients, and report whether more cases would help.
    It takes about as long again for each of three shares; no budget counts.
    problem: makes the problem of the task, instead of the kind that the data set has: a kind of one's own, see
    docs/how-to/new-kind.md. `predict` needs it too.
    tell: called with progress. began: when the command did, by `time.monotonic`, from which a budget counts; None: now.

    Raises UsageError, InputError, PolicyError or ResourceError (see `scanwright.errors`), before training wherever
    possible; `scanwright.api.run.learn.Stopped` if the process was asked to stop and has saved its state.
    """
    beginning = None if begin_from is None else read_beginning(Path(begin_from))
    settings = settings or Settings()
    settings = settings if beginning is None else settings.model_copy(update={"start": beginning.start})
    asked = Asked.of(data, layout=layout, task=task, exclude=exclude, split=split, waive=waive)
    require_possible(settings, folds_given=split is not None)
    require_outside(Path(out), Path(data))
    torch_device, machine = computing_on(device)
    request = {
        **asked.request(settings, torch_device),
        **({"ablation": True} if ablation else {}),
        **({"learning_curve": True} if learning_curve else {}),
        **({} if problem is None else {"problem": getattr(problem, "name", str(problem))}),
    }
    line = command or command_line()
    with open_run(Path(out), request, command=line, restart=restart, began=began) as run:
        material = study.look(
            run, asked, settings=settings, machine=machine, tell=tell, make_problem=problem, beginning=beginning
        )
        given: dict[str, Any] = {"machine": machine, "device": torch_device, "tell": tell}
        kept, models, tried = trials.train_best(run, material, settings, **given)
        ablated = ablate(run, material, settings, tried, **given) if ablation else ()
        curve = draw_curve(run, material, settings, kept, tried, **given) if learning_curve else None
        found, scores = kept.study, kept.scores
        budget_s = None if ablation or learning_curve else settings.budget_s
        with run.stage("explain"):
            explained = Explained(kept, torch_device, tell, budget_s)
            sight = explained.first
        with run.stage("range"):
            scores, reference = in_range.with_range(
                run, found, scores, kept.keys, budget_s=budget_s, device=torch_device, tell=tell
            )
            kept = replace(kept, scores=scores)
        with run.stage("package"):
            digest = telling.write_package(run, found, scores, models, sight, reference)
        with run.stage("report"):
            facts = {"seed": settings.seed, "data": content_digest(found.dataset, found.checks), "package": digest}
            facts |= run_facts(machine, kept)
            further = write_paper(run, kept, models, curve, facts=facts)
            telling.write_report(kept, models, ablated, explained, machine=machine, further=further)
        run.write_record(**facts)
        return Trained(
            folder=run.folder,
            metrics=scores.summary,
            plan=found.plan,
            report=run.path("report.html"),
            package=run.path("model.swm"),
            digest=digest,
            elapsed_s=run.elapsed_s,
            over_budget_s=0.0 if budget_s is None else max(0.0, run.elapsed_s - budget_s),
            learning_curve=None if curve is None else curve.to_json(),
            sample_size=read_json(run.path(SAMPLE_SIZE)),
        )


def require_possible(settings: Settings, *, folds_given: bool) -> None:
    """Raise UsageError for settings that no data set could make sense of, before any of it is read."""
    if settings.budget_s is not None and settings.steps is not None:
        raise UsageError("a budget and a number of steps exclude each other", hint="Give one of the two.")
    if settings.budget_s is not None and not 0 < settings.budget_s < math.inf:
        raise UsageError("not a budget", expected="seconds, more than 0", found=settings.budget_s)
    if settings.steps is not None and settings.steps < 1:
        raise UsageError("not a number of steps", expected="at least 1", found=settings.steps)
    if not 0 <= settings.seed < LARGEST_SEED:
        raise UsageError("not a seed", expected=f"0 to {LARGEST_SEED - 1}", found=settings.seed)
    last = None if folds_given else settings.folds - 1
    if settings.fold is not None and (settings.fold < 0 or (last is not None and settings.fold > last)):
        expected = "0 or more" if last is None else f"0 to {last}"
        raise UsageError("no such fold", expected=expected, found=f"--fold {settings.fold}", hint="Folds count from 0.")
    for name, value in settings.values.items():
        require_known(name)
        require_possible_value(name, value)
