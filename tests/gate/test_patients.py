"""Whether it is known who is whose patient, and whether that is to be believed."""

from pathlib import Path

import pytest

from made_folders import made_case
from scanwright.dataset.cases import Dataset
from scanwright.dataset.task import Channel, Task
from scanwright.gate.patients import doubted_patients

TASK = Task(name="t", kind="classification", channels=(Channel(name="image", modality="us"),), classes=("a", "b"))


def dataset(*words, column="sex", told="a column of cases.csv"):
    """Two cases of each patient, whose words are given."""
    cases = [
        made_case(f"p{p}_{n}", images=(Path(f"p{p}_{n}.png"),), patient=f"p{p}", groups={column: word} if word else {})
        for p, pair in enumerate(words)
        for n, word in enumerate(pair)
    ]
    return Dataset(root=Path(), layout="table", stated="", task=TASK, cases=tuple(cases), patients_from=told)


@pytest.mark.parametrize("column", ["sex", "Gender", "PatientSex"])
def test_mixed__a_patient_of_both_sexes(column):
    (fault,) = doubted_patients(dataset(("F", "M"), ("F", "female"), ("m", "f"), column=column))
    assert (fault.code, fault.severity, fault.found) == ("mixed-patients", "warning", "both for p0, p2")
    assert fault.groups == (("p0_0", "p0_1"), ("p2_0", "p2_1"))


@pytest.mark.parametrize("pair", [("F", "F"), ("F", ""), ("F", "unknown"), ("0", "1"), ("M", "Male ")])
def test_mixed__not_where_nothing_contradicts(pair):
    assert list(doubted_patients(dataset(pair))) == []


def test_mixed__other_columns_may_change():
    assert list(doubted_patients(dataset(("F", "M"), column="site"))) == []
