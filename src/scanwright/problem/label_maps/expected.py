"""The Dice that is expected of masks: fitted on the out-of-fold answers of a run, judged cross-fitted, on a test split, and by
what was told of new cases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from scanwright.evaluation.certainty.mask_quality import (
    LOW_SHARE,
    Judged,
    Line,
    MaskCase,
    Traits,
    borne_out,
    cross_fitted,
    fit_line,
    judge,
    lowest,
)
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.problem.label_maps.after import EXPECTED, quality_json, traits_of
from scanwright.problem.label_maps.kept import KeptRow
from scanwright.problem.label_maps.measured import judged_json
from scanwright.problem.label_maps.opened import Opened
from scanwright.types import JSON, Floats

Expected = list[dict[str, float]]
"""The predicted Dice of each row's regions."""


def fit_quality(
    rows: Sequence[KeptRow], opened: Sequence[Opened], names: Sequence[str], *, seed: int
) -> tuple[dict[str, JSON], dict[str, Line], Expected]:
    """confidence.json of masks, {} where no line could be fitted; the lines; and the Dice that was predicted of each row's
    regions by the lines of the other folds.
    """
    told: Expected = [{} for _ in rows]
    known: list[dict[str, MaskCase]] = [{} for _ in rows]
    lines: dict[str, Line] = {}
    by_class: dict[str, Judged] = {}
    for number, name in enumerate(names):
        places, cases = _mask_cases(rows, opened, number, name)
        line, predicted = fit_line(cases), cross_fitted(cases)
        if line is None or not np.isfinite(predicted).any():
            continue
        lines[name], by_class[name] = line, judge(cases, predicted, seed=seed)
        for place, case, dice in zip(places, cases, predicted.tolist(), strict=True):
            if np.isfinite(dice):
                told[place][name], known[place][name] = dice, case
    if not lines:
        return {}, {}, told
    means, predicted = _means(rows, known, told)
    overall = judge(means, predicted, seed=seed)
    shown = {name: one for name, one in by_class.items() if one.is_shown} if overall.is_shown else {}
    quality = quality_json(
        lines if overall.is_shown else {},
        slack=overall.bound if overall.is_shown else None,
        slack_by_region={name: one.bound for name, one in shown.items()},
        low=lowest(predicted) if overall.is_shown else None,
        low_share=LOW_SHARE,
        measured={
            "overall": judged_json(overall),
            "by_class": {name: judged_json(one) for name, one in by_class.items()},
        },
    )
    return quality, lines, told


def quality_of_test(
    rows: Sequence[KeptRow], opened: Sequence[Opened], lines: Mapping[str, Line], names: Sequence[str], *, seed: int
) -> tuple[dict[str, JSON], Expected]:
    """What the lines of all folds are worth on a test split, and the Dice that they predict there."""
    told: Expected = [{} for _ in rows]
    known: list[dict[str, MaskCase]] = [{} for _ in rows]
    for number, name in enumerate(names):
        places, cases = _mask_cases(rows, opened, number, name)
        for place, case in zip(places, cases, strict=True):
            dice = lines[name].dice(case.traits) if name in lines else None
            if dice is not None:
                told[place][name], known[place][name] = dice, case
    means, predicted = _means(rows, known, told)
    return (judged_json(judge(means, predicted, seed=seed)) if means else {}), told


def told_of_new(
    rows: Sequence[CaseRow], told: Mapping[str, Mapping[str, JSON]], names: Sequence[str], *, seed: int
) -> dict[str, JSON]:
    """{"overall", "by_class", "cases"}: what was told of the masks of new cases, beside their true Dice; {} of nothing.

    told: by case, as `predict` tells it. names: the regions whose Dice is predicted, of which the mean is.
    """
    known = {row.case: found for row in rows if (found := told.get(row.case, {})) and EXPECTED in found}
    overall: list[_Told] = []
    by_class: dict[str, list[_Told]] = {}
    for row in rows:
        if row.case not in known:
            continue
        found, expected = known[row.case], known[row.case][EXPECTED]
        dice = {name: row.metrics.get(name, {}).get("dice") for name in names if found["volumes"].get(name)}
        values = [one for one in dice.values() if one is not None]
        if values and len(values) == len(dice):
            overall.append(_Told(row, expected["mean"], expected["low"], float(np.mean(values))))
        for name, one in expected["regions"].items():
            true = row.metrics.get(name, {}).get("dice")
            by_class.setdefault(name, []).extend([] if true is None else [_Told(row, one["mean"], one["low"], true)])
    if not overall:
        return {}
    return {
        "overall": _borne_out(overall, seed=seed),
        "by_class": {name: _borne_out(some, seed=seed) for name, some in by_class.items()},
        "cases": {one.row.case: {"expected": one.mean, "low": one.low, "true": one.true} for one in overall},
    }


@dataclass(frozen=True, slots=True)
class _Told:
    """A mask, the Dice that was told of it, the bound (None: none), and the true one."""

    row: CaseRow
    mean: float
    low: float | None
    true: float


def _borne_out(some: Sequence[_Told], *, seed: int) -> dict[str, JSON]:
    told, bounds, true = np.array([(one.mean, one.low, one.true) for one in some], dtype=float).reshape(-1, 3).T
    found = borne_out(told, bounds, true, [one.row.patient for one in some], seed=seed)
    return {field.name: getattr(found, field.name).as_json() for field in fields(found)}


def _means(
    rows: Sequence[KeptRow], known: Sequence[Mapping[str, MaskCase]], told: Sequence[Mapping[str, float]]
) -> tuple[list[MaskCase], Floats]:
    """Cases in the mean over their regions, and what was predicted of them."""
    means = [_mean_case(row, cases) for row, cases in zip(rows, known, strict=True) if cases]
    return means, np.array([sum(one.values()) / len(one) for one in told if one])


def _mask_cases(
    rows: Sequence[KeptRow], opened: Sequence[Opened], number: int, name: str
) -> tuple[list[int], list[MaskCase]]:
    """The cases in which a region was found and its Dice is defined, with their places."""
    places, cases = [], []
    for place, (row, one) in enumerate(zip(rows, opened, strict=True)):
        dice = row.metrics.get(name, {}).get("dice")
        traits = None if one.evidence is None else traits_of(one.evidence, voxel=one.voxel)[number]
        if dice is None or traits is None:
            continue
        places.append(place)
        cases.append(
            MaskCase(
                case=row.case, patient=row.patient, fold=row.fold, traits=traits, dice=dice, true_size=one.sizes[name]
            )
        )
    return places, cases


def _mean_case(row: KeptRow, regions: Mapping[str, MaskCase]) -> MaskCase:
    """A case's masks in the mean, of the regions whose Dice is predicted."""

    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    every = regions.values()
    agreed = [one.traits.agreement for one in every if one.traits.agreement is not None]
    return MaskCase(
        case=row.case,
        patient=row.patient,
        fold=row.fold,
        traits=Traits(
            expected_dice=mean(one.traits.expected_dice for one in every),
            border_bits=mean(one.traits.border_bits for one in every),
            size=sum(one.traits.size for one in every),
            agreement=mean(agreed) if len(agreed) == len(every) else None,
        ),
        dice=mean(one.dice for one in every),
        true_size=sum(one.true_size for one in every),
    )
