import pytest

from made_boxes import SCENE, draw, voc_folder, voc_object, voc_xml
from made_folders import write_text
from scanwright.dataset.cases import Box, Boxes
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import voc
from scanwright.errors import InputError

NOTHING = Declaration()


def first_of(root, xml):
    """The first case and its faults, with another annotation."""
    write_text(root / "Annotations/p00.xml", xml)
    dataset = voc.read(root, NOTHING)
    return dataset.cases[0], [fault for fault in dataset.faults if fault.case == "p00"]


def test_a_folder(tmp_path):
    root = voc_folder(tmp_path)
    assert voc.detect(root) == "4 XML files in Annotations/ beside JPEGImages/"
    dataset = voc.read(root, NOTHING)
    assert dataset.cases[0].images == (root / "JPEGImages/p00.png",)
    assert dataset.cases[0].target.boxes[0] == Box(name="cell", start=(2, 3), end=(12, 13))
    assert [case.id for case in dataset.test] == ["p03"]
    assert (dataset.faults, dataset.task.source) == ((), "Annotations/*.xml")


def test_the_corners_count_from_1_and_include_the_last_pixel(tmp_path):
    case, faults = first_of(voc_folder(tmp_path), voc_xml([voc_object("cell", (1, 1, 40, 30))]))
    assert (case.target.boxes, faults) == ((Box(name="cell", start=(0, 0), end=(40, 30)),), [])
    case, faults = first_of(
        tmp_path, voc_xml([voc_object("cell", (0, 0.5, "39 ", 30))])
    )  # of a tool that counts from 0
    assert (case.target.boxes, faults) == ((Box(name="cell", start=(0, 0), end=(39, 30)),), [])


@pytest.mark.parametrize("corners", [(5, 5, 5, 5), (5, 5, 5, 9), (9, 5, 5, 9)])
def test_corners_on_one_line_are_an_empty_box(tmp_path, corners):
    case, faults = first_of(voc_folder(tmp_path), voc_xml([voc_object("cell", corners)]))
    assert (case.target, [fault.code for fault in faults]) == (Boxes(), ["empty-box"])


def test_difficult_is_ignored(tmp_path):
    case, _ = first_of(voc_folder(tmp_path), voc_xml([voc_object("cell", (1, 1, 4, 4), difficult=1)]))
    assert [box.ignored for box in case.target.boxes] == [True]


@pytest.mark.parametrize(
    ("folders", "suffix"),
    [(("annotations", "images"), ".jpg"), (("ANNOTATIONS", "JpegImages"), ".PNG"), (("xmls", "imgs"), ".bmp")],
)
def test_other_names_of_folders_and_suffixes__no_lists(tmp_path, folders, suffix):
    dataset = voc.read(voc_folder(tmp_path, test=(), folders=folders, suffix=suffix), NOTHING)
    assert [(case.id, case.split) for case in dataset.cases] == [(name, "train") for name in SCENE]
    assert dataset.faults == ()


def test_stray_files_are_left_alone(tmp_path):
    root = voc_folder(tmp_path, test=())
    for name in (
        "JPEGImages/Thumbs.db",
        "JPEGImages/.hidden.png",
        "Annotations/._p00.xml",
        "Annotations/classes.txt",
        "x.xml",
    ):
        write_text(root / name, "stray")
    draw(root / "JPEGImages/mixed.jpg", 1)
    write_text(root / "Annotations/mixed.XML", voc_xml([voc_object("cell", (1, 1, 4, 4))]))
    dataset = voc.read(root, NOTHING)
    assert (dataset.cases[0].id, len(dataset.cases), dataset.faults) == ("mixed", 5, ())


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("not xml", "not XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation/>", "document type"),
        ("<annotations/>", "no annotation of Pascal VOC: <annotations>"),
        ("<annotation><object><bndbox/></object></annotation>", "without a name or corners"),
        (voc_xml([voc_object("", (1, 1, 4, 4))]), "no name"),
        (voc_xml([voc_object("cell", (1, 1, 4, "four"))]), "four"),
        (voc_xml([voc_object("cell", (1, 1, 4, "nan"))]), "nan"),
        (voc_xml([voc_object("cell", (1, 1, 4, ""))]), "without a name or corners"),
    ],
)
def test_an_annotation_that_cannot_be_read(tmp_path, xml, words):
    case, (fault,) = first_of(voc_folder(tmp_path), xml)
    assert (case.target, fault.code, fault.severity) == (None, "unreadable-label", "error")
    assert words in fault.found


@pytest.mark.parametrize(
    ("size", "known"), [(None, True), ((0, 0), True), ((40, 30), True), ((41, 30), False), ((30, 40), False)]
)
def test_the_size_that_is_stated(tmp_path, size, known):
    case, faults = first_of(voc_folder(tmp_path), voc_xml([voc_object("cell", (1, 1, 4, 4))], size=size))
    assert (case.target is not None, [fault.code for fault in faults]) == (known, [] if known else ["size-mismatch"])


def test_files_without_a_partner(tmp_path):
    root = voc_folder(tmp_path, test=())
    (root / "Annotations/p00.xml").unlink()
    draw(root / "JPEGImages/p02.jpg", 9)
    dataset = voc.read(root, NOTHING)
    assert [(fault.code, fault.severity, fault.case) for fault in dataset.faults] == [
        ("ambiguous-files", "error", "p02"),
        ("missing-label", "error", "p00"),
    ]
    assert [case.id for case in dataset.cases if not case.is_labelled] == ["p00"]


def test_lists__of_names_that_are_not_there_or_on_both_sides(tmp_path):
    root = voc_folder(tmp_path)
    write_text(root / "ImageSets/Main/test.txt", "p03.png\r\np02\ngone\n\n")
    write_text(root / "ImageSets/Main/val.txt", "p02\ngone\n")
    dataset = voc.read(root, NOTHING)
    assert [(fault.code, fault.case) for fault in dataset.faults] == [
        ("missing-files", "gone"),
        ("unclear-split", "p02"),
    ]
    assert [case.id for case in dataset.test] == ["p02", "p03"]


def test_lists__a_picture_in_none_of_them(tmp_path):
    root = voc_folder(tmp_path)
    for name in ("train", "trainval"):
        write_text(root / f"ImageSets/Main/{name}.txt", "p01\n")
    (note,) = (dataset := voc.read(root, NOTHING)).faults
    assert [case.id for case in dataset.cases] == ["p01", "p02", "p03"]
    assert (note.code, note.severity) == ("unlisted-files", "note") and "p00.png" in note.found
    for name in ("train", "val", "trainval"):
        (root / f"ImageSets/Main/{name}.txt").unlink()
    assert len(voc.read(root, NOTHING).train) == 3  # of a test list alone, all others are learned from


def test_what_is_no_folder_of_this_kind(tmp_path):
    root = voc_folder(tmp_path / "a", test=())
    for name in SCENE:
        write_text(root / f"Annotations/{name}.xml", "<annotations/>")
    assert voc.detect(root) is None
    assert voc.detect(root / "Annotations/p00.xml") is None
    with pytest.raises(InputError, match="no box in any annotation"):
        voc.read(root, NOTHING)
    with pytest.raises(InputError, match="no Pascal VOC folder"):
        voc.read(tmp_path, NOTHING)
