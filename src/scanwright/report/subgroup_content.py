"""What metrics.json says of sub-groups, as the page shows it: which measures differ between groups, and which groups are
small.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from scanwright.evaluation.comparing.contrast import TITLES
from scanwright.report.results_content import Estimate, GroupRow, SubgroupPart, SubgroupRow
from scanwright.types import JSON

SUBGROUPS = "subgroups"
"""In metrics.json, beside "by_group"."""
ALPHA = 0.05
MOST_NAMED = 4


def subgroup_part(summary: Mapping[str, JSON]) -> SubgroupPart | None:
    """The tests of a set of cases; None where there is no column. summary: its part of metrics.json."""
    found = summary.get(SUBGROUPS)
    if not found:
        return None
    rows = [row for tests in found["columns"].items() for row in _rows(*tests)]
    return SubgroupPart(
        rows=tuple(row for row in rows if row.decides),
        others=tuple(row for row in rows if not row.decides),
        found=tuple(said_of(summary)),
        least_patients=found["least_patients"],
        least_each_side=found["least_each_side"],
    )


def said_of(summary: Mapping[str, JSON]) -> list[str]:
    """A sentence for each column by which the measure that decides differs after the correction."""
    said = []
    for column, tests in summary.get(SUBGROUPS, {}).get("columns", {}).items():
        for test in tests:
            if test["decides"] and test["p_corrected"] is not None and test["p_corrected"] < ALPHA:
                said.append(_sentence(column, test))
    return said


def with_small(rows: Iterable[GroupRow], summary: Mapping[str, JSON]) -> tuple[GroupRow, ...]:
    """The rows of groups, those marked that the measure that decides calls small."""
    columns = summary.get(SUBGROUPS, {}).get("columns", {})
    return tuple(replace(row, small=_why_small(columns.get(row.group, ()), row.value)) for row in rows)


def _why_small(tests: Iterable[Mapping[str, JSON]], value: str) -> str:
    for test in tests:
        group = test["groups"].get(value)
        if test["decides"] and group is not None and group["small"]:
            return _size(group)
    return ""


def _size(group: Mapping[str, JSON]) -> str:
    """How many patients a small group has; of few on one side, these."""
    number, fewest = group["patients"], group["fewest"]
    people = "patient" if number == 1 else "patients"
    return f"{number} {people}" if fewest == number else f"{number} {people}, {fewest} of them on one side"


def _rows(column: str, tests: Iterable[Mapping[str, JSON]]) -> list[SubgroupRow]:
    return [
        SubgroupRow(
            column=column,
            metric=test["metric"],
            part=test["part"],
            decides=test["decides"],
            p=test["p"],
            corrected=test["p_corrected"],
            tested=tuple(test["tested"]),
            worst=test["worst"] or "",
            apart=_apart(test),
            small=tuple(f"{name} ({_size(group)})" for name, group in test["groups"].items() if group["small"]),
        )
        for test in tests
    ]


def _apart(test: Mapping[str, JSON]) -> Estimate | None:
    if test["worst"] is None:
        return None
    group = test["groups"][test["worst"]]
    low, high = group["ci95"] or (None, None)
    return Estimate(mean=group["difference"], low=low, high=high)


def _sentence(column: str, test: Mapping[str, JSON]) -> str:
    group, worst = test["groups"][test["worst"]], test["worst"]
    p = "p < 0.001" if test["p_corrected"] < 0.001 else f"p = {test['p_corrected']:.3f}"
    name = TITLES.get(test["metric"], test["metric"])
    measure = f"{name} of {test['part']}" if test["part"] else name
    ends = group["ci95"]
    reach = "" if ends is None else f", 95 % CI {_number(ends[0])} to {_number(ends[1])}"
    return (
        f"{measure} differs by {column} ({p}, corrected): it is worst in {worst} ({_number(group['value'])} in "
        f"{group['patients']} patients), {_number(group['difference'], sign='+')} beside all other groups{reach}."
    )


def _number(value: float, *, sign: str = "") -> str:
    return f"{value:{sign}.3g}".replace("-", "\N{MINUS SIGN}")
