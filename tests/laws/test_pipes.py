"""Pipes in a data folder: nothing waits for what nobody writes."""

import os
import threading

import pytest

from made_dicom import slices
from made_folders import made_task
from scanwright.api.case.dicom_scans import dicom_cases, is_dicom
from scanwright.dataset.layouts.dicom_listing import list_series
from scanwright.dataset.layouts.listing import tables_in
from scanwright.dataset.layouts.sidecar import read_table
from scanwright.dataset.read import LAYOUTS, read_dataset
from scanwright.errors import InputError
from scanwright.files import read_json
from scanwright.io.dicom.intake import looks_like_dicom, sop_class_of
from scanwright.io.formats import FORMATS, read_grid, read_volume

NAMES = (
    *("IM1", "a.dcm", "DICOMDIR", "a.csv", "a.tsv", "dataset.json", "dataset_description.json", "participants.tsv"),
    *("a.yaml", "classes.txt", "a.xml", "a.json", "a.npz", "scanwright.json", "a.nii.gz", "a.png", "README"),
)


def in_time(call, *given):
    """What a call gives or raises; fails if it is not done within ten seconds."""
    found = []

    def run():
        try:
            found.append(call(*given))
        except InputError as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert found, f"{call} waits for a pipe"
    return found[0]


@pytest.fixture
def folder(tmp_path):
    slices(tmp_path, [0, 1, 2], Modality="CT")
    for place in ("", "annotations", "labels", "images", "imagesTr", "labelsTr", "train"):
        (tmp_path / place).mkdir(exist_ok=True)
        for name in NAMES:
            os.mkfifo(tmp_path / place / name)
    return tmp_path


def test_a_folder_of_dicom_with_pipes(folder):
    assert [line.size for line in in_time(list_series, folder).volumes] == [(5, 4, 3)]
    assert isinstance(in_time(read_dataset, folder), InputError)  # nothing is drawn on it
    assert [error.message for error in in_time(dicom_cases, [folder], made_task()).refused] == [
        "1 file that cannot be read"
    ] * 7
    assert not any(in_time(is_dicom, folder / name) for name in ("IM1", "README"))
    assert (in_time(looks_like_dicom, folder / "IM1"), in_time(sop_class_of, folder / "IM1")) == (False, "")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(folder, layout):
    in_time(LAYOUTS[layout].detect, folder)
    assert isinstance(in_time(read_dataset, folder, layout), InputError)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format(tmp_path, suffix):
    pipe = tmp_path / f"a{suffix}"
    os.mkfifo(pipe)
    assert isinstance(in_time(read_volume, pipe), InputError)
    assert isinstance(in_time(read_grid, pipe), InputError)


def test_tables_and_json(folder):
    assert tables_in(folder) == []
    assert in_time(read_table, folder / "a.csv").message == "not a file"
    assert in_time(read_json, folder / "a.json").message == "not a file"
