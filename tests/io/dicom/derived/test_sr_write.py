"""Measurement reports: written, read back by our reader, highdicom's and dcmqi's; and those of other makers."""

import json
import math
import subprocess
import warnings
from datetime import datetime

import highdicom
import numpy as np
import pydicom
import pytest

from dicom_peers import DCMQI, conformance_errors, needs_dciodvfy, needs_dcmqi
from made_series import axial, write_picture, write_series
from scanwright.errors import InputError, UsageError
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_write import write_segmentation
from scanwright.io.dicom.derived.sr import (
    ATTENUATION,
    LONG_AXIS,
    MEAN,
    MR_SIGNAL,
    PERPENDICULAR_AXIS,
    PROBABILITY,
    STANDARD_DEVIATION,
    UNITS,
    VOLUME,
    PriorStudy,
    read_measurements,
)
from scanwright.io.dicom.derived.sr_concepts import CONFIDENCE, FOUND, NO
from scanwright.io.dicom.derived.sr_groups import Answer, RegionMeasures
from scanwright.io.dicom.derived.sr_write import write_measurements
from scanwright.io.dicom.intake import open_instance

MODEL = Model("liver net", "1.2.0", "ab" * 32)
REGIONS = (
    RegionMeasures(1, 123456.7890123, 61.25, 40.5, mean=-12.5, deviation=30.0625, unit="HU"),
    RegionMeasures(2, 1234.5, mean=48.0, unit="HU"),
    RegionMeasures(3, None),
)
ANSWERS = (Answer("pneumonia", 0.8125, conclusion="present"), Answer("bone age", 12.5, unit="1"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Sources and a segmentation of three regions, the last of them empty."""
    folder, grid = tmp_path_factory.mktemp("study"), axial()
    sources = [open_instance(path).dataset for path in write_series(folder / "ct", grid)]
    draw = np.random.default_rng(0)
    masks = {name: draw.random(grid.shape) < 0.3 for name in ("left kidney", "liver tumour", "anterior hippocampus")}
    masks["anterior hippocampus"][:] = False
    return sources, write_segmentation(folder / "seg.dcm", masks, grid=grid, sources=sources, model=MODEL)


@pytest.fixture(scope="module")
def report(study, tmp_path_factory):
    sources, segmentation = study
    path = tmp_path_factory.mktemp("report") / "sr.dcm"
    return path, write_measurements(
        path, regions=REGIONS, answers=ANSWERS, segmentation=segmentation, sources=sources, model=MODEL
    )


def test_numbers_come_back_exactly(report) -> None:
    kidney, tumour, front, pneumonia, age = report[1].groups
    assert kidney.value(VOLUME, unit=UNITS["mm3"]) == 123456.7890123
    assert kidney.value(VOLUME, unit=UNITS["ml"]) == 123456.7890123 / 1000
    assert (kidney.value(LONG_AXIS), kidney.value(PERPENDICULAR_AXIS)) == (61.25, 40.5)
    assert kidney.value(ATTENUATION, derivation=MEAN) == -12.5
    assert kidney.value(ATTENUATION, unit=UNITS["HU"], derivation=STANDARD_DEVIATION) == 30.0625
    assert kidney.value(ATTENUATION) is None and kidney.value(MR_SIGNAL, derivation=MEAN) is None
    assert tumour.value(LONG_AXIS) is None and len(tumour.values) == 3
    assert (front.values, front.answered(FOUND)) == ((), (NO,)) and kidney.answered(
        FOUND
    ) == ()  # nothing is no volume of 0
    assert (pneumonia.value(PROBABILITY), pneumonia.answers[0][1].meaning) == (0.812, "Present")
    assert (age.values[0].name.meaning, age.values[0].value, age.answers) == ("bone age", 12.5, ())


def test_comments_and_the_prior_study_come_back(study, tmp_path) -> None:
    """Texts of any length and script, and the prior study by its UIDs and its day; other content has other identifiers."""
    sources, _ = study
    given = {"answers": ANSWERS, "sources": sources, "model": MODEL}
    prior, comments = PriorStudy("1.2.840.1", "1.2.840.1.7", "20250110"), ("仅供研究使用", "doubt " * 300)
    said = write_measurements(tmp_path / "a.dcm", **given, comments=comments, prior=prior)
    bare = write_measurements(tmp_path / "b.dcm", **given)
    assert (said.comments, said.prior) == (tuple(one.strip() for one in comments), prior)
    assert (bare.comments, bare.prior) == ((), None) and said.instance != bare.instance
    assert [one.tracking_id for one in said.groups] == [one.tracking_id for one in bare.groups]
    unknown = write_measurements(tmp_path / "c.dcm", **given, prior=PriorStudy("1.2.3", "no UID"))
    assert unknown.prior == PriorStudy("1.2.3")
    assert write_measurements(tmp_path / "d.dcm", **given, prior=PriorStudy("no UID")).prior is None


@needs_dciodvfy
def test_comments_are_as_the_standard_wants_them(study, tmp_path) -> None:
    sources, _ = study
    prior = PriorStudy("1.2.840.1", "1.2.840.1.7", "20250110")
    write_measurements(
        tmp_path / "a.dcm", answers=ANSWERS, sources=sources, model=MODEL, comments=["for research"], prior=prior
    )
    assert conformance_errors(tmp_path / "a.dcm") == []


def test_regions_are_those_of_the_segmentation(study, report) -> None:
    sources, segmentation = study
    for group, segment in zip(report[1].groups[:3], segmentation.segments, strict=True):
        assert (group.tracking_id, group.tracking_uid) == (segment.tracking_id, segment.tracking_uid)
        assert (group.segment, group.segmentation) == (segment.number, segmentation.instance)
        assert (group.finding, group.category) == (segment.type, segment.category)
        assert group.source_series == sources[0].SeriesInstanceUID
    kidney, tumour, front = report[1].groups[:3]
    assert (kidney.site.meaning, [one.meaning for one in kidney.site_modifiers]) == ("Kidney", ["Left"])
    assert (tumour.site.meaning, tumour.site_modifiers) == ("Liver", ())
    assert (front.site.meaning, [one.meaning for one in front.site_modifiers]) == ("Hippocampus", ["Anterior"])


def test_model_and_evidence(study, report) -> None:
    sources, segmentation = study
    found = report[1]
    assert (found.device_name, found.device_model, found.device_serial) == ("liver net", "liver net 1.2.0", MODEL.hash)
    assert all((one.algorithm, one.algorithm_version) == ("liver net", "1.2.0") for one in found.groups)
    assert all(one.algorithm_parameters == (f"package={MODEL.hash}",) for one in found.groups)
    assert set(found.evidence) == {segmentation.instance, *(source.SOPInstanceUID for source in sources)}
    assert found.study == sources[0].StudyInstanceUID
    header = pydicom.dcmread(report[0])
    assert (header.CompletionFlag, header.VerificationFlag, header.PreliminaryFlag) == (
        "COMPLETE", "UNVERIFIED", "PRELIMINARY",
    )  # fmt: skip
    assert str(header.PatientName) == "Phantom^Müller"


def test_highdicom_reads_the_same(study, report) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = highdicom.sr.srread(report[0]).content
        groups = content.get_volumetric_roi_measurement_groups()
        others = content.get_image_measurement_groups()
    assert [group.tracking_uid for group in groups] == [segment.tracking_uid for segment in study[1].segments]
    assert [one.value for one in groups[0].get_measurements()][:3] == [123456.7890123, 123456.7890123 / 1000, 61.25]
    referenced = groups[0].referenced_segment[0].ReferencedSOPSequence[0]
    assert (referenced.ReferencedSOPInstanceUID, referenced.ReferencedSegmentNumber) == (study[1].instance, 1)
    assert [one.get_measurements()[0].value for one in others] == [0.812, 12.5]


@needs_dcmqi
def test_dcmqi_reads_the_same(study, tmp_path) -> None:
    sources, segmentation = study
    write_measurements(tmp_path / "sr.dcm", regions=REGIONS, segmentation=segmentation, sources=sources, model=MODEL)
    command = [
        DCMQI.parent / "tid1500reader",
        "--inputDICOM",
        tmp_path / "sr.dcm",
        "--outputMetadata",
        tmp_path / "sr.json",
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    groups = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    assert [group["TrackingUniqueIdentifier"] for group in groups] == [
        one.tracking_uid for one in segmentation.segments
    ]
    assert [int(group["ReferencedSegment"]) for group in groups] == [1, 2, 3]
    assert float(groups[0]["measurementItems"][0]["value"]) == pytest.approx(123456.7890123)


@needs_dciodvfy
def test_dciodvfy_finds_no_error(report) -> None:
    assert conformance_errors(report[0]) == []


@needs_dciodvfy
def test_answers_alone_on_a_radiograph(tmp_path) -> None:
    sources = [open_instance(write_picture(tmp_path / "picture.dcm", 20, 10)).dataset]
    found = write_measurements(
        tmp_path / "sr.dcm",
        answers=[
            Answer("Lungenentzündung", 0.25, conclusion="grade II"),
            Answer("abnormal", 0.12345, unit="confidence", conclusion="absent"),
        ],
        sources=sources,
        model=MODEL,
    )
    group, unusual = found.groups
    assert (unusual.value(CONFIDENCE), unusual.value(PROBABILITY)) == (0.123, None)
    assert (group.tracking_id, group.segment) == ("Lungenentzündung", None)
    assert (group.value(PROBABILITY), group.answers[0][1].meaning) == (0.25, "grade II")
    assert conformance_errors(tmp_path / "sr.dcm") == []


def test_intensity_is_named_by_unit_and_modality(tmp_path) -> None:
    grid = axial()
    for modality, unit, expected in (("MR", "arbitrary", MR_SIGNAL.value), ("CT", "arbitrary", None)):
        sources = [open_instance(p).dataset for p in write_series(tmp_path / modality, grid, modality=modality)]
        segmentation = write_segmentation(
            tmp_path / f"{modality}.dcm", {"liver": np.ones(grid.shape, bool)}, grid=grid, sources=sources, model=MODEL
        )
        found = write_measurements(
            tmp_path / f"{modality}_sr.dcm",
            regions=[RegionMeasures(1, 5.0, mean=3.0, unit=unit)],
            segmentation=segmentation,
            sources=sources,
            model=MODEL,
        )
        name = found.groups[0].values[-1].name
        assert name.value == expected if expected else (name.scheme, name.meaning) == ("99SCANWRIGHT", "Intensity")


def test_the_same_report_has_the_same_bytes(study, tmp_path) -> None:
    sources, segmentation = study
    made = datetime(2026, 3, 4, 5, 6, 7)
    for name in ("a.dcm", "b.dcm"):
        write_measurements(
            tmp_path / name, regions=REGIONS, segmentation=segmentation, sources=sources, model=MODEL, made=made
        )
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


@pytest.mark.parametrize("fault", ["nothing", "no segmentation", "no segment", "infinite", "unit", "study"])
def test_planted_faults(study, tmp_path, fault) -> None:
    sources, segmentation = study
    given = {"regions": REGIONS, "segmentation": segmentation, "sources": sources, "model": MODEL}
    changes = {
        "nothing": {"regions": ()},
        "no segmentation": {"segmentation": None},
        "no segment": {"regions": [RegionMeasures(9, 1.0)]},
        "infinite": {"regions": [RegionMeasures(1, math.inf)]},
        "unit": {"regions": [RegionMeasures(1, 1.0, mean=1.0, unit="furlong")]},
    }
    if fault == "study":
        other = write_series(tmp_path / "other", axial(), patient="P2")
        changes["study"] = {"sources": [open_instance(path).dataset for path in other]}
    with pytest.raises(UsageError if fault in ("no segmentation", "unit") else InputError):
        write_measurements(tmp_path / "sr.dcm", **{**given, **changes[fault]})
    assert not (tmp_path / "sr.dcm").exists()


@pytest.mark.data
def test_reports_of_other_makers(data_folder) -> None:
    folder = data_folder / "dicom"
    (tumour,) = read_measurements(folder / "seg_sr_dcmqi/sr-example/sr.dcm").groups
    assert (tumour.tracking_id, tumour.segment, tumour.finding.meaning) == ("primary tumor", 1, "Neoplasm, Primary")
    numbers = {(one.name.meaning, one.derivation and one.derivation.meaning): one.value for one in tumour.values}
    assert numbers[("SUVbw", "Mean")] == 6.01529 and numbers[("Volume", None)] == 33.5824
    (cord,) = read_measurements(folder / "seg_sr_highdicom/sr_document.dcm").groups
    assert (cord.finding.meaning, cord.site_modifiers[0].meaning) == ("Spinal cord", "Vertebral foramen")
    assert [(one.name.meaning, one.value) for one in cord.values] == [("Area of defined region", 1.7)]
    assert len(read_measurements(folder / "seg_sr_highdicom/sr_document_with_multiple_groups.dcm").groups) == 4


@pytest.mark.data
@pytest.mark.parametrize("name", ["test-SR", "reportsi", "reportsi_with_empty_number_tags", "CT_small"])
def test_what_is_no_measurement_report(data_folder, name) -> None:
    with pytest.raises(InputError):
        read_measurements(data_folder / f"dicom/pydicom_oddities/{name}.dcm")
