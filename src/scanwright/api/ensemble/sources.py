"""The runs that an ensemble is built of: opened, and held against each other. Only runs of the same question fit together.

They have learned from the same cases, for the same task, on the same folds: only then has each case been held out by some model
of every run, and an answer of all of them to it is one that none of them has learned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.api.data.gate import CHECKS, content_digest
from scanwright.api.run.folder import PLAN, REQUEST, TRIED, WEIGHTS, Run, read_record
from scanwright.api.run.study import without
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.checks import Checks
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.read import read_dataset
from scanwright.dataset.split import Splits
from scanwright.errors import InputError, UsageError
from scanwright.plan.plan import Plan, plan_from_json
from scanwright.problem.kind import Kind
from scanwright.problem.known import MakeKind, problem_of

PACKAGE = "model.swm"


@dataclass(frozen=True)
class Source:
    """A model that was trained: that of a run, or one of several that were tried in it.

    name: as tables call it. run: where its folds lie. whole: the run that it belongs to. problem: as its plan has it. is_kept:
    whether it is the one in the run's package.
    """

    name: str
    run: Run
    whole: Run
    plan: Plan
    problem: Kind
    is_kept: bool

    @property
    def title(self) -> str:
        """What its network is called."""
        return self.plan.network.title


@dataclass(frozen=True)
class Sources:
    """What the runs have in common, and their models. folds: those that all of them have trained.

    yardstick: by which all cases are measured. owners: who each case counts for.
    """

    runs: tuple[Run, ...]
    dataset: Dataset
    splits: Splits
    facts: Mapping[str, CaseFacts]
    folds: tuple[int, ...]
    models: tuple[Source, ...]
    cases: Mapping[str, Case]
    yardstick: float | None

    @property
    def problem(self) -> Kind:
        """The problem of the first model; nothing is settled in it."""
        return self.models[0].problem

    @property
    def fold_of(self) -> dict[str, int]:
        """The fold that each held-out case is answered by, in the order in which cases are judged."""
        return {name: fold for fold in self.folds for name in self.splits.folds[fold].validation}

    def held_out(self, fold: int) -> list[Case]:
        """The cases that a fold's models have not learned from."""
        return [self.cases[name] for name in self.splits.folds[fold].validation]

    @property
    def test(self) -> list[Case]:
        """The declared test split, which no model has learned from."""
        return [self.cases[name] for name in self.splits.test]


def open_sources(folders: Sequence[Path], *, make_problem: MakeKind | None = None) -> Sources:
    """The runs of these folders. Raises UsageError for runs that do not fit together, and why; for one that is not finished or
    none; InputError or IntegrityError for what cannot be read.
    """
    if not folders:
        raise UsageError("no run", expected="one run folder or several", hint="scanwright ensemble RUN… -o OUT")
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError("a run is given twice", found=", ".join(map(str, folders)), hint="Give each once.")
    runs = tuple(_opened(folder) for folder in folders)
    first = runs[0]
    for other in runs[1:]:
        require_same_question(first, other)
    dataset, facts = _data_of(first)
    models = tuple(
        model
        for number, run in enumerate(runs)
        for model in _models_of(run, named(folders, number), dataset, make_problem)
    )
    outlined = {model.plan.reads_outlines for model in models}
    if len(outlined) > 1:
        raise UsageError(
            "models that do not see the same of an image",
            expected="all of them whole images, or all of them what is outlined",
            found=", ".join(f"{one.name}: {'outlines' if one.plan.reads_outlines else 'images'}" for one in models),
        )
    folds = [fold for fold in models[0].plan.training.folds if all(_has(model, fold) for model in models)]
    if not folds:
        raise UsageError(
            "no fold that all runs have trained",
            found="; ".join(f"{one.name}: {', '.join(map(str, one.plan.training.folds))}" for one in models),
            hint="Train the same folds in each run.",
        )
    splits = Splits.model_validate(read_record(first.path("splits.json")))
    judged = [name for fold in folds for name in splits.folds[fold].validation] + list(splits.test)
    return Sources(
        runs=runs,
        dataset=dataset,
        splits=splits,
        facts=facts,
        folds=tuple(folds),
        models=models,
        cases={case.id: case for case in dataset.cases},
        yardstick=models[0].problem.yardstick([facts[name] for name in judged]),
    )


def named(folders: Sequence[Path], number: int) -> str:
    """What a run is called in tables: its folder's name, with the number behind where two have the same.

    >>> named([Path("a/run"), Path("b/run"), Path("c")], 1), named([Path("a/run"), Path("c")], 0)
    ('run-2', 'run')
    """
    names = [folder.resolve().name for folder in folders]
    return names[number] if names.count(names[number]) == 1 else f"{names[number]}-{number + 1}"


def require_same_question(first: Run, other: Run) -> None:
    """Raise UsageError, saying in what they differ, for runs of other tasks, cases or folds."""
    hint = f"Train the second run with --split {first.folder / 'splits.json'} and the same --exclude."
    if read_record(first.path("task.json")) != read_record(other.path("task.json")):
        raise UsageError(
            "runs of different tasks make no ensemble", where=other.folder, expected=f"that of {first.folder}"
        )
    mine, theirs = (read_record(run.path(CHECKS)) for run in (first, other))
    if mine["content"] != theirs["content"]:
        apart = sorted({*mine["facts"]} ^ {*theirs["facts"]})
        raise UsageError(
            "runs of different cases make no ensemble",
            where=other.folder,
            expected=f"the cases of {first.folder}, with the same voxels and targets",
            found=f"not in both: {', '.join(apart[:5])}" if apart else "other voxels, targets or patients",
            hint=hint,
        )
    one, two = (read_record(run.path("splits.json")) for run in (first, other))
    if (one["folds"], one["test"]) != (two["folds"], two["test"]):
        raise UsageError(
            "runs of different folds make no ensemble",
            where=other.folder,
            expected=f"the folds of {first.folder}: else a case would be answered by a model that has learned from it",
            found="cases on other sides",
            hint=hint,
        )


def _opened(folder: Path) -> Run:
    if not (folder / REQUEST).is_file():
        raise InputError(
            "no run here", where=folder, expected="the folder of scanwright train -o", hint="Check the path."
        )
    missing = [name for name in (PLAN, "metrics.json", PACKAGE) if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            "this run is not finished",
            where=folder,
            found=f"no {', '.join(missing)}",
            hint="Give the command of the training again: it goes on where it stopped.",
        )
    return Run.whole(folder, "")


def _data_of(run: Run) -> tuple[Dataset, dict[str, CaseFacts]]:
    """The data that a run has learned from, as they are now, and what its checks found.

    Raises UsageError if targets, patients or cases are not as they were; images are held against their hashes when they are
    read.
    """
    request, checks = read_record(run.path(REQUEST)), read_record(run.path(CHECKS))
    data = without(read_dataset(Path(request["data"]), request["layout"], kind=request.get("task")), request["exclude"])
    facts = {name: CaseFacts.model_validate(one) for name, one in checks["facts"].items()}
    now: dict[str, Any] = data.task.model_dump(mode="json")
    same = now == read_record(run.path("task.json"))
    if not same or content_digest(data, Checks(faults=(), facts=facts)) != checks["content"]:
        raise UsageError(
            "the data have changed since this run",
            where=request["data"],
            expected="the cases, targets and patients that it has learned from",
            hint="Train again on the data as they are.",
        )
    return data, facts


def _models_of(run: Run, name: str, dataset: Dataset, make_problem: MakeKind | None) -> list[Source]:
    """The model of a run, or all that were tried in it, the kept one first."""
    parts = {name: run}
    kept = name
    if run.path(TRIED).is_file():
        record = read_record(run.path(TRIED))
        tried = [one for one in record["tried"] if run.part(one).path("metrics.json").is_file()]
        kept = f"{name}/{record['chosen']}"
        parts = {f"{name}/{one}": run.part(one) for one in sorted(tried, key=lambda one: one != record["chosen"])}
    found = []
    for each, part in parts.items():
        plan = plan_from_json(read_record(part.path(PLAN)), where=part.path(PLAN))
        found.append(
            Source(each, part, run, plan, problem_of(dataset.task, make_problem).planned(plan), is_kept=each == kept)
        )
    return found


def _has(model: Source, fold: int) -> bool:
    return fold in model.plan.training.folds and (model.run.fold(fold) / WEIGHTS).is_file()
