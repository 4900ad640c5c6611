"""Tables beside a data set that say what each image shows."""

import pytest

from made_folders import picture, write_json, write_png, write_text
from scanwright.dataset.cases import Classes, Quantities
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def folder(root, table, *, names=("a", "b", "c", "d"), declared=None, file="labels.csv"):
    for number, name in enumerate(names):
        image, mask = picture(number)
        write_png(root / f"images/{name}.png", image)
        write_png(root / f"masks/{name}.png", mask)
    write_text(root / file, table)
    if declared is not None:
        write_json(root / "scanwright.json", declared)
    return root


TABLE = "File,Tumour class,sex,size\na.png,benign,F,1.5\nb.png,malignant,M,2.5\nc.png,benign,F,7\nd.png,benign,M,\n"


def test_masks_come_first_unless_something_else_is_asked_for(tmp_path):
    dataset = read_dataset(folder(tmp_path, TABLE))
    assert (dataset.task.kind, dataset.cases[0].groups) == ("segmentation", {"tumour_class": "benign", "sex": "F"})


@pytest.mark.parametrize(
    "declared", [{"kind": "classification", "target": "Tumour class"}, {"target": ["tumour_class"]}]
)
def test_a_declared_column(tmp_path, declared):
    dataset = read_dataset(folder(tmp_path, TABLE, declared=declared))
    (name,) = [declared["target"]] if isinstance(declared["target"], str) else declared["target"]
    assert (dataset.layout, dataset.task.kind, dataset.task.classes) == (
        "image-mask",
        "classification",
        ("benign", "malignant"),
    )
    assert [case.target for case in dataset.cases][:2] == [Classes(names=("benign",)), Classes(names=("malignant",))]
    assert {case.label for case in dataset.cases} == {None}
    assert dataset.cases[0].groups == {"sex": "F"}
    assert dataset.stated.startswith(
        f"images in images/, masks in masks/; labels left aside, targets from column {name} of labels.csv: 4 cases of "
        "4 patients; classes benign (3), malignant (1); channel"
    )
    assert dataset.task.source == "labels.csv"


def test_a_number__and_a_case_without_one(tmp_path):
    dataset = read_dataset(folder(tmp_path, TABLE, declared={"kind": "regression", "target": "size"}))
    assert (dataset.task.quantities, dataset.cases[2].target) == (("size",), Quantities(numbers=(7,)))
    assert "size 1.5 to 7" in dataset.stated
    assert [(fault.code, fault.severity, fault.case, fault.expected) for fault in dataset.faults] == [
        ("missing-label", "warning", "d", "a value in size of labels.csv")
    ]
    assert dataset.cases[3].target is None
    assert "1 without a label" in dataset.stated


def test_cases_of_which_nothing_is_known__are_one_warning_that_says_what_to_write(tmp_path):
    root = folder(tmp_path, "id,labels\na,x|y\nb,x\nc,\nd,\n", declared={"target": "labels"})
    (fault,) = read_dataset(root).faults
    assert (fault.code, fault.case, fault.cases, fault.found) == ("missing-label", None, ("c", "d"), "none in 2 cases")
    assert fault.expected == 'a value in labels of labels.csv, or "none" where there is nothing'
    write_text(root / "labels.csv", "id,labels\na,x|y\nb,x\nc,none\nd,\n")
    dataset = read_dataset(root)
    assert dataset.cases[2].target == Classes(names=()) and [one.case for one in dataset.faults] == ["d"]


def test_a_usual_column_is_taken_where_classes_are_asked_for(tmp_path):
    root = folder(tmp_path, "id,diagnosis\na,x\nb,y\nc,x\nd,y\n")
    assert read_dataset(root, kind="classification").task.classes == ("x", "y")
    assert read_dataset(root).task.kind == "segmentation"
    write_text(root / "labels.csv", "id,diagnosis,grade\na,x,1\nb,y,2\nc,x,1\nd,y,1\n")
    with pytest.raises(InputError, match="just one of them"):
        read_dataset(root, kind="classification")


def test_rows_of_one_case_that_disagree(tmp_path):
    root = folder(tmp_path, "id,finding\na,x\na,y\nb,x\nb,x\nb,\nc,y\n")
    dataset = read_dataset(root, kind="classification")
    assert [(fault.code, fault.case, fault.found) for fault in dataset.faults] == [
        ("unclear-target", "a", "'x and y'"),
        ("missing-label", "d", "none"),
    ]
    assert dataset.cases[1].target == Classes(names=("x",))


def test_rows_of_patients(tmp_path):
    names = [f"sub-0{number}_scan{scan}" for number in (1, 2) for scan in (1, 2)]
    root = folder(tmp_path, "participant_id\tdx\nsub-01\tx\nsub-02\ty\n", names=names, file="participants.tsv")
    dataset = read_dataset(root, kind="classification")
    assert [case.target.names for case in dataset.cases] == [("x",), ("x",), ("y",), ("y",)]
    assert len({case.patient for case in dataset.cases}) == 2


def test_faults_of_masks_mean_nothing_then(tmp_path):
    root = folder(tmp_path, TABLE, declared={"target": "Tumour class"})
    (root / "masks/b.png").unlink()
    write_png(root / "masks/z.png", picture(9)[1])
    assert read_dataset(root).faults == ()


def test_no_table_has_the_column(tmp_path):
    root = folder(tmp_path, TABLE, declared={"target": ["Tumour class", "birads"]})
    with pytest.raises(InputError, match="no table says what each image shows") as caught:
        read_dataset(root)
    assert "labels.csv" in str(caught.value.found)
    assert "Tumour class, birads" in str(caught.value.expected)


def test_two_tables_have_it(tmp_path):
    root = folder(tmp_path, TABLE, declared={"target": "Tumour class"})
    write_text(root / "again.csv", TABLE)
    with pytest.raises(InputError, match="several tables"):
        read_dataset(root)


def test_classes_that_are_not_declared(tmp_path):
    root = folder(tmp_path, TABLE, declared={"target": "Tumour class", "classes": ["benign"]})
    with pytest.raises(InputError, match="classes that are not declared"):
        read_dataset(root)


def test_a_kind_that_nothing_answers(tmp_path):
    root = folder(tmp_path, TABLE, declared={"target": "Tumour class"})
    for mask in (root / "masks").iterdir():
        mask.unlink()
    with pytest.raises(InputError, match="holds classes or numbers of whole images"):
        read_dataset(root, kind="detection")


def test_a_table_that_cannot_be_read_says_why(tmp_path):
    root = folder(tmp_path, TABLE.replace("a.png,", "a.png,so, so,"), declared={"target": "Tumour class"})
    with pytest.raises(InputError, match=r"no table says(.|\n)*labels\.csv: rows with more cells .*: line 2"):
        read_dataset(root)


@pytest.mark.parametrize("declared", [None, {"target": "class"}])
def test_a_kind_that_the_table_does_not_answer(tmp_path, declared):
    root = folder(tmp_path, "image,class\nimages/a.png,x\nimages/b.png,y\n", declared=declared)
    with pytest.raises(InputError, match="holds classes or numbers") as raised:
        read_dataset(root / "labels.csv", kind="segmentation")
    assert "Leave --task" in raised.value.hint and "label maps" in raised.value.hint


@pytest.mark.parametrize(
    ("columns", "cells", "expected"),
    [
        ("log_area", "5.1 6.2 7.3 8.4", "log_area"),  # whatever it is called
        ("nr,log_area", "1,5.1 2,6.2 3,7.3 4,8.4", "log_area"),  # rows that are counted are no quantity
        ("patient_id,split,log_area", "1,1,5 1,2,6 2,1,8 2,2,8", "log_area"),
        ("log_area,class", "5.1,x 6.2,y 7.3,x 8.4,y", "log_area"),  # words are no numbers
        ("log_area,value", "5.1,3 6.2,4 7.3,5 8.4,6", "value"),  # a usual name goes before others
        ("log_area,age", "5.1,30 6.2,41 7.3,52 8.4,70", None),
        ("log_area", "5.1 5.1 5.1 5.1", None),
    ],
)
def test_numbers_that_are_asked_for(tmp_path, columns, cells, expected):
    table = f"image,{columns}\n" + "".join(
        f"images/{k}.png,{row}\n" for k, row in zip("abcd", cells.split(), strict=True)
    )
    root = folder(tmp_path, table)
    if expected is None:
        with pytest.raises(InputError, match="no table says what each image shows"):
            read_dataset(root, kind="regression")
        return
    dataset = read_dataset(root, kind="regression")
    assert dataset.task.quantities == (expected,) and len(dataset.train) == 4
    assert ("its only column of numbers" in dataset.stated) is (expected == "log_area")
