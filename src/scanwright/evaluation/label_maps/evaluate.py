"""From two label maps to a row of scores, and from rows to the tables of metrics.json and cases.csv.

A row is a case: every measure of every region, with the patient, the fold it was predicted in and the groups it
belongs to. The headline is the mean over the regions of a case, then over the cases; regions whose score is not
defined are left out of a case's mean, cases without any are left out of the cases' mean, and `n_defined` says how
many were left in. An error (HD95, surface distance, relative size) that is not defined because a structure was missed or
invented is not left out: the case has no mean then, for a failure must not make a mean better.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.cases.grouping import group_columns, members_by_group
from scanwright.evaluation.intervals.statistics import SAMPLES, bootstrap_means
from scanwright.evaluation.label_maps.lesions import Lesions, lesion_columns
from scanwright.evaluation.label_maps.measures import default_tolerance, has_worst_value, measure_region
from scanwright.evaluation.label_maps.overlap import Counts, counts
from scanwright.evaluation.label_maps.regions import Source, find_regions
from scanwright.evaluation.label_maps.surface import require_spacing, union_box
from scanwright.files import finite_or_none
from scanwright.types import JSON, Array, Floats, Unit

Scores: TypeAlias = dict[str, dict[str, float | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRow:
    """The scores of one case: {region: {measure: value}}, None for "not defined". fold: None if not cross-validated.

    lesions: its findings by kind, matched one by one; {} where there are none to be judged so.
    """

    case: str
    patient: str
    fold: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float | None]]
    lesions: Mapping[str, Lesions] = field(default_factory=dict)

    @property
    def flags(self) -> tuple[str, ...]:
        """Regions in which a mask was empty: "absent:R" both, "missed:R" the prediction, "invented:R" the reference."""
        return tuple(f"{flag}:{region}" for region, scores in self.metrics.items() if (flag := _flag(scores)))


def evaluate_case(
    truth_IJK: Array,
    prediction: Source,
    *,
    regions: Mapping[str, Sequence[int]],
    spacing: Sequence[float],
    unit: Unit = "mm",
    ignore: int | None = None,
    tolerance: float | None = None,
) -> Scores:
    """Score one case: {region: {measure: value or None}}, measures as `describe_measures(unit)` names and orders them.

    truth_IJK: label values, whole numbers.
    prediction: label values of the same shape; or a bool mask for each region, which overlapping regions may need.
    regions: name to the label values whose union it is; regions may overlap.
    spacing: voxel edges in array-axis order, in `unit`; a one-slice array is measured as 2-D.
    ignore: label value of voxels that nobody judged: they are taken out of both masks and out of the background.
    tolerance: of normalised surface Dice, in `unit`; None: `default_tolerance` of this grid. State one for a data set.

    Work is done in the box around a region, so that a volume of 512 x 512 x 600 takes seconds.
    Raises GeometryError if shapes differ or spacing does not fit, InputError if labels are not whole numbers, UsageError
    for a missing mask.
    """
    require_spacing(spacing, shape=truth_IJK.shape)
    reference = find_regions(truth_IJK, regions, shape=truth_IJK.shape)
    answer = find_regions(prediction, regions, shape=truth_IJK.shape)
    judged = truth_IJK.size if ignore is None else int(np.count_nonzero(truth_IJK != ignore))
    limit = default_tolerance([spacing], shapes=[truth_IJK.shape]) if tolerance is None else tolerance
    scores: Scores = {}
    for region in regions:
        box = union_box([reference.boxes[region], answer.boxes[region]]) or (slice(1),) * truth_IJK.ndim
        truth, predicted = reference.within(region, box), answer.within(region, box)
        if ignore is not None:
            predicted = predicted & (truth_IJK[box] != ignore)
        inside = counts(truth, predicted)
        found = Counts(tp=inside.tp, fp=inside.fp, fn=inside.fn, tn=judged - inside.tp - inside.fp - inside.fn)
        scores[region] = measure_region(found, truth, predicted, spacing=spacing, unit=unit, tolerance=limit)
    return scores


def summarise(
    rows: Sequence[CaseRow],
    *,
    problem: str,
    primary: str,
    regions: Sequence[str],
    seed: int = 0,
    samples: int = SAMPLES,
    tolerance: float | None = None,
    test: Sequence[CaseRow] = (),
) -> dict[str, JSON]:
    """The content of metrics.json: plain data, None for "not defined".

    {"problem", "primary", "cases", "patients", ["nsd_tolerance"],
     "overall":  {measure: {"mean", "ci95": [low, high] or None, "n", "n_defined"}},  `region_means`, then over cases
     "by_class": {region: {measure: ...}},
     "by_group": {column: {value: {measure: ...}}},  cases that lack a column under "(not stated)"
     "by_fold":  {"0": {measure: ...}},              without intervals: folds share their training cases
     "flags":    {"missed": {region: cases}, "invented": ..., "absent": ...},
     "test":     the same from "cases" on for the rows of a test split; absent without them}

    ci95 is a bootstrap over patients, None under 5 (statistics.py). n: cases; n_defined: cases with a defined value.
    Raises UsageError without rows, or if `primary` is none of their measures.
    """
    measures = _measure_names([*rows, *test])
    if not rows or primary not in measures:
        raise UsageError("nothing to summarise by this measure", expected=", ".join(measures) or "rows", found=primary)
    head = {"problem": problem, "primary": primary}
    stated = {} if tolerance is None else {"nsd_tolerance": float(tolerance)}

    def tables(of: Sequence[CaseRow]) -> dict[str, JSON]:
        return _tables(of, measures=measures, regions=regions, seed=seed, samples=samples)

    return {**head, **stated, **tables(rows), **({"test": tables(test)} if test else {})}


def region_means(rows: Sequence[CaseRow], *, regions: Sequence[str], measures: Sequence[str]) -> Floats:
    """Each case's mean over its regions, (cases, measures), NaN for "not defined".

    Regions whose value is not defined are left out, and a case has no mean without any. Of a measure that has no worst value
    (`has_worst_value`), a case has none either if a region was missed or invented; a region that is absent from the truth
    and from the prediction is left out.
    """
    values = _values(rows, regions, measures)
    absent = np.array([[_flag(row.metrics.get(region, {})) == "absent" for region in regions] for row in rows], bool)
    failed = ~np.isfinite(values) & ~absent.reshape(len(rows), len(regions), 1)
    without_worst = np.array([not has_worst_value(measure) for measure in measures], bool)
    return np.where(failed.any(axis=1) & without_worst, np.nan, _mean_defined(values))


def rows_to_csv(rows: Sequence[CaseRow], *, regions: Sequence[str]) -> str:
    """cases.csv: case, patient, fold, flags, group columns, means over regions (`dice`), each region (`dice[A]`), and of each
    kind of finding the numbers and the burden (`lesions.lesion_columns`).

    "Not defined" is an empty cell; numbers have up to nine significant digits; lines end in a newline.
    """
    measures = _measure_names(rows)
    groups = group_columns(rows)
    per_region = [f"{measure}[{region}]" for region in regions for measure in measures]
    values = _values(rows, regions, measures)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    lesions, counts = lesion_columns([row.lesions for row in rows])
    writer.writerow(["case", "patient", "fold", "flags", *groups, *measures, *per_region, *lesions])
    overall = region_means(rows, regions=regions, measures=measures)
    for row, means, scores, findings in zip(rows, overall, values, counts, strict=True):
        fold = "" if row.fold is None else row.fold
        cells = ["" if np.isnan(value) else f"{value:.9g}" for value in (*means, *scores.ravel())]
        writer.writerow(
            [
                row.case,
                row.patient,
                fold,
                " ".join(row.flags),
                *(row.groups.get(g, "") for g in groups),
                *cells,
                *findings,
            ]
        )
    return stream.getvalue()


def _flag(scores: Mapping[str, float | None]) -> str | None:
    """Which mask was empty, read off what is not defined: HD95 needs both, sensitivity the truth, Dice one of them."""
    if any(value is not None for name, value in scores.items() if name.startswith("hd95")):
        return None
    if scores.get("sensitivity") is not None:
        return "missed"
    return "absent" if scores.get("dice") is None else "invented"


def _measure_names(rows: Sequence[CaseRow]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for scores in row.metrics.values() for name in scores))


def _values(rows: Sequence[CaseRow], regions: Sequence[str], measures: Sequence[str]) -> Floats:
    """All scores as (cases, regions, measures), NaN for "not defined"."""
    table = [[[row.metrics.get(r, {}).get(m) for m in measures] for r in regions] for row in rows]
    return np.array(table, dtype=float).reshape(len(rows), len(regions), len(measures))


def _mean_defined(values: Floats) -> Floats:
    """Mean over axis 1 of what is defined, NaN where nothing is."""
    defined = np.isfinite(values)
    number = defined.sum(axis=1)
    total = np.where(defined, values, 0.0).sum(axis=1)
    means: Floats = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    return means


def _tables(
    rows: Sequence[CaseRow], *, measures: Sequence[str], regions: Sequence[str], seed: int, samples: int
) -> dict[str, JSON]:
    values = _values(rows, regions, measures)
    overall = region_means(rows, regions=regions, measures=measures)
    patients = [row.patient for row in rows]
    columns = group_columns(rows)
    folds = sorted({row.fold for row in rows if row.fold is not None})

    def part(block: Floats, chosen: Sequence[int], *, interval: bool = True) -> dict[str, JSON]:
        names = [patients[k] for k in chosen] if interval else None
        return _summary(block[list(chosen)], names, measures, seed=seed, samples=samples)

    everyone = range(len(rows))
    return {
        "cases": len(rows),
        "patients": len(set(patients)),
        "overall": part(overall, everyone),
        "by_class": {region: part(values[:, k], everyone) for k, region in enumerate(regions)},
        "by_group": {
            column: {value: part(overall, chosen) for value, chosen in members_by_group(rows, column).items()}
            for column in columns
        },
        "by_fold": {
            str(fold): part(overall, [k for k, row in enumerate(rows) if row.fold == fold], interval=False)
            for fold in folds
        },
        "flags": _count_flags(rows, regions),
    }


def _count_flags(rows: Sequence[CaseRow], regions: Sequence[str]) -> dict[str, dict[str, int]]:
    flags = [flag for row in rows for flag in row.flags]
    return {
        kind: {region: flags.count(f"{kind}:{region}") for region in regions}
        for kind in ("missed", "invented", "absent")
    }


def _summary(
    values: Floats, patients: Sequence[str] | None, measures: Sequence[str], *, seed: int, samples: int
) -> dict[str, JSON]:
    """{measure: {"mean", "ci95", "n", "n_defined"}} of (cases, measures); without patients there is no interval."""
    means = _mean_defined(values[None])[0]
    defined = np.isfinite(values).sum(axis=0)
    intervals = (
        bootstrap_means(values, patients, seed=seed, samples=samples)
        if patients is not None
        else [None] * len(measures)
    )
    return {
        measure: {
            "mean": finite_or_none(means[j]),
            "ci95": None if (interval := intervals[j]) is None else list(interval),
            "n": len(values),
            "n_defined": int(defined[j]),
        }
        for j, measure in enumerate(measures)
    }
