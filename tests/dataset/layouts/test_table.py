import pytest

from made_folders import ball, picture, write_nifti, write_png, write_text
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import table
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError

NOTHING = Declaration()


def files(root, names=("a", "b", "c")):
    for number, name in enumerate(names):
        image, label = ball(number)
        write_nifti(root / f"ct/{name}.nii.gz", image)
        write_nifti(root / f"gt/{name}_l.nii.gz", label)
    return root


def test_image_label_patient_split_and_groups(tmp_path):
    files(tmp_path, "abcd")
    rows = "\n".join(f"ct/{n}.nii.gz,gt/{n}_l.nii.gz,P{k // 2},{s},{'FM'[k % 2]},{k + 40}" for k, (n, s) in enumerate(
        zip("abcd", ("train", "val", "TEST", ""), strict=True)))  # fmt: skip
    path = write_text(tmp_path / "cases.csv", f"Image,Label,Patient ID,Split,Sex,Age\n{rows}\n")
    assert table.detect(tmp_path) == "cases.csv with 4 rows of image and label files"
    dataset = table.read(tmp_path, NOTHING)
    assert [(case.id, case.patient, case.split, case.groups) for case in dataset.cases] == [
        ("a", "P0", "train", {"sex": "F"}),
        ("b", "P0", "train", {"sex": "M"}),
        ("c", "P1", "test", {"sex": "F"}),
        ("d", "P1", "train", {"sex": "M"}),
    ]
    assert dataset.cases[0].images == (tmp_path / "ct/a.nii.gz",)
    assert dataset.patients_from == "column patient_id of cases.csv"
    assert table.read(path, NOTHING).cases == dataset.cases


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ("image_2,image_1", ["channel 1", "channel 2"]),
        ("t1,flair", ["t1", "flair"]),
        ("image,image2", ["channel 1", "channel 2"]),
        ("image2,scan", ["channel 1", "channel 2"]),
        ("image,flair", ["image", "flair"]),
        ("flair,image", ["flair", "image"]),
        ("flair,image_1", ["channel 1", "flair"]),
    ],
)
def test_several_channels(tmp_path, columns, names):
    files(tmp_path)
    write_text(tmp_path / "list.tsv", f"id,{columns},seg\nx,ct/a.nii.gz,ct/b.nii.gz,gt/a_l.nii.gz\n".replace(",", "\t"))
    dataset = table.read(tmp_path, NOTHING)
    assert [channel.name for channel in dataset.task.channels] == names
    assert (dataset.cases[0].id, len(dataset.cases[0].images), dataset.faults) == ("x", 2, ())
    first = "b" if columns in ("image_2,image_1", "image2,scan", "flair,image_1") else "a"
    assert dataset.cases[0].images[0].name == f"{first}.nii.gz"


@pytest.mark.parametrize("columns", ["image,image_1", "image,image_0", "image_0,scan"])
def test_two_columns_that_could_be_the_first_channel(tmp_path, columns):
    files(tmp_path)
    write_text(tmp_path / "t.csv", f"{columns},label\nct/a.nii.gz,ct/b.nii.gz,gt/a_l.nii.gz\n")
    assert table.detect(tmp_path) is not None
    with pytest.raises(InputError, match="two columns could be the first channel"):
        table.read(tmp_path / "t.csv", NOTHING)


def test_further_columns_of_image_files_are_named(tmp_path):
    files(tmp_path)
    row = f"ct/a.nii.gz,ct/b.nii.gz,ct/c.nii.gz,gt/b_l.nii.gz,gt/a_l.nii.gz,{tmp_path}/ct/a.nii.gz"
    write_text(tmp_path / "t.csv", f"image,path,thumb,mask,label,same\n{row}\n")
    dataset = table.read(tmp_path, NOTHING)
    assert [path.name for path in dataset.cases[0].images] == ["a.nii.gz"]
    assert [(fault.code, fault.severity, fault.found) for fault in dataset.faults] == [
        ("unused-channel", "warning", f"image files in column {name} too") for name in ("path", "thumb", "mask")
    ]


def test_a_channels_name_over_something_else_is_no_channel(tmp_path):
    files(tmp_path, "abcd")
    rows = "\n".join(f"ct/{n}.nii.gz,gt/{n}_l.nii.gz,{v}" for n, v in zip("abcd", "yyzz", strict=True))
    write_text(tmp_path / "t.csv", f"image,label,us\n{rows}\n")
    dataset = table.read(tmp_path, NOTHING)
    assert (len(dataset.task.channels), dataset.cases[0].groups, dataset.faults) == (1, {"us": "y"}, ())


def test_a_case_without_its_first_channel_is_named(tmp_path):
    files(tmp_path)
    write_text(tmp_path / "t.csv", "id,t1,t2,label\nx,ct/z.nii.gz,ct/a.nii.gz,gt/a_l.nii.gz\n")
    assert table.detect(tmp_path) is not None
    write_text(tmp_path / "t.csv", (tmp_path / "t.csv").read_text() + "y,ct/a.nii.gz,ct/b.nii.gz,gt/b_l.nii.gz\n")
    assert [(fault.code, fault.case) for fault in table.read(tmp_path, NOTHING).faults] == [("missing-channel", "x")]


def test_rows_that_leave_patient_or_side_unclear(tmp_path):
    files(tmp_path)
    rows = [f"ct/{n}.nii.gz,gt/{n}_l.nii.gz,{rest}" for n, rest in zip("abc", ("P,train", ",", "Q,tests"), strict=True)]
    write_text(tmp_path / "t.csv", "\n".join(["image,label,patient,split", *rows]))
    assert [(fault.code, fault.severity, fault.case) for fault in table.read(tmp_path, NOTHING).faults] == [
        ("unclear-patient", "warning", "b"),
        ("unclear-split", "error", "c"),
    ]


def test_semicolons_a_byte_order_mark_and_backslashes(tmp_path):
    files(tmp_path, ["ä b"])
    text = "\ufeffimage;mask\nct\\ä b.nii.gz;gt\\ä b_l.nii.gz\n"
    write_text(tmp_path / "liste.csv", text)
    assert [case.id for case in table.read(tmp_path, NOTHING).cases] == ["ä b"]
    (tmp_path / "liste.csv").write_bytes(text[1:].encode("cp1252"))
    assert [case.id for case in table.read(tmp_path, NOTHING).cases] == ["ä b"]


def test_stems_that_repeat_take_their_folders_name(tmp_path):
    for name in ("p1", "p2"):
        write_nifti(tmp_path / name / "image.nii.gz", ball(1)[0])
        write_nifti(tmp_path / name / "seg.nii.gz", ball(1)[1])
    write_text(tmp_path / "t.csv", "image,seg\np1/image.nii.gz,p1/seg.nii.gz\np2/image.nii.gz,p2/seg.nii.gz\n")
    assert [case.id for case in table.read(tmp_path, NOTHING).cases] == ["p1_image", "p2_image"]


def test_missing_files_become_faults(tmp_path):
    files(tmp_path)
    rows = ["ct/a.nii.gz,gt/a_l.nii.gz", "ct/b.nii.gz,", "ct/z.nii.gz,gt/c_l.nii.gz", "ct/y.nii.gz,gt/y.nii.gz"]
    write_text(tmp_path / "t.csv", "\n".join(["image,label", *rows]))
    faults = table.read(tmp_path, NOTHING).faults
    assert [(fault.code, fault.case) for fault in faults] == [
        ("missing-label", "b"),
        ("missing-files", "y"),
        ("missing-image", "z"),
    ]
    said = [fault.found for fault in faults]
    assert said == ["none", "no image file at ct/y.nii.gz and gt/y.nii.gz", "no image file at ct/z.nii.gz"]


def test_missing_files__every_path_is_named(tmp_path):
    files(tmp_path)
    rows = ["ct/a.nii.gz,ct/b.nii.gz,gt/x.nii.gz", "ct/b.nii.gz,ct/x.nii.gz,gt/b_l.nii.gz"]
    write_text(tmp_path / "t.csv", "\n".join(["image,image_2,label", *rows, "ct/c.nii.gz,ct/a.nii.gz,gt/c_l.nii.gz"]))
    assert [(fault.code, fault.case, fault.found) for fault in table.read(tmp_path, NOTHING).faults] == [
        ("missing-label", "a", "no image file at gt/x.nii.gz"),
        ("missing-channel", "b", "no image_2: no image file at ct/x.nii.gz"),
    ]


def test_two_rows_of_one_case(tmp_path):
    files(tmp_path)
    write_text(tmp_path / "t.csv", "id,image,label\nx,ct/a.nii.gz,gt/a_l.nii.gz\nx,ct/b.nii.gz,gt/a_l.nii.gz\n")
    with pytest.raises(InputError, match="two rows are the same case"):
        table.read(tmp_path, NOTHING)
    write_text(tmp_path / "t.csv", "id,image,label\n" + "x,ct/a.nii.gz,gt/a_l.nii.gz\n" * 2)
    with pytest.raises(InputError, match="an image stands in two rows"):
        table.read(tmp_path, NOTHING)


def test_several_tables(tmp_path):
    files(tmp_path)
    for name in ("one", "two"):
        write_text(tmp_path / f"{name}.csv", "image,label\nct/a.nii.gz,gt/a_l.nii.gz\n")
    with pytest.raises(InputError, match="several tables"):
        table.detect(tmp_path)
    assert table.detect(tmp_path / "one.csv") is not None


@pytest.mark.parametrize(
    "text", ["file,class\nct/a.nii.gz,benign\n", "image,label\nct/a.nii.gz,benign\n", "", "image,image\n1,2\n", "a,b\n"]
)
def test_tables_of_other_things(tmp_path, text):
    files(tmp_path)
    write_text(tmp_path / "labels.csv", text)
    assert table.detect(tmp_path) is None
    with pytest.raises(InputError, match="no table"):
        table.read(tmp_path, NOTHING)


def test_read__a_label_column_may_hold_classes_beside_masks(tmp_path):
    for name in "abcd":
        image, mask = picture(ord(name))
        write_png(tmp_path / f"x/{name}.png", image)
        write_png(tmp_path / f"y/{name}.png", mask)
    rows = [f"x/{name}.png,1,y/{name}.png,{side}\n" for name, side in zip("abcd", (0, 0, 1, "test"), strict=True)]
    write_text(tmp_path / "t.csv", "image,label,mask,fold\n" + "".join(rows))
    found = read_dataset(tmp_path)
    assert found.task.kind == "segmentation" and all(case.label is not None for case in found.cases)
    assert [case.id for case in found.test] == ["d"]


def test_read__a_broken_table_says_why(tmp_path):
    for name in "abcd":
        image, mask = picture(ord(name))
        write_png(tmp_path / f"images/{name}.png", image)
        write_png(tmp_path / f"masks/{name}.png", mask)
    write_text(tmp_path / "t.csv", "image,mask,note,patient\nimages/a.png,masks/a.png,so, so,1\n")
    faults = read_dataset(tmp_path).faults
    assert [(fault.code, fault.severity) for fault in faults] == [("unusable-table", "error")]
    assert "line 2" in faults[0].found
    with pytest.raises(InputError, match="more cells"):
        read_dataset(tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"t\.csv: rows with more cells .*: line 2"):
        read_dataset(tmp_path, "table")
    (tmp_path / "masks").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"no data set recognised(.|\n)*t\.csv: rows with more cells .*: line 2"):
        read_dataset(tmp_path)
