"""The parts of a report that come from the data, the plan and the scores, as the page wants them."""

from collections.abc import Mapping, Sequence
from typing import Any

from scanwright.api.case.tested import CROSS_VALIDATION, TEST_SPLIT
from scanwright.api.data.gate import CHECKS
from scanwright.api.data.page import finding
from scanwright.api.run.answer import Scores, prediction_file
from scanwright.api.run.folder import Run
from scanwright.api.run.study import Study
from scanwright.dataset.cases import Dataset, Fault
from scanwright.dataset.classes import answers_text, listed
from scanwright.dataset.facts import Fingerprint
from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.summaries.summary import CAVEATS, CHOSEN_WITHOUT
from scanwright.plan.classical import idle
from scanwright.plan.ledger import BY_HAND
from scanwright.problem.kind import Kind
from scanwright.report.content import DatasetPart, Headline, PlanRow, SplitPart, SplitRow
from scanwright.report.results_content import CasePicture, Fact, ResultSet, estimate
from scanwright.report.wording import (
    channel_text,
    few_text,
    images_text,
    plain,
    space_facts,
    steps_text,
    volume_text,
)

RESEARCH_USE = "Research use. Not a certified medical device; not for diagnosis."
OF_PATIENTS = "Intervals describe the sampling of patients, not of training runs or scanners."
MOST_LEFT_OUT = 20
SIZES = ("spacing", "patch", "strides", "kernels", "fold")


def judged(scores: Scores) -> dict[str, tuple[Mapping[str, Any], Sequence[JudgedCase]]]:
    """The sets of cases that were judged: for each its name, its part of metrics.json, and its rows."""
    sets: dict[str, tuple[Mapping[str, Any], Sequence[JudgedCase]]] = {}
    if scores.rows:
        sets[CROSS_VALIDATION] = (scores.summary, scores.rows)
    if scores.test_rows:  # alone, it stands for the whole
        sets[TEST_SPLIT] = (scores.summary["test"] if scores.rows else scores.summary, scores.test_rows)
    return sets


def results(study: Study, scores: Scores) -> tuple[ResultSet, ...]:
    """Cross-validation, and the declared test split where there is one."""
    apart = "Each case was predicted by a model that was not trained on its patient."
    if not is_apart(study):
        apart = "Patients are on two sides of the split that was given, and this was let pass."
    notes = {
        CROSS_VALIDATION: f"{apart} {chosen_on(study)}",
        TEST_SPLIT: "Cases that the data set sets apart, predicted by all trained folds together; read once, at the end.",
    }
    problem = study.problem.settled(scores.chosen)
    return tuple(
        result
        for name, (summary, rows) in judged(scores).items()
        for result in problem.results(
            name,
            summary,
            rows,
            facts={row.case: study.facts(row.case) for row in rows},
            unit=study.fingerprint.unit,
            note=f"{notes[name]} {problem.how_decided(rows)}".strip(),
        )
    )


def chosen_on(study: Study) -> str:
    """What the judged cases had a part in."""
    if len(study.plan.training.folds) == 1:
        return "Nothing was chosen on these cases: the plan was made from the training cases alone."
    return "The plan (spacing, grey values, sizes) was made from all cases, as every fold shares it; no weights were."


def headline(
    problem: Kind, name: str, summary: Mapping[str, Any], rows: Sequence[JudgedCase], *, scope: str
) -> Headline:
    """The primary metric of a set of cases. summary: its part of metrics.json. scope: what it was measured on."""
    return Headline(
        metric=problem.primary,
        estimate=estimate(summary["overall"][problem.primary]),
        num_cases=len(rows),
        num_patients=len({row.patient for row in rows}),
        num_scored=len({row.patient for row in rows if problem.case_score(row) is not None}),
        scope=scope,
        name=name,
        caveats=tuple(summary.get(CAVEATS, ())),
        chosen_without=estimate(summary[CHOSEN_WITHOUT]) if CHOSEN_WITHOUT in summary else None,
    )


def kind_text(problem: Kind, task: Task, found: Fingerprint) -> str:
    """What is told of which images, of how many cases and patients, in a sentence."""
    parts, images = listed(problem.parts, choice=task.choice), images_text(found.dimension, task.channels)
    return f"{problem.wording.kind} of {parts} in {images}; {found.num_cases} cases of {found.num_patients} patients."


def patients_text(dataset: Dataset) -> str:
    """By what patients are told apart, or that nothing does, and why, in a sentence."""
    if dataset.tells_patients:
        return f"Patients are told apart by {dataset.patients_from}."
    _, _, why = dataset.patients_from.partition(": ")
    return f"Nothing tells patients apart: {why or 'every case counts as a patient of its own'}."


def limits_of_set(problem: Kind, summary: Mapping[str, Any], *, name: str = "") -> list[str]:
    """What the numbers of a set of cases do not say: that patients are few, caveats, and what failed altogether.

    summary: its part of metrics.json. name: of the set, where there are several.
    """
    said = [*summary.get(CAVEATS, ()), problem.shortfalls(summary)]
    few = few_text(summary["patients"], f" in the {name.lower()}" if name else "")
    return [few, *(f"{name}: {one}" if name and one else one for one in said)]


def limits_of_data(dataset: Dataset, found: Fingerprint) -> list[str]:
    """What the data leave open: who is who, and how large things are."""
    alike = "No patient list was given: if two cases are of one person, the scores are too good."
    scale = "The images have no physical scale: lengths and areas are in pixels."
    return [*([] if dataset.tells_patients else [alike]), *([scale] if found.unit == "px" else [])]


def pictures(run: Run, study: Study, scores: Scores) -> tuple[CasePicture, ...]:
    """The best, the median and the worst cases, as the kind of problem draws them."""
    problem, is_test = study.problem, not scores.rows

    def answer_of(name: str) -> Any:
        return problem.read(prediction_file(run, problem, study.case(name), test=is_test))

    return problem.pictures(scores.rows or scores.test_rows, case_of=study.case, answer_of=answer_of)


def dataset_part(
    dataset: Dataset, found: Fingerprint, *, faults: Sequence[Fault], excluded: Sequence[Fact]
) -> DatasetPart:
    """The data in facts, and what the checks found. excluded: cases, with the reason."""
    facts = [
        Fact(name="Folder", value=str(dataset.root.name)),
        Fact(name="Cases", value=f"{found.num_cases} of {found.num_patients} patients"),
        Fact(name="Channels", value=", ".join(channel_text(channel) for channel in dataset.task.channels)),
    ]
    if regions := dataset.task.regions:
        facts.append(
            Fact(name="Regions", value=", ".join(f"{r.name} = {'+'.join(map(str, r.values))}" for r in regions))
        )
    if answers := answers_text(dataset.train or dataset.test, dataset.task):
        facts.append(Fact(name="Targets", value=answers))
    facts += space_facts(found)
    for region in found.regions:
        volume = "in no case" if region.volume is None else volume_text(region.volume, found.unit)
        facts.append(Fact(name=region.name, value=f"in {region.present} cases, {volume}"))
    return DatasetPart(
        stated=dataset.stated,
        facts=tuple(facts),
        excluded=(*excluded, *not_labelled(dataset)),
        findings=tuple(finding(fault) for fault in faults),
    )


def not_labelled(dataset: Dataset) -> list[Fact]:
    """Cases that are neither learned from nor judged, as nothing is known of them; of many the first ones."""
    names = [case.id for case in dataset.cases if not case.is_labelled]
    rows = [Fact(name=name, value="nothing is known of it") for name in names[:MOST_LEFT_OUT]]
    more = len(names) - MOST_LEFT_OUT
    return [*rows, Fact(name=f"{more} more", value=f"the same; {CHECKS} names all")] if more > 0 else rows


def split_part(study: Study) -> SplitPart:
    """The folds, and which of them were trained."""
    patients = {case.id: case.patient for case in study.dataset.cases}

    def count(names: Sequence[str]) -> int:
        return len({patients[name] for name in names})

    rows = [
        SplitRow(
            name=f"Fold {index}",
            num_train=len(fold.train),
            num_validation=len(fold.validation),
            num_train_patients=count(fold.train),
            num_validation_patients=count(fold.validation),
            trained=index in study.plan.training.folds,
        )
        for index, fold in enumerate(study.splits.folds)
    ]
    if study.splits.test:
        test = study.splits.test
        rows.append(
            SplitRow(name="Test split", num_train=0, num_validation=len(test), num_validation_patients=count(test))
        )
    return SplitPart(source=study.splits.stated or study.splits.source, rows=tuple(rows), apart=is_apart(study))


def is_apart(study: Study) -> bool:
    """Whether no patient is on two sides of a fold, or in a fold and the test split, as the study used them."""
    patients = {case.id: case.patient for case in study.dataset.cases}
    test = {patients[name] for name in study.splits.test}
    folds = [
        ({patients[name] for name in fold.train}, {patients[name] for name in fold.validation})
        for fold in study.splits.folds
    ]
    return not any(train & validation or (train | validation) & test for train, validation in folds)


def plan_rows(study: Study, *, steps_taken: Sequence[int]) -> tuple[PlanRow, ...]:
    """Every decision that means something to the planned model, or was made by hand, with its reason. steps_taken: by each
    fold, which may have ended elsewhere than planned.
    """
    left_out = idle(study.plan)

    def text(name: str, value: Any) -> str:
        if name == "training.steps":
            return steps_text(value, steps_taken)
        return plain(value, is_size=name.split(".")[1] in SIZES)

    return tuple(
        PlanRow(
            group=name.split(".")[0],
            name=name.split(".")[1],
            value=text(name, value),
            reason=why.reason,
            source=why.source,
            chosen_by_user=why.source == BY_HAND,
        )
        for name, value, why in study.plan.rows()
        if name not in left_out or why.source == BY_HAND
    )
