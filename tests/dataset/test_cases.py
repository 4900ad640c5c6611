from pathlib import Path

import pytest
from pydantic import ValidationError

from made_folders import made_case, made_task
from scanwright.dataset.cases import Case, Classes, Dataset, Fault


def made_dataset():
    cases = (made_case("a"), made_case("b", split="test"), made_case("c", label=None), made_case("d", patient="a"))
    faults = (Fault(code="missing-label", severity="error", case="c"), Fault(code="unlisted-files", severity="note"))
    return Dataset(root=Path("/data"), layout="nnunet", stated="", task=made_task(), cases=cases, faults=faults)


def test_train_and_test_are_the_labelled_cases():
    dataset = made_dataset()
    assert [case.id for case in dataset.train] == ["a", "d"]
    assert [case.id for case in dataset.test] == ["b"]


def test_without__takes_cases_and_their_faults():
    left = made_dataset().without(["c", "a"])
    assert [case.id for case in left.cases] == ["b", "d"]
    assert [fault.code for fault in left.faults] == ["unlisted-files"]


def test_a_fault_in_one_line():
    fault = Fault(
        code="shape-mismatch",
        severity="error",
        case="p01",
        file=Path("/data/labels/p01.nii.gz"),
        expected="the image's 3 x 4 x 5",
        found="3 x 4 x 6",
        action="Check it.",
    )
    assert fault.line() == (
        "error shape-mismatch p01 (p01.nii.gz): expected the image's 3 x 4 x 5, found 3 x 4 x 6. Check it."
    )
    assert Fault(code="x", severity="note", found="that").line() == "note x found that"


def test_a_case_needs_an_image_and_knows_no_other_key():
    with pytest.raises(ValidationError):
        Case(id="a", patient="a", images=())
    with pytest.raises(ValidationError):
        Case(id="a", patient="a", images=(Path("a.png"),), age=3)


@pytest.mark.parametrize(
    ("source", "tells"),
    [("column patient of t.csv", True), ("folders sub-…", True), ("nowhere: the archive names no patients", False)],
)
def test_tells_patients(source, tells):
    assert not made_dataset().tells_patients
    assert made_dataset().model_copy(update={"patients_from": source}).tells_patients is tells


def test_classes__what_is_not_known():
    said = Classes(names=("a",), unknown=("b",))
    assert [said.says(name) for name in "abc"] == [True, None, False]
    assert said.known("abc") == {"a": True, "c": False}
    assert not said.contradicts(Classes(names=("a", "b"))) and not Classes(names=("a", "b")).contradicts(said)
    assert said.contradicts(Classes(names=("b",))) and said.contradicts(Classes(names=("a", "b", "c")))


def test_classes__in_json_as_before_where_all_is_known():
    assert Classes(names=()).model_dump(mode="json") == {"names": []}
    said = Classes(names=("a",), unknown=("b",))
    case = made_case("p", label=None, target=said)
    assert Case.model_validate_json(case.model_dump_json()).target == said
