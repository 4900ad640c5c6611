"""What columns of a table are, and which sides of a split were made by somebody else."""

from pathlib import Path

import pytest

from made_folders import made_facts, made_task
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.split import Fold, Splits
from scanwright.gate.cohort import Cohort
from scanwright.gate.columns import groupings, is_date, is_place, number_columns, sides


def cohort_of(columns, *, patients=None, test=(), splits=None, is_given=False):
    number = len(next(iter(columns.values())))
    cases = tuple(
        Case(
            id=f"c{k:03d}",
            images=(Path(f"c{k}"),),
            patient=f"p{k if patients is None else patients[k]}",
            groups={name: values[k] for name, values in columns.items()},
            split="test" if k in test else "train",
        )
        for k in range(number)
    )
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=made_task(), cases=cases)
    facts = {case.id: made_facts(case.id, patient=case.patient) for case in cases}
    return Cohort(dataset=dataset, facts=facts, splits=splits, is_given=is_given)


def test_groupings__groups_of_five_patients():
    found = groupings(cohort_of({"site": ["A"] * 5 + ["B"] * 6 + ["C"] * 4, "sex": ["f"] * 14 + ["m"]}))
    assert list(found) == ["site"]
    assert sorted(set(found["site"].values())) == ["A", "B"] and len(found["site"]) == 11


def test_groupings__scans_of_one_patient_are_no_group():
    one = cohort_of({"site": ["A"] * 5 + ["B"] * 5}, patients=[0, 0, 0, 0, 0, 1, 2, 3, 4, 5])
    assert groupings(one) == {}


def test_groupings__more_than_twelve_are_none():
    assert groupings(cohort_of({"doctor": [chr(65 + k) for k in range(13)] * 5})) == {}
    assert list(groupings(cohort_of({"doctor": [chr(65 + k) for k in range(12)] * 5}))) == ["doctor"]


def test_groupings__empty_cells_are_no_group():
    assert groupings(cohort_of({"site": ["A"] * 5 + [" "] * 5})) == {}


def test_number_columns__numbers_and_days():
    days = [f"2021-{1 + k // 28:02d}-{1 + k % 28:02d}" for k in range(40)]
    cohort = cohort_of({"age": [str(20 + k) for k in range(40)], "date": days, "grade": ["1", "2"] * 20})
    found = number_columns(cohort)
    assert sorted(found) == ["age", "date"]
    assert found["age"]["c003"] == 23.0
    assert found["date"]["c001"] - found["date"]["c000"] == 1.0
    assert list(groupings(cohort)) == ["grade"]  # codes of few values sort into groups


@pytest.mark.parametrize("text", ["20210304", "2021/3/4", "4.3.2021", "2021-03-04T10:00:00"])
def test_number_columns__ways_to_write_a_day(text):
    days = [f"2021-05-{k:02d}" for k in range(1, 28)]
    found = number_columns(cohort_of({"date": [*days, text]}))["date"]
    assert found["c000"] - found["c027"] == 58.0


def test_number_columns__a_day_that_is_none():
    assert number_columns(cohort_of({"date": [f"2021-13-{k:02d}" for k in range(1, 28)]})) == {}


def test_is_place__and_is_date():
    assert is_place("Scanner") and is_place("study_site") and not is_place("website_visits") and not is_place("finding")
    assert is_date("study_date") and is_date("year") and not is_date("update")


def test_sides__only_of_a_split_that_somebody_else_made():
    columns = {"x": ["a"] * 6}
    ours = Splits(folds=(Fold(train=("c000",), validation=("c001",)),), source="made")
    assert sides(cohort_of(columns)) == {} == sides(cohort_of(columns, splits=ours))
    assert sides(cohort_of(columns, splits=ours, is_given=True)) == {"c000": "train", "c001": "validation"}
    assert list(sides(cohort_of(columns, test=(5,))).values()) == ["train"] * 5 + ["test"]
    given = Splits(folds=(), test=("c002", "gone"), source="file")
    found = sides(cohort_of(columns, splits=given, is_given=True))
    assert [case for case, side in found.items() if side == "test"] == ["c002"] and len(found) == 6
