"""A folder of DICOM as a data set: which series are cases, what is drawn on them, and what is never guessed."""

import json
import shutil

import numpy as np
import pydicom
import pytest

from made_series import axial, slice_header, write_series
from scanwright.dataset.checks import check
from scanwright.dataset.images import read_case_image
from scanwright.dataset.layouts import dicom
from scanwright.dataset.layouts.dicom_listing import list_series
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.rtstruct_writing import write_structures
from scanwright.io.dicom.derived.seg_write import write_segmentation
from scanwright.io.formats import read_grid, read_label, read_volume, write_volume

GRID = axial()
MODEL = Model("test", "1")


def voxels(seed=0):
    return np.random.default_rng(seed).integers(-100, 100, GRID.shape).astype(np.int16)


def box(*slices):
    mask = np.zeros(GRID.shape, np.bool_)
    mask[slices] = True
    return mask


LIVER, TUMOUR = box(slice(1, 5), slice(1, 4), slice(0, 3)), box(slice(5, 7), slice(0, 2), slice(1, 3))
INSIDE = box(slice(2, 4), slice(2, 3), slice(1, 2))


def study(folder, patient, *, masks=None, kind="seg", modality="CT", name="series", seed=0):
    """A series and what is drawn on it, in one folder."""
    write_series(folder / "images", GRID, voxels(seed), modality=modality, patient=patient, name=name)
    sources = [slice_header(GRID, k, modality=modality, patient=patient, name=name) for k in range(GRID.shape[2])]
    write = write_segmentation if kind == "seg" else write_structures
    if masks:
        write(folder / f"{kind}.dcm", masks, grid=GRID, sources=sources, model=MODEL)
    return folder


def test_segmentations_make_cases(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER, "Tumour": TUMOUR}, seed=1)
    study(tmp_path / "b", "P2", masks={"Liver": LIVER}, seed=2)
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, [case.id for case in dataset.cases]) == ("dicom", ["a_images", "b_images"])
    assert [(region.name, region.values) for region in dataset.task.regions] == [("Liver", (1,)), ("Tumour", (2,))]
    assert [(channel.name, channel.modality) for channel in dataset.task.channels] == [("CT", "ct")]
    checks = check(dataset)
    assert checks.errors == ()
    assert checks.facts["a_images"].region_voxels == {"Liver": LIVER.sum(), "Tumour": TUMOUR.sum()}
    image, label = read_volume(dataset.cases[0].images[0]), read_label(dataset.cases[0].label)
    assert np.array_equal(image.voxels[0], voxels(1))
    assert np.array_equal(label.voxels[0], LIVER + 2 * TUMOUR)
    assert image.grid == label.grid == read_grid(dataset.cases[0].label).grid


def test_structure_sets_give_the_same(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER, "Tumour": TUMOUR}, kind="rtstruct")
    dataset = read_dataset(tmp_path)
    assert np.array_equal(read_label(dataset.cases[0].label).voxels[0], LIVER + 2 * TUMOUR)


def test_regions_that_overlap_get_bits(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER, "Tumour": INSIDE})
    dataset = read_dataset(tmp_path)
    assert [(one.name, one.values) for one in dataset.task.regions] == [("Liver", (1, 3)), ("Tumour", (2, 3))]
    assert not dataset.task.exclusive
    assert np.array_equal(read_label(dataset.cases[0].label).voxels[0], LIVER + 2 * INSIDE)
    assert check(dataset).errors == ()


def test_a_dataset_goes_through_json(tmp_path):
    """Cases are sent to worker processes and kept in records."""
    study(tmp_path / "a", "P1", masks={"Liver": LIVER})
    dataset = read_dataset(tmp_path)
    assert type(dataset).model_validate(json.loads(dataset.model_dump_json())) == dataset


def test_no_value_of_the_files_is_in_names_or_patients(tmp_path):
    study(tmp_path / "a b" / "ä", "../../P1 Secret", masks={"Liver": LIVER})
    (case,) = read_dataset(tmp_path).cases
    assert case.id == "a-b_ä_images"
    assert "Secret" not in case.model_dump_json()
    assert len(case.patient) == 13


def test_two_studies_of_one_patient_share_it(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER}, name="one")
    study(tmp_path / "b", "P1", masks={"Liver": LIVER}, name="two", seed=5)
    assert len({case.patient for case in read_dataset(tmp_path).cases}) == 1


def test_nothing_drawn(tmp_path):
    study(tmp_path / "a", "P1")
    with pytest.raises(InputError, match="nothing is drawn") as caught:
        read_dataset(tmp_path)
    assert caught.value.details == ("CT, series, 7 x 5 x 4",)


def test_structures_by_name(tmp_path):
    study(tmp_path / "a", "P1", masks={"GTV 1": TUMOUR, "gtv_2": INSIDE, "Skin": LIVER})
    (tmp_path / "scanwright.json").write_text(json.dumps({"structures": {"tumour": ["gtv.*"]}}))
    dataset = read_dataset(tmp_path)
    assert [(one.name, one.values) for one in dataset.task.regions] == [("tumour", (1,))]
    assert np.array_equal(read_label(dataset.cases[0].label).voxels[0], (TUMOUR | INSIDE).astype(int))
    (tmp_path / "scanwright.json").write_text(json.dumps({"structures": {"tumour": ["ctv.*"]}}))
    with pytest.raises(InputError, match="no structure of these names"):
        read_dataset(tmp_path)


def channels(folder, patient, *, frame=None):
    """A CT with a segmentation, and an MR of the same study."""
    study(folder, patient, masks={"Liver": LIVER}, name="ct")
    write_series(folder / "mr", GRID, voxels(9), modality="MR", patient=patient, name="mr")


def test_channels_by_rule(tmp_path):
    channels(tmp_path / "a", "P1")
    rules = [
        {"channel": "T1", "modality": "mr"},
        {"channel": "dose", "modality": "CT", "slices": [2, 10], "plane": "axial"},
    ]
    (tmp_path / "scanwright.json").write_text(json.dumps({"series": rules}))
    dataset = read_dataset(tmp_path)
    (case,) = dataset.cases
    assert [channel.name for channel in dataset.task.channels] == ["T1", "dose"]
    assert np.array_equal(read_volume(case.images[0]).voxels[0], voxels(9))
    assert check(dataset).errors == ()


def test_rules_that_fit_two_series_or_none(tmp_path):
    channels(tmp_path / "a", "P1")
    (tmp_path / "scanwright.json").write_text(json.dumps({"case_of": "study", "series": [{"plane": "axial"}]}))
    with pytest.raises(InputError, match="several volumes could be one channel"):
        read_dataset(tmp_path)
    (tmp_path / "scanwright.json").write_text(json.dumps({"series": [{"modality": "PT"}]}))
    with pytest.raises(InputError, match="no series has every channel"):
        read_dataset(tmp_path)
    (tmp_path / "scanwright.json").write_text(json.dumps({"series": [{"description": "("}]}))
    with pytest.raises(InputError, match="declaration"):
        read_dataset(tmp_path)


def test_a_gap_in_a_series_that_is_drawn_on_is_an_error(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER}, seed=1)
    study(tmp_path / "b", "P2", masks={"Liver": LIVER}, seed=2)
    sorted((tmp_path / "b" / "images").iterdir())[1].unlink()
    dataset = read_dataset(tmp_path)
    assert [case.id for case in dataset.cases] == ["a_images"]
    (fault,) = [fault for fault in check(dataset).errors if fault.code == "refused-series"]
    assert "1 slice is missing" in fault.found


def test_a_segmentation_that_is_cut_is_said(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER})
    broken = tmp_path / "a" / "broken.dcm"
    broken.write_bytes((tmp_path / "a" / "seg.dcm").read_bytes()[:-9])
    (fault,) = [fault for fault in read_dataset(tmp_path).faults if fault.severity == "error"]
    assert (fault.code, fault.file) == ("unreadable-file", broken)
    assert fault.found.startswith("a/broken.dcm: ")


def test_a_slice_that_cannot_be_read_is_an_error_where_something_is_drawn(tmp_path):
    """At the end of a series, where no gap shows it."""
    study(tmp_path / "a", "P1", masks={"Liver": LIVER}, seed=1)
    study(tmp_path / "b", "P2", name="unused", seed=2)
    study(tmp_path / "c", "P3", masks={"Liver": LIVER}, name="whole", seed=3)
    for last in (max((tmp_path / name / "images").iterdir()) for name in "ab"):
        header = pydicom.dcmread(last)
        header.BitsAllocated = 12
        header.save_as(last)
    dataset = read_dataset(tmp_path)
    faults = [fault for fault in dataset.faults if fault.code == "refused-series"]
    assert [case.id for case in dataset.cases] == ["c_images"]
    assert [fault.severity for fault in faults] == ["error", "error", "warning", "warning"]


def test_a_segmentation_that_names_no_series_is_found_by_its_images(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER})
    made = pydicom.dcmread(tmp_path / "a" / "seg.dcm")
    del made.ReferencedSeriesSequence
    made.save_as(tmp_path / "a" / "seg.dcm")
    (case,) = read_dataset(tmp_path).cases
    assert read_label(case.label).voxels.sum() == LIVER.sum()


def test_a_segmentation_of_one_echo_is_not_drawn_on_the_other(tmp_path):
    study(tmp_path, "P1", masks={"Liver": LIVER}, modality="MR")
    for path in sorted((tmp_path / "images").iterdir()):
        header = pydicom.dcmread(path)
        header.EchoTime, header.SOPInstanceUID = 99, f"{header.SOPInstanceUID}.9"
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.save_as(path.with_name(f"later_{path.name}"))
    drawn = {line.volume: line.drawn for line in list_series(tmp_path).volumes}
    assert drawn == {"echo 3": ("Liver",), "echo 99": ()}
    (case,) = read_dataset(tmp_path).cases
    assert read_volume(case.images[0]).shape == GRID.shape


def test_what_is_drawn_in_another_frame_of_reference_is_refused(tmp_path):
    """The image of that frame is registered, the label is not: its place in the first channel would be a guess."""
    channels(tmp_path / "a", "P1")
    sources = [slice_header(GRID, k, modality="MR", patient="P1", name="mr") for k in range(GRID.shape[2])]
    label = tmp_path / "a" / "seg.dcm"
    write_segmentation(label, {"Liver": LIVER}, grid=GRID, sources=sources, model=MODEL)
    for path in (label, *(tmp_path / "a" / "mr").iterdir()):
        made = pydicom.dcmread(path)
        made.FrameOfReferenceUID = "1.2.9"
        made.save_as(path)
    dataset = by_table(tmp_path, "case,channel,series", "a,CT,a/images", "a,T1,a/mr")
    (fault,) = [fault for fault in check(dataset).errors if fault.file == label]
    assert (fault.code, fault.case) == ("bad-geometry", "a")
    assert "another frame of reference" in fault.found


def test_a_changed_uid_of_the_frame_matters_not_where_the_images_are_named(tmp_path):
    """As after a de-identification that was not consistent."""
    study(tmp_path / "a", "P1", masks={"Liver": LIVER})
    made = pydicom.dcmread(tmp_path / "a" / "seg.dcm")
    made.FrameOfReferenceUID = "1.2.9"
    made.save_as(tmp_path / "a" / "seg.dcm")
    (case,) = read_dataset(tmp_path).cases
    assert read_label(case.label).voxels.sum() == LIVER.sum()


def test_detect(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER})
    assert dicom.detect(tmp_path) == "5 of 5 files looked at are DICOM"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("text")
    assert dicom.detect(tmp_path / "notes") is None
    assert dicom.detect(tmp_path / "notes" / "a.txt") is None


def test_detect_a_cd_with_its_viewer(tmp_path):
    study(tmp_path / "DICOM", "P1", masks={"Liver": LIVER})
    for number in range(2000):
        (tmp_path / f"a{number}.dll").write_bytes(b"\0" * 200)
    (tmp_path / "logo.png").write_bytes(b"")
    assert dicom.detect(tmp_path) == "5 of 1000 files looked at are DICOM"
    assert read_dataset(tmp_path).layout == "dicom"


def test_single_images_with_masks_are_no_dicom_folder(tmp_path):
    study(tmp_path, "P1")
    (tmp_path / "masks").mkdir()
    for path in (tmp_path / "images").iterdir():
        (tmp_path / "masks" / f"{path.stem}.png").write_bytes(b"")
    assert dicom.detect(tmp_path) is None


@pytest.mark.parametrize(("others", "is_dicom"), [(3, True), (8, True), (9, False)])
def test_detect_dicom_beside_what_was_made_of_it(tmp_path, others, is_dicom):
    """Four slices, and up to twice as many images of other formats that are no masks of theirs."""
    write_series(tmp_path / "In", GRID)
    (tmp_path / "Ref").mkdir()
    for number in range(others):
        (tmp_path / "Ref" / f"{number}.nii").write_bytes(b"")
    assert (dicom.detect(tmp_path) is not None) == is_dicom


@pytest.mark.data
def test_nine_encodings_and_what_was_made_of_them_are_no_classes(data_folder):
    with pytest.raises(InputError, match="no image in these DICOM files") as caught:
        read_dataset(data_folder / "dicom" / "mr_transfer_syntaxes")
    assert caught.value.exit_code == 4


@pytest.mark.data
def test_one_patient_with_ct_mr_and_pet(data_folder):
    dataset = read_dataset(data_folder / "dicom" / "sts_003_ct_mr_pet_rtstruct")
    assert len(dataset.cases) == 3
    assert len({case.patient for case in dataset.cases}) == 1
    assert check(dataset).errors == ()


@pytest.fixture
def one_leg(data_folder, tmp_path):
    """CT, PET and MR of one patient's leg as the channels of one case; all three share a frame of reference."""
    for kind in ("CT", "MR_T1", "PET"):
        shutil.copytree(data_folder / "dicom" / "sts_003_ct_mr_pet_rtstruct" / kind, tmp_path / kind)
    rules = [{"modality": "CT"}, {"modality": "PT", "channel": "PET"}, {"modality": "MR", "channel": "T1"}]
    words = {"series": rules, "case_of": "patient", "structures": {"tumour": ["GTV_Mass_CT"]}}
    (tmp_path / "scanwright.json").write_text(json.dumps(words))
    return tmp_path


@pytest.mark.data
def test_three_series_as_channels(one_leg):
    dataset = read_dataset(one_leg)
    assert [channel.name for channel in dataset.task.channels] == ["CT", "PET", "T1"]
    checks = check(dataset)
    assert [fault.code for fault in checks.faults if fault.severity != "note"] == []
    assert [fault.code for fault in checks.faults].count("other-grid") == 2
    assert len(checks.facts[dataset.cases[0].id].channels) == 3


@pytest.mark.data
def test_a_channel_of_another_frame_is_registered(one_leg):
    """The MR says that it lies in a frame of its own, 25 mm away: registration brings it back to where it was."""
    (case,) = read_dataset(one_leg).cases
    as_it_was = read_case_image(case, read_dataset(one_leg).task).voxels[2]
    for path in (one_leg / "MR_T1" / "image").iterdir():
        path.chmod(0o644)
        header = pydicom.dcmread(path)
        header.FrameOfReferenceUID = "1.2.3"
        header.ImagePositionPatient = [header.ImagePositionPatient[0] + 25, *header.ImagePositionPatient[1:]]
        header.save_as(path)
    dataset = read_dataset(one_leg)
    checks = check(dataset)
    assert [fault.code for fault in checks.faults if fault.severity != "note"] == ["other-frame"]
    assert any("registered to the first channel" in fault.found for fault in checks.faults)
    brought = read_case_image(dataset.cases[0], dataset.task).voxels[2]
    # 0.81: the pose that was found and the one of the file differ by 7 mm (see geometry/register)
    assert np.corrcoef(brought.ravel(), as_it_was.ravel())[0, 1] > 0.75


def by_table(folder, *lines, name="series.csv"):
    """A data set whose cases a table names."""
    (folder / name).write_text("\n".join(lines))
    (folder / "scanwright.json").write_text(json.dumps({"series": name}))
    return read_dataset(folder)


def test_a_table_names_cases_channels_and_labels(tmp_path):
    channels(tmp_path / "a", "P1")
    channels(tmp_path / "b", "P2")
    uid = pydicom.dcmread(next((tmp_path / "b" / "mr").iterdir())).SeriesInstanceUID
    dataset = by_table(
        tmp_path,
        "case,channel,series,label,site",
        "one,CT,a/images,,north",
        f"two,CT,{tmp_path / 'b' / 'images'},b/seg.dcm,south",
        "one,T1,a/mr,a\\seg.dcm,north",
        f"two,T1,{uid},,south",
    )
    assert [case.id for case in dataset.cases] == ["one", "two"]
    assert [(channel.name, channel.modality) for channel in dataset.task.channels] == [("CT", "ct"), ("T1", "mr")]
    assert [case.groups["site"] for case in dataset.cases] == ["north", "south"]
    assert np.array_equal(read_volume(dataset.cases[1].images[1]).voxels[0], voxels(9))
    assert np.array_equal(read_label(dataset.cases[1].label).voxels[0], LIVER)
    assert [fault.code for fault in check(dataset).faults if fault.severity != "note"] == ["duplicate-image"]


def test_a_table_without_labels_takes_what_is_drawn(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER}, seed=1)
    study(tmp_path / "b", "P2", masks={"Liver": LIVER}, seed=2)
    dataset = by_table(tmp_path, "Series UID;body part", "b/images;liver")
    (case,) = dataset.cases
    assert case.id == "b_images"
    assert dataset.task.channels[0].name == "CT"
    assert read_label(case.label).voxels.sum() == LIVER.sum()


def test_labels_of_a_table_may_be_image_files(tmp_path):
    study(tmp_path / "a", "P1")
    write_volume(tmp_path / "mask.nii.gz", Volume((LIVER + 2 * TUMOUR)[None].astype(np.uint8), GRID))
    dataset = by_table(tmp_path, "case,series,mask", "one,a/images,mask.nii.gz")
    assert [region.values for region in dataset.task.regions] == [(1,), (2,)]
    assert check(dataset).errors == ()
    study(tmp_path / "b", "P2", masks={"Liver": LIVER}, seed=2)
    lines = ("case,series,mask", "one,a/images,mask.nii.gz", "two,b/images,b/seg.dcm")
    with pytest.raises(InputError, match="labels of two kinds"):
        by_table(tmp_path, *lines)


def test_rows_that_are_wrong_are_faults_of_their_case(tmp_path):
    channels(tmp_path / "a", "P1")
    channels(tmp_path / "b", "P2")
    dataset = by_table(
        tmp_path,
        "case,channel,series,label",
        "one,CT,a/images,b/seg.dcm",
        "one,T1,a/mr,",
        "two,CT,b/images,",
        "three,CT,c,",
        "four,CT,,",
    )
    assert [case.id for case in dataset.cases] == ["one"]
    found = {(fault.code, fault.case, fault.severity) for fault in dataset.faults if fault.case}
    assert found == {
        ("other-series", "one", "warning"),
        ("missing-channel", "two", "error"),
        ("missing-image", "three", "error"),
        ("missing-image", "four", "error"),
    }


def test_what_a_row_names_that_is_not_there_is_said(tmp_path):
    channels(tmp_path / "a", "P1")
    lines = ("case,series,volume", "one,a/images,", "two,a/mr,echo 2", "three,c,")
    found = {fault.case: fault.found for fault in by_table(tmp_path, *lines).faults if fault.case}
    assert found["two"] == "no volume 'echo 2' of a/mr, which has an unnamed one"
    assert found["three"] == "no such series: c"


def test_the_label_of_a_row_may_be_a_folder_with_one_file(tmp_path):
    channels(tmp_path / "a", "P1")
    (tmp_path / "drawn").mkdir()
    (tmp_path / "a" / "seg.dcm").rename(tmp_path / "drawn" / "1-1.dcm")
    lines = ("case,series,label", "one,a/images,drawn")
    assert read_label(by_table(tmp_path, *lines).cases[0].label).voxels.sum() == LIVER.sum()
    (tmp_path / "drawn" / "notes.txt").touch()
    with pytest.raises(InputError, match="a folder that is no label"):
        by_table(tmp_path, *lines)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("case,image", "one,a"), "no column that names series"),
        (("case,series", "one,a"), "several volumes could be one channel"),
        (("case,series", "one,a/images", "one,a/mr"), "two rows for one channel"),
        (("case,series", "one,nowhere"), "no case of the table is there"),
        (("case,series", "one,a/images", ",a/mr"), "a row that names no case"),
        (("series,patient", "a/images,7"), "a table that does not name its cases"),
        (("case,channel,series,label", "one,A,a/images,x.nii.gz", "one,B,a/mr,y.nii.gz"), "two labels for one case"),
    ],
)
def test_tables_that_say_no_cases(tmp_path, lines, message):
    channels(tmp_path / "a", "P1")
    with pytest.raises(InputError, match=message):
        by_table(tmp_path, *lines)


def test_a_table_that_is_not_there(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER})
    (tmp_path / "scanwright.json").write_text(json.dumps({"series": "no.csv"}))
    with pytest.raises(InputError, match="no such table"):
        read_dataset(tmp_path)


def test_a_study_that_lacks_a_channel(tmp_path):
    """An error where it would be learned from; a note where nothing is drawn on it."""
    channels(tmp_path / "a", "P1")
    study(tmp_path / "b", "P2", masks={"Liver": LIVER}, name="other", seed=3)
    study(tmp_path / "c", "P3", name="third", seed=4)
    rules = [{"channel": "T1", "modality": "mr"}, {"modality": "CT"}]
    (tmp_path / "scanwright.json").write_text(json.dumps({"series": rules}))
    dataset = read_dataset(tmp_path)
    assert [case.id for case in dataset.cases] == ["a_mr"]
    found = {(fault.code, fault.case, fault.severity) for fault in dataset.faults}
    assert {("missing-channel", "b_images", "error"), ("missing-channel", "c_images", "note")} <= found


def test_every_row_of_a_case_counts(tmp_path):
    """What is said of a case in any of its rows is said of the case; a channel's name is no group."""
    for name in ("a", "b", "c"):
        channels(tmp_path / name, name)
    dataset = by_table(
        tmp_path,
        "case,channel,series,patient,split",
        "one,CT,a/images,,",
        "one,T1,a/mr,X,test",
        f"two,CT,b/images/{min((tmp_path / 'b' / 'images').iterdir()).name},,",  # one of its files names a series as well
        "two,T1,b/mr,X,",
        "three,CT,c/images,Y,",
        "three,T1,c/mr,,",
    )
    found = {case.id: (case.patient, case.split) for case in dataset.cases}
    assert found == {"one": ("X", "test"), "two": ("X", "train"), "three": ("Y", "train")}
    assert all("channel" not in case.groups for case in dataset.cases)


def test_a_table_that_lies_elsewhere(tmp_path):
    study(tmp_path / "a", "P1", masks={"Liver": LIVER})
    (tmp_path / "t").mkdir()
    with pytest.raises(InputError, match="not in the data folder"):
        by_table(tmp_path, "case,series", "one,a/images", name="t/series.csv")
