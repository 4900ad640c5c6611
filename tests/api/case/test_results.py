"""Answers as DICOM: the labels that NIfTI would have got, beside measurements that were worked out by hand."""

import json

import numpy as np
import pytest

from dicom_peers import conformance_errors, needs_dciodvfy
from made_folders import made_task
from scanwright.api.case import coded_measures, results
from scanwright.api.case.dicom_scans import dicom_cases
from scanwright.api.case.study_report import StudyOptions
from scanwright.api.use_model import predict
from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.rtstruct import read_structures
from scanwright.io.dicom.derived.rtstruct_masks import structure_mask
from scanwright.io.dicom.derived.seg_grid import own_grid, segment_mask
from scanwright.io.dicom.derived.seg_read import read_segmentation
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.dicom.derived.sr import UNITS, VOLUME, read_measurements
from scanwright.io.dicom.derived.sr_concepts import CHANGE, CHANGES, FOUND, NO
from scanwright.io.formats import read_label, read_volume
from scanwright.io.source import DicomVolume


@pytest.fixture(scope="module")
def answered(finished, tmp_path_factory):
    """One scan, answered as NIfTI and as DICOM."""
    folder = tmp_path_factory.mktemp("answered")
    scan = finished.data / "imagesTr" / "p00_0000.nii.gz"
    write_series(folder / "scan", read_volume(scan), modality="CT", patient="P1", description="thorax")
    plain = predict(finished.model, scan, out=folder / "nifti")
    coded = predict(finished.model, folder / "scan", out=folder / "dicom")
    return plain[0], coded[0]


def test_an_image_within_the_normal_is_told_by_its_score_alone():
    (only,) = coded_measures.answers_in({"score": 0.25, "limit": 0.5, "decision": "normal", "abnormal_share": 0.0})
    assert (only.name, only.value, only.conclusion) == ("abnormal", 0.25, "")


def test_the_same_labels(answered):
    plain, coded = answered
    labels, segmentation = read_label(plain.file), read_segmentation(coded.file)
    assert [one.label for one in segmentation.segments] == ["liver", "tumour"]
    turned = labels.reoriented(canonical(labels.grid.affine))
    for segment, value in ((1, 1), (2, 2)):
        mask = segment_mask(segmentation, segment, labels.grid)
        assert np.array_equal(mask, labels.voxels[0] == value)
    assert coded.found["volumes"] == pytest.approx(plain.found["volumes"])
    assert turned.grid.unit == "mm"


def test_the_report_says_what_was_measured(answered, finished):
    plain, coded = answered
    names = [path.name for path in coded.also]
    found = read_label(plain.file).voxels.max() > 0
    tumour = (read_label(plain.file).voxels == 2).any()
    coded_files = [*(["scan.findings.dcm"] if tumour else []), *(["scan.sr.dcm"] if found else [])]
    assert names == [*coded_files, "scan.overlay.png", "scan.overlay.dcm"]
    if found:
        report = read_measurements(coded.also[names.index("scan.sr.dcm")])
        volumes = {one.tracking_id: one.value(VOLUME, unit=UNITS["ml"]) for one in report.groups}
        wanted = {name: ml for name, ml in coded.found["volumes"].items() if ml}
        assert {name: volumes[name] for name in wanted} == pytest.approx(wanted)
        each = [ml for name, ml in volumes.items() if name.startswith("tumour ")]
        assert sum(each) == pytest.approx(volumes.get("tumour", 0))


@pytest.mark.parametrize(("format", "suffix"), [("dicom-labelmap", ".seg.dcm"), ("rtstruct", ".rtstruct.dcm")])
def test_other_forms_hold_the_same_regions(answered, finished, tmp_path, format, suffix):
    plain, coded = answered
    scan = coded.images[0].files[0].parent
    (found,) = predict(finished.model, scan, out=tmp_path, format=format)
    assert found.file.name == f"scan{suffix}"
    labels = read_label(plain.file)
    for number, value in ((1, 1), (2, 2)):
        wanted = labels.voxels[0] == value
        if format == "rtstruct":
            mask = structure_mask(read_structures(found.file), number, labels.grid) if wanted.any() else wanted
        else:
            mask = segment_mask(read_segmentation(found.file), number, labels.grid)
        assert np.array_equal(mask, wanted)


def test_against_a_prior_study_every_finding_says_what_became_of_it(finished, answered, tmp_path):
    scan = answered[1].images[0].files[0].parent
    (found,) = predict(finished.model, scan, out=tmp_path, report=StudyOptions(), prior=[scan])
    page = json.loads((tmp_path / "scan.report.json").read_text())
    report = read_measurements(tmp_path / "scan.sr.dcm")
    told = [group.answered(CHANGE)[0] for group in report.groups if group.answered(CHANGE)]
    became = [line["change"] for line in page["findings"]]
    assert became and told == [CHANGES[change] for change in became if change in CHANGES]
    uncoded = [one for one in report.comments if ", against the prior study: " in one]
    assert len(uncoded) == len(became) - len(told)  # of what the border cuts no growth is known
    assert {line["change"] for line in page["findings"]} <= {"stable", "cut"}
    assert found.file.name == "scan.seg.dcm"


@needs_dciodvfy
def test_every_object_is_as_the_standard_wants_it(answered):
    files = [answered[1].file, *(path for path in answered[1].also if path.suffix == ".dcm")]
    assert {path.name: conformance_errors(path) for path in files} == {path.name: [] for path in files}


def test_measure():
    """Two voxels of 2 x 3 x 4 mm, 48 mm3, with 10 and 20 in them."""
    mask = np.zeros((4, 4, 2), np.bool_)
    mask[1:3, 1, 0] = True
    image = Volume(np.full((1, 4, 4, 2), 10, np.int16), Grid.from_spacing((4, 4, 2), (2, 3, 4)))
    image.voxels[0, 2, 1, 0] = 20
    found = coded_measures.measure(mask, image)
    assert (found["size"], found["mean"], found["deviation"]) == pytest.approx((48, 15, 5))
    assert (found["longest"], found["perpendicular"]) == (pytest.approx(5), pytest.approx(3 * 5 / 4))
    assert coded_measures.measure(np.zeros_like(mask), image) == {"size": None, "unit_of_size": "mm3"}


@pytest.mark.parametrize(("unit", "size"), [("mm", (12.0, "mm2")), ("px", (2.0, "px"))])
def test_measure__of_a_single_slice_is_an_area(unit, size):
    """Two pixels of 2 x 3 mm, as the findings of the same report have them, or two pixels of a picture."""
    mask = np.zeros((4, 4, 1), np.bool_)
    mask[1:3, 1, 0] = True
    spacing = (2, 3, 4) if unit == "mm" else (1, 1, 1)
    image = Volume(np.ones((1, 4, 4, 1), np.int16), Grid.from_spacing((4, 4, 1), spacing, unit=unit))
    found = coded_measures.measure(mask, image)
    assert (found["size"], found["unit_of_size"]) == size


@pytest.fixture
def nothing(finished, tmp_path):
    """The files of an answer in which nothing was found."""
    image = read_volume(finished.data / "imagesTr" / "p00_0000.nii.gz")
    write_series(tmp_path / "scan", image, modality="CT", patient="P1")
    (case,) = dicom_cases([tmp_path / "scan"], made_task()).cases
    (scan,) = case.images
    empty = Volume(np.zeros(read_volume(scan).voxels.shape, np.uint8), read_volume(scan).grid)
    model = results.model_of({"name": "m"}, "0" * 64)
    return results.write_dicom(
        tmp_path / "a.seg.dcm", scan, read_volume(scan), empty, task=made_task(), model=model, labelmap=False
    )


def test_what_was_looked_for_and_not_found_is_reported(nothing):
    report = read_measurements(nothing[1])
    assert [(one.tracking_id, one.values, one.answered(FOUND)) for one in report.groups] == [
        ("liver", (), (NO,)),
        ("tumour", (), (NO,)),
    ]


@needs_dciodvfy
def test_an_answer_of_nothing_is_as_the_standard_wants_it(nothing):
    files = [path for path in nothing if path.suffix == ".dcm"]
    assert {path.name: conformance_errors(path) for path in files} == {path.name: [] for path in files}


def test_dicom_source(tmp_path):
    scan = DicomVolume((tmp_path / "a.dcm",), frame="1.2.3")
    assert results.dicom_source(scan) is scan
    assert results.can_refer_to(scan)
    lost = DicomVolume((tmp_path / "a.dcm",))
    assert not results.can_refer_to(lost)
    with pytest.raises(InputError, match="to which no DICOM result can refer"):
        results.dicom_source(lost)
    with pytest.raises(InputError, match="needs a DICOM scan"):
        results.dicom_source(tmp_path / "a.nii.gz")


def test_predict__a_folder_without_a_volume_of_the_model(finished, tmp_path):
    volume = Volume(np.zeros((1, 3, 4, 2), np.int16), Grid.from_spacing((3, 4, 2), (1, 1, 1)))
    write_series(tmp_path / "scan", volume, modality="MR", patient="P1")
    with pytest.raises(InputError, match="no volume that this model can answer") as caught:
        predict(finished.model, tmp_path / "scan", out=tmp_path / "out")
    assert caught.value.details == ("MR, 3 x 4 x 2",)


def test_own_grid_is_the_scan_s(answered):
    segmentation = read_segmentation(answered[1].file)
    assert own_grid(segmentation).unit == "mm"
