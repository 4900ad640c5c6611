"""The last part of a run: the report that a person reads, the card, and the package that is deployed."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scanwright.api.case.judged_cases import JUDGED, without_names
from scanwright.api.case.tested import TEST_SPLIT, scope_text
from scanwright.api.data.gate import content_digest
from scanwright.api.run.answer import Scores
from scanwright.api.run.explained import Explained, sanity_text
from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.known_cases import Sight
from scanwright.api.run.learn import HELD_OUT_IMAGES, read_log
from scanwright.api.run.parts import (
    OF_PATIENTS,
    RESEARCH_USE,
    dataset_part,
    headline,
    is_apart,
    judged,
    kind_text,
    limits_of_data,
    limits_of_set,
    patients_text,
    pictures,
    plan_rows,
    results,
    split_part,
)
from scanwright.api.run.range_told import range_part
from scanwright.api.run.study import DATASHEET, Study
from scanwright.api.run.trials import Tried
from scanwright.dataset.cases import Fault
from scanwright.dataset.measures import images_hash
from scanwright.explanation.reference import Reference
from scanwright.files import canonical_json, read_json, write_bytes
from scanwright.network.build import build, num_parameters
from scanwright.package.learned import Learned, together
from scanwright.package.load import CHOSEN, CONFIDENCE, IN_RANGE, KNOWN_CASES, LEARNED_FROM
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.plan import Plan
from scanwright.release.pack import pack
from scanwright.report import notation
from scanwright.report.card import card_markdown, make_card
from scanwright.report.content import (
    Event,
    FoldTraining,
    Headline,
    ModelsPart,
    Provenance,
    ReportContent,
    Section,
    StageCost,
    TrainingPart,
)
from scanwright.report.datasheet import answer_to
from scanwright.report.page import build as build_page
from scanwright.report.results_content import Fact
from scanwright.runtime import Machine

LITTLE = 0.02
"""Of a headline, up to which a choice by it makes it a little too good."""


def write_report(
    kept: Tried,
    models: ModelsPart | None,
    ablated: tuple[ModelsPart, ...],
    explained: Explained,
    *,
    machine: Machine,
    further: tuple[Section, ...] = (),
) -> None:
    """report.html: everything about the run on one page. models: those that were tried, if there were several."""
    content = replace(report_content(kept, models, ablated, explained, machine=machine), further=further)
    write_bytes(kept.run.path("report.html"), build_page(content).encode())


def write_package(
    run: Run,
    study: Study,
    scores: Scores,
    models: ModelsPart | None,
    sight: Sight | None,
    reference: Reference | None = None,
) -> str:
    """model.swm: plan, weights of every fold, cards of model and data, metrics, reference statistics. Gives its digest.

    models: those that were tried, if there were several. sight: training cases as the model sees them. reference: what tells
    images that the model was not made for.
    """
    task, plan = study.dataset.task, study.plan
    steps = [fold.num_steps for fold in training_part(run, study).folds]
    sheet = read_json(run.path(f"{DATASHEET}.json"))
    card = make_card(
        name=task.name,
        task=task.model_dump(mode="json"),
        plan=plan.to_json(),
        fingerprint=study.fingerprint.model_dump(mode="json"),
        metrics=scores.summary,
        steps=steps,
        limits=limits(study, scores, models, name_cases=False),
        waived=[
            {"code": fault.code, "cases": fault.num_cases, "waived": fault.waived}
            for fault in study.checks.faults
            if fault.waived
        ],
        licence=answer_to(sheet, "distribution.licence"),
        wording=study.problem.wording,
    )
    return pack(
        run.path("model.swm"),
        problem=plan.problem,
        task=task.model_dump(mode="json"),
        plan=plan.to_json(),
        card=card,
        weights={f"fold_{fold}": run.fold(fold) / WEIGHTS for fold in plan.training.folds},
        metrics=scores.summary,
        reference=study.fingerprint.model_dump(mode="json"),
        extra={
            "card.md": card_markdown(card).encode(),
            f"{DATASHEET}.md": run.path(f"{DATASHEET}.md"),
            f"{DATASHEET}.json": canonical_json(sheet),
            LEARNED_FROM: canonical_json(taught_by(study).to_json()),
            JUDGED: canonical_json(without_names(read_json(run.path(JUDGED)))),
            **({} if sight is None else {KNOWN_CASES: sight.known.to_bytes()}),
            **({} if reference is None else {IN_RANGE: reference.to_bytes()}),
            **chosen_members(scores.chosen, scores.confidence),
        },
    )


def chosen_members(chosen: Mapping[str, Any] | None, confidence: Mapping[str, Any] | None) -> dict[str, bytes]:
    """chosen.json and confidence.json, without empty ones; what `Kind.settle` gives under "confidence" is of the second."""
    parts = dict(chosen or {})
    told = {**parts.pop("confidence", {}), **(confidence or {})}
    members = {CHOSEN: parts, CONFIDENCE: told}
    return {name: canonical_json(part) for name, part in members.items() if part}


def taught_by(study: Study) -> Learned:
    """The cases that a packed fold has learned from, which `evaluate` holds its cases against, with those that its weights had
    learned from before.
    """
    folds = study.plan.training.folds
    names = {name for fold in folds for name in study.splits.folds[fold].train}
    own = Learned(frozenset(images_hash(study.facts(name).image_hashes) for name in names))
    return together([own, *([] if study.beginning is None else [study.beginning.learned])])


def report_content(
    kept: Tried, models: ModelsPart | None, ablated: tuple[ModelsPart, ...], explained: Explained, *, machine: Machine
) -> ReportContent:
    """Everything the page says, from the run's own records."""
    run, study, scores = kept.run, kept.study, kept.scores
    task, training = study.dataset.task, training_part(run, study)
    first, *rest = headlines(study, scores)
    shown = tuple(explained.picture(one) for one in pictures(run, study, scores))
    return ReportContent(
        title=task.name,
        created=datetime.now(UTC),
        headline=first,
        beside=tuple(rest),
        summary=summary_sentences(study, training, machine),
        wording=study.problem.wording,
        region_names=study.problem.parts,
        unit=study.fingerprint.unit,
        tolerance=scores.summary.get("nsd_tolerance"),
        results=results(study, scores),
        models=models,
        ablations=ablated,
        seen=explained.figures(),
        pictures=shown,
        checked=sanity_text(explained.sanity, cases=explained.num_checked),
        range=range_part(scores.summary),
        limits=limits(study, scores, models),
        dataset=dataset_part(
            study.dataset,
            study.overview,
            faults=[fault for fault in study.checks.faults if not fault.stops],
            excluded=[Fact(name=name, value="left out by name, with --exclude") for name in study.excluded],
        ),
        split=split_part(study),
        plan=plan_rows(study, steps_taken=[fold.num_steps for fold in training.folds]),
        training=training,
        provenance=provenance(run, study, machine),
    )


def headlines(study: Study, scores: Scores) -> tuple[Headline, ...]:
    """The primary metric, and on what it was measured: cross-validation, then the test split, where there are both."""
    return tuple(
        headline(study.problem, name, summary, rows, scope=scope_of_test(study) if name == TEST_SPLIT else scope(study))
        for name, (summary, rows) in judged(scores).items()
    )


def scope_of_test(study: Study) -> str:
    """In words, what the test split is and which models judged it."""
    folds = len(study.plan.training.folds)
    models = f"all {folds} folds together" if folds > 1 else "the one trained fold"
    return f"test split, which took no part in training, answered by {models}"


def scope(study: Study) -> str:
    """In words, which held-out cases were judged by which models."""
    folds, total = study.plan.training.folds, len(study.splits.folds)
    if not any(study.splits.folds[fold].validation for fold in folds):
        return scope_text((), total=total)
    return scope_text(folds, total=total)


def summary_sentences(study: Study, training: TrainingPart, machine: Machine) -> tuple[str, ...]:
    """What was trained on what, in two or three sentences."""
    plan = study.plan
    steps = " and ".join(dict.fromkeys(str(fold.num_steps) for fold in training.folds)) or plan.training.steps
    place = f"{machine.threads} cores of {machine.device_name}" if machine.device == "cpu" else machine.device_name
    return (
        kind_text(study.problem, study.dataset.task, study.overview),
        made_text(plan, steps=str(steps), place=place),
        patients_text(study.dataset),
    )


def made_text(plan: Plan, *, steps: str, place: str) -> str:
    """What learns, how large it is and how long it was trained, in a sentence."""
    if isinstance(plan.network, ClassicalPlan):
        read = "outlines and textures of the images"
        if plan.network.encoder is not None:
            read = f"what the {plan.network.encoder.title} of --from makes of the images"
        if plan.network.radiomic is not None:
            read = f"radiomic features ({plan.network.radiomic.library}) of what is outlined in the images"
        return f"A {plan.network.title} on {read}, fitted on {place}."
    if isinstance(plan.network, NormalPlan):
        return f"A {plan.network.title}, fitted to normal cases alone on {place}."
    parameters = num_parameters(build(plan.network))
    return f"A {plan.network.title} of {parameters / 1e6:.1f} million weights, trained for {steps} steps a fold on {place}."


UNKNOWN_BEFORE = (
    "The weights that training began from do not say what they had learned from: if these cases are among it, the scores are "
    "too good."
)


def limits(
    study: Study, scores: Scores, models: ModelsPart | None = None, *, name_cases: bool = True
) -> tuple[str, ...]:
    """What the numbers do not say. name_cases: not where a model leaves the house: a case's name may be a patient's."""
    found, plan = study.overview, study.plan
    rows = scores.rows or scores.test_rows
    sets = judged(scores)
    said = [RESEARCH_USE]
    if len(plan.training.folds) < len(study.splits.folds):
        said.append(f"Measured on {scope(study)}: {len(rows)} of {found.num_cases} cases were judged.")
    if not scores.test_rows:
        said.append("No test set was declared. Cross-validation says how this recipe does on data of the same origin.")
    if models and len(models.models) > 1:
        said.append(choice_text(models))
    for name, (summary, _) in sets.items():
        said += limits_of_set(study.problem, summary, name=name if len(sets) > 1 else "")
    said += limits_of_data(study.dataset, found)
    said += [UNKNOWN_BEFORE] if study.beginning is not None and not study.beginning.learned.complete else []
    policy = [fault for fault in study.checks.faults if fault.policy and fault.severity != "note"]
    for fault in policy:
        left_out = fault.code == "patient-on-two-sides" and is_apart(study)
        said.append(policy_text(fault, name_cases=name_cases, left_out=left_out))
    said.append(OF_PATIENTS)
    return tuple(sentence for sentence in said if sentence)


def choice_text(models: ModelsPart) -> str:
    """What it means for the scores that the model is the best of several by these very scores."""
    said = f"The model is the best of {len(models.models)} by its scores out of fold, which are therefore"
    kept, without = next(row.estimate for row in models.models if row.chosen), models.chosen_without
    if without is None or without.mean is None or kept.mean is None:
        return f"{said} too good, by how much is not known."
    kind = notation.metric(models.metric)
    value, reach = notation.number(without.mean, kind.digits), notation.interval(without, kind.digits)
    much = "a little too good"
    if notation.is_better(models.metric, kept.mean, without.mean) and abs(kept.mean - without.mean) > LITTLE:
        much = f"too good by about {notation.number(abs(kept.mean - without.mean), kind.digits)}"
    worth = f"{kind.stem} is {value}" + (f" ({reach})" if reach else "")
    return f"{said} {much}: where each fold takes the model that is best in the others, {worth}."


def policy_text(fault: Fault, *, name_cases: bool = True, left_out: bool = False) -> str:
    """What a finding of policy means for the scores, and why it was let pass, if it was.

    left_out: whether cases were left out, so that the sides that were used share no patient.
    """
    told = f" ({fault.who}): {fault.found}" if fault.who else f": {fault.found}"
    if fault.who and not name_cases:
        told = f" ({fault.num_cases} cases)"
    waived = f" Let pass by name, with the reason: {fault.waived}." if fault.waived else ""
    meaning = "Scores may be too good."
    if left_out:
        meaning = "Cases were left out for it: no patient was learned from and judged."
    elif fault.code == "mixed-modality":
        meaning = "Scores are of all of them together."
    return f"The data show {fault.code.replace('-', ' ')}{told}. {meaning}{waived}"


def training_part(run: Run, study: Study) -> TrainingPart:
    """The curves and events of every trained fold."""
    folds, events = [], []
    for fold in study.plan.training.folds:
        lines = read_log(run.fold(fold) / "log.jsonl")
        points = [line for line in lines if line["event"] == "checkpoint"]
        scores = [
            (line["step"], statistics.fmean(s))
            for line in points
            if (s := [x for x in line["scores"] if x is not None])
        ]
        folds.append(
            FoldTraining(
                fold=str(fold),
                loss=tuple((line["step"], line["loss"]) for line in points if line["loss"] is not None),
                score=tuple(scores),
                learning_rate=tuple((line["step"], line["learning_rate"]) for line in points),
                num_steps=points[-1]["step"] if points else 0,
                seconds=points[-1]["elapsed_s"] if points else None,
                best_score=max((score for _, score in scores), default=None),
                fitted=fitted_text([line for line in lines if line["event"] == "fitted"], study.problem.parts),
            )
        )
        events += [
            Event(
                fold=str(fold),
                step=line["step"],
                text=f"{line['step_s']:.2f} s a step: the schedule now ends at step {line['end']} "
                f"instead of {line['end_before']}",
            )
            for line in lines
            if line["event"] == "refit"
        ]
    note = training_note(study.plan, sees_whole=study.problem.sees_whole)
    return TrainingPart(folds=tuple(folds), events=tuple(events), score_metric=study.problem.primary, note=note)


def training_note(plan: Plan, *, sees_whole: bool) -> str:
    """How the planned model learns, as far as a reader of the section on training has to know. sees_whole: as of a problem."""
    if isinstance(plan.network, ClassicalPlan):
        return (
            "A classical model takes no steps: the features of each image are made once, and models are fitted to them."
        )
    if isinstance(plan.network, NormalPlan):
        return (
            "A model of what is normal takes no steps: it is fitted to normal training cases, and calibrated on them."
        )
    seen = f"at most {HELD_OUT_IMAGES} validation images" if sees_whole else "a patch of a few validation cases"
    return f"The quick score looks at {seen}; it steers nothing and chooses nothing."


def fitted_text(fits: Sequence[Mapping[str, Any]], parts: Sequence[str]) -> str:
    """What was fitted in a fold, by the lines of its log; "" where nothing was. parts: those that models are of, if several."""
    if any("limit" in fit for fit in fits):
        return "; ".join(f"{fit['normal_cases']} normal cases, limit {fit['limit']:.2f} spreads" for fit in fits)
    names = [f"{name}: " for name in parts] if len(fits) > 1 else [""] * len(fits)
    told = "; ".join(f"{name}{chosen_text(fit)}" for name, fit in zip(names, fits, strict=True))
    return f"Chosen on inner folds: {told}" if told else ""


def chosen_text(fit: Mapping[str, Any]) -> str:
    """The recipe of a classical model, and how it did on inner folds, where it was chosen among several."""
    recipe, score = fit["recipe"], fit["inner_score"]
    measure = "AUROC" if recipe["target"] == "classes" else "R²"
    values = " ".join(f"{name} {value:g}" for name, value in recipe["parameters"].items())
    return f"{recipe['family']} {values}" + ("" if score is None else f" ({measure} {score:.3f})")


def provenance(run: Run, study: Study, machine: Machine) -> Provenance:
    """How to get the same again."""
    facts = [
        Fact(name="Machine", value=f"{machine.device_name}, {machine.threads} cores; {machine.platform}"),
        Fact(name="Seed", value=str(study.plan.training.seed)),
        Fact(
            name="Data (SHA-256 of voxels, grids, labels and patients)",
            value=content_digest(study.dataset, study.checks),
        ),
        Fact(name="Plan (SHA-256)", value=study.plan.digest),
    ]
    stages = [
        StageCost(stage=name, seconds=entry["seconds"], peak_bytes=int(entry["peak_bytes"]))
        for name, entry in run.clock.stages_so_far().items()
    ]
    return Provenance(command=run.command, facts=tuple(facts), stages=tuple(stages))
