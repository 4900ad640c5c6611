"""Boxes of one package told by the regions of another: on the page, as data, beside DICOM; and packages that do not fit."""

import json
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest

from made_folders import ball, made_case, write_nifti
from scanwright.api.case.region_model import RegionModel, channels_among, open_regions
from scanwright.api.case.study_report import StudyOptions
from scanwright.api.use_model import predict, verify
from scanwright.dataset.task import Channel, Region, Task
from scanwright.errors import InputError, UsageError
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.dicom.derived.sr import UNITS, VOLUME, read_measurements
from scanwright.io.formats import read_volume
from scanwright.problem.known import KINDS


@pytest.fixture(scope="module")
def detector(finished, tmp_path_factory, scanwright):
    """A package of boxes round the tumours of the same scans, in which `finished` finds the liver."""
    folder = tmp_path_factory.mktemp("boxes")
    given = ("--task", "detection", "--steps", "100", "--folds", "2", "--device", "cpu")
    ended = scanwright("train", finished.data, *given, "-o", folder / "run")
    assert ended.code == 0, ended.err
    return folder / "run" / "model.swm"


@pytest.fixture
def scan(finished):
    return finished.data / "imagesTr" / "p00_0000.nii.gz"


def test_predict__boxes_lie_in_the_regions_of_the_second_package(finished, detector, scan, tmp_path):
    out = tmp_path / "out"
    (found,) = predict(detector, scan, out=out, regions=finished.model, report=StudyOptions())
    assert found.found["boxes"] and {box["region"] for box in found.found["boxes"]} <= {"liver", ""}
    assert list(found.found["regions"]["sizes"]) == [
        "liver"
    ]  # the tumour is a finding of that package, and not a region
    (record,) = json.loads((out / "predictions.json").read_text())["predictions"].values()
    assert record["regions"] == found.found["regions"]
    assert record["regions_package"] == verify(finished.model)["digest"] != record["package"]
    kept = json.loads((out / "p00.json").read_text())
    assert kept["regions"] == found.found["regions"] and all("region" in box for box in kept["boxes"])
    told = json.loads((out / "p00.report.json").read_text())
    assert [(one["region"], one["crosses"]) for one in told["findings"]] == [
        (box["region"], box["crosses"]) for box in found.found["boxes"]
    ]
    (liver,) = told["regions"]
    assert liver["size"] == pytest.approx(found.found["regions"]["sizes"]["liver"], abs=1e-3)
    assert told["has_regions"] and told["unit_of_size"] == "ml" and liver["burden"] is None
    assert (told["model"]["kind"], told["regions_model"]["kind"]) == ("detection", "segmentation")
    assert told["regions_model"]["parts"] == ["liver"]
    (tested,) = told["regions_model"]["tested_on"]
    assert (
        tested["metric"] == "dice" and tested["findings"] is None
    )  # its findings, and how many it misses, are not told here
    page = unescape((out / "p00.report.html").read_text())
    assert "Regions by the model" in page and verify(finished.model)["digest"] in page
    assert "Taken by findings" not in page and "Of region" not in page


def test_predict__the_regions_are_those_that_the_second_package_gives_by_itself(finished, detector, scan, tmp_path):
    (alone,) = predict(finished.model, scan, out=tmp_path / "alone", report=StudyOptions())
    (found,) = predict(detector, scan, out=tmp_path / "out", regions=finished.model)
    told = json.loads((tmp_path / "alone" / "p00.report.json").read_text())
    assert alone.found["unit"] == found.found["regions"]["unit"]
    assert [one["size"] for one in told["regions"]] == pytest.approx(
        [*found.found["regions"]["sizes"].values()], abs=1e-3
    )


def test_predict__without_regions_boxes_are_told_as_ever(detector, scan, tmp_path):
    (found,) = predict(detector, scan, out=tmp_path / "out", report=StudyOptions())
    assert "regions" not in found.found and "regions_package" not in found.to_json()
    assert all("region" not in box for box in found.found["boxes"])
    told = json.loads((tmp_path / "out" / "p00.report.json").read_text())
    assert told["regions_model"] is None and not told["has_regions"]


def test_predict__what_the_second_package_does_not_know_is_told_of_the_regions(finished, detector, tmp_path):
    bright = write_nifti(tmp_path / "a.nii.gz", ball(0)[0] * 50 + 9000)
    (found,) = predict(
        detector, bright, out=tmp_path / "out", regions=finished.model, report=StudyOptions(language="zh")
    )
    (doubt,) = (note for note in found.notes if getattr(note, "code", "") == "of-regions")
    assert doubt.values["doubt"].code == "unfamiliar-values"
    page = (tmp_path / "out" / "a.report.html").read_text(encoding="utf-8")
    assert "关于区域分割：" in page and "区域分割所用模型" in page


def test_predict__a_scan_that_the_second_package_has_learned_from(finished, detector, tmp_path):
    fold = json.loads((finished.run / "splits.json").read_text())["folds"][0]
    (found,) = predict(
        detector,
        finished.data / "imagesTr" / f"{fold['train'][0]}_0000.nii.gz",
        out=tmp_path / "out",
        regions=finished.model,
    )
    assert "learned-from" in [one.values["doubt"].code for one in found.notes if one.code == "of-regions"]


def test_case_of__channels_in_files_of_their_own():
    case = made_case("a", images=(Path("t1.nii"), Path("flair.nii")))
    assert RegionModel(None, (1,)).case_of(case).images == (Path("flair.nii"),)
    alone = made_case("b", images=(Path("rgb.png"),))
    assert RegionModel(None, (0, 1, 2)).case_of(alone) is alone


def test_predict__beside_dicom_the_report_holds_region_and_sizes(finished, detector, scan, tmp_path):
    write_series(tmp_path / "scan", read_volume(scan), modality="CT", patient="P1")
    (found,) = predict(detector, tmp_path / "scan", out=tmp_path / "out", regions=finished.model)
    report = read_measurements(tmp_path / "out" / "scan.sr.dcm")
    groups = report.groups
    assert any(one.startswith("Model ") for one in report.comments)
    assert any(one.startswith("Regions by the model ") for one in report.comments)
    boxes = found.found["boxes"]
    assert boxes and [None if one.site is None else one.site.meaning for one in groups[: len(boxes)]] == [
        "Liver" if box["region"] else None for box in boxes
    ]
    liver = groups[len(boxes)]
    assert liver.finding.meaning == "Liver"
    assert liver.value(VOLUME, unit=UNITS["ml"]) == pytest.approx(found.found["regions"]["sizes"]["liver"])


def test_regions__of_a_package_that_has_none(finished, detector, scan, tmp_path):
    with pytest.raises(UsageError, match="names no regions") as told:
        predict(detector, scan, out=tmp_path / "out", regions=detector)
    assert told.value.found == "detection: tumour" and "segmentation" in str(told.value.expected)
    with pytest.raises(UsageError, match="not told by another model's regions") as told:
        predict(finished.model, scan, out=tmp_path / "out", regions=finished.model)
    assert told.value.found == "segmentation"
    with pytest.raises(InputError, match="no such package"):
        predict(detector, scan, out=tmp_path / "out", regions=tmp_path / "none.swm")
    assert not (tmp_path / "out").exists()


def test_regions__of_a_package_of_other_channels(finished):
    channels = (Channel(name="T1", modality="mr"), Channel(name="FLAIR", modality="mr"))
    task = Task(name="t", kind="detection", classes=("a",), channels=channels)
    beside = SimpleNamespace(problem=KINDS["detection"](task), task=task)
    with pytest.raises(UsageError, match="other channels") as told:
        open_regions(finished.model, beside=beside, device="cpu")
    assert told.value.expected == "T1 (mr), FLAIR (mr)"


def of(*channels):
    told = tuple(Channel(name=name, modality=modality) for name, modality in channels)
    return Task(name="t", channels=told, regions=(Region(name="r", values=(1,)),))


@pytest.mark.parametrize(
    ("own", "other", "places"),
    [
        ([("CT", "ct")], [("channel 0", "ct")], (0,)),
        ([("CT", "ct")], [("image", "other")], (0,)),
        ([("flair", "mr")], [("T1", "mr"), ("FLAIR", "mr")], (1,)),
        ([("b", "mr"), ("a", "mr")], [("a", "mr"), ("b", "mr")], (1, 0)),
    ],
)
def test_channels_among__by_name_or_the_only_one(own, other, places):
    assert channels_among(of(*own), of(*other), where="x") == places


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ([("CT", "ct")], [("MR", "mr")]),
        ([("a", "mr"), ("b", "mr")], [("a", "mr")]),
        ([("ct", "ct")], [("ct", "mr"), ("pet", "pet")]),
    ],
)
def test_channels_among__of_others_is_refused(own, other):
    with pytest.raises(UsageError, match="other channels"):
        channels_among(of(*own), of(*other), where="x")
