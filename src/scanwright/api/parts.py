"""The parts of a report that come from the data, the plan and the scores, as the page wants them."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from scanwright.api.answer import Scores, prediction_file
from scanwright.api.data_report import finding
from scanwright.api.run import Run
from scanwright.api.study import Study
from scanwright.api.wording import channel_text, failures, plain, space_facts, steps_text, volume_text
from scanwright.dataset.images import read_case_image
from scanwright.evaluation.evaluate import CaseRow
from scanwright.figures.overlay import CT_SOFT_TISSUE, overlay_slices
from scanwright.io.formats import read_label
from scanwright.report import content as page_content
from scanwright.report.content import (
    CasePicture,
    DatasetPart,
    Estimate,
    Fact,
    GroupRow,
    PlanRow,
    RegionRow,
    ResultSet,
    SplitPart,
    SplitRow,
)

CROSS_VALIDATION, TEST_SPLIT = "Cross-validation", "Test split"
SIZES = ("spacing", "patch", "strides", "kernels", "fold")


def judged(scores: Scores) -> dict[str, tuple[Mapping[str, Any], Sequence[CaseRow]]]:
    """The sets of cases that were judged: for each its name, its part of metrics.json, and its rows."""
    sets: dict[str, tuple[Mapping[str, Any], Sequence[CaseRow]]] = {}
    if scores.rows:
        sets[CROSS_VALIDATION] = (scores.summary, scores.rows)
    if scores.test_rows:  # alone, it stands for the whole
        sets[TEST_SPLIT] = (scores.summary["test"] if scores.rows else scores.summary, scores.test_rows)
    return sets


def results(study: Study, scores: Scores) -> tuple[ResultSet, ...]:
    """Cross-validation, and the declared test split where there is one."""
    notes = {
        CROSS_VALIDATION: "Each case was predicted by a model that was not trained on its patient. " + chosen_on(study),
        TEST_SPLIT: "Cases that the data set sets apart, predicted by all trained folds together; read once, at the end.",
    }
    sets = judged(scores)
    return tuple(result_set(name, summary, rows, study, note=notes[name]) for name, (summary, rows) in sets.items())


def chosen_on(study: Study) -> str:
    """What the judged cases had a part in."""
    if len(study.plan.training.folds) == 1:
        return "Nothing was chosen on these cases: the plan was made from the training cases alone."
    return "The plan (spacing, grey values, sizes) was made from all cases, as every fold shares it; no weights were."


def result_set(name: str, summary: Mapping[str, Any], rows: Sequence[CaseRow], study: Study, *, note: str) -> ResultSet:
    """One set of cases as tables."""
    groups = [
        GroupRow(group=group, value=value, num_cases=max(one["n"] for one in block.values()), metrics=estimates(block))
        for group, values in summary["by_group"].items()
        for value, block in values.items()
        if 1 < len(values) <= 12
    ]
    return ResultSet(
        name=name,
        overall=estimates(summary["overall"]),
        regions=tuple(
            RegionRow(region=region, metrics=estimates(block)) for region, block in summary["by_class"].items()
        ),
        groups=tuple(groups),
        cases=tuple(page_case(row, study) for row in rows),
        note=note,
        failures=failures(summary["flags"], summary["cases"]),
    )


def page_case(row: CaseRow, study: Study) -> page_content.CaseRow:
    """A row of the evaluation as the page shows it."""
    return page_content.CaseRow(
        case=row.case,
        regions=row.metrics,
        mean=mean_score(row, study.problem.primary),
        patient=row.patient,
        fold="" if row.fold is None else str(row.fold),
        flags=row.flags,
        sizes=sizes(row, study),
    )


def sizes(row: CaseRow, study: Study) -> dict[str, tuple[float, float]]:
    """True and predicted size of each region of a case, in ml (pixels where there is no scale)."""
    facts, unit = study.facts(row.case), study.fingerprint.unit
    bias, cube = ("volume_bias_ml", facts.voxel_volume / 1000) if unit == "mm" else ("area_bias_px", 1.0)
    truths = {region: facts.region_voxels.get(region, 0) * cube for region in row.metrics}
    return {region: (truth, truth + (row.metrics[region][bias] or 0.0)) for region, truth in truths.items()}


def mean_score(row: CaseRow, primary: str) -> float | None:
    """The primary metric of a case, averaged over the regions where it is defined."""
    defined = [value for scores in row.metrics.values() if (value := scores.get(primary)) is not None]
    return statistics.fmean(defined) if defined else None


def estimates(block: Mapping[str, Any]) -> dict[str, Estimate]:
    """A table of metrics.json as estimates."""
    return {name: estimate(value) for name, value in block.items()}


def estimate(value: Mapping[str, Any]) -> Estimate:
    """One entry of metrics.json."""
    low, high = value["ci95"] or (None, None)
    return Estimate(mean=value["mean"], low=low, high=high, n=value["n"], n_defined=value["n_defined"])


def pictures(run: Run, study: Study, scores: Scores) -> tuple[CasePicture, ...]:
    """The best, the median and the two worst cases, truth and prediction over the scan."""
    primary = study.problem.primary
    rows = [row for row in (scores.rows or scores.test_rows) if mean_score(row, primary) is not None]
    ranked = sorted(rows, key=lambda row: mean_score(row, primary) or 0.0)
    if not ranked:
        return ()
    chosen: dict[str, tuple[page_content.Role, CaseRow]] = {}
    for role, index in (("best", -1), ("median", len(ranked) // 2), ("worst", min(1, len(ranked) - 1)), ("worst", 0)):
        chosen.setdefault(ranked[index].case, (role, ranked[index]))  # type: ignore[arg-type]
    return tuple(picture(run, study, row, role, test=not scores.rows) for role, row in chosen.values())


def picture(run: Run, study: Study, row: CaseRow, role: page_content.Role, *, test: bool) -> CasePicture:
    """One case drawn."""
    task, case = study.dataset.task, study.case(row.case)
    assert case.label is not None
    image = read_case_image(case, task)
    answer = read_label(prediction_file(run, case, test=test))
    png = overlay_slices(
        image.voxels,
        truth_IJK=read_label(case.label).voxels[0],
        prediction_IJK=answer.voxels[0],
        grid=image.grid,
        regions={region.name: region.values for region in task.regions},
        window=CT_SOFT_TISSUE if task.channels[0].modality == "ct" else None,
        focus="error" if role == "worst" else "truth",
    )
    facts = tuple(
        Fact(
            name=f"{region} {study.problem.primary.capitalize()}",
            value="not defined" if score is None else f"{score:.3f}",
        )
        for region, metrics in row.metrics.items()
        for score in [metrics.get(study.problem.primary)]
    )
    return CasePicture(role=role, case=row.case, png=png, facts=facts)


def dataset_part(study: Study) -> DatasetPart:
    """The data in facts, and what the checks found."""
    found, dataset = study.overview, study.dataset
    facts = [
        Fact(name="Folder", value=str(dataset.root.name)),
        Fact(name="Cases", value=f"{found.num_cases} of {found.num_patients} patients"),
        Fact(name="Channels", value=", ".join(channel_text(channel) for channel in dataset.task.channels)),
        Fact(
            name="Regions", value=", ".join(f"{r.name} = {'+'.join(map(str, r.values))}" for r in dataset.task.regions)
        ),
        *space_facts(found),
    ]
    for region in found.regions:
        volume = "in no case" if region.volume is None else volume_text(region.volume, found.unit)
        facts.append(Fact(name=region.name, value=f"in {region.present} cases, {volume}"))
    faults = [fault for fault in study.checks.faults if not fault.stops]
    return DatasetPart(
        stated=dataset.stated,
        facts=tuple(facts),
        excluded=tuple(Fact(name=name, value="left out by name, with --exclude") for name in study.excluded),
        findings=tuple(finding(fault) for fault in faults),
    )


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
    apart = not any(fault.waived and fault.code == "patient-on-two-sides" for fault in study.checks.faults)
    return SplitPart(source=study.splits.stated or study.splits.source, rows=tuple(rows), apart=apart)


def plan_rows(study: Study, *, steps_taken: Sequence[int]) -> tuple[PlanRow, ...]:
    """Every decision with its reason. steps_taken: by each fold, which may have ended elsewhere than planned."""

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
            chosen_by_user=why.source == "--set",
        )
        for name, value, why in study.plan.rows()
    )
