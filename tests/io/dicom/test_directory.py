"""A DICOMDIR held against the files beside it."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import header, slices, write
from scanwright.io.dicom.directory import read_directories


def dicomdir(path, names):
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3.9"
    records = []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = name.split("/")
        records.append(record)
    made.DirectoryRecordSequence = Sequence([Dataset(), *records])  # the first, a patient's, names no file
    return write(path, made)


def test_all_there_whatever_the_case(tmp_path):
    slices(tmp_path / "ct", [0, 1])
    dicomdir(tmp_path / "DICOMDIR", ["CT/000", "CT/001"])
    (found,) = read_directories(tmp_path)
    assert (found.named, found.missing) == (2, ())


def test_missing_files_are_named(tmp_path):
    slices(tmp_path / "ct", [0, 1])
    dicomdir(tmp_path / "dicomdir", ["CT/000", "CT/002", "CT/PASSWD"])
    (found,) = read_directories(tmp_path)
    assert (found.named, found.missing) == (3, ("CT/002", "CT/PASSWD"))


def test_none(tmp_path):
    write(tmp_path / "a.dcm", header(np.zeros((2, 2), np.uint8)))
    assert read_directories(tmp_path) == []


@pytest.mark.data
def test_a_real_one_whose_files_are_not_here(data_folder):
    (found,) = read_directories(data_folder / "dicom" / "viewer_samples")
    assert found.named == len(found.missing) > 0
