"""A table with a row for each box: corners in voxels, or LUNA16's centres and diameters in mm."""

import numpy as np
import pytest

from made_boxes import SCENE, draw
from made_folders import write_json, write_nifti, write_text
from scanwright.dataset.cases import Box, Boxes
from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError

SHAPE = (20, 24, 16)
AFFINE = np.array([[0.0, -0.8, 0.0, 40.0], [-0.5, 0.0, 0.0, 30.0], [0.0, 0.0, 2.0, -100.0], [0.0, 0.0, 0.0, 1.0]])


def volume(path, seed=0, affine=AFFINE):
    return write_nifti(path, np.random.default_rng(seed).integers(0, 99, SHAPE).astype(np.int16), affine)


def in_pictures(root, *, header="image,class,xmin,ymin,xmax,ymax,split"):
    rows = [header]
    for number, (name, boxes) in enumerate(SCENE.items()):
        draw(root / "images" / f"{name}.png", number)
        split = "test" if name == "p03" else "train"
        rows += [f"{name}.png,{kind},{','.join(map(str, corners))},{split}" for kind, *corners in boxes]
    write_text(root / "boxes.csv", "\n".join(rows) + "\n")
    return root


def in_volumes(root, rows, *, header="case,finding,x0,y0,z0,x1,y1,z1", cases="abc"):
    for number, name in enumerate(cases):
        volume(root / "scans" / f"{name}.nii.gz", number)
    write_text(root / "boxes.csv", "\n".join([header, *rows]) + "\n")
    return root


def codes(dataset):
    return [(fault.case, fault.code, fault.severity) for fault in dataset.faults]


def test_pictures__the_scene_of_the_other_layouts(tmp_path):
    dataset = read_dataset(in_pictures(tmp_path))
    assert (dataset.layout, dataset.task.kind, dataset.task.classes) == ("box-table", "detection", ("cell", "platelet"))
    assert {case.id: case.split for case in dataset.cases} == dict.fromkeys(SCENE, "train") | {"p03": "test"}
    for case in dataset.cases:
        assert [(box.name, *box.start, *box.end) for box in case.target.boxes] == SCENE[case.id]
    assert dataset.faults == () and "table boxes.csv with 6 boxes of 2 classes: 4 cases" in dataset.stated
    assert read_dataset(tmp_path / "boxes.csv").cases == dataset.cases


@pytest.mark.parametrize("words", ["x0,y0,x1,y1", "x_min,y_min,x_max,y_max", "X1,Y1,X2,Y2"])
def test_pictures__columns_by_other_names(tmp_path, words):
    header = f"image_id,class_name,{words},split"
    assert [len(case.target.boxes) for case in read_dataset(in_pictures(tmp_path, header=header)).cases] == [2, 1, 2, 1]


def test_volumes__corners_patients_and_groups(tmp_path):
    rows = [
        "a,nodule,1,2,3,5,6.5,7,P1,x,solid",
        "a,cyst,0,0,0,20,24,16,P1,x,part-solid",
        "b.nii.gz,nodule,2,2,2,4,4,4,P1,y,solid",
        "scans/c.nii.gz,,,,,,,,P2,y,",
    ]
    header = "case,finding,x0,y0,z0,x1,y1,z1,patient,site,texture"
    dataset = read_dataset(in_volumes(tmp_path, rows, header=header))
    a, b, c = dataset.cases
    assert a.target.boxes == (
        Box(name="nodule", start=(1, 2), end=(5, 6.5), slices=(3, 7)),
        Box(name="cyst", start=(0, 0), end=(20, 24), slices=(0, 16)),
    )
    assert c.target == Boxes() and [one.patient for one in (a, b, c)] == ["P1", "P1", "P2"]
    assert [one.groups for one in (a, b, c)] == [{"site": "x"}, {"site": "y"}, {"site": "y"}]  # texture is of boxes
    assert dataset.patients_from == "column patient of boxes.csv" and dataset.faults == ()
    assert not [fault for fault in check(dataset, jobs=1).faults if fault.severity == "error"]


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        ("a,nodule,1,2,3,5,6,17.5", "box-outside", "inside the 20 x 24 x 16 voxels"),
        ("a,nodule,1,2,-3,5,6,7", "box-outside", "from (1, 2, -3) to (5, 6, 7)"),
        ("a,nodule,5,2,3,1,6,7", "reversed-box", "expected x1, y1, z1 above x0, y0, z0, found nodule from (5, 2, 3)"),
        ("a,nodule,1,2,3,5,6,two", "unreadable-label", "z1 two"),
        ("a,nodule,1,2,,5,6,7", "unreadable-label", "z0 empty"),
        ("a,nodule,1,2,nan,5,6,7", "unreadable-label", "z0 nan"),
        ("a,,1,2,3,5,6,7", "unnamed-box", "a class in column finding"),
    ],
)
def test_volumes__a_row_that_is_no_box(tmp_path, row, code, said):
    dataset = read_dataset(in_volumes(tmp_path, [row, "a,nodule,1,1,1,2,2,2", "b,nodule,1,1,1,2,2,2"], cases="ab"))
    assert codes(dataset) == [("a", code, "error")] and said in dataset.faults[0].line()
    assert len(dataset.cases[0].target.boxes) == 1


def test_volumes__slices_in_no_row_unknown_images_and_those_in_no_row(tmp_path):
    rows = ["a,nodule,1,1,1,2,2,2", "gone,nodule,1,1,1,2,2,2", "b,nodule,1,1,3,2,2,3"]
    dataset = read_dataset(in_volumes(tmp_path, rows))
    assert [case.id for case in dataset.cases] == ["a", "b"]
    assert set(codes(dataset)) == {
        (None, "unlisted-files", "note"),
        ("b", "empty-box", "warning"),
        ("gone", "missing-image", "error"),
    }
    assert "1 image in none, such as c.nii.gz" in next(one.line() for one in dataset.faults if one.case is None)
    flat = in_volumes(tmp_path / "flat", ["a,nodule,1,1,2,2"], header="case,finding,x0,y0,x1,y1")
    with pytest.raises(InputError, match="no box in any annotation") as raised:
        read_dataset(flat)
    assert "expected columns for z in the table" in str(raised.value.details)


def luna_folder(root, rows, *, cases=("1.2.3", "1.2.4", "1.2.5"), affine=AFFINE):
    """As LUNA16 is laid out: scans in subsets, masks of lungs under the same names, and candidates beside the annotations."""
    for number, name in enumerate(cases):
        volume(root / f"subset{number % 2}" / f"{name}.nii.gz", number, affine)
        volume(root / "seg-lungs-LUNA16" / f"{name}.nii.gz", number, affine)
    write_text(root / "annotations.csv", "\n".join(["seriesuid,coordX,coordY,coordZ,diameter_mm", *rows]) + "\n")
    write_text(
        root / "candidates.csv", f"seriesuid,coordX,coordY,coordZ,class\n{cases[0]},1,2,3,0\n{cases[0]},1,2,3,1\n"
    )
    return root


def test_luna16__boxes_around_spheres_in_the_space_of_the_patient(tmp_path):
    """Centre at index (12, 8, 6): RAS = affine @ index, LPS turns x and y; the axes of the file are the patient's y, x, z."""
    x, y, z = (AFFINE @ [12, 8, 6, 1])[:3]
    dataset = read_dataset(luna_folder(tmp_path, [f"1.2.3,{-x},{-y},{z},4", f"1.2.4,{-x},{-y},{z},16"]))
    small, large, normal = (case.target for case in dataset.cases)
    (box,) = small.boxes
    np.testing.assert_allclose(box.corners, [(12.5 - 4, 8.5 - 2.5, 6.5 - 1), (12.5 + 4, 8.5 + 2.5, 6.5 + 1)])
    np.testing.assert_allclose(large.boxes[0].corners, [(0, 0, 2.5), (20, 18.5, 10.5)])  # cut where the image ends
    assert normal == Boxes() and dataset.task.classes == ("nodule",)
    assert codes(dataset) == [(None, "normal-by-default", "note")] and "1 image in no row" in dataset.faults[0].found
    assert all("subset" in str(case.images[0]) for case in dataset.cases)


def test_luna16__an_oblique_grid_holds_the_whole_sphere(tmp_path):
    turned = np.eye(4)
    turned[:2, :2] = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]) @ np.diag([0.7, 0.9])
    turned[2, 2] = 2.0
    x, y, z = (turned @ [10, 12, 8, 1])[:3]
    (case,) = read_dataset(luna_folder(tmp_path, [f"1.2.3,{-x},{-y},{z},6"], cases=("1.2.3",), affine=turned)).cases
    rng = np.random.default_rng(0)
    away = rng.normal(size=(20_000, 3))
    sphere = np.array([x, y, z]) + 3 * away / np.linalg.norm(away, axis=1, keepdims=True)
    index = (sphere - turned[:3, 3]) @ np.linalg.inv(turned[:3, :3]).T + 0.5
    np.testing.assert_allclose(case.target.boxes[0].corners, [index.min(axis=0), index.max(axis=0)], atol=0.01)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1.2.3,0,0,-90,0", "unreadable-label"),
        ("1.2.3,0,0,-90,-4", "unreadable-label"),
        ("1.2.3,0,,-90,4", "unreadable-label"),
        ("1.2.3,900,0,-90,4", "box-outside"),
        ("1.2.9,0,0,-90,4", "missing-image"),
    ],
)
def test_luna16__a_row_that_is_no_nodule(tmp_path, row, code):
    dataset = read_dataset(luna_folder(tmp_path, [row, "1.2.4,-36,-27,-90,4"]))
    assert [(fault.code, fault.severity) for fault in dataset.faults if fault.code != "normal-by-default"] == [
        (code, "error")
    ]


def test_luna16__a_picture_has_no_place_in_space(tmp_path):
    draw(tmp_path / "p.png", 0)
    volume(tmp_path / "a.nii.gz")
    write_text(tmp_path / "annotations.csv", "seriesuid,coordX,coordY,coordZ,diameter_mm\np,1,1,0,4\na,-36,-27,-90,4\n")
    (fault,) = read_dataset(tmp_path).faults
    assert (fault.code, fault.case) == ("unreadable-label", "p") and "a place in space" in fault.expected


def test_one_class__declared_or_named_by_the_form(tmp_path):
    root = in_volumes(tmp_path, ["a,1,1,1,2,2,2"], header="case,x0,y0,z0,x1,y1,z1")
    assert read_dataset(root).task.classes == ("finding",)
    write_json(root / "scanwright.json", {"classes": ["polyp"]})
    assert read_dataset(root).cases[0].target.boxes[0].name == "polyp"


def test_beside_masks__boxes_are_read_where_detection_is_asked_for(tmp_path):
    root = in_volumes(tmp_path, ["a,nodule,1,1,1,3,3,3"])
    for name in "abc":
        write_nifti(
            root / "masks" / f"{name}.nii.gz", np.pad(np.ones((2, 2, 2), np.uint8), ((3, 15), (3, 19), (3, 11))), AFFINE
        )
    assert read_dataset(root).layout == "image-mask"
    assert read_dataset(root, kind="detection").layout == "box-table"


def test_two_tables_of_boxes__one_has_to_be_given(tmp_path):
    root = in_volumes(tmp_path, ["a,nodule,1,1,1,3,3,3"])
    write_text(root / "more.csv", (root / "boxes.csv").read_text())
    with pytest.raises(InputError, match="several tables list boxes"):
        read_dataset(root)
    assert read_dataset(root / "more.csv").layout == "box-table"


def test_a_table_of_boxes_of_no_image_is_none(tmp_path):
    root = in_volumes(tmp_path, ["x,nodule,1,1,1,3,3,3"])
    with pytest.raises(InputError, match="no data set recognised"):
        read_dataset(root)
    with pytest.raises(InputError, match="no table of boxes"):
        read_dataset(root, layout="box-table")


@pytest.mark.parametrize("words", ["x,y,width,height", "x_min,y_min,w,h", "x0,y0,width,height"])
def test_pictures__a_corner_and_lengths(tmp_path, words):
    rows = [f"image_id,class_name,{words}"]
    for number, (name, boxes) in enumerate(SCENE.items()):
        draw(tmp_path / "images" / f"{name}.png", number)
        rows += [f"{name}.png,{kind},{x0},{y0},{x1 - x0},{y1 - y0}" for kind, x0, y0, x1, y1 in boxes]
    write_text(tmp_path / "boxes.csv", "\n".join(rows) + "\n")
    for case in read_dataset(tmp_path).cases:
        assert [(box.name, *box.start, *box.end) for box in case.target.boxes] == SCENE[case.id]


def test_volumes__a_corner_and_lengths(tmp_path):
    header = "case,finding,x,y,z,width,height,depth"
    rows = ["a,nodule,1,2,3,4,4.5,4", "b,nodule,1,2,3,-1,4.5,4"]
    dataset = read_dataset(in_volumes(tmp_path, rows, header=header))
    assert dataset.cases[0].target.boxes == (Box(name="nodule", start=(1, 2), end=(5, 6.5), slices=(3, 7)),)
    (fault,) = [one for one in dataset.faults if one.severity == "error"]
    assert (fault.case, fault.code, fault.expected) == ("b", "reversed-box", "width, height, depth above 0")


@pytest.mark.parametrize(("kind", "header", "lacks"), [
    (None, "image,class,x0,y0,x1,foo", "y1"),
    ("detection", "image,class,x0,y0,x1,foo", "y1"),
    ("detection", "image,class,xmin,ymin,right,bottom", "xmax, ymax"),
])  # fmt: skip
def test_a_table_with_some_columns_of_boxes_says_which_it_lacks(tmp_path, kind, header, lacks):
    in_pictures(tmp_path, header=f"{header},split")
    with pytest.raises(InputError, match="some of the columns of boxes") as caught:
        read_dataset(tmp_path, kind=kind)
    assert str(caught.value.found).endswith(f"but not {lacks}")


def test_two_of_four_columns_may_be_a_point(tmp_path):
    for number in range(6):
        draw(tmp_path / "images" / f"p{number}.png", number)
    rows = [f"images/p{number}.png,{number + 0.5},{number + 1.5}" for number in range(6)]
    write_text(tmp_path / "points.csv", "\n".join(["image,x0,y0", *rows]) + "\n")
    write_json(tmp_path / "scanwright.json", {"target": ["x0", "y0"]})
    assert read_dataset(tmp_path).task.kind == "regression"


def test_shares_where_pixels_are_meant_are_an_error(tmp_path):
    rows = ["image,class,x0,y0,x1,y1"]
    for number, (name, boxes) in enumerate(SCENE.items()):
        draw(tmp_path / "images" / f"{name}.png", number)
        rows += [f"{name}.png,{kind},{x0 / 40},{y0 / 30},{x1 / 40},{y1 / 30}" for kind, x0, y0, x1, y1 in boxes]
    write_text(tmp_path / "boxes.csv", "\n".join(rows) + "\n")
    (fault,) = [one for one in read_dataset(tmp_path).faults if one.severity == "error"]
    assert fault.code == "box-in-fractions" and "all 6 boxes" in fault.found


def test_classes_of_boxes_that_differ_in_case_alone_are_an_error_unless_declared(tmp_path):
    in_pictures(tmp_path)
    text = (tmp_path / "boxes.csv").read_text()
    write_text(tmp_path / "boxes.csv", text.replace("cell", "Cell", 1))
    (fault,) = [one for one in read_dataset(tmp_path).faults if one.severity == "error"]
    assert fault.code == "alike-classes" and "'Cell' and 'cell'" in fault.found
    write_json(tmp_path / "scanwright.json", {"classes": ["cell", "Cell", "platelet"]})
    assert not [one for one in read_dataset(tmp_path).faults if one.severity == "error"]
