"""The findings of label maps judged one by one: what belongs to the evaluation of segmentation where a task has findings."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from scanwright.dataset.measures import region_masks
from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.intervals.bootstrap import Measures
from scanwright.evaluation.label_maps.lesions import (
    BURDEN,
    LesionCase,
    Lesions,
    match_lesions,
    measure_lesions,
    measure_regions,
)
from scanwright.figures.plots import Pairs
from scanwright.findings.placing import with_findings
from scanwright.findings.table import size_of_voxel
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.problem.agreement import HOW_DRAWN, MOST_QUANTITIES, agreement_panels
from scanwright.report.results_content import Figure, RegionRow, ResultSet, estimates
from scanwright.types import JSON, Bools

SPELLED = {"mm²": "mm2"}
"""Units as the names of measures end in them."""
FINDINGS = "findings"
"""What the part of metrics.json is called."""
NOTE = (
    "Findings are judged one by one: connected parts of true and found masks that overlap by at least a tenth (IoU 0.1) are "
    "one finding."
)
NOTE_ON_REGIONS = (
    "Findings of all kinds. A true one counts in the region that holds most of it (of regions that lie in one another, in the "
    "innermost), a found or false one in the region in which it is said to lie."
)
OUTSIDE_ALL = "outside all regions"


class OutlinedCase(JudgedCase, Protocol):
    """A judged case with its findings."""

    @property
    def lesions(self) -> Mapping[str, Lesions]:
        """By kind, matched one by one."""


def lesions_of(
    truth: Volume, answer: Volume, task: Task, *, looked_for: Sequence[str] | None = None
) -> dict[str, Lesions]:
    """The findings of one case, matched, by kind; {} of a task without findings. What nobody judged is left out.

    looked_for: the regions that somebody judged, None for all; where no anatomy was, nothing is said of places.
    """
    if not task.abnormal:
        return {}
    judged = None if task.ignore is None else truth.voxels[0] != task.ignore
    true, found = region_masks(truth.voxels[0], task), region_masks(answer.voxels[0], task)
    voxel, unit = size_of_voxel(truth.grid)
    names = set(true) if looked_for is None else set(looked_for)
    whole = all(name in names for name in true if name not in task.abnormal)
    where = (_anatomy(true, task, truth.grid), _anatomy(found, task, truth.grid)) if whole else ({}, {})
    return {
        kind: match_lesions(
            true[kind],
            found[kind],
            voxel=voxel,
            unit=SPELLED.get(unit, unit),
            judged=judged,
            regions=where[0],
            found_regions=where[1],
        )
        for kind in task.abnormal
        if kind in names
    }


def _anatomy(masks: Mapping[str, Bools], task: Task, grid: Grid) -> dict[str, Bools]:
    """The regions that are no findings, with the findings that they surround where these are cut out of them."""
    regions = {name: mask for name, mask in masks.items() if name not in task.abnormal}
    if not regions or not task.disjoint:
        return regions
    together = np.logical_or.reduce([masks[name] for name in task.abnormal])
    return with_findings(regions, together, spacing=grid.spacing)


def lesion_summary(rows: Sequence[OutlinedCase], task: Task, *, seed: int) -> dict[str, JSON]:
    """{"overall": {measure: …}, "by_class": {finding: {…}}, "by_region": {region: {…}}} as metrics.json has it.

    by_region: of all kinds of finding; left out where no case has anatomy.
    """
    cases = [
        LesionCase(case=row.case, patient=row.patient, fold=row.fold, groups=row.groups, kinds=row.lesions)
        for row in rows
    ]
    overall, each = measure_lesions(cases, task.abnormal, seed=seed)
    places = measure_regions(cases, task.abnormal, seed=seed)
    by_region = (
        {"by_region": {name or OUTSIDE_ALL: _as_json(found) for name, found in places.items()}} if places else {}
    )
    return {
        "overall": _as_json(overall),
        "by_class": {kind: _as_json(found) for kind, found in each.items()},
        **by_region,
    }


def _as_json(measures: Measures) -> dict[str, JSON]:
    return {name: value.as_json() for name, value in measures.items()}


def lesion_results(name: str, summary: Mapping[str, JSON], rows: Sequence[OutlinedCase]) -> tuple[ResultSet, ...]:
    """The same as sets of results of their own, by kind, with the burden drawn, and by region; () where there is none."""
    if FINDINGS not in summary:
        return ()
    part = summary[FINDINGS]
    by_kind = ResultSet(
        name=f"{name}: findings",
        overall=estimates(part["overall"]),
        regions=_rows(part["by_class"]),
        note=NOTE,
        of_each_case=False,
        figures=_burden_figures(rows, part["by_class"]),
    )
    if "by_region" not in part:
        return (by_kind,)
    by_region = ResultSet(
        name=f"{name}: findings by region",
        overall={},
        regions=_rows(part["by_region"]),
        note=NOTE_ON_REGIONS,
        of_each_case=False,
    )
    return by_kind, by_region


def _burden_figures(rows: Sequence[OutlinedCase], by_class: Mapping[str, JSON]) -> tuple[Figure, ...]:
    """Found against true burden of each kind; () where it has no limits of agreement."""
    panels: list[bytes] = []
    for kind, measures in list(by_class.items())[:MOST_QUANTITIES]:
        judged = [(row.case, row.lesions[kind]) for row in rows if kind in row.lesions]
        if not judged:
            continue
        unit = judged[0][1].unit
        levels = [measures[f"burden_{name}_{unit}"] for name in BURDEN]
        if any(level["mean"] is None for level in levels):
            continue
        pairs = Pairs(
            name=kind,
            reference=[one.true_burden for _, one in judged],
            predicted=[one.found_burden for _, one in judged],
            titles=[f"{case}: true {one.true_burden:.4g}, predicted {one.found_burden:.4g}" for case, one in judged],
        )
        panels += agreement_panels(pairs, levels, unit={word: sign for sign, word in SPELLED.items()}.get(unit, unit))
    caption = f"The burden of a case, the size of all its findings of a kind: predicted against true ones {HOW_DRAWN}"
    return (Figure(panels=tuple(panels), caption=caption),) if panels else ()


def _rows(blocks: Mapping[str, JSON]) -> tuple[RegionRow, ...]:
    return tuple(RegionRow(region=one, metrics=estimates(block)) for one, block in blocks.items())
