"""Which model is kept: those that can learn the target are tried one after the other, and the best out of fold stays.

A run of one model has its plan, folds, answers and scores in the run folder. Where several are tried, each has a part of the
run for itself (trials/NAME), and those of the best are taken up into the run folder when all are judged; trials.json says
what each was worth, and whether the others differ from it by more than chance.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from scanwright.api.case.judged_cases import JUDGED
from scanwright.api.run import answer, learn
from scanwright.api.run.answer import Scores
from scanwright.api.run.folder import PLAN, TRIALS, TRIED, Run
from scanwright.api.run.learn import OutOfTime
from scanwright.api.run.spare import seconds_to_explain
from scanwright.api.run.study import Material, Study, Unplanned, plan_model
from scanwright.errors import ResourceError
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.summaries.summary import CHOSEN_WITHOUT
from scanwright.files import as_resource_error, write_json
from scanwright.plan.plan import ModelName
from scanwright.plan.ruleset import rules_for
from scanwright.plan.settings import Settings
from scanwright.plan.trials import models_to_try
from scanwright.problem.known import KINDS
from scanwright.protocols import Listener, Progress
from scanwright.report.content import ModelRow, ModelsPart
from scanwright.report.notation import is_better
from scanwright.report.results_content import Fact, entry, estimate
from scanwright.runtime import Machine

METRICS = "metrics.json"
TAKEN_UP = ("plan.json", "folds", "predictions", METRICS, "cases.csv", JUDGED)
"""What the run folder holds of the model that is kept."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A model that was trained and judged. keys: of prepared cases in the store."""

    run: Run
    study: Study
    keys: Mapping[str, str]
    scores: Scores

    @property
    def seconds(self) -> float:
        """What its stages took, over all sessions."""
        return self.run.clock.seconds_of(self.run.name)


def train_best(
    run: Run, material: Material, settings: Settings, *, machine: Machine, device: torch.device, tell: Listener
) -> tuple[Tried, ModelsPart | None, dict[str, Tried]]:
    """Train and judge every model to be tried; the best of them, in the run folder, how the others did, and all of them.

    With a budget each network has an equal share of what is left when its turn comes, less what it takes to explain the
    answers of a model of features, should that one be kept. Raises what planning and training raise.
    """
    train = partial(train_model, material=material, machine=machine, device=device, tell=tell)
    names = tried_models(run, material, settings)
    if len(names) == 1:
        only = train(run, settings=settings.model_copy(update={"model": names[0]}))
        return only, None, {names[0]: only}
    tried: dict[str, Tried] = {}
    refused: dict[str, ResourceError] = {}
    spare_s = 0.0
    for place, name in enumerate(names):
        tell(Progress("try", note=f"model {place + 1} of {len(names)}: {name}"))
        until_s = deadline(run, material, settings, left=names[place:], spare_s=spare_s)
        share = settings.model_copy(update={"model": name, "budget_s": until_s})
        try:
            done = train(run.part(name), settings=share)
            tried[name], spare_s = done, max(spare_s, seconds_to_explain(done.run, done.study, done.keys))
        except (Unplanned, OutOfTime) as error:
            refused[name] = error
            tell(Progress("try", note=f"{name} is left out: {error.message}"))
    if not tried:
        raise next(reversed(refused.values()))
    with run.stage("choose"):
        best = best_of({name: one.scores.rows for name, one in tried.items()}, material, seed=settings.seed)
        models = compared(tried, best, material, refused=refused, seed=settings.seed)
        take_up(tried[best].run, run)
        scores = with_choice(tried[best].scores, models)
        write_json(run.path(METRICS), scores.summary)
    write_json(run.path(TRIED), {"tried": list(names), "chosen": best, **models.to_json()})
    tell(Progress("try", note=f"kept: {best}"))
    return replace(tried[best], run=run, scores=scores), models, tried


def tried_models(run: Run, material: Material, settings: Settings) -> tuple[ModelName, ...]:
    """The models to be tried; of a run that was planned for one model before several were tried, that one."""
    if run.path(PLAN).exists() and not run.path(TRIALS).exists() and settings.model == "auto":
        return ("auto",)
    known = KINDS.get(material.problem.name) is type(material.problem)
    held_out = len(material.held_out())
    return models_to_try(material.fingerprint, settings, material.problem, held_out=held_out, own_kind=not known)


def train_model(
    run: Run, *, material: Material, settings: Settings, machine: Machine, device: torch.device, tell: Listener
) -> Tried:
    """Plan one model, train its folds, answer what was held out, and judge the answers."""
    study = plan_model(run, material, settings, machine=machine, device=device, tell=tell)
    torch.set_num_threads(study.plan.training.threads)
    with run.stage("prepare"):
        keys = learn.prepare(run, study, tell=tell)
    with run.stage("train"):
        learn.train_folds(run, study, keys, device=device, tell=tell)
    with run.stage("predict"):
        answer.answer_held_out(run, study, device=device, tell=tell)
    with run.stage("evaluate"):
        scores = answer.score(run, study, tell=tell, caveats=settings.caveats)
    return Tried(run, study, keys, scores)


def deadline(
    run: Run, material: Material, settings: Settings, *, left: Sequence[ModelName], spare_s: float = 0.0
) -> float | None:
    """The seconds of the run at which the first of these models should be done; None without a budget.

    What takes no steps takes what it takes, and networks share the rest. spare_s: kept of it for what comes after them.
    """
    if settings.budget_s is None:
        return None
    networks = sum(rules_for(material.problem, name).takes_steps for name in left)
    return run.elapsed_s + max(0.0, settings.budget_s - spare_s - run.elapsed_s) / max(1, networks)


def best_of(rows: Mapping[str, Sequence[JudgedCase]], material: Material, *, seed: int) -> str:
    """The model with the best headline on these rows; of equals, and where it is not defined, the first."""
    problem = material.problem

    def headline(name: str) -> float | None:
        found: dict[str, Any] = problem.summary(rows[name], [], seed=seed, yardstick=None)
        value: float | None = found["overall"][problem.primary]["mean"]
        return value

    best, *others = rows
    value = headline(best)
    for name in others:
        other = headline(name)
        if other is not None and (value is None or is_better(problem.primary, other, value)):
            best, value = name, other
    return best


def compared(
    tried: Mapping[str, Tried], best: str, material: Material, *, refused: Mapping[str, ResourceError], seed: int
) -> ModelsPart:
    """What each model was worth, and how far the others are from the best, as the report shows it."""
    problem = material.problem
    rows = {name: one.scores.rows for name, one in tried.items()}
    folds = sorted({row.fold for row in rows[best] if row.fold is not None})
    honest = None
    if len(folds) > 1 and len(rows) > 1:
        mixed = [row for fold in folds for row in _as_chosen_without(rows, fold, material, seed=seed)]
        summary: dict[str, Any] = problem.summary(mixed, [], seed=seed, yardstick=None)
        honest = estimate(summary["overall"][problem.primary])
    return ModelsPart(
        metric=problem.primary,
        models=model_rows(tried, best, material, seed=seed),
        chosen_without=honest,
        left_out=tuple(Fact(name=name, value=error.message) for name, error in refused.items()),
    )


def with_choice(scores: Scores, models: ModelsPart) -> Scores:
    """The scores of the best model with what its choice is worth, if that can be said."""
    if models.chosen_without is None:
        return scores
    return replace(scores, summary=scores.summary | {CHOSEN_WITHOUT: entry(models.chosen_without)})


def model_rows(
    tried: Mapping[str, Tried], chosen: str, material: Material, *, titles: Mapping[str, str] | None = None, seed: int
) -> tuple[ModelRow, ...]:
    """Each model's headline, and what its answers differ from those of the chosen one by. titles: the plans' own by default."""
    differences = material.problem.compare({name: one.scores.rows for name, one in tried.items()}, chosen, seed=seed)
    return tuple(
        ModelRow(
            name=name,
            title=one.study.plan.network.title if titles is None else titles[name],
            estimate=estimate(one.scores.summary["overall"][material.problem.primary]),
            seconds=round(one.seconds, 2),
            chosen=name == chosen,
            differences=tuple(differences.get(name, ())),
        )
        for name, one in tried.items()
    )


def _as_chosen_without(
    rows: Mapping[str, Sequence[JudgedCase]], fold: int, material: Material, *, seed: int
) -> list[JudgedCase]:
    """A fold's rows of the model that is the best in the other folds."""
    others = {name: [row for row in of if row.fold != fold] for name, of in rows.items()}
    return [row for row in rows[best_of(others, material, seed=seed)] if row.fold == fold]


def take_up(part: Run, run: Run) -> None:
    """Bring what the run folder holds of a model there; without a second copy where the disk can link."""
    for name in TAKEN_UP:
        source, target = part.path(name), run.path(name)
        with as_resource_error(target):
            if target.is_dir():
                shutil.rmtree(target)
            target.unlink(missing_ok=True)
            for file in [source] if source.is_file() else sorted(source.rglob("*")):
                if file.is_file():
                    place = target / file.relative_to(source) if source.is_dir() else target
                    place.parent.mkdir(parents=True, exist_ok=True)
                    _link_or_copy(file, place)


def _link_or_copy(source: Path, target: Path) -> None:
    """Files of a run are replaced and never written into, so that two names of one file stay equal."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
