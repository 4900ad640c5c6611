"""The cases of each value of a group column, such as the hospital or the scanner.

Ages come as decades ("60 to 69"). Neighbouring ones are put together until each has as many patients as a group needs to be
judged, so that a table by age is not eight rows of three patients.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

NOT_STATED = "(not stated)"
FEW_IN_RANGE = 10
"""Patients below which a range of a number is put together with a neighbour."""
RANGE = re.compile(r"(\d+) to (\d+)")


class Grouped(Protocol):
    """A row with the values of its group columns."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Column -> value; a column may be missing or empty."""

    @property
    def patient(self) -> str:
        """Whose it is."""


def group_columns(rows: Sequence[Grouped]) -> list[str]:
    """The group columns of any row, in order of appearance."""
    return list(dict.fromkeys(column for row in rows for column in row.groups))


def members_by_group(rows: Sequence[Grouped], column: str) -> dict[str, list[int]]:
    """The places of the rows of each value of a column, values in alphabetical order; "(not stated)" without one.

    Ranges of a number stand in its order, and those of few patients are put together with a neighbour.
    """
    members: dict[str, list[int]] = {}
    for k, row in enumerate(rows):
        members.setdefault(row.groups.get(column) or NOT_STATED, []).append(k)
    stated = {value: places for value, places in members.items() if value != NOT_STATED}
    if not stated or not all(RANGE.fullmatch(value) for value in stated):
        return dict(sorted(members.items()))
    rest = {NOT_STATED: members[NOT_STATED]} if NOT_STATED in members else {}
    return {**_wide_enough(stated, rows), **rest}


def _wide_enough(ranges: Mapping[str, list[int]], rows: Sequence[Grouped]) -> dict[str, list[int]]:
    """Ranges in their order, each with FEW_IN_RANGE patients or more if all together have them: the one of the fewest patients
    is put together with that neighbour which has fewer.
    """
    parts = sorted((*_ends(value), places) for value, places in ranges.items())

    def patients(part: tuple[int, int, list[int]]) -> int:
        return len({rows[k].patient for k in part[2]})

    while len(parts) > 1:
        least = min(range(len(parts)), key=lambda place: patients(parts[place]))
        if patients(parts[least]) >= FEW_IN_RANGE:
            break
        beside = [place for place in (least - 1, least + 1) if 0 <= place < len(parts)]
        other = min(beside, key=lambda place: patients(parts[place]))
        first, second = sorted((least, other))
        low, high, places = parts[first]
        parts[first : second + 1] = [(low, max(high, parts[second][1]), [*places, *parts[second][2]])]
    return {f"{low} to {high}": sorted(places) for low, high, places in parts}


def _ends(value: str) -> tuple[int, int]:
    found = RANGE.fullmatch(value)
    assert found is not None
    return int(found[1]), int(found[2])
