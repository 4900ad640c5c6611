"""What differs between two versions: each kind of change by itself, and nothing where there is none."""

import shutil

import pytest

from made_boxes import coco_folder
from made_folders import AFFINE, ball, nnunet_folder, write_json, write_nifti, write_text
from scanwright.api.versions import diff, version


@pytest.fixture
def pair(tmp_path):
    return nnunet_folder(tmp_path / "a"), nnunet_folder(tmp_path / "b")


def test_same__is_said_in_one_line(pair):
    found = diff(*pair)
    assert found.same and found.difference.lines() == ["no difference"]


def test_added_removed_and_renamed(pair):
    _, new = pair
    for folder, end in (("imagesTr", "_0000.nii.gz"), ("labelsTr", ".nii.gz")):
        (new / folder / f"p00{end}").rename(new / folder / f"q{end}")
        (new / folder / f"p01{end}").unlink()
    image, label = ball(77, values=(1, 2))
    write_nifti(new / "imagesTr/p09_0000.nii.gz", image)
    write_nifti(new / "labelsTr/p09.nii.gz", label)
    found = diff(*pair).difference
    assert (found.added, found.removed, found.renamed) == (("p09",), ("p01",), (("p00", "q"),))
    assert not found.images and not found.labels and found.of_content


def test_renamed__two_alike_are_paired_by_their_labels(pair):
    old, new = pair
    image, label = ball(0, values=(1, 2))
    other = label.copy()
    other[0, 0, 0] = 1
    for name, voxels in (("x", label), ("y", other)):
        write_nifti(old / f"imagesTr/{name}_0000.nii.gz", image)
        write_nifti(old / f"labelsTr/{name}.nii.gz", voxels)
    for name, voxels in (("u", other), ("v", label)):
        write_nifti(new / f"imagesTr/{name}_0000.nii.gz", image)
        write_nifti(new / f"labelsTr/{name}.nii.gz", voxels)
    assert diff(old, new).difference.renamed == (("x", "v"), ("y", "u"))


def test_label__dice_and_voxels_where_both_are_at_hand(pair, tmp_path):
    old, new = pair
    _, label = ball(0, values=(1, 2))
    before = int((label == 1).sum())
    label[2, 3, 0] = 0
    write_nifti(new / "labelsTr/p00.nii.gz", label)
    (change,) = diff(old, new).difference.labels
    assert (change.case, change.before, change.after) == ("p00", {"liver": before}, {"liver": before - 1})
    assert change.overlaps["liver"].changed == 1
    assert change.overlaps["liver"].dice == pytest.approx(2 * (before - 1) / (2 * before - 1))
    version(old, tmp_path / "old.json")
    (kept,) = diff(tmp_path / "old.json", new).difference.labels
    assert kept.before == change.before and not kept.overlaps
    assert f"p00 (liver {before} to {before - 1} voxels, Dice" in diff(old, new).difference.lines()[0]


def test_label__regions_under_another_name_are_one_change_of_the_task(pair):
    old, new = pair
    write_json(new / "scanwright.json", {"regions": {"Leber": 1, "tumour": 2}})
    found = diff(old, new).difference
    assert found.regions == {"liver": "Leber"} and not found.labels
    assert found.lines() == ["region renamed: liver is now Leber"]


def test_image_and_place(pair):
    old, new = pair
    image, label = ball(0, values=(1, 2))
    moved = AFFINE.copy()
    moved[1, 3] = 3
    write_nifti(new / "imagesTr/p00_0000.nii.gz", image, moved)
    write_nifti(new / "labelsTr/p00.nii.gz", label, moved)
    write_nifti(new / "imagesTr/p01_0000.nii.gz", ball(5)[0])
    found = diff(old, new).difference
    assert (found.grids, found.images) == (("p00",), ("p01",))


def test_patients_sides_groups_and_what_cannot_be_read(pair):
    old, new = pair
    (new / "imagesTr/p03_0000.nii.gz").write_bytes(b"cut")
    rows = ["id,patient,split,site", "p00,A,train,x", "p01,A,train,x", "p02,B,test,y", "p03,C,train,y"]
    write_text(new / "cases.csv", "\n".join(rows))
    found = diff(old, new).difference
    assert found.patients == ("p00", "p01", "p02", "p03")
    assert [(one.case, one.before, one.after) for one in found.sides] == [("p02", "train", "test")]
    assert found.groups == {"site": 4} and found.unread == ("p03",)


def test_targets__boxes_that_moved(tmp_path):
    old, new = coco_folder(tmp_path / "a"), coco_folder(tmp_path / "b")
    shutil.copytree(old, tmp_path / "c")
    file = new / "annotations/instances_train2017.json"
    file.write_text(file.read_text().replace('"bbox": [2, 3, 10, 10]', '"bbox": [2, 3, 11, 10]'))
    assert diff(old, tmp_path / "c").same
    (change,) = diff(old, new).difference.targets
    assert (change.case, change.before, change.after) == ("p00", "2 boxes", "2 boxes")


def test_json__has_every_kind(pair):
    data = diff(*pair).to_json()
    assert data["same_content"] is True and data["old"]["digest"] == data["new"]["digest"]
    assert {"added", "removed", "renamed", "labels_changed", "sides_changed", "groups_changed"} <= set(data)
