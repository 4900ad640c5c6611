"""The verb `evaluate`: predictions that lie in a folder, or a package, against the labels of a data set."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanwright.api.answer_record import learned_from
from scanwright.api.case.answer_case import Prediction
from scanwright.api.case.judged_cases import JUDGED, judged_cases, write_judged
from scanwright.api.case.opened import Model, content_of, open_model
from scanwright.api.case.packaged import as_packaged
from scanwright.api.case.subgroups import with_subgroups
from scanwright.api.claims import SCORES_PAGE, listed, require_free_for_scores, require_outside
from scanwright.api.data.looking import Looked, look_through_cases
from scanwright.api.evaluated import Evaluated
from scanwright.api.run.study import require_learnable
from scanwright.api.score_page import NEW_DATA, page_of
from scanwright.api.use_model import SHOWN, predict_cases
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.layouts.sides import UNCLEAR
from scanwright.dataset.measures import images_hash
from scanwright.dataset.read import columns_like, read_dataset
from scanwright.dataset.task import ANSWERS, Task
from scanwright.dataset.task import Kind as TaskKind
from scanwright.errors import DatasetFaults, InputError, PolicyError, UsageError
from scanwright.evaluation.label_maps.measures import default_tolerance
from scanwright.files import require_writable, write_bytes, write_json
from scanwright.io.formats import is_image, read_grid, stem
from scanwright.problem.kind import LABELS, Kind
from scanwright.problem.known import problem_of
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import DeviceName, choose_device, command_line, describe_machine

ANSWERED = "predictions"
"""Where, in the folder for the scores, the answers of a package lie."""
ASKED = ("kind", "classes", "choice", "quantities")
"""What a task asks for but for regions, of which a data set may have fewer than the model."""


def evaluate(
    predictions: str | Path,
    data: str | Path,
    *,
    out: str | Path,
    layout: str | None = None,
    task: TaskKind | None = None,
    device: DeviceName = "auto",
    tell: Listener = silent,
    command: str | None = None,
) -> dict[str, Any]:
    """Score a folder of predictions, or a package, against the labels or targets of a data set. Gives what metrics.json holds.

    predictions: a folder with a label file for each case, named as the case, or of classes, quantities and boxes the JSON files
    that `predict` writes; or a model.swm, which then predicts first. Judged is what these files tell: calibrated probabilities,
    decisions, and the scores from which on boxes are told. A file that tells none of these, as a run keeps them, is decided by
    the most probable class, labels from 0.5 and boxes from 0.3 on.
    data: a data set in any layout; its declared test cases if it has any, else all its labelled cases. Cases that a package
    has learned from are left out, with a note; metrics.json and the page name them. task: what is wanted of it, where a folder
    is scored and the data set could serve several ends; a package knows that itself.
    Writes report.html, the page of a run for these cases, metrics.json, cases.csv and judged.json to `out`. Nothing is chosen
    on the cases: thresholds and calibration are the package's own, and what its own test said stands beside. command: that the
    page tells.
    Raises InputError, naming all of them, for predictions that are missing, on another grid, or hold values that the task does
    not know; UsageError if `out` holds other scores or lies in the data set; PolicyError if a package has learned from all
    cases.
    """
    folder, source = Path(out), Path(predictions)
    if not source.exists():
        raise InputError("no such file or folder", where=source, expected="a folder of labels, or a model.swm")
    require_outside(folder, Path(data))
    require_free_for_scores(folder)
    model = open_model(source, device=device) if source.is_file() else None
    if model is None:
        dataset = read_dataset(Path(data), layout, kind=task)
    else:
        require_its_kind(model.task, task, where=source)
        dataset = read_alike(Path(data), layout, model.task)
    require_learnable(dataset)
    require_clear_sides(dataset)
    cases = list(dataset.test or dataset.train)
    if not cases:
        raise InputError(
            "no labelled case to score against", where=data, hint="Give the data set that holds the labels."
        )
    require_writable(folder)
    problem = problem_of(dataset.task)
    if model is None:
        predicted_files(source, problem, cases)
        noted = learned_from(source, cases)
    else:
        require_same_parts(model.task, dataset.task, where=source)
    looked = look_through_cases(only(dataset, cases), tell=tell)
    answers: list[Prediction] = []
    learned = noted if model is None else learned_by(model, looked, cases)
    cases = unseen(cases, learned, where=dataset.root, tell=tell)
    if model is not None:
        answers = predict_cases(model, cases, folder / ANSWERED, format="labels", tell=tell)
    files = predicted_files(source if model is None else folder / ANSWERED, problem, cases)
    yardstick = tolerance_of(cases) if problem.holds == LABELS else None
    rows = score(files, problem, cases, yardstick=yardstick, where=source, tell=tell)
    found = Evaluated(
        looked=looked,
        data=Path(data).resolve(),
        given=source.resolve(),
        model=model,
        problem=problem if model is None else as_packaged(problem, model.package),
        rows=rows,
        files=files,
        scores=with_subgroups(problem, problem.summary(rows, [], seed=0, yardstick=yardstick), rows),
        learned=learned,
        levels=[one.range.level for one in answers],
        told={one.case: one.found for one in answers},
    )
    machine = describe_machine(choose_device(device))
    page = page_of(found, command=command or command_line(), machine=machine, tell=tell)
    write_json(folder / "metrics.json", found.summary)
    write_bytes(folder / "cases.csv", problem.table(rows).encode())
    write_judged(folder / JUDGED, judged_cases(problem, {NEW_DATA: rows}, found.facts))
    write_bytes(folder / SCORES_PAGE, page.encode())
    return found.summary


def only(dataset: Dataset, cases: Sequence[Case]) -> Dataset:
    """The data set with these of its cases alone."""
    kept = {case.id for case in cases}
    return dataset.without(case.id for case in dataset.cases if case.id not in kept)


def read_alike(data: Path, layout: str | None, task: Task) -> Dataset:
    """The data set asked what the model answers, where it can tell that too: label maps have boxes, and say what is normal; of
    the model's classes not all need be there, and none is written as another one but for capitals.

    What is not found as the data set stands is looked for as the model's kind, and then in the columns of a table that hold
    what the model answers. Raises what `read_dataset` raises for the model's kind.
    """
    plain = dataset = _read_or_none(data, layout)
    kind = None if plain is not None and plain.task.kind == task.kind else task.kind
    if kind is not None:
        dataset = _read_or_none(data, layout, kind=kind) or plain
    if dataset is not None and _is_part_of(dataset.task, task):
        dataset = _read_or_none(data, layout, kind=kind, answers=task) or dataset
    if dataset is None or _answers(dataset.task) != _answers(task):
        columns = columns_like(data, task)
        other = _read_or_none(data, layout, kind=kind, answers=task, target=columns) if columns else None
        if other is not None and _answers(other.task) == _answers(task):
            return other
    return read_dataset(data, layout, kind=kind) if dataset is None else dataset


def _read_or_none(data: Path, layout: str | None, **asked: Any) -> Dataset | None:
    """The data set asked so, None where it cannot be read."""
    with contextlib.suppress(InputError):
        return read_dataset(data, layout, **asked)
    return None


def _answers(task: Task) -> tuple[str | tuple[str, ...], ...]:
    return tuple(getattr(task, name) for name in ASKED)


def _is_part_of(task: Task, other: Task) -> bool:
    """Whether a task has some of the other's classes, and is not the same."""
    if task.kind != other.kind:
        return False
    own, others = ({name.casefold() for name in one.classes} for one in (task, other))
    return own <= others and (task.classes, task.choice) != (other.classes, other.choice)


def require_clear_sides(dataset: Dataset) -> None:
    """Raise DatasetFaults if it is not clear which cases are the declared test cases: others would be scored in their place."""
    unclear = [fault for fault in dataset.faults if fault.code == UNCLEAR]
    if unclear:
        lines = [fault.line() for fault in unclear[:SHOWN]]
        hint = "Write train, val or test in that column."
        raise DatasetFaults("a split that cannot be understood", where=dataset.root, details=lines, hint=hint)


def learned_by(model: Model, looked: Looked, cases: Sequence[Case]) -> list[str]:
    """The names of the cases that a model has learned from, by what their voxels are. A package that does not say what it
    learned from is believed.
    """
    dataset, facts = looked.dataset, looked.checks.facts
    return [
        case.id
        for case in (cases if model.learned_from else ())
        if (images_hash(facts[case.id].image_hashes) if case.id in facts else content_of(case, dataset.task))
        in model.learned_from
    ]


def unseen(cases: Sequence[Case], learned: Sequence[str], *, where: Path, tell: Listener) -> list[Case]:
    """The cases that the model has not learned from. where: the data set. Raises PolicyError if there is none."""
    if len(learned) == len(cases):
        raise PolicyError(
            "the model has learned from every one of these cases",
            where=where,
            expected="cases that it has not seen",
            found=listed(learned),
            hint="Give other cases, or score the predictions of its own run: they are out of fold.",
        )
    if learned:
        note = f"{len(learned)} of {len(cases)} cases are left out: the model has learned from them ({listed(learned)})"
        tell(Progress("evaluate", note=note))
    return [case for case in cases if case.id not in set(learned)]


def require_its_kind(answered: Task, kind: TaskKind | None, *, where: Path) -> None:
    """Raise UsageError for a package that answers another kind than the one that is asked for."""
    if kind not in (None, answered.kind):
        raise UsageError(
            "the package answers something else",
            where=where,
            expected=answered.kind,
            found=f"--task {kind}",
            hint="Leave --task out.",
        )


def require_same_parts(answered: Task, wanted: Task, *, where: Path) -> None:
    """Raise InputError if the model answers something else than the data set asks for.

    A region of the data set must be one of the model's and mean the same label values there, if regions are what is answered;
    classes and quantities must be the same, in the same order.
    """
    asked, given = (dict(zip(ASKED, _answers(task), strict=True)) for task in (wanted, answered))
    if given != asked:
        apart = [name for name in asked if given[name] != asked[name]]
        raise InputError(
            "the model answers something else than the data set asks for",
            where=where,
            expected="; ".join(f"{name} {_listed(asked[name])}" for name in apart),
            found="; ".join(f"{name} {_listed(given[name])}" for name in apart),
            hint="Score it on data with the same targets.",
        )
    if ANSWERS[wanted.kind] != "regions":
        return
    known = {region.name: region.values for region in answered.regions}
    other = [region for region in wanted.regions if known.get(region.name) != region.values]
    if other:
        raise InputError(
            "the model answers other regions than the data set has",
            where=where,
            expected=", ".join(f"{region.name} = {'+'.join(map(str, region.values))}" for region in other),
            found=", ".join(f"{name} = {'+'.join(map(str, values))}" for name, values in known.items()),
            hint="Score it on data with the same labels, or rename them in the data set's dataset.json.",
        )


def _listed(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "none"


def score(
    files: Mapping[str, Path],
    problem: Kind,
    cases: Sequence[Case],
    *,
    yardstick: float | None,
    where: Path,
    tell: Listener,
) -> list[Any]:
    """A row for each case, of what its file tells. Raises InputError with a line for every one that cannot be judged, which
    names `where`.
    """
    rows, faults = [], []
    for done, case in enumerate(cases):
        try:
            rows.append(problem.judged(case, files[case.id], yardstick=yardstick))
        except InputError as error:
            faults.append(error)
        tell(Progress("evaluate", done=done + 1, total=len(cases)))
    if faults:
        raise faults[0] if len(cases) == 1 else unscored(faults, cases=len(cases), where=where)
    return rows


def predicted_files(folder: Path, problem: Kind, cases: Sequence[Case]) -> dict[str, Path]:
    """The file of each case: a label map in any format that is named as the case, or what `predict` calls it.

    Raises InputError for those that are missing.
    """
    if problem.holds == LABELS:
        files = {stem(path): path for path in sorted(folder.iterdir()) if is_image(path)}
        expected = "label files named as the cases"
    else:
        files = {case.id: file for case in cases if (file := folder / problem.file_name(case)).exists()}
        expected = "files as predict writes them"
    if missing := [case.id for case in cases if case.id not in files]:
        raise InputError(
            "predictions are missing",
            where=folder,
            expected=f"{len(cases)} {expected}",
            found=f"none for {listed(missing)}",
            hint="Predict these cases first.",
        )
    return files


def unscored(faults: Sequence[InputError], *, cases: int, where: Path) -> InputError:
    """The error for predictions that cannot be judged."""
    lines = [" · ".join(error.lines()) for error in faults[:SHOWN]]
    return InputError(
        f"{len(faults)} of {cases} predictions cannot be scored",
        where=where,
        details=[*lines, *([f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else [])],
        hint="Mend these files; nothing was scored.",
    )


def tolerance_of(cases: Sequence[Case]) -> float:
    """The tolerance of surface Dice for these cases, from the headers of their labels."""
    headers = [read_grid(case.label).grid for case in cases if case.label is not None]
    return default_tolerance([grid.spacing for grid in headers], shapes=[grid.shape for grid in headers])
