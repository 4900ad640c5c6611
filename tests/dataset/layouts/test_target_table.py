"""Tables of images and what they show: no label files."""

import pytest

from made_folders import ball, picture, write_json, write_nifti, write_png, write_text
from scanwright.dataset.cases import Classes, Quantities
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import table
from scanwright.dataset.layouts.target_table import images_by_name
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def pictures(root, names=("a", "b", "c", "d"), folder="train images"):
    for number, name in enumerate(names):
        write_png(root / folder / f"{name}.png", picture(number)[0])
    return root


UNUSUAL = "image,log_area\n" + "".join(
    f"{name}.png,{size}\n" for name, size in zip("abcd", (5.1, 6.2, 7, 8.4), strict=True)
)


@pytest.mark.parametrize("given", ["", "cases.csv"])
def test_an_unusual_column_of_numbers__what_to_do_is_said_first(tmp_path, given):
    write_text(pictures(tmp_path) / "cases.csv", UNUSUAL)
    with pytest.raises(InputError) as raised:
        read_dataset(tmp_path / given)
    first = raised.value.details[0]
    assert (
        first.startswith("cases.csv lists images") and "log_area holds numbers, and is learned with --task reg" in first
    )
    assert raised.value.hint.startswith("Name the column in scanwright.json")
    dataset = read_dataset(tmp_path / given, kind="regression")
    assert dataset.task.quantities == ("log_area",) and dataset.cases[2].target == Quantities(numbers=(7,))
    assert "column log_area of cases.csv, its only column of numbers" in dataset.stated


def test_several_columns_of_numbers__are_named(tmp_path):
    lines = "".join(f"{name}.png,{number * 1.5},{60 - number**2}\n" for number, name in enumerate("abcd"))
    write_text(pictures(tmp_path) / "cases.csv", "image,log_area,age\n" + lines)
    with pytest.raises(InputError) as raised:
        read_dataset(tmp_path, kind="regression")
    assert "several columns hold numbers; name one in scanwright.json" in raised.value.details[0]
    assert raised.value.details[0].endswith("log_area, age")


def test_paths_patients_split_and_groups(tmp_path):
    pictures(tmp_path)
    rows = "\n".join(
        f"train images/{name}.png,{kind},P{number // 2},{side},{sex}"
        for number, (name, kind, side, sex) in enumerate(
            zip("abcd", ("x", "y", "x", "y"), ("train", "", "test", "test"), "FMFM", strict=True)
        )
    )
    write_text(tmp_path / "cases.csv", f"image,Class,patient,split,sex\n{rows}\n")
    assert table.detect(tmp_path) == "cases.csv with 4 rows of images and what they show"
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, dataset.task.kind, dataset.task.classes) == ("table", "classification", ("x", "y"))
    assert [(case.id, case.target.names, case.patient, case.split, case.groups) for case in dataset.cases] == [
        ("a", ("x",), "P0", "train", {"sex": "F"}),
        ("b", ("y",), "P0", "train", {"sex": "M"}),
        ("c", ("x",), "P1", "test", {"sex": "F"}),
        ("d", ("y",), "P1", "test", {"sex": "M"}),
    ]
    assert dataset.patients_from == "column patient of cases.csv"
    assert dataset.stated.startswith(
        "table cases.csv, targets from column class of cases.csv: 4 cases of 2 patients, 2 set apart for testing; "
        "classes x (2), y (2); channel"
    )
    assert read_dataset(tmp_path / "cases.csv").cases == dataset.cases


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("file", ["a.png", "b.png", "c.png", "d.png"]),
        ("image_id", ["a", "b", "c", "d"]),
        ("id", ["A", "B", "C", "D"]),
        ("image", ["elsewhere\\a.png", "elsewhere/b.png", "c.png", "d.PNG"]),
    ],
)
def test_names_of_files_in_a_folder_beside(tmp_path, column, cells):
    pictures(tmp_path)
    rows = "\n".join(f"{cell};{grade}" for cell, grade in zip(cells, (1, 2, 3, 1), strict=True))
    write_text(tmp_path / "train.csv", f"{column};KL grade\n{rows}\n")
    write_json(tmp_path / "scanwright.json", {"target": "KL grade", "choice": "ordered"})
    dataset = read_dataset(tmp_path)
    assert (dataset.task.choice, dataset.task.classes) == ("ordered", ("1", "2", "3"))
    assert [case.images[0].name for case in dataset.cases] == ["a.png", "b.png", "c.png", "d.png"]


def test_volumes_of_several_channels_and_numbers(tmp_path):
    for number, name in enumerate("abc"):
        write_nifti(tmp_path / f"{name}_t1.nii.gz", ball(number)[0])
        write_nifti(tmp_path / f"{name}_t2.nii.gz", ball(number + 9)[0])
    rows = "".join(
        f"{name},{name}_t1.nii.gz,{name}_t2.nii.gz,{age}\n" for name, age in zip("abc", (63.5, 12, 7), strict=True)
    )
    write_text(tmp_path / "t.csv", f"id,t1,t2,age\n{rows}")
    write_json(tmp_path / "scanwright.json", {"target": "age"})
    dataset = read_dataset(tmp_path)
    assert (dataset.task.kind, dataset.task.quantities, len(dataset.task.channels)) == ("regression", ("age",), 2)
    assert dataset.cases[0].target == Quantities(numbers=(63.5,))


def test_several_columns_are_called_as_declared(tmp_path):
    pictures(tmp_path)
    write_text(tmp_path / "t.csv", "file,Pleural Effusion,Mass\na.png,1,0\nb.png,0,0\nc.png,1,1\nd.png,,1\n")
    write_json(tmp_path / "scanwright.json", {"target": ["Pleural Effusion", "Mass"]})
    dataset = read_dataset(tmp_path)
    assert (dataset.task.choice, dataset.task.classes) == ("several", ("Pleural Effusion", "Mass"))
    assert [case.target for case in dataset.cases] == [
        Classes(names=("Pleural Effusion",)),
        Classes(names=()),
        Classes(names=("Pleural Effusion", "Mass")),
        Classes(names=("Mass",), unknown=("Pleural Effusion",)),
    ]
    assert dataset.faults == ()


def test_rows_without_a_file_and_files_without_a_class(tmp_path):
    pictures(tmp_path)
    write_text(tmp_path / "t.csv", "file,class\na.png,x\nb.png,y\nc.png,\nz.png,x\n")
    assert [(fault.code, fault.severity, fault.case) for fault in read_dataset(tmp_path).faults] == [
        ("missing-files", "error", "z"),
        ("missing-label", "warning", "c"),
    ]


def test_files_of_labels_and_a_class__what_is_asked_for_decides(tmp_path):
    for number, name in enumerate("ab"):
        image, mask = picture(number)
        write_png(tmp_path / f"i/{name}.png", image)
        write_png(tmp_path / f"m/{name}.png", mask)
    write_text(tmp_path / "t.csv", "image,mask,class\ni/a.png,m/a.png,x\ni/b.png,m/b.png,y\n")
    assert read_dataset(tmp_path).task.kind == "segmentation"
    found = read_dataset(tmp_path, kind="classification")
    assert (found.task.classes, found.cases[0].label, found.faults) == (("x", "y"), None, ())


def test_an_image_of_two_names_in_two_folders_is_none(tmp_path):
    for folder in ("one", "two"):
        pictures(tmp_path, names=("a",), folder=folder)
    pictures(tmp_path, names=("b",), folder="masks")
    assert images_by_name(tmp_path) == {}


def test_several_tables(tmp_path):
    pictures(tmp_path)
    for name in ("one", "two"):
        write_text(tmp_path / f"{name}.csv", "file,class\na.png,x\nb.png,y\n")
    with pytest.raises(InputError, match="several tables say"):
        table.detect(tmp_path)
    assert table.detect(tmp_path / "one.csv") is not None


@pytest.mark.parametrize(
    "text",
    ["file,class\na.png,x\nb.png,x\n", "file,class,grade\na.png,x,1\nb.png,y,2\n", "file,place\na.png,x\nb.png,y\n"],
)
def test_tables_that_do_not_say_what_is_shown(tmp_path, text):
    pictures(tmp_path)
    write_text(tmp_path / "t.csv", text)
    assert table.detect(tmp_path) is None
    with pytest.raises(InputError, match="no table"):
        table.read(tmp_path, Declaration(kind="classification"))


@pytest.mark.parametrize(
    ("rows", "found", "hint"),
    [
        ("a.png,x\na.png,y\nb.png,x\n", "a.png in 2 rows, with class x and y", "Find out which row is right"),
        ("a.png,x\na.png,x\nb.png,y\n", "a.png in 2 rows, which say the same", "Remove all but one"),
    ],
)
def test_an_image_in_two_rows(tmp_path, rows, found, hint):
    pictures(tmp_path)
    write_text(tmp_path / "t.csv", f"file,class\n{rows}")
    with pytest.raises(InputError, match="an image stands in two rows") as caught:
        read_dataset(tmp_path)
    assert caught.value.found == found and caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("column", "cells", "kind", "said"),
    [
        (
            "malignant",
            "0 1 1 0",
            "classification",
            'name it in scanwright.json ("target"); yes or no is said by malignant; it',
        ),
        ("malignant", "0 1 1 0", None, 'name it in scanwright.json ("target"); yes or no is said by malignant; it'),
        ("size", "0.5 1.5 2 3", "classification", 'name it in scanwright.json ("target"); it has'),
        ("size", "0.5 1.5 2 3", None, "size holds numbers, and is learned with --task regression"),
        (
            "size",
            "0.5 n/a? 2 3",
            None,
            "size holds numbers, but not in 1 of its 4 filled cells ('n/a?'), and is learned",
        ),
        ("size", "3.0 3.0 3.0 3.0", "regression", "no column of numbers that differ: size is 3.0 in every row"),
        ("size", "nan nan nan nan", "regression", "no column of numbers that differ: size is empty"),
        ("size", "0.5 1.5 2 3", None, 'with --task regression, or "kind": "regression" in scanwright.json'),
        ("k_const", "3 3 3 3", None, "nothing is learned of what does not differ: k_const is 3 in every row"),
        ("age", "41 42 43 44", None, "age seems to count the rows, and is taken only if it is named so"),
    ],
)
def test_why_there_is_no_target(tmp_path, column, cells, kind, said):
    pictures(tmp_path)
    rows = "".join(f"{name}.png,{cell}\n" for name, cell in zip("abcd", cells.split(), strict=True))
    write_text(tmp_path / "t.csv", f"file,{column}\n{rows}")
    with pytest.raises(InputError, match="no data set recognised") as caught:
        read_dataset(tmp_path, kind=kind)
    (line,) = [line for line in caught.value.details if line.startswith("t.csv lists images")]
    assert said in line
    assert ("--task regression" in line) is (kind is None and column == "size")


def test_numbers_with_a_unit__are_refused_where_numbers_are_asked_for(tmp_path):
    pictures(tmp_path)
    write_text(tmp_path / "t.csv", "file,size\na.png,3.2 mm\nb.png,1.5 mm\nc.png,2.0 mm\nd.png,4 mm\n")
    with pytest.raises(InputError, match="units beside the numbers"):
        read_dataset(tmp_path, kind="regression")


@pytest.mark.parametrize(
    ("column", "cells", "classes"),
    [
        ("Stage", "IIA I IV IIB", ("I", "IIA", "IIB", "IV")),
        ("stage", "late early middle early", ("early", "middle", "late")),
        ("BI-RADS", "4A 3 4B 5", ("3", "4A", "4B", "5")),
        ("tumour_stage", "distant local regional local", ("distant", "local", "regional")),
    ],
)
def test_a_column_that_is_called_as_grades_are(tmp_path, column, cells, classes):
    pictures(tmp_path)
    rows = "".join(f"{name}.png,{cell}\n" for name, cell in zip("abcd", cells.split(), strict=True))
    write_text(tmp_path / "t.csv", f"file,{column}\n{rows}")
    dataset = read_dataset(tmp_path)
    assert (dataset.task.kind, dataset.task.classes) == ("classification", classes)
    assert dataset.task.choice == ("one" if "distant" in classes else "ordered")
    assert "only column of numbers" not in dataset.stated
    assert read_dataset(tmp_path, kind="classification").task.classes == classes


def test_grades_give_way_to_columns_of_other_names_and_to_folders_of_classes(tmp_path):
    pictures(tmp_path / "a")
    write_text(tmp_path / "a/t.csv", "file,diagnosis,stage\na.png,x,I\nb.png,y,II\nc.png,x,III\nd.png,y,I\n")
    assert read_dataset(tmp_path / "a").task.classes == ("x", "y")
    write_text(tmp_path / "a/again.csv", "file,stage\na.png,I\nb.png,II\nc.png,III\nd.png,I\n")
    assert read_dataset(tmp_path / "a").task.classes == ("x", "y")
    pictures(tmp_path / "b", ("a", "b"), "benign")
    pictures(tmp_path / "b", ("c", "d"), "malignant")
    write_text(tmp_path / "b/t.csv", "file,stage\na.png,I\nb.png,II\nc.png,III\nd.png,I\n")
    assert read_dataset(tmp_path / "b").layout == "class-folders"


def test_several_columns_of_grades__are_named(tmp_path):
    pictures(tmp_path)
    write_text(tmp_path / "t.csv", "file,stage,birads\na.png,I,1\nb.png,II,2\nc.png,III,2\nd.png,I,1\n")
    with pytest.raises(InputError, match="no data set recognised") as caught:
        read_dataset(tmp_path)
    assert caught.value.details[0].endswith('name one in scanwright.json ("target"): stage, birads')


def test_columns_in_chinese(tmp_path):
    pictures(tmp_path)
    rows = "".join(
        f"{name}.png,{word},{sex}\n" for name, word, sex in zip("abcd", ("良性", "恶性") * 2, "mfmf", strict=True)
    )
    write_json(tmp_path / "scanwright.json", {"target": "诊断"})
    for encoding in ("utf-8", "gbk"):
        (tmp_path / "t.csv").write_bytes(f"file,诊断,性别\n{rows}".encode(encoding))
        dataset = read_dataset(tmp_path)
        assert set(dataset.task.classes) == {"良性", "恶性"}
        assert dataset.cases[0].groups == {"性别": "m"}


@pytest.mark.parametrize("word", ["nan", "NaN", "?", "-", "unknown", ""])
def test_a_patient_that_is_not_known__is_nobody_else(tmp_path, word):
    pictures(tmp_path)
    write_text(tmp_path / "t.csv", f"file,class,patient\na.png,x,{word}\nb.png,y,{word}\nc.png,x,P1\nd.png,y,P1\n")
    dataset = read_dataset(tmp_path)
    assert [case.patient for case in dataset.cases] == ["a", "b", "P1", "P1"]
    assert [(fault.code, fault.case) for fault in dataset.faults] == [
        ("unclear-patient", "a"),
        ("unclear-patient", "b"),
    ]


def test_several_columns_of_numbers__the_way_is_said_without_a_task_too(tmp_path):
    lines = "".join(f"{name}.png,{number * 1.5},{60 - number**2}\n" for number, name in enumerate("abcd"))
    write_text(pictures(tmp_path) / "cases.csv", "image,log_area,age\n" + lines)
    with pytest.raises(InputError) as raised:
        read_dataset(tmp_path)
    said = "numbers stand in log_area, age, and one of them that is named so is learned with --task regression"
    assert said in raised.value.details[0]
