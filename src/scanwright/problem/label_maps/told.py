"""Label maps as a report shows them: tables of regions, sizes against each other, and the best and worst cases drawn."""

import statistics
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.images import read_case_image
from scanwright.dataset.task import Task
from scanwright.evaluation.intervals.statistics import holm, paired_difference
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.figures.overlay import CT_SOFT_TISSUE, overlay_slices
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_label
from scanwright.problem.told import best_to_worst, difference, in_order
from scanwright.protocols import IGNORE
from scanwright.report import results_content as page_content
from scanwright.report.results_content import CasePicture, Difference, Fact, RegionRow, ResultSet, estimates, group_rows
from scanwright.report.subgroup_content import subgroup_part, with_small
from scanwright.types import JSON, Array, Unit

MOST_NAMED = 8


def result_set(
    name: str,
    summary: Mapping[str, JSON],
    rows: Sequence[CaseRow],
    *,
    primary: str,
    facts: Mapping[str, CaseFacts],
    unit: Unit,
    note: str,
) -> ResultSet:
    """One set of cases as tables. summary: its part of metrics.json."""
    return ResultSet(
        name=name,
        overall=estimates(summary["overall"]),
        regions=tuple(
            RegionRow(region=region, metrics=estimates(block)) for region, block in summary["by_class"].items()
        ),
        groups=with_small(group_rows(summary["by_group"]), summary),
        subgroups=subgroup_part(summary),
        cases=tuple(page_case(row, facts.get(row.case), primary=primary, unit=unit) for row in rows),
        note=note,
        failures=failures(summary["flags"], summary["cases"]),
    )


def differences(
    rows: Mapping[str, Sequence[CaseRow]],
    best: str,
    primary: str,
    *,
    score: Callable[[CaseRow], float | None],
    seed: int,
) -> dict[str, tuple[Difference, ...]]:
    """The mean score of cases by each other model less that by the best one."""
    scores = {name: [score(row) for row in in_order(of)] for name, of in rows.items()}
    patients = [row.patient for row in in_order(rows[best])]
    found = {
        name: paired_difference(of, scores[best], patients, seed=seed) for name, of in scores.items() if name != best
    }
    corrected = holm([one.p_permutation for one in found.values()])
    return {
        name: (difference(primary, one.mean, one.ci95, p, n=one.n),)
        for (name, one), p in zip(found.items(), corrected, strict=True)
    }


def page_case(row: CaseRow, facts: CaseFacts | None, *, primary: str, unit: Unit) -> page_content.CaseRow:
    """A row of the evaluation as the page shows it; without sizes where nothing is known of the case's voxels."""
    return page_content.CaseRow(
        case=row.case,
        regions=row.metrics,
        mean=mean_score(row, primary),
        patient=row.patient,
        fold="" if row.fold is None else str(row.fold),
        flags=row.flags,
        sizes={} if facts is None else sizes(row, facts, unit=unit),
    )


def sizes(row: CaseRow, facts: CaseFacts, *, unit: Unit) -> dict[str, tuple[float, float]]:
    """True and predicted size of each region of a case, in ml (pixels where there is no scale)."""
    bias, cube = ("volume_bias_ml", facts.voxel_volume / 1000) if unit == "mm" else ("area_bias_px", 1.0)
    truths = {region: facts.region_voxels.get(region, 0) * cube for region in row.metrics}
    return {region: (truth, truth + (row.metrics[region][bias] or 0.0)) for region, truth in truths.items()}


def mean_score(row: CaseRow, primary: str) -> float | None:
    """The primary metric of a case, averaged over the regions where it is defined."""
    defined = [value for scores in row.metrics.values() if (value := scores.get(primary)) is not None]
    return statistics.fmean(defined) if defined else None


def pictures(
    rows: Sequence[CaseRow],
    task: Task,
    *,
    primary: str,
    case_of: Callable[[str], Case],
    answer_of: Callable[[str], Volume],
) -> tuple[CasePicture, ...]:
    """The best, the median and the two worst cases, truth and prediction over the scan."""
    ranked = sorted(
        (row for row in rows if mean_score(row, primary) is not None), key=lambda row: mean_score(row, primary) or 0.0
    )
    return tuple(
        picture(row, role, task, primary=primary, case=case_of(row.case), answer=answer_of(row.case))
        for role, row in best_to_worst(ranked)
    )


def picture(
    row: CaseRow, role: page_content.Role, task: Task, *, primary: str, case: Case, answer: Volume
) -> CasePicture:
    """One case drawn."""
    assert case.label is not None
    image = read_case_image(case, task)
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
        Fact(name=f"{region} {primary.capitalize()}", value="not defined" if score is None else f"{score:.3f}")
        for region, metrics in row.metrics.items()
        for score in [metrics.get(primary)]
    )
    return CasePicture(role=role, case=row.case, png=png, facts=facts)


def failures(flags: Mapping[str, Mapping[str, int]], num_cases: int) -> str:
    """Which regions were missed or invented in how many cases, the most often first; "" if none was.

    flags: of metrics.json. Of many regions the eight of most failures are named.

    >>> failures({"missed": {"core": 4, "rim": 0}, "invented": {"core": 1, "rim": 0}, "absent": {"core": 1, "rim": 0}}, 10)
    'core missed in 4 of 8 cases that have it, invented in 1 of 2 cases without it'
    """
    missed, invented, absent = (flags.get(kind, {}) for kind in ("missed", "invented", "absent"))
    number = {region: missed[region] + invented[region] for region in missed}
    failed = sorted((region for region in number if number[region]), key=lambda region: -number[region])
    phrases = []
    for region in failed[:MOST_NAMED]:
        without = invented[region] + absent[region]
        parts = [f"missed in {missed[region]} of {num_cases - without} cases that have it"] if missed[region] else []
        parts += [f"invented in {invented[region]} of {without} cases without it"] if invented[region] else []
        phrases.append(f"{region} {', '.join(parts)}")
    more = len(failed) - MOST_NAMED
    return "; ".join([*phrases, f"{more} more regions, at most as often"] if more > 0 else phrases)


def values_of(codes_DHW: Array, codes: Mapping[int, int]) -> Array:
    """Stored codes as label values; IGNORE as background."""
    table = np.zeros(IGNORE + 1, dtype=np.int64)
    for value, code in codes.items():
        table[code] = 0 if code == IGNORE else value
    return table[codes_DHW]
