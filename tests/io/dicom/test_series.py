"""A folder of files to series: what belongs together, what is left out and why, what is refused."""

import shutil
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from made_dicom import CAPTURE, DR, PET, header, placed, slices, write
from scanwright.io.dicom.series import NO_UID, files_in, find_series

PLANE = np.zeros((4, 5), np.int16)


def test_series_by_uid_in_the_order_of_their_numbers(tmp_path):
    slices(tmp_path / "b", [0, 1], SeriesInstanceUID="1.9", SeriesNumber=2, SOPInstanceUID=["9.1", "9.2"])
    slices(tmp_path / "a", [0, 1, 2], SeriesInstanceUID="1.8", SeriesNumber=10)
    found = find_series(files_in(tmp_path))
    assert [(one.uid, len(one.files), one.about["SeriesNumber"]) for one in found.series] == [
        ("1.9", 2, "2"),
        ("1.8", 3, "10"),
    ]
    assert found.skipped == ()


def test_what_is_no_image_is_left_out_with_a_reason(tmp_path):
    slices(tmp_path, [0, 1])
    write(tmp_path / "seg.dcm", header(PLANE, Modality="SEG", SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4"))
    write(tmp_path / "scout.dcm", header(PLANE, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    (tmp_path / "notes.txt").write_text("seen by nobody")
    (tmp_path / ".hidden").write_text("not even looked at")
    (tmp_path / "DICOMDIR").write_bytes(bytes(200))
    write(tmp_path / "whole.dcm", header(PLANE))
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "whole.dcm").read_bytes()[:-5])
    (tmp_path / "whole.dcm").unlink()
    reasons = {one.path.name: one.reason for one in find_series(files_in(tmp_path)).skipped}
    assert reasons["seg.dcm"] == "no image: Segmentation Storage"
    assert reasons["scout.dcm"] == "a localiser (LOCALIZER)"
    assert reasons["notes.txt"].startswith("not a DICOM file")
    assert "longer than what holds it" in reasons["cut.dcm"]
    assert set(reasons) == {"seg.dcm", "scout.dcm", "notes.txt", "cut.dcm"}


def test_copies_count_once(tmp_path):
    first = slices(tmp_path, [0, 1, 2])[0]
    shutil.copy(first, tmp_path / "again.dcm")
    (series,) = find_series(files_in(tmp_path)).series
    assert series.notes == ("again.dcm is a copy of 000.dcm: counted once",)
    assert series.volumes[0].grid.shape == (5, 4, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"pixels": PLANE + 9},
        {"ImagePositionPatient": [0, 0, 5]},
        {"PixelSpacing": [0.5, 0.6]},
        {"ImageOrientationPatient": [0, 1, 0, -1, 0, 0]},
        {"RescaleSlope": 7},
        {"PixelPaddingValue": 0},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"EchoTime": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_two_images_under_one_uid_are_refused(tmp_path, change):
    slices(tmp_path, [0, 1])
    elements = {**placed((0, 0, 0)), **change}
    other = header(elements.pop("pixels", PLANE), SOPInstanceUID="1.2.3.4.1", **elements)
    write(tmp_path / "other.dcm", other)
    (series,) = find_series(files_in(tmp_path)).series
    assert series.volumes == ()
    assert series.refused[0].error.message == "two different images with one SOP instance UID"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("PatientID", "patients"),
        ("StudyInstanceUID", "studies"),
        ("Modality", "modalities"),
        ("FrameOfReferenceUID", "frames of reference"),
    ],
)
def test_two_patients_studies_modalities_or_spaces_in_one_series_are_refused(tmp_path, name, word):
    slices(tmp_path, [0, 1, 2], **{name: ["1", "1", "2"]})
    (series,) = find_series(files_in(tmp_path)).series
    assert series.volumes == ()
    assert series.refused[0].error.message == f"one series of two {word}"
    assert series.refused[0].error.exit_code == 4


def test_a_picture_needs_no_frame_of_reference(tmp_path):
    """A capture beside slices, as some workstations leave one."""
    write(tmp_path / "0.dcm", header(np.zeros((8, 8, 3), np.uint8), SOPInstanceUID="9"))
    slices(tmp_path, [0, 1], FrameOfReferenceUID="1.9")
    (series,) = find_series(files_in(tmp_path)).series
    assert [one.grid.shape for one in series.volumes] == [(8, 8, 1), (5, 4, 2)]


@pytest.mark.parametrize("which", [0, 2])
def test_a_volume_that_may_lack_a_slice_is_refused(tmp_path, which):
    """The first or last slice has a scale that cannot be read: the rest would be a volume, and shorter than it was."""
    path = slices(tmp_path, [0, 1, 2], RescaleSlope=2.5, RescaleIntercept=0)[which]
    path.write_bytes(path.read_bytes().replace(b"2.5 ", b"2,5 "))
    write(tmp_path / "large.dcm", header(np.zeros((8, 8), np.int16), **placed((0, 0, 0)), SOPInstanceUID="9"))
    (series,) = find_series(files_in(tmp_path)).series
    assert [one.grid.shape for one in series.volumes] == [(8, 8, 1)]  # the broken one is none of these
    assert [(one.slices, one.error.message) for one in series.refused] == [
        (1, "RescaleSlope cannot be read"),
        (2, "a volume that may lack a slice: a file of its series cannot be read"),
    ]


def test_images_that_cannot_be_read_for_one_reason_are_one_refusal(tmp_path):
    for path in slices(tmp_path, [0, 1, 2], RescaleSlope=2.5):
        path.write_bytes(path.read_bytes().replace(b"2.5 ", b"2,5 "))
    (series,) = find_series(files_in(tmp_path)).series
    assert [(one.slices, one.error.found) for one in series.refused] == [(3, "2,5")]


def test_a_broken_copy_of_a_slice_is_not_missing(tmp_path):
    whole = slices(tmp_path, [0, 1, 2], RescaleSlope=2.5)[1]
    (tmp_path / "again.dcm").write_bytes(whole.read_bytes().replace(b"2.5 ", b"2,5 "))
    (series,) = find_series(files_in(tmp_path)).series
    assert [one.grid.shape for one in series.volumes] == [(5, 4, 3)]
    assert (series.refused, series.notes) == ((), ("1 broken copies of images that are here: left out",))


def test_a_copy_that_an_archive_has_stamped_anew_is_a_copy(tmp_path):
    first = slices(tmp_path, [0, 1, 2])[0]
    again = pydicom.dcmread(first)
    again.ContentTime, again.AcquisitionTime = "120000", "115959"
    again.save_as(tmp_path / "again.dcm")
    (series,) = find_series(files_in(tmp_path)).series
    assert series.notes == ("again.dcm is a copy of 000.dcm: counted once",)


def test_a_report_among_the_slices_is_a_picture_of_its_own(tmp_path):
    """A capture of the same size and another modality, without a place: the volume is whole beside it."""
    slices(tmp_path, [0, 1, 2])
    page = header(PLANE, SOPClassUID=CAPTURE, Modality="OT", SOPInstanceUID="1.9")
    write(tmp_path / "page.dcm", page)
    (series,) = find_series(files_in(tmp_path)).series
    assert (sorted(one.grid.shape for one in series.volumes), series.refused) == ([(5, 4, 1), (5, 4, 3)], ())


def test_half_of_a_place_is_none_in_a_radiograph(tmp_path):
    write(tmp_path / "a.dcm", header(PLANE, Modality="DX", SOPClassUID=DR, ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    (series,) = find_series(files_in(tmp_path)).series
    assert (series.volumes[0].slices[0].place, series.refused) == (None, ())


def test_pet_with_a_screen_shot(tmp_path):
    """The capture has no unit and no tracer; the slices beside it have."""
    drug = Dataset()
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife, drug.RadiopharmaceuticalStartTime = 350e6, 6600, "100000"
    about = {
        "SOPClassUID": PET, "Modality": "PT", "Units": "BQML", "PatientWeight": 70, "DecayCorrection": "START",
        "CorrectedImage": ["DECY", "ATTN"], "SeriesDate": "20260102", "SeriesTime": "115000", "AcquisitionDate": "20260102",
        "AcquisitionTime": "115000", "RadiopharmaceuticalInformationSequence": [drug],
    }  # fmt: skip
    slices(tmp_path, [0, 3], **about)
    write(tmp_path / "page.dcm", header(PLANE, SOPClassUID=CAPTURE, Modality="PT", SOPInstanceUID="1.9"))
    (series,) = find_series(files_in(tmp_path)).series
    doubts = {volume.grid.shape: {one.scale.doubt for one in volume.slices} for volume in series.volumes}
    assert (doubts[5, 4, 2], series.refused) == ({""}, ())


def test_one_image_that_has_lost_its_frame_of_reference(tmp_path):
    slices(tmp_path, [0, 1, 2], FrameOfReferenceUID="1.2.9")
    path = tmp_path / "001.dcm"
    lost = pydicom.dcmread(path)
    del lost.FrameOfReferenceUID
    lost.save_as(path)
    (series,) = find_series(files_in(tmp_path)).series
    assert (len(series.volumes), series.refused) == (1, ())


@pytest.mark.parametrize("table", [{}, {"LUTDescriptor": [4, 0, 16]}], ids=["empty", "no values"])
def test_a_broken_table_is_one_image_s_fault(tmp_path, table):
    slices(tmp_path / "whole", [0, 1])
    item = Dataset()
    for name, value in table.items():
        setattr(item, name, value)
    made = header(
        PLANE.astype(np.uint16), PhotometricInterpretation="MONOCHROME1", ModalityLUTSequence=[item], Modality="CR"
    )
    made.SeriesInstanceUID = "1.2.3.7"
    write(tmp_path / "broken.dcm", made)
    found = find_series(files_in(tmp_path))
    assert sorted((len(one.volumes), len(one.refused)) for one in found.series) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("uid", [None, ""])
def test_files_without_a_series_uid_are_one_series_for_each_folder(tmp_path, uid):
    for folder, heights in (("a", [0, 1, 2]), ("b", [3, 4]), ("c", [0, 1, 3])):
        slices(tmp_path / folder, heights, SeriesInstanceUID=uid)
    found = find_series(files_in(tmp_path)).series
    assert [[one.grid.shape for one in series.volumes] for series in found] == [[(5, 4, 3)], [(5, 4, 2)], []]
    assert found[2].refused[0].error.message == "1 slice is missing"
    assert len({series.uid for series in found}) == 3
    assert all(series.notes == (NO_UID,) for series in found)


@pytest.mark.parametrize("name", ["PatientID", "StudyInstanceUID", "Modality", "FrameOfReferenceUID", "SeriesNumber"])
def test_files_without_a_series_uid_that_differ_stay_apart(tmp_path, name):
    slices(tmp_path / "a", [0, 1, 2], SeriesInstanceUID=None)
    for path in slices(tmp_path / "b", [3, 4], SeriesInstanceUID=None, **{name: "7"}):
        path.rename(tmp_path / "a" / f"other{path.name}")
    found = find_series(files_in(tmp_path)).series
    assert sorted(one.volumes[0].grid.shape for one in found) == [(5, 4, 2), (5, 4, 3)]


def test_a_broken_file_without_a_series_uid_may_be_of_any_series(tmp_path):
    *_, last = slices(tmp_path, [0, 1, 2], SeriesInstanceUID=None, RescaleSlope=2.5)
    last.write_bytes(last.read_bytes().replace(b"2.5 ", b"2,5 "))
    found = find_series(files_in(tmp_path))
    assert [(one.path, one.may_be_a_slice) for one in found.skipped] == [(last, True)]


@pytest.mark.parametrize("uid", ["1.2.3.1", None])
@pytest.mark.parametrize("how", ["cut", "taken out"])
def test_an_image_that_has_lost_its_pixels_may_be_a_slice(tmp_path, how, uid):
    """A file that ends exactly where they begin is whole by its structure."""
    *_, last = slices(tmp_path, [0, 1, 2], SeriesInstanceUID=uid)
    if how == "cut":
        last.write_bytes(last.read_bytes()[: last.read_bytes().rindex(b"\xe0\x7f\x10\0")])
    else:
        made = pydicom.dcmread(last)
        del made.PixelData
        made.save_as(last)
    found = find_series(files_in(tmp_path))
    if uid is None:  # nobody knows whose
        assert [(one.path, one.may_be_a_slice) for one in found.skipped] == [(last, True)]
        return
    assert (found.series[0].volumes, found.skipped) == ((), ())
    assert [one.error.message for one in found.series[0].refused] == [
        "no pixels in this DICOM file",
        "a volume that may lack a slice: a file of its series cannot be read",
    ]


@pytest.mark.parametrize("cut", [16, 60, 200])
def test_a_file_that_ends_before_it_says_what_it_is(tmp_path, cut):
    """Its class stands at its beginning: what is left has none, or is an image's."""
    *_, last = slices(tmp_path, [0, 1, 2])
    raw = last.read_bytes()
    start = raw.index(b"\x08\0\x08\0CS")
    last.write_bytes(raw[start : start + cut])
    (skipped,) = find_series(files_in(tmp_path)).skipped
    assert (skipped.path, skipped.may_be_a_slice) == (last, True)


def test_a_copy_whose_pixels_are_damaged_does_not_end_the_search(tmp_path):
    first, *_ = slices(tmp_path, [0, 1, 2], pixels=np.zeros((3, 64, 64), np.uint16))
    made = pydicom.dcmread(first)
    made.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    made.save_as(tmp_path / "copy.dcm")
    raw = (tmp_path / "copy.dcm").read_bytes()
    (tmp_path / "copy.dcm").write_bytes(raw[:-40] + bytes(32) + raw[-8:])
    (skipped,) = find_series(files_in(tmp_path)).skipped
    assert (skipped.path.name, skipped.damaged) == ("copy.dcm", True)
    assert skipped.reason.startswith("cannot decode the RLE pixels")


@pytest.mark.data
def test_a_tilted_series_with_unequal_gaps_is_refused(data_folder, tmp_path):
    with zipfile.ZipFile(data_folder / "dicom" / "ct_ge_gantry_tilt" / "ge_head_ct_28_slices.zip") as archive:
        archive.extractall(tmp_path)
    found = find_series(files_in(tmp_path))
    assert not any(one.volumes for one in found.series)
    assert [one.refused[0].error.message for one in found.series] == ["slices that do not lie evenly"]


@pytest.mark.data
def test_every_file_of_the_collection_has_its_place(data_folder):
    """Read, refused or left out: no file is lost, and nothing is raised."""
    root = data_folder / "dicom"
    paths = [path for path in files_in(root) if path.suffix not in (".nii", ".gz", ".json", ".md", ".zip")]
    found = find_series(paths)
    in_series = {path for one in found.series for path in one.files}
    skipped = {one.path for one in found.skipped}
    refused = sum(one.slices for series in found.series for one in series.refused)
    copies = sum(len(one.notes) for one in found.series)
    assert not in_series & skipped
    assert len(in_series) + len(skipped) + copies + refused >= len(paths)
