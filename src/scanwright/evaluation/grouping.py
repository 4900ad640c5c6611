"""The cases of each value of a group column, such as the hospital or the scanner."""

from collections.abc import Mapping, Sequence
from typing import Protocol

NOT_STATED = "(not stated)"


class Grouped(Protocol):
    """A row with the values of its group columns."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Column -> value; a column may be missing or empty."""


def group_columns(rows: Sequence[Grouped]) -> list[str]:
    """The group columns of any row, in order of appearance."""
    return list(dict.fromkeys(column for row in rows for column in row.groups))


def members_by_group(rows: Sequence[Grouped], column: str) -> dict[str, list[int]]:
    """The places of the rows of each value of a column, values in alphabetical order; "(not stated)" without one."""
    members: dict[str, list[int]] = {}
    for k, row in enumerate(rows):
        members.setdefault(row.groups.get(column) or NOT_STATED, []).append(k)
    return dict(sorted(members.items()))
