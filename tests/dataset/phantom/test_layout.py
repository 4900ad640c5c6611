import shutil

import numpy as np
import pytest

from scanwright.dataset.checks import check
from scanwright.dataset.phantom.layout import FORMATS, TASKS, write_examples
from scanwright.dataset.read import read_dataset
from scanwright.errors import UsageError
from scanwright.files import sha256_file
from scanwright.io.formats import read_label

POSSIBLE = [
    (modality, task, format)
    for modality, formats in FORMATS.items()
    for format in formats
    for task in TASKS
    if task != "detection" or format == "png"
]
SMALL = {"subjects": 6, "size": 128}


def hashes(folder):
    return {str(path.relative_to(folder)): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("modality", "task", "format"), POSSIBLE)
def test_write_examples__is_read_as_it_is_and_has_no_faults(tmp_path, modality, task, format):
    if format == "dicom" and modality in ("mr", "ct"):
        pytest.importorskip("highdicom")
    scans = write_examples(tmp_path, modality=modality, task=task, format=format, **SMALL)
    dataset = read_dataset(tmp_path)
    assert dataset.task.kind == task
    assert [channel.modality for channel in dataset.task.channels] == [modality]
    assert [case.id for case in dataset.cases] == [scan.case for scan in scans]
    assert [case.patient for case in dataset.cases] == [scan.patient for scan in scans]
    assert {case.groups["site"] for case in dataset.cases} == {"A", "B"}
    checks = check(dataset)
    assert checks.errors == ()
    assert len(checks.facts) == len(scans) == 7
    if task == "classification":
        assert dataset.task.classes == ("benign", "malignant", "normal")


@pytest.mark.parametrize(
    ("modality", "task", "format"), [("us", "detection", "png"), ("xray", "segmentation", "dicom")]
)
def test_write_examples__same_settings_same_bytes(tmp_path, modality, task, format):
    for name in "ab":
        write_examples(tmp_path / name, modality=modality, task=task, format=format, subjects=2, size=96)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")


def test_write_examples__a_series_and_its_segmentation_are_the_same_bytes_too(tmp_path):
    pytest.importorskip("highdicom")
    for name in "ab":
        write_examples(tmp_path / name, modality="ct", format="dicom", subjects=1)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")


def test_write_examples__a_run_cut_short_goes_on(tmp_path):
    asked = {"modality": "us", "task": "segmentation", "subjects": 3, "size": 96}
    write_examples(tmp_path, **asked)
    before = hashes(tmp_path)
    kept = (tmp_path / "images" / "p000_a.png").stat().st_mtime_ns
    for name in ("images/p001_a.png", "masks/p002_a.png", "cases.csv", "scanwright.json"):
        (tmp_path / name).unlink()
    write_examples(tmp_path, **asked)
    assert hashes(tmp_path) == before
    assert (tmp_path / "images" / "p000_a.png").stat().st_mtime_ns == kept


def test_write_examples__formats_hold_the_same_truth(tmp_path):
    asked = {"modality": "us", "task": "segmentation", "subjects": 2, "size": 96}
    for format in ("png", "dicom"):
        write_examples(tmp_path / format, format=format, **asked)
    masks = [
        read_label(tmp_path / format / "masks" / f"p000_a.{ending}").voxels
        for format, ending in (("png", "png"), ("dicom", "nii.gz"))
    ]
    assert np.array_equal(masks[0], masks[1])
    assert masks[0].any()


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"modality": "pet"}, "mr or ct or xray or us"),
        ({"modality": "mr", "format": "png"}, "nifti or dicom"),
        ({"modality": "us", "format": "nifti"}, "png or dicom"),
        ({"modality": "mr", "task": "detection"}, "xray or us as png"),
        ({"modality": "us", "task": "detection", "format": "dicom"}, "xray or us as png"),
        ({"modality": "us", "task": "captioning"}, "segmentation or"),
        ({"modality": "us", "subjects": 0}, "1 to 999"),
        ({"modality": "us", "size": 8}, "64 to 1024"),
        ({"modality": "us", "task": "classification", "subjects": 2}, "3 or more"),
    ],
)
def test_write_examples__impossible_and_says_what_is_possible(tmp_path, wrong, expected):
    with pytest.raises(UsageError) as raised:
        write_examples(tmp_path / "x", **{"subjects": 3, **wrong})
    assert expected in str(raised.value.expected)
    assert not (tmp_path / "x").exists()


def test_write_examples__refuses_another_cohorts_folder(tmp_path):
    write_examples(tmp_path, modality="us", subjects=1, size=96)
    with pytest.raises(UsageError, match="already holds something else"):
        write_examples(tmp_path, modality="us", subjects=2, size=96)
    shutil.rmtree(tmp_path)
