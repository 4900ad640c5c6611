from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_boxes import HEIGHT, SCENE, WIDTH, coco_folder, draw, voc_folder, yolo_folder
from made_folders import write_json, write_text
from scanwright.dataset.cases import Box, Boxes
from scanwright.dataset.layouts.boxes import Drawn, is_there, make_cases, names_of, numbers
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def box(*corners, name="cell", **extra):
    return Box(name=name, start=corners[:2], end=corners[2:], **extra)


def judged(tmp_path, *boxes, classes=None, **extra):
    """(boxes that hold, [(code, severity)]) of one picture of 40 x 30."""
    image = draw(tmp_path / "a.png", 0)
    one = Drawn(name="a", image=image, file=tmp_path / "a.xml", boxes=boxes, **extra)
    cases, faults = make_cases([one], classes=classes)
    return cases[0].target, faults


def codes(faults):
    return [(fault.code, fault.severity) for fault in faults]


@pytest.mark.parametrize(
    ("corners", "code"),
    [
        ((5, 5, 5, 9), "empty-box"),
        ((5, 9, 9, 5), "empty-box"),
        ((-5, 2, -1, 4), "box-outside"),
        ((40, 2, 41, 4), "box-outside"),
        ((38, 2, 41.5, 4), "box-outside"),
        ((-1.5, 2, 5, 4), "box-outside"),
        ((2, 28, 5, 31.01), "box-outside"),
    ],
)
def test_a_box_that_cannot_be_used__left_out_and_said(tmp_path, corners, code):
    target, (fault,) = judged(tmp_path, box(1, 1, 4, 4), box(*corners))
    assert target == Boxes(boxes=(box(1, 1, 4, 4),))
    assert codes([fault]) == [(code, "warning" if code == "empty-box" else "error")]
    assert "cell from (" in fault.found


def test_a_pixel_over_the_edge_is_cut_without_a_word(tmp_path):
    target, faults = judged(tmp_path, box(-1, -0.5, 41, 30.9))
    assert (target, faults) == (Boxes(boxes=(box(0, 0, WIDTH, HEIGHT),)), [])


def test_the_same_box_twice__one_is_kept(tmp_path):
    first, other = box(1, 1, 4, 4), box(1, 1, 4, 4, name="platelet")
    target, faults = judged(tmp_path, first, other, first, box(1, 1, 4, 4, ignored=True))
    assert target.boxes == (first, other, box(1, 1, 4, 4, ignored=True))
    assert codes(faults) == [("double-box", "warning")]


def test_a_class_that_is_not_declared(tmp_path):
    target, (fault,) = judged(tmp_path, box(1, 1, 4, 4), box(2, 2, 5, 5, name="Cell"), classes=("cell",))
    assert (target.boxes, codes([fault])) == ((box(1, 1, 4, 4),), [("undeclared-class", "error")])
    assert (fault.expected, fault.found) == ("one of cell", "Cell")


def test_many_boxes_wrong_in_one_way_are_one_fault(tmp_path):
    _, (fault,) = judged(tmp_path, *(box(100 + n, 1, 120 + n, 4) for n in range(9)))
    assert fault.found.endswith("and 6 more") and fault.found.count("cell from") == 3


def test_shares_of_the_picture(tmp_path):
    target, _ = judged(tmp_path, box(0.25, 0.1, 0.5, 1), in_shares=True)
    assert target.boxes == (box(10, 3, 20, 30),)


def test_another_size_in_the_annotation(tmp_path):
    target, (fault,) = judged(tmp_path, box(1, 1, 4, 4), size=(30, 40))
    assert (target, codes([fault])) == (None, [("size-mismatch", "error")])
    assert (fault.expected, fault.found) == ("the picture's 40 x 30 pixels", "30 x 40 in the annotation")


@pytest.mark.parametrize(
    ("stated", "code"), [(None, "turned-picture"), ((30, 40), "turned-picture"), ((40, 30), "size-mismatch")]
)
def test_a_picture_with_an_exif_tag__boxes_lie_on_the_upright_one(tmp_path, stated, code):
    """40 x 30 as stored, 30 x 40 upright: what was annotated as stored cannot be used."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    one = Drawn(name="a", image=tmp_path / "a.jpg", file=tmp_path / "a.xml", boxes=(box(1, 1, 30, 40),), size=stated)
    cases, faults = make_cases([one], classes=None)
    assert [fault.code for fault in faults] == [code]
    assert (cases[0].target is None) == (code == "size-mismatch")
    assert "EXIF" in faults[0].line()


def test_pictures_that_are_none(tmp_path):
    write_text(tmp_path / "bad.png", "no picture")
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone.png")
    names = ("absent.png", "bad.png", "dead.png", "scan.nii.gz", "x" * 300 + ".png")
    drawn = [Drawn(name=n[:9], image=tmp_path / n, file=tmp_path / "a.json", boxes=()) for n in names]
    cases, faults = make_cases(drawn, classes=None)
    assert [(case.id, case.target) for case in cases] == [("bad.png", None), ("dead.png", None)]  # left to the checks
    assert [(fault.case, fault.code) for fault in faults] == [
        ("absent.pn", "missing-image"),
        ("scan.nii.", "missing-image"),
        ("xxxxxxxxx", "missing-image"),
    ]
    assert not is_there(tmp_path / ("x" * 300))


@pytest.mark.parametrize("values", [None, [1, 2], [1, 2, "3"], [1, 2, True], [1, 2, float("nan")], [1, 2, 10**400], {}])
def test_what_is_no_list_of_numbers(values):
    assert numbers(values, count=3) is None
    assert numbers([1, 2.5, -3], count=3) == (1.0, 2.5, -3.0)


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ([], []),
        (["a/x.png", "a/x.png"], ["x", "x"]),
        (["train/images/x.png", "test/images/x.png"], ["train_images_x", "test_images_x"]),
        (["a/x.png", "a/x.jpg"], ["x.png", "x.jpg"]),
    ],
)
def test_names(images, names):
    assert names_of([Path(image) for image in images]) == names


@pytest.mark.parametrize("make", [voc_folder, coco_folder, yolo_folder])
def test_one_scene_in_three_forms_is_one_data_set(tmp_path, make):
    dataset = read_dataset(make(tmp_path))
    assert {case.id: case.split for case in dataset.cases} == {
        name: "test" if name == "p03" else "train" for name in SCENE
    }
    for case in dataset.cases:
        found = [(one.name, *one.start, *one.end, one.ignored) for one in case.target.boxes]
        assert [row[0] for row in found] == [row[0] for row in SCENE[case.id]]
        np.testing.assert_allclose([row[1:] for row in found], [(*row[1:], False) for row in SCENE[case.id]], atol=1e-9)
    assert (dataset.task.kind, dataset.task.classes, dataset.task.regions) == ("detection", ("cell", "platelet"), ())
    assert [channel.name for channel in dataset.task.channels] == ["red", "green", "blue"]
    assert dataset.faults == ()
    assert "with 6 boxes of 2 classes: 4 cases of 4 patients, 1 set apart for testing; " in dataset.stated


@pytest.mark.parametrize("make", [voc_folder, coco_folder, yolo_folder])
def test_what_scanwright_json_declares(tmp_path, make):
    root = make(tmp_path)
    write_json(root / "scanwright.json", {"classes": ["platelet", "cell", "blast"], "test": ["p00"], "name": "Smears"})
    dataset = read_dataset(root)
    assert (dataset.task.name, dataset.task.classes) == ("Smears", ("platelet", "cell", "blast"))
    assert [case.id for case in dataset.test] == ["p00", "p03"]
    write_json(root / "scanwright.json", {"classes": ["cell"]})
    faults = read_dataset(root).faults
    assert {(fault.case, fault.code) for fault in faults if fault.severity == "error"} == {
        (name, "undeclared-class") for name in ("p00", "p02", "p03")
    }


@pytest.mark.parametrize("make", [voc_folder, coco_folder, yolo_folder])
def test_no_box_at_all(tmp_path, make):
    root = make(tmp_path, {"p00": [], "p01": []})
    with pytest.raises(InputError, match="no box in any annotation"):
        read_dataset(root)
    write_json(root / "scanwright.json", {"classes": ["cell"]})
    assert [case.target for case in read_dataset(root).cases] == [Boxes(), Boxes()]


@pytest.mark.parametrize("make", [voc_folder, coco_folder, yolo_folder])
def test_files_that_went_missing(tmp_path, make):
    root = make(tmp_path, test=())
    next(path for path in root.rglob("p01.png")).unlink()
    dataset = read_dataset(root)
    assert [case.id for case in dataset.cases] == ["p00", "p02", "p03"]
    assert [(fault.code, fault.severity, fault.case) for fault in dataset.faults] == [("missing-image", "error", "p01")]
    assert "found no such file p01." in dataset.faults[0].line()
