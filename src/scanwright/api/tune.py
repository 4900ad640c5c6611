"""The verb `tune`: hyper-parameters searched on inner folds, and what was gained measured on cases that the search never saw.

One outer fold (or the validation part that a splits file declares) is set apart first. Trials learn from the rest and are
judged on inner folds of it. At the end the default plan and the best one are trained on all of the rest and judged once on what
was set apart; unless that gains something, the default is kept. A declared test split chooses nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from scanwright.api.claims import require_outside
from scanwright.api.data.gate import content_digest
from scanwright.api.make_model import require_possible
from scanwright.api.run import study
from scanwright.api.run.asked import Asked, computing_on
from scanwright.api.run.folder import Run, open_run, read_record
from scanwright.api.run.learn import Stopped, interruptible
from scanwright.api.run.rung import Ground, plan_at, trial_name
from scanwright.api.run.trials import Tried
from scanwright.api.tuning import storage, written
from scanwright.api.tuning.default import Base, default_base, takes_steps
from scanwright.api.tuning.inner import INNER_FOLDS, inner_material
from scanwright.api.tuning.outer import DEFAULT, TUNED, Compared, compared, train_outer
from scanwright.api.tuning.results import Said
from scanwright.api.tuning.workers import share_of, workers
from scanwright.dataset.task import Kind
from scanwright.errors import ScanwrightError, UsageError
from scanwright.plan.plan import Plan, plan_from_json
from scanwright.plan.ruleset import rules_for
from scanwright.plan.settings import Settings
from scanwright.protocols import Listener, Progress, silent
from scanwright.report.notation import metric
from scanwright.runtime import DeviceName, Machine, command_line
from scanwright.search.changes import pins
from scanwright.search.parameter import Parameter, Value
from scanwright.search.point import planned_point, values_at
from scanwright.search.rungs import rungs_for
from scanwright.search.space import space_of
from scanwright.search.study import VALUES_OF, begin, best_of, open_study, require_optuna
from scanwright.search.trials import Means, give_up, search

DEFAULT_BUDGET_S = 3600.0
TAIL_S = 15.0
"""Seconds for the pictures and the page."""
ROOM = 1.2
"""Times what the default plan's outer training took, kept for that of the best one."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning leaves. kept: whether the tuned plan is, and not the default. values: of the plan that is kept, as `--set`
    takes them; {} for the default. found: all of tuned.json. command: that trains with it.
    """

    folder: Path
    kept: bool
    values: dict[str, Any]
    steps: int | None
    found: dict[str, Any]
    report: Path
    command: str
    elapsed_s: float

    def lines(self) -> list[str]:
        """What the console says at the end: what was gained, what is kept, and the one command that uses it."""
        return written.lines(self.found, report=self.report, command=self.command, elapsed_s=self.elapsed_s)

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "run": str(self.folder),
            "report": str(self.report),
            "elapsed_s": round(self.elapsed_s, 2),
            **self.found,
        }


def tune(
    data: str | Path,
    *,
    out: str | Path,
    budget_s: float = DEFAULT_BUDGET_S,
    settings: Settings | None = None,
    trials: int | None = None,
    jobs: int = 1,
    storage_url: str | None = None,
    layout: str | None = None,
    task: Kind | None = None,
    exclude: Sequence[str] = (),
    split: str | Path | None = None,
    waive: Sequence[str] = (),
    device: DeviceName = "auto",
    restart: bool = False,
    tell: Listener = silent,
    command: str | None = None,
    began: float | None = None,
) -> Tuned:
    """Tune a plan for a data set within a budget of wall time, all sessions together; the same call goes on where it stopped.

    data, layout, task, exclude, split, waive, device, restart, tell, began: as `train`. out: the run folder.
    settings: steps of a whole training (else what the budget allows), folds and the outer fold (0), seed, and plan values that
    are held fixed. trials: at most so many. jobs: trials at a time, in processes of their own.
    storage_url: of a database for the study, as SQLAlchemy takes it; by default a file in the run folder.
    Raises UsageError (with the install line without Optuna), InputError, PolicyError, ResourceError as `train`; Stopped if
    asked to stop, with everything saved.
    """
    require_optuna()
    given = settings or Settings()
    settings = given.model_copy(update={"fold": 0 if given.fold is None else given.fold, "budget_s": None})
    asked = Asked.of(data, layout=layout, task=task, exclude=exclude, split=split, waive=waive)
    require_possible(settings, folds_given=split is not None)
    if not 0 < budget_s < math.inf:
        raise UsageError("not a budget", expected="seconds, more than 0", found=budget_s)
    if jobs < 1 or (trials is not None and trials < 1):
        raise UsageError("at least one job and one trial", found=f"jobs {jobs}, trials {trials}")
    require_outside(Path(out), asked.data)
    torch_device, machine = computing_on(device)
    request = {
        **asked.request(settings, torch_device),
        "verb": "tune",
        "trials": trials,
        "storage": None if storage_url is None else storage.without_password(storage_url),
        "budget_s": budget_s,
    }
    line = storage.without_password(command or command_line())
    with open_run(Path(out), request, command=line, restart=restart, began=began) as run:
        outer = study.look(run, asked, settings=settings, machine=machine, tell=tell)
        tuning = Tuning(
            run, budget_s=budget_s, trials=trials, jobs=jobs, machine=machine, device=torch_device, tell=tell
        )
        url = storage_url or storage.file_url(run.path(storage.FILE))
        said = Said(asked=asked, device=device, settings=settings, line=line, outer=outer)
        found = tuning.all_of_it(outer, settings, url, said)
        run.write_record(seed=settings.seed, data=content_digest(outer.dataset, outer.checks))
        return Tuned(
            folder=run.folder,
            kept=found["kept"] == TUNED,
            values=found["values"],
            steps=found["steps"],
            found=found,
            report=run.path("report.html"),
            command=found["command"],
            elapsed_s=run.elapsed_s,
        )


@dataclass(slots=True)
class Tuning:
    """A tuning under way."""

    run: Run
    budget_s: float
    trials: int | None
    jobs: int
    machine: Machine
    device: torch.device
    tell: Listener

    def all_of_it(self, outer: study.Material, settings: Settings, url: str, said: Said) -> dict[str, Any]:
        """Default plan, search, comparison, and what is written of them; gives tuned.json."""
        run, share = self.run, share_of(self.machine, self.jobs)
        inner = inner_material(outer, folds=INNER_FOLDS, seed=settings.seed)
        settings = settings.model_copy(update={"model": model_of(outer, settings)})
        base = default_base(
            run, outer, inner, settings, budget_s=self.budget_s, machine=self.machine, share=share,
            device=self.device, tell=self.tell,
        )  # fmt: skip
        space = self.space(inner, base, share, fixed=settings.values)
        default = self.outer(DEFAULT, outer, base.settings)
        ground = Ground(
            folder=run.folder, store=run.store, material=inner, settings=base.settings, base=base.plan, machine=share,
            device=self.device.type,
        )  # fmt: skip
        kept = open_study(
            url,
            storage.name_of(run.folder),
            higher_is_better=metric(outer.problem.primary).better == "higher",
        )
        storage.forget_trials(run, kept)
        with run.stage("search"):
            self.search(kept, space, ground, fixed=settings.values, reserve_s=ROOM * default.seconds + TAIL_S)
        best = best_of(kept)
        found: Compared | None = None
        plan: Plan | None = None
        if best is not None and best.number != 0:
            plan = plan_from_json(read_record(run.path("trials", trial_name(best.number), "plan.json")))
            values = {**pins(plan, reshaped=False), **best.user_attrs[VALUES_OF]}
            steps = None if base.settings.steps is None else plan.training.steps
            tuned = self.outer(TUNED, outer, base.settings.model_copy(update={"values": values, "steps": steps}))
            found = compared(default, tuned, seed=settings.seed)
        with run.stage("report"):
            return written.write(
                run, study=kept, space=space, rungs=self.rungs(inner, base.plan), said=said, base=base, best=best,
                best_plan=plan, default=default, found=found, machine=self.machine, budget_s=self.budget_s, inner=inner,
            )  # fmt: skip

    def outer(self, name: str, outer: study.Material, settings: Settings) -> Tried:
        """One of the two outer trainings."""
        self.tell(Progress("tune", note=f"the {name} plan on the whole training part"))
        return train_outer(self.run, name, outer, settings, machine=self.machine, device=self.device, tell=self.tell)

    def rungs(self, inner: study.Material, plan: Plan) -> Any:
        """How trials grow."""
        return rungs_for(len(inner.folds), takes_steps=takes_steps(plan))

    def space(
        self, inner: study.Material, base: Base, share: Machine, *, fixed: dict[str, Any]
    ) -> tuple[Parameter, ...]:
        """What is tuned: what fits in a job's memory, one by one."""

        def make(values: Any) -> Plan:
            return plan_at(inner, base.settings.model_copy(update={"values": dict(values)}), machine=share)

        def fits(parameter: Parameter, value: Value) -> bool:
            point = {parameter.name: value}
            try:
                make(values_at(point, (parameter,), base.plan, fixed=fixed, make=make))
            except ScanwrightError:
                return False
            return True

        rules = rules_for(inner.problem, base.settings.model, features=base.settings.values.get("network.features"))
        return space_of(
            base.plan, fingerprint=inner.fingerprint, problem=inner.problem, rules=rules, fixed=fixed, fits=fits
        )

    def search(
        self, kept: Any, space: Sequence[Parameter], ground: Ground, *, fixed: dict[str, Any], reserve_s: float
    ) -> None:
        """Trials until the time that is kept for the end begins, or their number is up. Raises Stopped if asked to stop."""
        run = self.run

        def left_s() -> float:
            return self.budget_s - reserve_s - run.elapsed_s

        def beat() -> None:
            run.beat()
            left = max(0.0, self.budget_s - run.elapsed_s)
            self.tell(Progress("tune", done=min(run.elapsed_s, self.budget_s), total=self.budget_s, left_s=left))

        def told(note: str) -> None:
            beat()
            if note:
                self.tell(Progress("tune", note=note))

        def make(values: Any) -> Plan:
            settings = ground.settings.model_copy(update={"values": dict(values)})
            return plan_at(ground.material, settings, machine=ground.machine)

        def values_of(point: Any) -> dict[str, Any]:
            try:
                return values_at(point, space, ground.base, fixed=fixed, make=make)
            except ScanwrightError as error:
                raise ValueError(error.message) from error

        begin(kept, planned_point(space))
        with interruptible() as stop:

            def stopping() -> bool:
                return stop() or left_s() <= 0

            with workers(ground, jobs=self.jobs, stopping=stopping, beat=beat) as staff:
                means = Means(
                    submit=staff.submit,
                    values_of=values_of,
                    left_s=left_s,
                    stopping=stopping,
                    stop_work=staff.stop_work,
                    told=told,
                    jobs=self.jobs,
                    most=self.trials,
                    seed=ground.settings.seed,
                )
                search(kept, space, self.rungs(ground.material, ground.base), means)
            if stop():
                raise Stopped("stopped while tuning, saved")
        give_up(kept)
        storage.sweep_trials(run, kept)


def model_of(material: study.Material, settings: Settings) -> Any:
    """Which kind of model is tuned: of whole images a network, unless another is named."""
    whole = material.problem.sees_whole and not material.problem.learns_normal
    return "cnn" if settings.model == "auto" and whole else settings.model
