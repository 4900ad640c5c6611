import pytest

from made_boxes import CLASSES, SCENE, draw, yolo_folder, yolo_line
from made_folders import write_text
from scanwright.dataset.cases import Box, Boxes
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import yolo
from scanwright.errors import InputError

NOTHING = Declaration()


def faults_of(root):
    return [(fault.code, fault.severity, fault.case) for fault in yolo.read(root, NOTHING).faults]


def classes_folder(root, *, images="images/train", labels="labels/train"):
    """classes.txt without data.yaml."""
    for number, (name, boxes) in enumerate(SCENE.items()):
        draw(root / images / f"{name}.png", number)
        lines = [yolo_line(CLASSES.index(kind), corners) for kind, *corners in boxes]
        write_text(root / labels / f"{name}.txt", "\n".join(lines))
    write_text(root / "classes.txt", "\n".join(CLASSES) + "\n")
    return root


def test_a_folder(tmp_path):
    root = yolo_folder(tmp_path)
    assert yolo.detect(root) == "data.yaml with names and folders"
    dataset = yolo.read(root, NOTHING)
    assert dataset.cases[0].images == (root / "images/train/p00.png",)
    assert dataset.cases[0].target.boxes[0].end == pytest.approx((12, 13))
    assert [case.id for case in dataset.test] == ["p03"]
    assert (dataset.faults, dataset.task.classes) == ((), CLASSES)


def test_classes_txt(tmp_path):
    root = classes_folder(tmp_path / "a")
    assert yolo.detect(root) == "classes.txt with images and labels"
    assert [case.split for case in yolo.read(root, NOTHING).cases] == ["train"] * 4
    root = classes_folder(tmp_path / "b", images="test/images", labels="test/labels")
    (root / "classes.txt").rename(root / "test/labels/classes.txt")
    assert yolo.detect(root) is None
    write_text(root / "labels/classes.txt", "cell\nplatelet\n")
    assert [case.split for case in yolo.read(root, NOTHING).cases] == ["test"] * 4


def test_a_picture_without_label_file(tmp_path):
    """With data.yaml nothing is there; with classes.txt alone nobody has looked. An empty file says that nothing is there."""
    for make, code in ((yolo_folder, []), (classes_folder, [("missing-label", "error", "p00")])):
        root = make(tmp_path / make.__name__)
        (root / "labels/train/p00.txt").unlink()
        write_text(root / "labels/train/p01.txt", "\n")
        dataset = yolo.read(root, NOTHING)
        assert [case.target for case in dataset.cases[:2]] == [None if code else Boxes(), Boxes()]
        assert faults_of(root) == code


def test_polygons_become_their_bounding_box(tmp_path):
    root = yolo_folder(tmp_path)
    write_text(root / "labels/train/p00.txt", "1 0.1 0.2 0.5 0.2 0.3 0.8\n0 0.5 0.5 0.5 0.5\n")
    dataset = yolo.read(root, NOTHING)
    first, second = dataset.cases[0].target.boxes
    assert (first.name, first.start, first.end) == ("platelet", pytest.approx((4, 6)), pytest.approx((20, 24)))
    assert second == Box(name="cell", start=(10, 7.5), end=(30, 22.5))
    assert faults_of(root) == [("polygon-as-box", "note", None)]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0 0.5 0.5 0.2", ("unreadable-label", "error", "p00")),
        ("0 0.5 0.5 0.2 0.2 0.93", ("unreadable-label", "error", "p00")),  # a prediction's confidence
        ("0 0.5 0.5 0.2 0.2 0.1 0.1 0.1", ("unreadable-label", "error", "p00")),
        ("cell 0.5 0.5 0.2 0.2", ("unreadable-label", "error", "p00")),
        ("0.5 0.5 0.5 0.2 0.2", ("unreadable-label", "error", "p00")),
        ("0 nan 0.5 0.2 0.2", ("unreadable-label", "error", "p00")),
        ("2 0.5 0.5 0.2 0.2", ("undeclared-class", "error", "p00")),
        ("-1 0.5 0.5 0.2 0.2", ("undeclared-class", "error", "p00")),
        ("0 0.5 0.5 0 0.2", ("empty-box", "warning", "p00")),
        ("0 20 15 4 4", ("box-outside", "error", "p00")),  # pixels in place of shares
    ],
)
def test_a_line_that_is_wrong(tmp_path, line, fault):
    root = yolo_folder(tmp_path)
    write_text(root / "labels/train/p00.txt", f"0 0.5 0.5 0.5 0.5\n\n{line}\n")
    assert faults_of(root) == [fault]
    held = yolo.read(root, NOTHING).cases[0].target
    assert held is None if fault[0] == "unreadable-label" else len(held.boxes) == 1


def test_labels_without_a_picture__and_other_texts(tmp_path):
    root = yolo_folder(tmp_path)
    for name, text in (("classes", "cell"), ("notes", "see the list"), ("empty", ""), ("p09", "0 0.5 0.5 0.2 0.2")):
        write_text(root / f"labels/train/{name}.txt", text)
    assert faults_of(root) == [("missing-image", "error", "p09")]


@pytest.mark.parametrize(
    "text",
    [
        "names: {0: cell, 1: platelet}\ntrain: ../images/train\ntest: ../images/test",
        "names:\n  0: cell\n  1: platelet\npath: /content/gone\ntrain: images/train\nval: null\ntest: [images/test]",
        "names:\n- cell\n- platelet\npath: ..\ntrain: data/images/train\ntest: data/test.txt",
        "names: [cell, platelet]\nval: images\ntest: images/test",
    ],
)
def test_forms_of_the_yaml_file(tmp_path, text):
    root = yolo_folder(tmp_path / "data")
    write_text(root / "data.yaml", text)
    write_text(root / "test.txt", "./images/test/p03.png\n")
    dataset = yolo.read(root, NOTHING)
    assert ([case.id for case in dataset.test], len(dataset.train), dataset.faults) == (["p03"], 3, ())


def test_train_and_test_share_a_picture(tmp_path):
    root = yolo_folder(tmp_path)
    write_text(root / "data.yaml", "names: [cell, platelet]\ntrain: images\ntest: images/test")
    assert faults_of(root) == [("unclear-split", "error", "p03")]
    assert [case.id for case in yolo.read(root, NOTHING).test] == ["p03"]


def test_a_folder_and_a_picture_that_are_not_there(tmp_path):
    root = yolo_folder(tmp_path, test=())
    write_text(root / "data.yaml", "names: [cell, platelet]\ntrain: list.txt\ntest: " + "x" * 300)
    write_text(root / "list.txt", "images/train/p00.png\nimages/../images/train/p02.png\nimages/train/p07.png\n")
    (root / "labels/train/p02.txt").unlink()
    (root / "labels/train/p02.txt").symlink_to("gone.txt")
    assert faults_of(root) == [
        ("missing-files", "warning", None),
        ("unreadable-label", "error", "p02"),
        ("unlisted-files", "note", None),
        ("missing-image", "error", "p07"),
    ]


def test_same_names_on_both_sides(tmp_path):
    root = yolo_folder(tmp_path)
    draw(root / "images/test/p00.png", 7)
    assert {case.id for case in yolo.read(root, NOTHING).cases} >= {"train_p00", "test_p00", "test_p03"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("names: [a]\nnc: 2\ntrain: x", "nc counts other classes"),
        ("names: []\ntrain: x", "no names of classes"),
        ("names: cell\ntrain: x", "no names of classes"),
        ("names: {a: b}\ntrain: x", "no names of classes"),
        ("names: [a]\ntrain: x\nkpt_shape: [17, 3]", "key points"),
        ("names: &a [b]\ntrain: x", "more of YAML"),
    ],
)
def test_a_yaml_file_that_makes_no_sense(tmp_path, text, words):
    root = yolo_folder(tmp_path)
    write_text(root / "data.yaml", text)
    assert yolo.detect(root) is not None
    with pytest.raises(InputError, match=words):
        yolo.read(root, NOTHING)


def test_several_yaml_files_and_none(tmp_path):
    root = yolo_folder(tmp_path)
    write_text(root / "hyp.yaml", "lr0: 0.01\n")
    assert len(yolo.read(root, NOTHING).cases) == 4
    write_text(root / "old.yml", "names: [a]\ntrain: b\n")
    with pytest.raises(InputError, match="several YAML files"):
        yolo.read(root, NOTHING)
    for name in ("data.yaml", "old.yml"):
        (root / name).unlink()
    assert yolo.detect(root) is None and yolo.detect(root / "hyp.yaml") is None
    with pytest.raises(InputError, match="no list of classes"):
        yolo.read(root, NOTHING)


def test_files_that_are_too_large(tmp_path, monkeypatch):
    root = yolo_folder(tmp_path)
    write_text(root / "data.yaml", "names: [cell, platelet]\ntrain: images/train")
    monkeypatch.setattr(yolo, "MAX_BYTES", 100)
    write_text(root / "labels/train/p00.txt", "0 0.5 0.5 0.2 0.2\n" * 9)
    assert faults_of(root) == [("unreadable-label", "error", "p00")]
    write_text(root / "list.txt", "images/train/p00.png\n" * 9)
    write_text(root / "data.yaml", "names: [cell, platelet]\ntrain: list.txt")
    with pytest.raises(InputError, match="the list is too large"):
        yolo.read(root, NOTHING)
