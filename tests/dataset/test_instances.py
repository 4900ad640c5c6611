"""Label maps as boxes."""

import json

import numpy as np
import pytest

from made_folders import AFFINE, write_nifti, write_png
from normal_samples import masked_pictures
from scanwright.dataset.checks import check
from scanwright.dataset.instances import boxes_of_label
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Region

SHAPE = (20, 24, 10)


def labels():
    """Two lesions and an organ that touches one of them; one voxel is a lesion by itself."""
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[2:6, 3:8, 1:4] = 1
    values[6:9, 8:10, 4:6] = 1  # by a corner: one lesion still
    values[15, 20, 9] = 1
    values[2:6, 8:12, 1:4] = 2
    values[0, 0, 0] = 9
    return values


def test_boxes__one_for_each_connected_part():
    found = boxes_of_label(
        labels(),
        [Region(name="lesion", values=(1,)), Region(name="either", values=(1, 2))],
        ignore=9,
    )
    assert [(box.name, box.corners, box.ignored) for box in found.boxes] == [
        ("lesion", ((2, 3, 1), (9, 10, 6)), False),
        ("lesion", ((15, 20, 9), (16, 21, 10)), False),
        ("either", ((2, 3, 1), (9, 12, 6)), False),
        ("either", ((15, 20, 9), (16, 21, 10)), False),
        ("lesion", ((0, 0, 0), (1, 1, 1)), True),
        ("either", ((0, 0, 0), (1, 1, 1)), True),
    ]


def test_read__masks_are_boxes_where_detection_is_asked_for(tmp_path):
    for name in ("a", "b"):
        write_nifti(
            tmp_path / "images" / f"{name}.nii.gz", np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
        )
        write_nifti(tmp_path / "masks" / f"{name}.nii.gz", np.where(labels() == 9, 0, labels()).astype(np.uint8))
    assert read_dataset(tmp_path).task.kind == "segmentation"
    found = read_dataset(tmp_path, kind="detection")
    assert found.task.kind == "detection" and len(found.task.classes) == 2 and not found.task.regions
    assert "each connected part of a label is one box" in found.stated
    assert [len(case.target.boxes) for case in found.train] == [3, 3] and all(
        case.label is None for case in found.cases
    )


def test_read__a_mask_that_cannot_be_read_is_a_fault(tmp_path):
    write_nifti(tmp_path / "images" / "a.nii.gz", np.zeros(SHAPE, dtype=np.float32))
    write_nifti(tmp_path / "images" / "b.nii.gz", np.zeros(SHAPE, dtype=np.float32))
    write_nifti(tmp_path / "masks" / "a.nii.gz", np.where(labels() == 9, 0, labels()).astype(np.uint8))
    broken = write_nifti(tmp_path / "masks" / "b.nii.gz", np.where(labels() == 9, 0, labels()).astype(np.uint8))
    found = read_dataset(tmp_path, kind="detection")
    broken_bytes = broken.read_bytes()[:40]
    broken.write_bytes(broken_bytes)
    again = read_dataset(tmp_path, kind="detection")
    assert not [fault for fault in found.faults if fault.severity == "error"]
    (fault,) = [fault for fault in again.faults if fault.severity == "error"]
    assert fault.code == "unreadable-label" and fault.case == "b" and [case.id for case in again.train] == ["a"]


def test_read__where_some_regions_are_findings_only_they_are_boxes(tmp_path):
    for name in ("a", "b"):
        write_nifti(
            tmp_path / "images" / f"{name}.nii.gz", np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
        )
        write_nifti(tmp_path / "masks" / f"{name}.nii.gz", np.where(labels() == 9, 0, labels()).astype(np.uint8))
    (tmp_path / "scanwright.json").write_text('{"regions": {"lung": 2, "nodule": 1}}')
    found = read_dataset(tmp_path, kind="detection")
    assert found.task.classes == ("nodule",) and len(found.cases[0].target.boxes) == 2
    (tmp_path / "scanwright.json").write_text('{"regions": {"lung": 2, "nodule": 1}, "findings": []}')
    assert set(read_dataset(tmp_path, kind="detection").task.classes) == {"lung", "nodule"}


def test_read__a_case_in_which_no_one_looked_for_them_teaches_nothing(tmp_path):
    masked_pictures(tmp_path, normal=2, abnormal=1, anatomy=True)
    (tmp_path / "cases.csv").write_text("case,annotated\np00,lower half\np01,\np02,\n")
    found = read_dataset(tmp_path, kind="detection")
    assert [case.is_labelled for case in found.cases] == [False, True, True]
    assert [len(case.target.boxes) for case in found.cases[1:]] == [0, 1]


def test_read__masks_that_do_not_fit_are_faults_and_teach_nothing(tmp_path):
    values = np.where(labels() == 9, 0, labels()).astype(np.uint8)
    strange, apart = np.where(values == 1, 3, values), AFFINE.copy()
    apart[0, 3] += 30
    masks = {"cut": values[:-3], "moved": values, "strange": strange, "empty": np.zeros_like(values), "fine": values}
    for name, mask in masks.items():
        write_nifti(tmp_path / "imagesTr" / f"{name}.nii.gz", np.zeros(SHAPE, dtype=np.float32))
        write_nifti(tmp_path / "labelsTr" / f"{name}.nii.gz", mask, apart if name == "moved" else AFFINE)
    pairs = [{"image": f"imagesTr/{name}.nii.gz", "label": f"labelsTr/{name}.nii.gz"} for name in masks]
    declared = {"labels": {"0": "background", "1": "lesion", "2": "organ"}, "modality": {"0": "CT"}, "training": pairs}
    (tmp_path / "dataset.json").write_text(json.dumps(declared))
    found = read_dataset(tmp_path, kind="detection")
    told = {(fault.code, fault.severity, fault.case) for fault in found.faults}
    assert told == {
        ("shape-mismatch", "error", "cut"),
        ("affine-mismatch", "error", "moved"),
        ("undeclared-label", "error", "strange"),
        ("empty-label", "warning", "empty"),
    }
    assert [(case.id, len(case.target.boxes)) for case in found.train] == [
        ("empty", 0),
        ("fine", 2),
    ]  # an organ is no finding
    segmented = check(read_dataset(tmp_path), jobs=1)
    assert told <= {(fault.code, fault.severity, fault.case) for fault in segmented.faults}


def test_read__a_mask_of_another_size_than_its_picture_is_a_fault(tmp_path):
    write_png(tmp_path / "images" / "a.png", np.zeros((40, 30), np.uint8))
    write_png(tmp_path / "masks" / "a.png", np.pad(np.full((20, 20), 255, np.uint8), ((100, 0), (70, 0))))
    (fault,) = [one for one in read_dataset(tmp_path, kind="detection").faults if one.severity == "error"]
    assert fault.code == "shape-mismatch" and "30 x 40" in str(fault.expected)


@pytest.mark.parametrize("kind", [None, "detection"])
def test_read__what_is_outlined_and_said_not_to_have_been_looked_for_is_a_warning(tmp_path, kind):
    masked_pictures(tmp_path, normal=1, abnormal=2, anatomy=True)
    (tmp_path / "cases.csv").write_text("case,annotated\np00,\np01,lower half\np02,lesion\n")
    dataset = read_dataset(tmp_path, kind=kind)
    found = [*dataset.faults, *(check(dataset, jobs=1).faults if kind is None else ())]
    told = {
        (fault.case, fault.severity, str(fault.found).split()[0]) for fault in found if fault.code == "not-annotated"
    }
    assert told == {("p01", "warning", "lesion"), ("p02", "warning", "lower")}
