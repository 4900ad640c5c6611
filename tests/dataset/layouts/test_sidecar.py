from pathlib import Path

import pytest

from made_folders import made_case, made_task, write_text
from scanwright.dataset.cases import Dataset
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.delimited import Table
from scanwright.dataset.layouts.sidecar import group_columns, read_table, said_patient, with_declared
from scanwright.errors import InputError

NOTHING = Declaration()


def dataset(root, *names):
    cases = tuple(made_case(name) for name in names)
    return Dataset(root=root, layout="image-mask", stated="", task=made_task(), cases=cases)


def patients(found):
    return {case.id: case.patient for case in found.cases}


def test_patients_and_groups_from_a_table_beside_the_scans(tmp_path):
    rows = [
        "id,patient_id,sex,site,age,url",
        "a,7,F,north,41,x/y",
        "b,7,M,north,52,x/y",
        "c,9,F,south,63,x/z",
        "d,8,M,south,4,x/z",
    ]
    write_text(tmp_path / "metadata.csv", "\n".join(rows))
    found = with_declared(dataset(tmp_path, "a", "b", "c", "d"), NOTHING)
    assert patients(found) == {"a": "7", "b": "7", "c": "9", "d": "8"}
    assert found.cases[1].groups == {"sex": "M", "site": "north", "age": "50 to 59"}
    assert found.patients_from == "column patient_id of metadata.csv"


def test_rows_are_found_by_file_name_too(tmp_path):
    write_text(tmp_path / "participants.tsv", "file\tparticipant_id\nimages/a.png\ts1\nb.nii.gz\ts1\n")
    found = with_declared(dataset(tmp_path, "a", "b"), NOTHING)
    assert patients(found) == {"a": "s1", "b": "s1"}


def test_a_table_that_names_few_cases_is_of_something_else(tmp_path):
    write_text(tmp_path / "other.csv", "id,patient\na,7\nx,8\n")
    assert patients(with_declared(dataset(tmp_path, "a", "b", "c"), NOTHING)) == {"a": "a", "b": "b", "c": "c"}


def test_unclear_patients_are_faults(tmp_path):
    write_text(tmp_path / "t.csv", "id,patient\na,7\na,8\nb,\nc,9\n")
    found = with_declared(dataset(tmp_path, "a", "b", "c"), NOTHING)
    assert [(fault.code, fault.severity, fault.case) for fault in found.faults] == [
        ("unclear-patient", "error", "a"),
        ("unclear-patient", "warning", "b"),
    ]
    assert patients(found) == {"a": "7", "b": "b", "c": "9"}


def test_a_test_split_in_the_table(tmp_path):
    write_text(tmp_path / "t.csv", "case,split\na,train\nb,test\nc,holdout\n")
    found = with_declared(dataset(tmp_path, "a", "b", "c"), NOTHING)
    assert [case.split for case in found.cases] == ["train", "test", "test"]
    assert found.faults == ()


def test_a_word_that_does_not_say_whether_a_case_is_set_apart(tmp_path):
    write_text(tmp_path / "t.csv", "case,split\na,train\nb,tests\nc,te\nd,test\n")
    found = with_declared(dataset(tmp_path, "a", "b", "c", "d"), NOTHING)
    assert [(fault.code, fault.severity, fault.case, fault.found) for fault in found.faults] == [
        ("unclear-split", "error", "b", "'tests'"),
        ("unclear-split", "error", "c", "'te'"),
    ]


def test_a_pattern_for_patients(tmp_path):
    found = with_declared(dataset(tmp_path, "P01_a", "P01_b", "X"), Declaration(patient="^(P[0-9]+)_"))
    assert patients(found) == {"P01_a": "P01", "P01_b": "P01", "X": "X"}
    assert [(fault.code, fault.case) for fault in found.faults] == [("unclear-patient", "X")]
    assert found.patients_from == '"patient" in scanwright.json'


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"), ("sub-01", "sub-01", "sub-02")),
        (
            ("patient001_frame01", "patient001_frame12", "patient002_frame01"),
            ("patient001", "patient001", "patient002"),
        ),
        (("sub-01", "sub-02"), ("sub-01", "sub-02")),
        (("case_1_a", "case_1_b"), ("case_1_a", "case_1_b")),
        (("sub-01_a", "sub-01_b", "other"), ("sub-01_a", "sub-01_b", "other")),
    ],
)
def test_patients_in_case_names(tmp_path, names, expected):
    found = with_declared(dataset(tmp_path, *names), NOTHING)
    assert tuple(patients(found).values()) == expected
    assert ("beginnings" in found.patients_from) == (len(set(expected)) < len(expected))


def test_declared_test_cases(tmp_path):
    found = with_declared(dataset(tmp_path, "a", "b"), Declaration(test=("b",)))
    assert [case.split for case in found.cases] == ["train", "test"]
    with pytest.raises(InputError, match="not there"):
        with_declared(dataset(tmp_path, "a"), Declaration(test=("b",)))


def test_group_columns__words_that_repeat(tmp_path):
    lines = ["id,same,sex,number,file,text"]
    lines += [f"c{k},x,{'FM'[k % 2]},{k % 2},{'ab'[k % 2]}.png,word{k}" for k in range(8)]
    table = read_table(write_text(tmp_path / "t.csv", "\n".join(lines)))
    assert group_columns(table, besides=["id"]) == ["sex"]
    assert group_columns(table, besides=["id", "sex"]) == []


@pytest.mark.parametrize(("text", "words"), [("", "empty first line"), ("a,A\n1,2\n", "a twice")])
def test_tables_that_are_none(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_table(write_text(tmp_path / "t.csv", text))


def test_read_table__short_and_long_rows(tmp_path):
    table = read_table(write_text(tmp_path / "t.csv", "First Name,B-2\n1\n\n2,3,\n"))
    assert table.columns == ("first_name", "b_2")
    assert table.rows == ({"first_name": "1", "b_2": ""}, {"first_name": "2", "b_2": "3"})
    assert table.column(["x", "b_2"]) == "b_2"
    assert table.path == Path(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("header", "severity"),
    [("id,patient", "error"), ("id,fold", "error"), ("id,site", "warning"), ("id,id", "warning")],
)
def test_a_broken_table__an_error_if_it_names_patients_or_sides(tmp_path, header, severity):
    write_text(tmp_path / "t.csv", f"{header}\na,1\nb,so, so\n")
    (tmp_path / "gone.csv").symlink_to("nowhere")
    found = with_declared(dataset(tmp_path, "a", "b"), NOTHING).faults
    assert [(fault.code, fault.severity, fault.file.name) for fault in found] == [
        ("unusable-table", "warning", "gone.csv"),
        ("unusable-table", severity, "t.csv"),
    ]
    assert ("id twice" if header == "id,id" else "line 3") in found[1].line()


def test_patients_and_groups_that_are_not_known():
    assert said_patient({"patient": "P1"}, "patient") == "P1"
    assert {said_patient({"patient": word}, "patient") for word in ("nan", "n/a", "?", "unknown", "")} == {""}
    rows = tuple({"sex": word} for word in ("f", "m", "nan", "f", "m"))
    assert group_columns(Table(path=Path("t.csv"), columns=("sex",), rows=rows), besides=()) == ["sex"]
