"""DICOM as hospitals have it, on the command line: what is answered, what is refused, with which words and exit code."""

import json
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import write
from made_folders import ball
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.series_write import write_series


@pytest.fixture
def scan(tmp_path):
    """A whole CT series of eight slices that the small model knows how to answer."""
    voxels = ball(0, shape=(12, 10, 8))[0]
    grid = Grid((12, 10, 8), np.diag((-1, -1, 2, 1)))
    write_series(tmp_path / "scan", Volume(np.asarray(voxels)[None], grid), modality="CT", patient="Secret^Name")
    return tmp_path / "scan"


def files(folder):
    return sorted(folder.glob("*.dcm"))


def change(path, **elements):
    header = pydicom.dcmread(path)
    for name, value in elements.items():
        setattr(header, name, value)
    header.save_as(path)


def tilted(folder):
    for number, path in enumerate(files(folder)):
        position = pydicom.dcmread(path).ImagePositionPatient
        change(path, ImagePositionPatient=[position[0], float(position[1]) + 0.7 * number, position[2]])


def gapped(folder):
    files(folder)[3].unlink()


def uneven(folder):
    position = pydicom.dcmread(files(folder)[3]).ImagePositionPatient
    change(files(folder)[3], ImagePositionPatient=[*position[:2], float(position[2]) + 0.7])


def two_patients(folder):
    change(files(folder)[3], PatientID="Another^One")


def truncated(folder):
    files(folder)[3].write_bytes(files(folder)[3].read_bytes()[:-40])


def copied(folder):
    shutil.copy(files(folder)[3], folder / "copy.dcm")


def same_uid(folder):
    other = pydicom.dcmread(files(folder)[3])
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(folder / "other.dcm")


def with_a_directory(folder):
    made, record = Dataset(), Dataset()
    made.SOPClassUID = "1.2.840.10008.1.3.10"
    record.ReferencedFileID = ["IMAGES", "IM0099"]
    made.DirectoryRecordSequence = Sequence([record])
    write(folder / "DICOMDIR", made)


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda folder: None, 0, "scan.seg.dcm"),
        (tilted, 0, "scan.seg.dcm"),
        (copied, 0, "scan.seg.dcm"),
        (gapped, 4, "1 slice is missing"),
        (uneven, 4, "slices that do not lie evenly"),
        (two_patients, 4, "one series of two patients"),
        (truncated, 4, "1 file that cannot be read"),
        (same_uid, 4, "two different images with one SOP instance UID"),
        (with_a_directory, 4, "a DICOMDIR names files that are not here"),
    ],
    ids=["whole", "tilted", "copied", "gapped", "uneven", "two patients", "truncated", "same uid", "DICOMDIR"],
)
def test_predict(scanwright, finished, scan, tmp_path, spoil, code, words):
    spoil(scan)
    ended = scanwright("predict", finished.model, scan, "-o", tmp_path / "out")
    assert (ended.code, words in ended.out + ended.err) == (code, True), ended.err
    assert "Traceback" not in ended.err
    assert "Secret" not in ended.out + ended.err
    assert not list((tmp_path / "out").glob("*.dcm")) or code == 0


def test_predict_answers_the_whole_study_and_names_the_other(scanwright, finished, scan, tmp_path):
    both = tmp_path / "both"
    shutil.copytree(scan, both / "one")
    shutil.copytree(scan, both / "two")
    for path in files(both / "two"):
        header = pydicom.dcmread(path)
        change(path, StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1", SOPInstanceUID=f"1.9.{header.InstanceNumber}")
    gapped(both / "two")
    ended = scanwright("predict", finished.model, both, "-o", tmp_path / "out")
    assert ended.code == 4
    assert "1 of 2 scans could not be answered" in ended.err
    assert "1 slice is missing" in ended.err
    assert [path.name for path in (tmp_path / "out").glob("*.seg.dcm")] == ["one.seg.dcm"]


def test_inspect_lists_what_is_there_even_where_nothing_is_drawn(scanwright, scan):
    ended = scanwright("inspect", scan.parent)
    assert ended.code == 4
    assert "study 1, patient p" in ended.out
    assert "12 x 10 x 8" in ended.out
    assert "nothing is drawn on these images" in ended.err
    assert "12 x 10 x 8" not in ended.err  # once is enough
    assert "Secret" not in ended.out + ended.err
    said = json.loads(scanwright("inspect", scan.parent, "--json").out)
    assert (said["error"], said["exit_code"], said["series"][0]["size"]) == ("InputError", 4, [12, 10, 8])
