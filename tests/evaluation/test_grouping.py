"""Cases by the value of a group column."""

from scanwright.evaluation.grouping import NOT_STATED, group_columns, members_by_group
from scanwright.evaluation.judged import MeasuredCase


def case(**groups: str) -> MeasuredCase:
    return MeasuredCase(case="c", patient="p", predicted=(0.0,), truth=(0.0,), groups=groups)


def test_groups__in_alphabetical_order_and_without_a_value():
    rows = [case(site="B"), case(site="A", scanner="X"), case(site=""), case(site="B")]
    assert group_columns(rows) == ["site", "scanner"]
    assert members_by_group(rows, "site") == {NOT_STATED: [2], "A": [1], "B": [0, 3]}
    assert members_by_group(rows, "scanner") == {NOT_STATED: [0, 2, 3], "X": [1]}
