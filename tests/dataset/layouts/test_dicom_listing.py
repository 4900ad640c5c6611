"""The list of what a folder of DICOM holds, for people and as data."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from made_dicom import header, placed, write
from made_series import axial, sagittal, slice_header, write_series
from scanwright.dataset.layouts.dicom_listing import SeriesList, as_text, list_series
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_write import write_segmentation
from scanwright.io.dicom.series import NO_UID

GRID = axial()


def test_series_of_two_studies_and_what_is_drawn(tmp_path):
    write_series(tmp_path / "a" / "ct", GRID, name="thorax", patient="Secret Name")
    write_series(tmp_path / "b", sagittal(), modality="MR", name="brain", patient="P2")
    mask = np.zeros(GRID.shape, np.bool_)
    mask[1:3, 1:3, 1:3] = True
    sources = [slice_header(GRID, k, name="thorax", patient="Secret Name") for k in range(GRID.shape[2])]
    write_segmentation(tmp_path / "a" / "seg.dcm", {"Liver": mask}, grid=GRID, sources=sources, model=Model("m", "1"))
    lines = {line.folder: line for line in list_series(tmp_path).volumes}
    ct, mr = lines["a/ct"], lines["b"]
    assert {ct.study, mr.study} == {1, 2}
    assert (ct.modality, ct.description, ct.volume, ct.size, ct.plane) == ("CT", "thorax", "", (7, 5, 4), "axial")
    assert (ct.spacing, ct.unit, ct.drawn, ct.refused) == ((0.9, 0.7, 2.5), "mm", ("Liver",), "")
    assert (mr.plane, mr.drawn) == ("sagittal", ())
    text = "\n".join(as_text(list_series(tmp_path)))
    assert "Secret" not in text
    assert f"study {ct.study}, patient {ct.patient}" in text
    assert "drawn: Liver" in text
    assert "Secret" not in str(ct.to_json())


def test_a_series_that_is_refused(tmp_path):
    write_series(tmp_path / "a", GRID)
    sorted((tmp_path / "a").iterdir())[1].unlink()
    (line,) = list_series(tmp_path).volumes
    assert line.size == (3,)
    assert line.refused.startswith("1 slice is missing")
    assert "3 slices" in next(text for text in as_text(list_series(tmp_path)) if "refused" in text)


def test_a_picture_has_pixels(tmp_path):
    write(tmp_path / "a.dcm", header(np.zeros((4, 6), np.uint8), Modality="US"))
    (line,) = list_series(tmp_path).volumes
    assert (line.size, line.unit, line.plane, line.patient) == ((6, 4, 1), "px", "", line.patient)


def test_frames_of_a_cine_are_one_line(tmp_path):
    write(tmp_path / "a.dcm", header(np.zeros((3, 4, 6), np.uint8), Modality="US", FrameTime=40.0))
    (line,) = list_series(tmp_path).volumes
    assert (line.volume, line.size) == ("frame 1 to frame 3", (6, 4, 3))


def test_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("no DICOM")
    assert list_series(tmp_path).volumes == ()
    assert list(as_text(SeriesList())) == []


def test_what_is_left_out_is_said(tmp_path):
    *_, last = write_series(tmp_path / "a", GRID)
    cut = last.with_name("cut.dcm")
    cut.write_bytes(last.read_bytes()[:-9])
    (tmp_path / "viewer.exe").write_bytes(b"MZ")
    listed = list_series(tmp_path)
    assert [line.size for line in listed.volumes] == [GRID.shape]
    assert listed.left_out[0].startswith("a/cut.dcm: ")
    assert listed.left_out[1].startswith("1 file: not a DICOM file")
    assert list(as_text(listed))[-3] == "left out"
    assert listed.to_json()["left_out"] == list(listed.left_out)


def test_a_directory_that_names_more_is_said(tmp_path):
    write_series(tmp_path / "a", GRID)
    record = Dataset()
    record.ReferencedFileID = ["A", "GONE"]
    directory = Dataset()
    directory.DirectoryRecordSequence = [record]
    write(tmp_path / "made", directory).rename(tmp_path / "DICOMDIR")
    assert list_series(tmp_path).left_out == (
        "DICOMDIR: 1 of the 1 files that it names are not here, such as A/GONE",
    )  # fmt: skip


def test_a_directory_that_cannot_be_read_is_named(tmp_path):
    write_series(tmp_path / "a", GRID)
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd" / "DICOMDIR").write_bytes(b"no directory" * 20)
    assert list_series(tmp_path).left_out == ("cd/DICOMDIR: not a DICOM file, other bytes",)


def test_a_series_without_a_uid_is_noted_once(tmp_path):
    for uid, directions in (("1.1", (1, 0, 0, 0, 1, 0)), ("1.2", (0, 1, 0, 0, 0, -1))):
        plane = placed((0, 0, 0), directions=directions, SliceThickness=1)
        made = header(np.zeros((4, 6), np.int16), SeriesInstanceUID="", SOPInstanceUID=uid, **plane)
        write(tmp_path / f"{uid}.dcm", made)
    listed = list_series(tmp_path)
    assert [line.notes for line in listed.volumes] == [(NO_UID,), ()]
    assert "\n".join(as_text(listed)).count("no series UID") == 1
    assert listed.to_json()["series"][0]["notes"] == (NO_UID,)


@pytest.mark.data
def test_time_points_are_lines_of_their_own(data_folder):
    lines = list_series(data_folder / "dicom" / "mr_siemens_mosaic_ge_epi").volumes
    assert len(lines) == 18
    assert [line.volume for line in lines[:2]] == ["number 1", "number 2"]
