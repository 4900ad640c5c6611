"""The first half of a run: what the data are, whether they can be trusted, how they are split, and what is planned.

Everything decided here is written to the run folder, and read back when a run goes on, if no file has changed since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from scanwright.api.data.card import datasheet_of
from scanwright.api.data.gate import (
    CHECKS,
    Looked,
    content_digest,
    look_at_all,
    look_at_cases,
    raise_if_stopped,
    write_looked,
)
from scanwright.api.run.asked import Asked
from scanwright.api.run.beginning import Beginning, begun, seen_before
from scanwright.api.run.folder import PLAN, Run, read_record
from scanwright.api.run.splitting import (
    changed,
    given_splits,
    learnable,
    learned_from,
    require_same_splits,
    require_split_file,
    split_cases,
)
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.checks import Checks, raise_if_errors
from scanwright.dataset.facts import CaseFacts, Fingerprint
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.read import read_dataset
from scanwright.dataset.split import Splits, owners_of
from scanwright.errors import IntegrityError, ResourceError, UsageError
from scanwright.explanation.known import MOST_CASES
from scanwright.files import write_bytes, write_json
from scanwright.plan.budget import Workload
from scanwright.plan.make import make
from scanwright.plan.plan import Plan, plan_from_json
from scanwright.plan.settings import Settings
from scanwright.problem.kind import Kind as ProblemKind
from scanwright.problem.known import KINDS, MakeKind, problem_of
from scanwright.problem.whole.explained import PREFERRED, VIEWS
from scanwright.protocols import Listener, Progress
from scanwright.report.datasheet_text import datasheet_markdown
from scanwright.runtime import Machine
from scanwright.training.probe import measure

DATASHEET = "datasheet"
PICTURED = 5
"""Times that training cases are looked through for the report at most: once, and for each of four cases that are shown."""
TAIL_S = 6.0
"""Seconds for scores, report and package of a small data set."""
JUDGED_S = 0.007
"""More of them for each case whose answer is a probability or a number: resampled, compared between models, drawn. Without it
PneumoniaMNIST's 5,232 cases took 932 to 950 s of a budget of 900 s.
"""
LOOKED_S = 0.02
"""Seconds to describe a case for the range of a package, beside what its network takes: 16 ms of a volume, 5 of a picture."""
MOST_TRAINING, MOST_HELD_OUT = 300, 400
"""Cases of a fold that the range of a package is made of, evenly spread over their names."""
MOST_SHOWN, MOST_CHECKED, DRAWS = 4, 3, 2
"""Cases that are pictured, those of them whose explanations are made again of other weights, and how often each."""
PER_CASE_SHARE = 1.5
"""Preparing or answering a case takes about this many times as long as reading and checking it."""


MOST_TOLD = 8
"""Warnings that are said while a run begins."""


@dataclass(frozen=True, slots=True)
class Material:
    """A data set that is fit to be trained on, and how it is split.

    overview: all labelled cases but a declared test split, as the report describes them. fingerprint: those that the trained
    folds learn from; plans know no others. folds: those that are trained. owners: by case, who it counts for where cases are
    set apart: patients who share an image or nearly one count as one. beginning: what weights begin from, None for random.
    cases: of the data set, by id.
    """

    dataset: Dataset
    checks: Checks
    excluded: tuple[str, ...]
    overview: Fingerprint
    fingerprint: Fingerprint
    splits: Splits
    folds: tuple[int, ...]
    owners: Mapping[str, str]
    problem: ProblemKind
    beginning: Beginning | None
    cases: Mapping[str, Case]

    def case(self, name: str) -> Case:
        """A case by its id."""
        return self.cases[name]

    def facts(self, name: str) -> CaseFacts:
        """What the checks found out about a case."""
        return self.checks.facts[name]

    def held_out(self) -> list[str]:
        """The cases that are judged by a fold that did not learn from them."""
        return [name for fold in self.folds for name in self.splits.folds[fold].validation]


@dataclass(frozen=True, slots=True)
class Study(Material):
    """The same with the plan of one model. problem: as that plan has it."""

    plan: Plan


def look(
    run: Run,
    asked: Asked,
    *,
    settings: Settings,
    machine: Machine,
    tell: Listener,
    make_problem: MakeKind | None = None,
    beginning: Beginning | None = None,
) -> Material:
    """Read, check and split; write each result to the run folder. Raises what each stage raises."""
    with run.stage("check"):
        require_split_file(asked.split)
        dataset = without(read_dataset(asked.data, asked.layout, kind=asked.task), asked.exclude)
        require_learnable(dataset, make_problem)
        tell(Progress("check", note=dataset.stated))
        looked = look_at_cases(dataset, jobs=machine.threads, excluded=asked.exclude, tell=tell)
        require_unchanged(run, dataset, looked.checks)
        write_json(run.path("task.json"), dataset.task.model_dump(mode="json"))
        write_looked(run.folder, looked)
        if any(case.id not in looked.checks.facts for case in dataset.cases):
            raise_if_errors(looked.checks)  # else all that is wrong is said at once
        given = given_splits(dataset, asked.split, exclude=asked.exclude)
        before = [] if beginning is None else seen_before(looked.checks, beginning.learned)
        looked = look_at_all(looked, splits=given, waivers=asked.waivers, further=before, tell=tell)
        write_looked(run.folder, looked)
        raise_if_stopped(looked.checks)
        tell_warnings(looked.checks, tell)
        write_datasheet(run, looked)
    with run.stage("split"):
        checks = looked.checks
        problem = problem_of(dataset.task, make_problem)
        splits = split_cases(dataset, checks, settings, given=given, together=looked.together)
        splits = learnable(splits, dataset, problem)
        require_same_splits(run, splits)
        write_json(run.path("splits.json"), splits.model_dump(mode="json"))
        everything = training_facts(dataset, checks)
        learned = learned_from(splits, settings.fold, everything)
        targets = {case.id: case.target for case in dataset.train}
        found = fingerprint(learned, dataset.task, targets)
        write_json(run.path("fingerprint.json"), found.model_dump(mode="json"))
    overview = found if len(learned) == len(everything) else fingerprint(everything, dataset.task, targets)
    folds = tuple(range(len(splits.folds))) if settings.fold is None else (settings.fold,)
    owners = owners_of(dataset.cases, checks.facts, looked.together)
    cases = {case.id: case for case in dataset.cases}
    return Material(dataset, checks, asked.exclude, overview, found, splits, folds, owners, problem, beginning, cases)


def tell_warnings(checks: Checks, tell: Listener) -> None:
    """Say what the checks warn of, the first few in a line each; all of it stands in checks.json and the report."""
    warnings = [fault for fault in checks.faults if fault.severity == "warning"]
    for fault in warnings[:MOST_TOLD]:
        tell(Progress("check", note=fault.line()))
    if len(warnings) > MOST_TOLD:
        tell(Progress("check", note=f"{len(warnings) - MOST_TOLD} more warnings: see {CHECKS} in the run folder"))


def plan_model(
    run: Run, material: Material, settings: Settings, *, machine: Machine, device: torch.device, tell: Listener
) -> Study:
    """The plan of one model: read if it was made before, else made and written. Raises as `plan.make`."""
    with run.stage("plan"):
        file = run.path(PLAN)
        plan = (
            earlier_plan(file)
            if file.exists()
            else planned(run, material, settings, machine=machine, device=device, tell=tell)
        )
        parts = {field.name: getattr(material, field.name) for field in fields(material)}
        return Study(**(parts | {"problem": material.problem.planned(plan)}), plan=plan)


def write_datasheet(run: Run, looked: Looked) -> None:
    """datasheet.json and datasheet.md: what the model learns from, to go with it. No case is named in them."""
    digest = content_digest(looked.dataset, looked.checks)
    sheet = datasheet_of(looked.dataset, looked.checks, digest=digest, name_cases=False)
    write_json(run.path(f"{DATASHEET}.json"), sheet.to_json())
    write_bytes(run.path(f"{DATASHEET}.md"), datasheet_markdown(sheet).encode())


def require_learnable(dataset: Dataset, make_problem: MakeKind | None = None) -> None:
    """Raise UsageError for a kind of problem that is read and checked, and not learned from yet."""
    if make_problem is None and dataset.task.kind not in KINDS:
        raise UsageError(
            f"no network learns {dataset.task.kind} yet",
            where=dataset.root,
            expected=", ".join(KINDS),
            found=dataset.stated,
            hint="scanwright inspect reads and checks such a data set.",
        )


def require_segmentation(dataset: Dataset, *, verb: str) -> None:
    """Raise UsageError for a data set of another kind than segmentation."""
    if dataset.task.kind != "segmentation":
        raise UsageError(
            f"{verb} is for segmentation so far",
            where=dataset.root,
            expected="images with label maps",
            found=f"{dataset.task.kind}: {dataset.stated}",
            hint="scanwright inspect reads and checks such a data set.",
        )


def without(dataset: Dataset, exclude: Sequence[str]) -> Dataset:
    """The data set less the cases named. Raises UsageError for a name that is no case."""
    known = {case.id for case in dataset.cases} | {fault.case for fault in dataset.faults}
    unknown = [name for name in exclude if name not in known]
    if unknown:
        raise UsageError("no such case to exclude", found=", ".join(unknown), expected="case names of this data set")
    return dataset.without(exclude)


def training_facts(dataset: Dataset, checks: Checks) -> dict[str, CaseFacts]:
    """Facts of the cases that may be learned from: a declared test split decides nothing."""
    return {case.id: checks.facts[case.id] for case in dataset.train if case.id in checks.facts}


def require_unchanged(run: Run, dataset: Dataset, checks: Checks) -> None:
    """Raise UsageError if the data or what is wanted of them have changed since this run was planned."""
    if not run.has_begun:
        return
    if read_record(run.path("task.json")) != dataset.task.model_dump(mode="json"):
        raise changed(run, "the task has", found="other channels or regions")
    if read_record(run.path(CHECKS))["content"] != content_digest(dataset, checks):
        raise changed(run, "the data have", found="other voxels, positions, labels, patients or test cases")


def planned(
    run: Run, material: Material, settings: Settings, *, machine: Machine, device: torch.device, tell: Listener
) -> Plan:
    """Make the plan of one model, and write it."""
    checks, splits = material.checks, material.splits
    read_s = sum(facts.seconds for facts in checks.facts.values()) / max(1, len(checks.facts)) / machine.threads
    workload = Workload(
        folds=len(material.folds),
        cases=len(checks.facts),
        answered=len(material.held_out()) + len(splits.test) + looked_through(material),
        spent_s=run.elapsed_s,
        per_case_s=read_s * PER_CASE_SHARE,
        tail_s=TAIL_S
        + (len(checks.facts) * JUDGED_S if material.problem.sees_whole else 0.0)
        + looked_at(material) * LOOKED_S,
        explaining=views_to_explain(material) + looked_at(material),
    )

    def cost(candidate: Plan) -> Any:
        tell(Progress("plan", note=f"measuring a step of {candidate.network.title} on this machine"))
        return measure(candidate, material.problem, device=device)

    try:
        plan = make(
            material.fingerprint,
            settings,
            problem=material.problem,
            folds=material.folds,
            machine=machine,
            workload=workload,
            cost=cost,
        )
    except ResourceError as error:
        given = {"expected": error.expected, "found": error.found, "where": error.where, "hint": error.hint}
        raise Unplanned(error.message, **given, details=error.details) from error
    if material.beginning is not None:  # before anything is prepared for weights that do not fit
        begun(plan, 0, material.beginning)
    write_json(run.path(PLAN), plan.to_json())
    return plan


class Unplanned(ResourceError):
    """Budget or memory do not suffice for a model; found out before any of it is trained."""


def looked_through(material: Material) -> int:
    """Cases that models see once more to be explained: training cases of the first fold, and of those of pictured cases."""
    if not material.problem.sees_whole:
        return 0
    most = max(len(material.splits.folds[fold].train) for fold in material.folds)
    return min(PICTURED, len(material.folds)) * min(MOST_CASES, most)


def looked_at(material: Material) -> int:
    """Cases that the package's range is made of: training and held-out ones of the first fold (`in_range`)."""
    first = material.splits.folds[material.folds[0]]
    return min(MOST_TRAINING, len(first.train)) + min(MOST_HELD_OUT, len(first.validation))


def views_to_explain(material: Material) -> int:
    """How often networks see an image so that the pictured cases are explained, and the explanations checked."""
    if not material.problem.sees_whole:
        return 0
    maps = MOST_SHOWN + MOST_CHECKED * (1 + DRAWS)
    return maps * VIEWS[PREFERRED[material.fingerprint.dimension == 2]]


def earlier_plan(file: Path) -> Plan:
    """The plan that an earlier session wrote. Raises IntegrityError, saying what to do, if it is none of this version."""
    try:
        return plan_from_json(read_record(file), where=file)
    except IntegrityError as error:
        error.hint = "Choose another folder with -o, or add --restart to throw the old run away."
        raise
