"""Whether a model is worse in some of its patients: a test of difference between the groups of each column, and what each group
differs from all others by.

The test shuffles who belongs to which group, patient by patient, and asks how often groups then differ as much as they do.
What must stay apart stays apart: for an AUROC positive and negative cases are shuffled among themselves, so that a group with
more sick patients is no finding. A patient with cases in several groups keeps them, and they are shuffled within the patient.
Groups are held against each other by the sum of squares of their values around the common one, each in its own standard
errors, so that a large spread in one group is not taken for a difference (Janssen 1997, Stat Probab Lett 36:9; Chung & Romano
2013, Ann Stat 41:484).

Small groups are shown and not tested: under LEAST_PATIENTS patients who count for a measure, or LEAST_EACH with and without
what is looked for. p-values are corrected by Holm over the columns for the measure that decides, and over columns and
measures for all others. A difference is no cause: groups may differ in age, disease and scanner at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scanwright.evaluation.cases.grouping import NOT_STATED, Grouped, group_columns, members_by_group
from scanwright.evaluation.comparing.contrast import Measured, signed
from scanwright.evaluation.intervals.bootstrap import (
    BLOCK_ENTRIES,
    Interval,
    draw_counts,
    number_patients,
    percentile_interval,
)
from scanwright.evaluation.intervals.statistics import holm
from scanwright.runtime import generator
from scanwright.types import JSON, Bools, Floats, Ints

LEAST_PATIENTS = 10
LEAST_EACH = 5
DRAWS = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupValue:
    """A measure in one group. value: None where it is not defined. patients: who count for it; fewest: on the side that fewer
    are on, where the measure has sides. small: that it is not tested for being small.

    apart, interval: value less that of all other tested groups together, 95 % by bootstrap of patients; None of small groups.
    """

    value: float | None
    patients: int
    fewest: int
    small: bool
    apart: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupTest:
    """One measure by one column. decides: whether it is the measure that decides.

    p: of the shuffles, None where fewer than two groups are large enough; corrected: after Holm.
    """

    column: str
    measure: Measured = field(repr=False)
    decides: bool
    groups: Mapping[str, GroupValue]
    p: float | None
    corrected: float | None = None

    @property
    def tested(self) -> list[str]:
        """The groups that were held against each other; [] without a test."""
        return [] if self.p is None else [name for name, one in self.groups.items() if not one.small]

    def worst(self) -> str | None:
        """The tested group in which the measure is worst; None without a test, or of a measure without a better side."""
        known = {name: value for name in self.tested if (value := self.groups[name].value) is not None}
        if not known:
            return None
        goodness = {
            name: -abs(value) if self.measure.better == "zero" else signed(self.measure, value)
            for name, value in known.items()
        }
        return min(goodness, key=goodness.__getitem__)


def subgroups_json(tests: Sequence[GroupTest]) -> dict[str, JSON]:
    """What stands in metrics.json beside "by_group"; {} without a column.

    {"least_patients", "least_each_side", "correction",
     "columns": {column: [{"metric", "part", "decides", "p", "p_corrected", "tested": [group, ...], "worst",
                           "groups": {group: {"value", "patients", "fewest", "small", "difference", "ci95"}}}, ...]}}

    difference: of a tested group from all other tested ones together, with its own 95 % interval.
    """
    if not tests:
        return {}
    columns: dict[str, list[JSON]] = {}
    for one in tests:
        columns.setdefault(one.column, []).append(_test_json(one))
    return {
        "least_patients": LEAST_PATIENTS,
        "least_each_side": LEAST_EACH,
        "correction": "Holm, over the columns for the measure that decides, over columns and measures for the others",
        "columns": columns,
    }


def _test_json(one: GroupTest) -> dict[str, JSON]:
    return {
        "metric": one.measure.metric,
        "part": one.measure.part,
        "decides": one.decides,
        "p": one.p,
        "p_corrected": one.corrected,
        "tested": one.tested,
        "worst": one.worst(),
        "groups": {
            name: {
                "value": group.value,
                "patients": group.patients,
                "fewest": group.fewest,
                "small": group.small,
                "difference": group.apart,
                "ci95": None if group.interval is None else list(group.interval),
            }
            for name, group in one.groups.items()
        },
    }


def compare_subgroups(
    measures: Sequence[Measured], rows: Sequence[Grouped], *, seed: int = 0, draws: int = DRAWS
) -> list[GroupTest]:
    """Each measure of one model by each group column of its rows; the first measure decides. Columns of one value have none."""
    found = []
    for column in group_columns(rows):
        members = {name: places for name, places in members_by_group(rows, column).items() if name != NOT_STATED}
        if len(members) < 2:
            continue
        for place, measure in enumerate(measures):
            found.append(_test(measure, column, members, decides=not place, seed=seed, draws=draws))
    return _corrected(found)


def _corrected(tests: Sequence[GroupTest]) -> list[GroupTest]:
    """With Holm's correction within those that decide, and within the others."""
    made: dict[int, float | None] = {}
    for decides in (True, False):
        places = [place for place, one in enumerate(tests) if one.decides == decides]
        made |= dict(zip(places, holm([tests[place].p for place in places]), strict=True))
    return [
        GroupTest(
            column=one.column,
            measure=one.measure,
            decides=one.decides,
            groups=one.groups,
            p=one.p,
            corrected=made[place],
        )
        for place, one in enumerate(tests)
    ]


def _test(
    measure: Measured, column: str, members: Mapping[str, Sequence[int]], *, decides: bool, seed: int, draws: int
) -> GroupTest:
    groups = {name: _group(measure, places) for name, places in members.items()}
    large = [name for name, one in groups.items() if not one.small and one.value is not None]
    if len(large) < 2:
        return GroupTest(column=column, measure=measure, decides=decides, groups=groups, p=None)
    labels = np.full(len(measure.owners), -1)
    for number, name in enumerate(large):
        labels[list(members[name])] = number
    labels[~measure.counted] = -1
    p = shuffled_p(measure, labels, seed=seed, draws=draws)
    for number, name in enumerate(large):
        groups[name] = _beside_others(measure, groups[name], labels, number, seed=seed, draws=draws)
    return GroupTest(column=column, measure=measure, decides=decides, groups=groups, p=p)


def _group(measure: Measured, places: Sequence[int]) -> GroupValue:
    inside = np.zeros(len(measure.owners), bool)
    inside[list(places)] = True
    value = float(measure.values(inside[None].astype(float))[0, 0])
    chosen = inside & measure.counted
    sides = [len(np.unique(measure.owners[chosen & (measure.sides == side)])) for side in np.unique(measure.sides)]
    patients, fewest = len(np.unique(measure.owners[chosen])), min(sides)
    small = patients < LEAST_PATIENTS or (len(sides) > 1 and fewest < LEAST_EACH)
    return GroupValue(value=value if np.isfinite(value) else None, patients=patients, fewest=fewest, small=small)


def _beside_others(
    measure: Measured, group: GroupValue, labels: Ints, number: int, *, seed: int, draws: int
) -> GroupValue:
    """The group with its difference from all other tested groups together."""
    own, rest = labels == number, (labels >= 0) & (labels != number)

    def apart(weights: Floats) -> Floats:
        found: Floats = (measure.values(weights * own) - measure.values(weights * rest))[:, 0]
        return found

    value = float(apart(np.ones((1, len(labels))))[0])
    owners = number_patients(measure.owners.tolist(), len(labels))
    each = max(1, BLOCK_ENTRIES // len(labels))
    drawn = np.concatenate(
        [
            apart(counts[start : start + each][:, owners])
            for counts in draw_counts(int(owners.max()) + 1, seed=seed, samples=draws)
            for start in range(0, len(counts), each)
        ]
    )
    patients = min(len(np.unique(measure.owners[part])) for part in (own, rest))
    return GroupValue(
        value=group.value,
        patients=group.patients,
        fewest=group.fewest,
        small=group.small,
        apart=value if np.isfinite(value) else None,
        interval=percentile_interval(drawn, value, num_patients=patients) if np.isfinite(drawn).any() else None,
    )


def shuffled_p(measure: Measured, labels: Ints, *, seed: int = 0, draws: int = DRAWS) -> float | None:
    """The p of the test: the share of shuffles in which groups differ as much as in labels (N,), the group of each case from 0
    on, -1 for cases that have no part in it. None where the measure is not defined in some group.
    """
    there = labels >= 0
    seen = float(_spread(measure, labels[None])[0])
    if not np.isfinite(seen):
        return None
    each = max(1, BLOCK_ENTRIES // len(labels))
    rng, drawn = generator(seed, 2), []
    for start in range(0, draws, each):
        shuffled = np.full((min(each, draws - start), len(labels)), -1)
        shuffled[:, there] = _shuffle(
            labels[there], measure.owners[there], measure.sides[there], rows=len(shuffled), rng=rng
        )
        drawn.append(_spread(measure, shuffled))
    found = np.concatenate(drawn)
    found = found[np.isfinite(found)]
    as_far = int(np.count_nonzero(found >= seen * (1 - 1e-9)))
    return (as_far + 1) / (len(found) + 1)


def _shuffle(labels: Ints, owners: Ints, sides: Ints, *, rows: int, rng: np.random.Generator) -> Ints:
    """Labels (N,) shuffled, (rows, N): of patients of one group among patients with cases on the same sides; of a patient of
    several groups, among the patient's cases on the same side.
    """
    _, patients = np.unique(owners, return_inverse=True)
    number = int(patients.max()) + 1
    on_side = np.zeros((number, int(sides.max()) + 1), bool)
    on_side[patients, sides] = True
    _, likeness = np.unique(on_side, axis=0, return_inverse=True)
    least, most = np.full(number, labels.max()), np.zeros(number, int)
    np.minimum.at(least, patients, labels)
    np.maximum.at(most, patients, labels)
    mixed: Bools = (least != most)[patients]
    units = np.where(mixed, number + np.arange(len(labels)), patients)
    strata = np.where(
        mixed, 1 + likeness.max() + patients * on_side.shape[1] + sides, np.asarray(likeness).reshape(-1)[patients]
    )
    _, first, places = np.unique(units, return_index=True, return_inverse=True)
    own_label, own_stratum = labels[first], strata[first]
    drawn = np.argsort(own_stratum + rng.random((rows, len(first))), axis=1)
    shuffled = np.empty((rows, len(first)), int)
    shuffled[:, np.argsort(own_stratum, kind="stable")] = own_label[drawn]
    return shuffled[:, places]


def _spread(measure: Measured, labels_DN: Ints) -> Floats:
    """Squares of the groups' values around their common one, (D,), each in its standard errors, or else weighed by its
    patients.
    """
    values, weights = [], []
    for number in range(int(labels_DN.max()) + 1):
        chosen = (labels_DN == number).astype(float)
        values.append(measure.values(chosen)[:, 0])
        errors = measure.errors(chosen)
        weights.append(chosen.sum(axis=1) if errors is None else 1 / np.maximum(np.square(errors[:, 0]), 1e-24))
    found, weighing = np.stack(values, axis=1), np.stack(weights, axis=1)
    middle = (found * weighing).sum(axis=1, keepdims=True) / weighing.sum(axis=1, keepdims=True)
    return np.asarray((weighing * np.square(found - middle)).sum(axis=1))
