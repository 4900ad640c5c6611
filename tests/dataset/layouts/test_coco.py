import pytest

from made_boxes import SCENE, coco_folder, coco_json, draw
from made_folders import write_json, write_text
from scanwright.dataset.cases import Box, Boxes
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import coco
from scanwright.errors import InputError

NOTHING = Declaration()


def flat_folder(root, name="boxes.json", folder="images", **changes):
    """One JSON file in the folder, its pictures in images/; `changes` of its lists are functions of the description."""
    for number, case in enumerate(SCENE):
        draw(root / folder / f"{case}.png", number)
    description = coco_json(SCENE)
    for key, change in changes.items():
        description[key] = change(description[key])
    write_json(root / name, description)
    return root


def faults_of(root):
    return [(fault.code, fault.severity, fault.case) for fault in coco.read(root, NOTHING).faults]


def test_a_folder_as_coco_has_it(tmp_path):
    root = coco_folder(tmp_path)
    assert coco.detect(root) == "annotations/instances_test2017.json lists images, annotations and categories"
    dataset = coco.read(root, NOTHING)
    cases = {case.id: case for case in dataset.cases}
    assert cases["p00"].images == (root / "train2017/p00.png",)
    assert cases["p00"].target.boxes[0] == Box(name="cell", start=(2, 3), end=(12, 13))
    assert [case.id for case in dataset.test] == ["p03"]
    assert dataset.stated.startswith(
        "COCO annotations/instances_test2017.json, annotations/instances_train2017.json with 6"
    )


def test_captions_beside_instances_are_left_alone(tmp_path):
    root = coco_folder(tmp_path, test=())
    write_json(root / "annotations/person_keypoints_train2017.json", coco_json(SCENE))
    write_json(root / "annotations/captions_train2017.json", {"images": [], "annotations": []})
    assert (len(coco.read(root, NOTHING).cases), coco.read(root, NOTHING).faults) == (4, ())


def test_a_folder_as_roboflow_writes_it(tmp_path):
    """A heading as a category of its own, the same names in each side."""
    for number, side in enumerate(("train", "valid", "test")):
        description = coco_json(SCENE, suffix=".jpg")
        description["categories"].insert(0, {"id": 0, "name": "cells", "supercategory": "none"})
        for name in SCENE:
            draw(tmp_path / side / f"{name}.jpg", number)
        write_json(tmp_path / side / "_annotations.coco.json", description)
    dataset = coco.read(tmp_path, NOTHING)
    assert dataset.task.classes == ("cell", "platelet")
    assert [case.id for case in dataset.test] == [f"test_{name}" for name in SCENE]
    assert len(dataset.train) == 8
    (note,) = dataset.faults
    assert (note.code, note.severity, note.found) == ("unused-class", "note", "none of cells")


@pytest.mark.parametrize(
    ("images", "name"),
    [("", "a.json"), ("images", "a.json"), ("val", "instances_val.json"), ("images/val", "x_val.json")],
)
def test_places_of_pictures(tmp_path, images, name):
    root = flat_folder(tmp_path, name, images)
    dataset = coco.read(root, NOTHING)
    assert (dataset.cases[0].images, dataset.faults) == ((root / images / "p00.png",), ())


def test_file_names_with_folders_and_backslashes(tmp_path):
    def moved(images):
        return [{**each, "file_name": f"images\\{each['file_name']}"} for each in images]

    dataset = coco.read(flat_folder(tmp_path, images=moved), NOTHING)
    assert len(dataset.cases) == 4


def test_a_picture_without_annotation_holds_nothing__crowds_are_ignored(tmp_path):
    def changed(annotations):
        return [{**each, "iscrowd": each["image_id"]} for each in annotations if each["image_id"] < 2]

    dataset = coco.read(flat_folder(tmp_path, annotations=changed), NOTHING)
    found = [[box.ignored for box in case.target.boxes] for case in dataset.cases]
    assert (found, dataset.cases[3].target) == ([[False, False], [True], [], []], Boxes())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"bbox": [1, 2, 3]}, ("unreadable-label", "error", "p00")),
        ({"bbox": None}, ("unreadable-label", "error", "p00")),
        ({"bbox": [1, 2, "3", 4]}, ("unreadable-label", "error", "p00")),
        ({"bbox": [1e300, 2, 1e300, 4]}, ("unreadable-label", "error", "p00")),
        ({"category_id": None}, ("unreadable-label", "error", "p00")),
        ({"category_id": 9}, ("undeclared-class", "error", "p00")),
        ({"bbox": [1, 2, 3, 0]}, ("empty-box", "warning", "p00")),
        ({"bbox": [30, 2, 20, 4]}, ("box-outside", "error", "p00")),
        ({"image_id": 77}, ("missing-image", "error", "image 77")),
    ],
)
def test_an_annotation_that_is_wrong(tmp_path, change, fault):
    root = flat_folder(tmp_path, annotations=lambda all_of_them: [{**all_of_them[0], **change}, *all_of_them[1:]])
    assert faults_of(root) == [fault]


def test_sizes_and_numbers_of_images(tmp_path):
    def changed(images):
        return [
            {**images[0], "width": 41},
            {**images[1], "width": None},
            {**images[2], "id": 3},
            images[3],
        ]

    root = flat_folder(tmp_path, images=changed)
    assert sorted(faults_of(root)) == [
        ("double-id", "error", "p02"),
        ("double-id", "error", "p03"),
        ("missing-image", "error", "image 2"),
        ("size-mismatch", "error", "p00"),
    ]


def test_a_picture_in_two_lists__the_first_is_used(tmp_path):
    root = flat_folder(tmp_path)
    write_json(root / "boxes2.json", coco_json({"p01": []}))
    assert faults_of(root) == [("several-labels", "error", "p01")]
    dataset = coco.read(root, NOTHING)
    held = {case.id: len(case.target.boxes) for case in dataset.cases}
    assert held == {name: len(boxes) for name, boxes in SCENE.items()}


def test_a_picture_in_no_list(tmp_path):
    root = flat_folder(tmp_path)
    draw(root / "images/other.png", 9)
    assert faults_of(root) == [("unlisted-files", "note", None)]


def test_a_name_that_speaks_of_both_sides(tmp_path):
    root = flat_folder(tmp_path, "train_test.json")
    assert faults_of(root) == [("unclear-split", "error", "train_test.json")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("images", [3]),
        ("images", [{"id": 1}]),
        ("images", [{"id": True, "file_name": "a.png"}]),
        ("images", [{"id": 1, "file_name": " "}]),
        ("annotations", [{"id": 1}]),
        ("annotations", ["x"]),
        ("categories", [{"id": 1}]),
        ("categories", [{"id": 1, "name": 3}]),
    ],
)
def test_lists_that_are_malformed(tmp_path, key, value):
    write_json(tmp_path / "a.json", {**coco_json(SCENE), key: value})
    with pytest.raises(InputError, match="malformed"):
        coco.read(tmp_path, NOTHING)


def test_two_categories_with_one_number(tmp_path):
    root = flat_folder(tmp_path, categories=lambda listed: [*listed, {"id": 1, "name": "other"}])
    with pytest.raises(InputError, match="two categories with one number"):
        coco.read(root, NOTHING)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"images": 1, "annotations": 2, "categories": 3}',
        '"images" "annotations" "categories"',
        '{"images": [' + "9" * 5000 + '], "annotations": [], "categories": []}',
        '{"images": ' + "[" * 100_000 + '"annotations" "categories"',
    ],
)
def test_other_json_is_none_of_this_kind(tmp_path, text):
    write_text(tmp_path / "a.json", text)
    assert coco.detect(tmp_path) is None and coco.detect(tmp_path / "a.json") is None
    with pytest.raises(InputError, match="no JSON file of COCO's kind"):
        coco.read(tmp_path, NOTHING)


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    root = flat_folder(tmp_path)
    monkeypatch.setattr(coco, "MAX_BYTES", 100)
    assert coco.detect(root) is None
    with pytest.raises(InputError, match="too large"):
        coco.read(root, NOTHING)
