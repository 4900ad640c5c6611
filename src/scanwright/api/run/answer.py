"""The third part of a run: answer the cases that were held out, each by the fold that never saw it, and score the answers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scanwright.api.case.judged_cases import JUDGED, judged_cases, write_judged
from scanwright.api.case.subgroups import with_subgroups
from scanwright.api.case.tested import CROSS_VALIDATION, TEST_SPLIT
from scanwright.api.run.folder import WEIGHTS, Run, read_record, reading_own
from scanwright.api.run.study import Study
from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.images import read_case_image
from scanwright.dataset.split import Fold
from scanwright.errors import IntegrityError
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.cases.rare import unlearned_text
from scanwright.evaluation.summaries.summary import CAVEATS
from scanwright.features.planned import network_with
from scanwright.files import is_plain_name, sha256_file, write_bytes, write_json
from scanwright.inference.predict import Engine
from scanwright.io.source import place_of
from scanwright.plan.plan import Plan
from scanwright.problem.certain import CERTAINTY
from scanwright.problem.classes.points import POINTS
from scanwright.problem.kind import Kind
from scanwright.protocols import Listener, Progress
from scanwright.types import Floats

ANSWERED_BY = "answered_by.json"
"""Beside the predictions of a run: the SHA-256 of the weights that answered each case."""


def answer_held_out(run: Run, study: Study, *, device: torch.device, tell: Listener) -> None:
    """Predict every validation case of the trained folds, and the declared test cases by all of them together.

    What is there already is kept if it was answered by the weights that are there now: a fold may have been trained anew.
    """
    folds = study.plan.training.folds
    jobs = [(name, [fold]) for fold in folds for name in study.splits.folds[fold].validation]
    jobs += [(name, list(folds)) for name in study.splits.test]
    networks = {fold: trained_network(run.fold(fold) / WEIGHTS, study.plan, device) for fold in folds}
    weights = {fold: sha256_file(run.fold(fold) / WEIGHTS) for fold in folds}
    known = run.path("predictions", ANSWERED_BY)
    answered_by: dict[str, list[str]] = read_record(known) if known.exists() else {}
    for done, (name, judges) in enumerate(jobs):
        file = prediction_file(run, study.problem, study.case(name), test=name in study.splits.test)
        judged_by = [weights[fold] for fold in judges]
        if not file.exists() or answered_by.get(name) != judged_by:
            engine = Engine([networks[fold] for fold in judges], study.plan, study.problem, device)
            image = read_case_image(study.case(name), study.dataset.task, outlined=study.plan.reads_outlines)
            answer, sure = study.problem.answer_to_judge(engine, image, where=place_of(study.case(name).images[0]))
            study.problem.write(file, answer)
            study.problem.keep(file, sure)
            answered_by[name] = judged_by
            write_json(known, answered_by)
        run.beat()
        tell(Progress("predict", done=done + 1, total=len(jobs)))


def trained_network(file: Path, plan: Plan, device: torch.device) -> nn.Module:
    """The network of one fold with its averaged weights, ready to answer. Raises IntegrityError if the file is not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return network_with(load_file(file), plan, device)
    except (SafetensorError, RuntimeError) as error:
        anew = f"Remove {file.parent} and run the same command again; this fold is then trained anew."
        hint = (
            anew if plan.training.budget_s is None else "Add --restart to begin anew: the budget of this run is used."
        )
        found = str(error).partition("\n")[0][:160]
        raise IntegrityError("weights that cannot be read", where=file, found=found, hint=hint) from error


def prediction_file(run: Run, problem: Kind, case: Case, *, test: bool) -> Path:
    """Where a case's answer lies."""
    folder = run.path("predictions", "test") if test else run.path("predictions")
    assert is_plain_name(case.id), "read_dataset has refused it"
    return folder / problem.file_name(case)


@dataclass(frozen=True, slots=True)
class Scores:
    """Rows of every judged case, the summary that is metrics.json, and what was chosen on the rows, for the package."""

    rows: list[JudgedCase]
    test_rows: list[JudgedCase]
    summary: dict[str, Any]
    chosen: dict[str, Any] | None = None
    confidence: dict[str, Any] | None = None
    """What was fitted on the rows of how sure answers are, for the package."""


def score(run: Run, study: Study, *, tell: Listener, caveats: Sequence[str] = ()) -> Scores:
    """Compare every answer with its truth; writes metrics.json, cases.csv and judged.json. caveats: what must be said beside
    it.
    """
    problem = study.problem
    fold_of = {name: fold for fold in study.plan.training.folds for name in study.splits.folds[fold].validation}
    names = [*fold_of, *study.splits.test]
    yardstick = problem.yardstick([study.facts(name) for name in names])
    rows: list[JudgedCase] = []
    opinions: dict[str, Floats] = {}
    for done, name in enumerate(names):
        case = study.case(name)
        file = prediction_file(run, problem, case, test=name not in fold_of)
        answer = own_answer(file, problem)
        opinions |= {} if (found := problem.opinions(file)) is None else {name: found}
        rows.append(problem.row(case, answer, fold=fold_of.get(name), yardstick=yardstick))
        tell(Progress("evaluate", done=done + 1, total=len(names)))
    judged, tested, chosen = problem.settle(rows[: len(fold_of)], rows[len(fold_of) :], study.plan)
    summary = problem.summary(judged, tested, seed=study.plan.training.seed, yardstick=yardstick)
    summary |= {} if chosen is None else {"chosen": chosen}
    seed = study.plan.training.seed
    summary = with_subgroups(problem, summary, judged or tested, seed=seed)
    if "test" in summary:
        summary["test"] = with_subgroups(problem, summary["test"], tested, seed=seed)
    points, of_test = problem.operating(rows[: len(fold_of)], rows[len(fold_of) :])
    summary |= {POINTS: points} if points else {}
    if of_test:
        summary["test"][POINTS] = of_test
    certainty, confidence = problem.certainty(judged, rows[: len(fold_of)], study.plan, opinions)
    summary |= {CERTAINTY: certainty} if certainty else {}
    if tested:
        fitted = problem.settled(chosen).assured(confidence)
        on_test = fitted.certainty_on(tested, rows[len(fold_of) :], opinions)
        summary.get("test", summary).update({CERTAINTY: on_test} if on_test else {})
    if said := [*summary.get(CAVEATS, ()), *caveats_of_models(study, rows), *caveats]:
        summary[CAVEATS] = said
    write_json(run.path("metrics.json"), summary)
    write_bytes(run.path("cases.csv"), problem.table([*judged, *tested]).encode())
    sets = {CROSS_VALIDATION: judged, TEST_SPLIT: tested}
    write_judged(run.path(JUDGED), judged_cases(problem, sets, {name: study.facts(name) for name in names}))
    return Scores(judged, tested, summary, chosen, confidence)


def caveats_of_models(study: Study, rows: Sequence[JudgedCase]) -> Iterator[str]:
    """What must be said of the models that judged. rows: as they answered, before anything was settled."""
    learned = [case for case in study.dataset.cases if study.problem.learns(case)]
    trained = [study.splits.folds[fold] for fold in study.plan.training.folds]
    if names := never_learned(learned, trained, parts=study.problem.parts):
        yield unlearned_text(names)
    yield from study.problem.caveats(rows)


def never_learned(cases: Iterable[Case], folds: Iterable[Fold], *, parts: Sequence[str]) -> list[str]:
    """Classes of which a fold judged cases without having learned from any, in the order of `parts`. cases: those that may be
    learned from.
    """
    known = {case.id: set(case.target.names) for case in cases if isinstance(case.target, Classes)}
    found: set[str] = set()
    for fold in folds:
        learned, judged = (
            {part for name in side for part in known.get(name, ())} for side in (fold.train, fold.validation)
        )
        found |= judged - learned
    return [name for name in parts if name in found]


def own_answer(file: Path, problem: Kind) -> Any:
    """An answer that this run has written. Raises IntegrityError if it is not whole any more."""
    with reading_own(file, hint="Remove it and run the same command again; it is then answered anew."):
        return problem.read(file)
