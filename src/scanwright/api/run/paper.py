"""What a paper about a run needs beside its report: whether there were enough cases, methods, and checklists."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from scanwright.api.run.folder import (
    ABLATION,
    CHECKLISTS,
    LEARNING_CURVE,
    METHODS,
    REFERENCES,
    SAMPLE_SIZE,
    TRIED,
    Run,
    versions,
)
from scanwright.api.run.parts import is_apart, patients_text
from scanwright.api.run.sizes import plan_sizes
from scanwright.api.run.study import DATASHEET
from scanwright.api.run.telling import limits
from scanwright.api.run.trials import Tried
from scanwright.evaluation.intervals.statistics import SAMPLES
from scanwright.files import read_json, write_bytes
from scanwright.plan.plan import Plan
from scanwright.problem.kind import Kind
from scanwright.report import checklist as lists
from scanwright.report.citations import bibliography, cited
from scanwright.report.content import ModelsPart, Section
from scanwright.report.enough_section import CurvePart, enough_section
from scanwright.report.methods import methods, methods_markdown, takes_steps
from scanwright.report.paper_section import paper_section
from scanwright.report.told import Records
from scanwright.runtime import Machine
from scanwright.types import JSON

CONSTANTS: Mapping[str, JSON] = {"confidence_percent": 95, "bootstrap_draws": SAMPLES}
"""Numbers of the software that methods state, in run.json too."""
TRIALS_FILES = {"trials": TRIED, "ablation": ABLATION, "curve": LEARNING_CURVE, "size": SAMPLE_SIZE}


def write_paper(
    run: Run,
    kept: Tried,
    models: ModelsPart | None,
    curve: CurvePart | None,
    *,
    facts: Mapping[str, JSON],
) -> tuple[Section, ...]:
    """Write sample_size.json, methods.md, references.bib and checklists/, and give the sections of the report.

    facts: of run.json, beside versions and command.
    """
    enough = enough_section(curve, plan_sizes(run, kept.study.problem, kept.scores))
    records = records_of(run, kept, models, facts=facts)
    paragraphs = methods(records)
    write_bytes(run.path(METHODS), methods_markdown(paragraphs).encode())
    made = [lists.checklist(key, records) for key in lists.CHECKLISTS]
    keys = cited([*(one.text for one in paragraphs), *(f"@{one.cite}" for one in made)])
    write_bytes(run.path(REFERENCES), bibliography(keys).encode())
    for one in made:
        write_bytes(run.path(CHECKLISTS, f"{one.key}.md"), lists.checklist_markdown(one).encode())
        write_bytes(run.path(CHECKLISTS, f"{one.key}.csv"), lists.checklist_csv(one).encode())
    return (*([] if enough is None else [enough]), paper_section(paragraphs, made))


def run_facts(machine: Machine, kept: Tried) -> dict[str, JSON]:
    """What run.json says of the machine and the software's constants."""
    told = asdict(machine)
    shown = ("device", "device_name", "threads", "platform")
    return {
        "machine": {name: told[name] for name in shown},
        "constants": dict(CONSTANTS),
        "plan": kept.study.plan.digest,
    }


def records_of(run: Run, kept: Tried, models: ModelsPart | None, *, facts: Mapping[str, JSON]) -> Records:
    """The content of the run's files, by the names that templates use."""
    study = kept.study
    sheet = read_json(run.path(f"{DATASHEET}.json"))
    answers = {item["key"]: item["answer"] for part in sheet["sections"] for item in part["items"] if "key" in item}
    found: dict[str, Any] = {
        "plan": study.plan.to_json(),
        "metrics": kept.scores.summary,
        "task": study.dataset.task.model_dump(mode="json"),
        "splits": study.splits.model_dump(mode="json"),
        "fingerprint": study.fingerprint.model_dump(mode="json"),
        "checks": read_json(run.path("checks.json")),
        "datasheet": answers,
        "run": {"command": run.command, "versions": versions(), **facts},
        "report": report_words(kept, models),
    }
    return found | {name: read_json(run.path(file)) for name, file in TRIALS_FILES.items() if run.path(file).exists()}


def report_words(kept: Tried, models: ModelsPart | None) -> dict[str, JSON]:
    """What the report says in words, for the checklists."""
    study, problem = kept.study, kept.study.problem
    steps = takes_steps(study.plan.to_json())
    return {
        "network": study.plan.network.title,
        "apart": "no patient is on two sides" if is_apart(study) else "patients are on two sides, which was let pass",
        "patients": patients_text(study.dataset),
        "waived": "; ".join(dict.fromkeys(f"{one.code} ({one.waived})" for one in study.checks.faults if one.waived)),
        "begun": begun(study.plan, steps=steps),
        "fitting": TRAINED if steps else FITTED,
        "choosing": choosing(models, steps=steps),
        "explained": EXPLAINED if problem.sees_whole and not study.plan.reads_outlines else "",
        "limits": " ".join(limits(study, kept.scores, models, name_cases=False)),
        "calibrated": calibrated(problem, kept),
    }


TRAINED = "By gradient descent; optimiser, schedule, loss and augmentation are in plan.json with their reasons."
FITTED = (
    "The model was fitted, not trained in steps; its hyper-parameters are in plan.json or were chosen on inner folds."
)


EXPLAINED = "What answers rest on is drawn over the pictured cases in report.html."


def begun(plan: Plan, *, steps: bool) -> str:
    """What parameters began from."""
    if not steps:
        return "The model is fitted, and begins from nothing"
    return "Weights began at random" if plan.training.start is None else "Weights began from those of an earlier model"


def choosing(models: ModelsPart | None, *, steps: bool) -> str:
    """How the model was chosen."""
    if models is not None and len(models.models) > 1:
        return (
            f"The best of {len(models.models)} models by the headline out of fold, with what that "
            f"choice is worth beside it (trials.json)."
        )
    return (
        "One model was made, and the end of its training was kept: nothing was chosen by the judged cases."
        if steps
        else ("One model was made: nothing was chosen by the judged cases.")
    )


def calibrated(problem: Kind, kept: Tried) -> str:
    """What was fitted on answers out of fold; "" where nothing was."""
    if kept.scores.chosen is None:
        return ""
    return problem.settled(kept.scores.chosen).how_decided(kept.scores.rows or kept.scores.test_rows)
