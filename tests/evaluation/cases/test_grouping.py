"""Cases by the value of a group column."""

from scanwright.evaluation.cases.grouping import NOT_STATED, group_columns, members_by_group
from scanwright.evaluation.cases.judged import MeasuredCase


def case(**groups: str) -> MeasuredCase:
    return MeasuredCase(case="c", patient="p", predicted=(0.0,), truth=(0.0,), groups=groups)


def test_groups__in_alphabetical_order_and_without_a_value():
    rows = [case(site="B"), case(site="A", scanner="X"), case(site=""), case(site="B")]
    assert group_columns(rows) == ["site", "scanner"]
    assert members_by_group(rows, "site") == {NOT_STATED: [2], "A": [1], "B": [0, 3]}
    assert members_by_group(rows, "scanner") == {NOT_STATED: [0, 2, 3], "X": [1]}


def aged(*decades: int) -> list[MeasuredCase]:
    return [
        MeasuredCase(case=f"c{k}", patient=f"p{k}", predicted=(), truth=(), groups={"age": f"{one} to {one + 9}"})
        for k, one in enumerate(decades)
    ]


def test_ages__are_put_together_until_each_range_has_ten_patients():
    members = members_by_group(aged(*[20] * 3, *[30] * 4, *[40] * 12, *[50] * 11, *[70] * 2, *[80] * 9), "age")
    assert {name: len(places) for name, places in members.items()} == {"20 to 49": 19, "50 to 59": 11, "70 to 89": 11}
    assert sorted(place for places in members.values() for place in places) == list(range(41))


def test_ages__few_patients_and_those_not_stated():
    rows = [*aged(20, 60), case(age="")]
    assert members_by_group(rows, "age") == {"20 to 69": [0, 1], NOT_STATED: [2]}
    assert list(members_by_group(aged(*[100] * 10, *[20] * 10), "age")) == ["20 to 29", "100 to 109"]
