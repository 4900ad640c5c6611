"""A prior study: whether it is of the same patient and earlier, answered as the current one is, and how long ago it was."""

import json
from datetime import date
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

from dicom_peers import conformance_errors, needs_dciodvfy
from made_folders import ball, write_nifti
from scanwright.api.case import prior_study
from scanwright.api.case.answering import AnsweredScan
from scanwright.api.case.prior_study import (
    LATER,
    OTHER_BIRTH,
    OTHER_ID,
    compared,
    days_between,
    in_one_plane,
    is_same,
    mismatches,
)
from scanwright.api.case.scan_header import ScanHeader, dated
from scanwright.api.case.study_report import StudyOptions
from scanwright.api.use_model import predict
from scanwright.dataset.task import Channel, Region, Task
from scanwright.findings.table import StudyTable
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.dicom.derived.sr import PriorStudy, read_measurements
from scanwright.io.dicom.derived.sr_concepts import CHANGE
from scanwright.io.formats import read_volume
from scanwright.problem.segmentation import Segmentation

NOW = ScanHeader({"PatientID": "A1", "PatientBirthDate": "19500102", "StudyDate": "20260301"})


PROBLEM = Segmentation(
    Task(
        name="chest",
        channels=(Channel(name="CT", modality="ct"),),
        regions=(Region(name="lung", values=(1,)), Region(name="nodule", values=(2,))),
    )
)
SHAPE = (40, 40, 30)


def header(**changes):
    return ScanHeader({**NOW.values, **changes})


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (header(), ()),
        (header(PatientID="B2"), (OTHER_ID,)),
        (header(PatientID="B2", PatientBirthDate="19611111"), (OTHER_ID, OTHER_BIRTH)),
        (header(StudyDate="20260302"), (LATER,)),
        (ScanHeader({"StudyDate": "20250101"}), ()),  # whose it is, is not known
        (ScanHeader(), ()),
    ],
)
def test_mismatches__are_told_where_both_headers_say_it(then, told):
    assert mismatches(NOW, then, days=days_between(then, NOW)) == told


def test_days__need_two_dates():
    assert days_between(header(StudyDate="20260129"), NOW) == 31 and days_between(NOW, NOW) == 0
    assert days_between(header(StudyDate="20260302"), NOW) == -1
    assert days_between(ScanHeader(), NOW) is None and days_between(header(StudyDate="2026"), NOW) is None


def test_header__is_told_under_the_names_that_are_asked_for():
    assert NOW.chosen({"StudyDate": "date", "Modality": "modality"}) == {"date": "2026-03-01"}
    assert NOW.study_date == date(2026, 3, 1) and dated("1961") == "1961"


def series(folder, finished, **elements):
    image = read_volume(finished.data / "imagesTr" / "p00_0000.nii.gz")
    write_series(folder, image, modality="CT", patient=elements["PatientID"])
    for file in folder.glob("*.dcm"):
        stored = pydicom.dcmread(file)
        for name, value in elements.items():
            setattr(stored, name, value)
        stored.save_as(file)
    return folder


@needs_dciodvfy
def test_report__of_another_patients_study_says_so_first(finished, tmp_path):
    now = series(tmp_path / "now", finished, PatientID="SECRET-1", StudyDate="20260301")
    then = series(tmp_path / "then", finished, PatientID="SECRET-2", StudyDate="20250101")
    (found,) = predict(finished.model, now, out=tmp_path / "out", report=StudyOptions(), prior=[then])
    told = json.loads((tmp_path / "out/now.report.json").read_text())
    page = (tmp_path / "out/now.report.html").read_text()
    assert told["warnings"][0]["code"] == "prior-other-id" and OTHER_ID in found.notes
    assert told["days_since_prior"] == 424 and "14 months before" in page
    assert page.index("another patient ID") < page.index("</ul>", page.index('class="warnings"'))
    assert "SECRET" not in page and "2025" not in page and "SECRET" not in json.dumps(told)
    report = read_measurements(tmp_path / "out/now.sr.dcm")
    assert OTHER_ID in report.comments and all(group.answered(CHANGE) == () for group in report.groups)
    assert conformance_errors(tmp_path / "out/now.sr.dcm") == []


def test_dicom_report__names_the_prior_study_and_says_what_the_page_says(finished, tmp_path):
    """The prior study by its UIDs, and every doubt of the page as a comment."""
    now = series(tmp_path / "now", finished, PatientID="P1", StudyDate="20260301")
    then = series(tmp_path / "then", finished, PatientID="P1", StudyDate="20250101")
    predict(finished.model, now, out=tmp_path / "out", report=StudyOptions(), prior=[then])
    report = read_measurements(tmp_path / "out/now.sr.dcm")
    told = json.loads((tmp_path / "out/now.report.json").read_text())
    before = pydicom.dcmread(next(then.glob("*.dcm")))
    assert report.prior == PriorStudy(before.StudyInstanceUID, before.SeriesInstanceUID, "20250101")
    assert {one["text"] for one in told["warnings"]} <= {*report.comments}
    assert report.comments[0].startswith("For research use only.")
    assert any(one.startswith("Model ") and "(cases: 2, patients: 2)" in one for one in report.comments)


def test_prior__is_answered_with_the_regions_of_the_current_scan(monkeypatch):
    """Else whatever is resolved would be told as outside all regions."""
    asked = []

    class Answered(Exception):
        pass

    def answer(model, case, *, regions=None, tell):
        asked.append(regions)
        raise Answered

    monkeypatch.setattr(prior_study, "answer_scan", answer)
    monkeypatch.setattr(prior_study, "scan_header", lambda case: ScanHeader())
    nothing = StudyTable(regions=(), findings=(), unit_of_size="ml", unit_of_length="mm")
    with pytest.raises(Answered):
        prior_study.followed(None, None, None, nothing, "before", regions="lobes")
    assert asked == ["lobes"]


def test_prior__is_answered_as_the_current_scan_is(finished, tmp_path):
    """What is unlike the training data in it is told as of the prior study."""
    voxels = ball(0)[0]
    now = write_nifti(tmp_path / "now.nii.gz", voxels)
    bright = write_nifti(tmp_path / "before.nii.gz", voxels * 50 + 9000)
    (found,) = predict(finished.model, now, out=tmp_path / "out", report=StudyOptions(), prior=[bright])
    (doubt,) = (note for note in found.notes if getattr(note, "code", "") == "of-prior")
    assert doubt.values["doubt"].code == "unfamiliar-values" and doubt.startswith("of the prior study: grey values of")
    assert "Of the prior study: Grey values of" in (tmp_path / "out/now.report.html").read_text()


def scanned(nodules, *, spacing=(1, 1, 2), slices=(0, 30)):
    """A scan with these nodules (corner and edges in voxels), of some of its slices, and its answer."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:36, 4:36] = 1
    for (i, j, k), (width, height, depth) in nodules:
        labels[i : i + width, j : j + height, k : k + depth] = 2
    low, high = slices
    grid = Grid.from_spacing(SHAPE, spacing).crop((0, 0, low), (*SHAPE[:2], high))
    answer = Volume(labels[None, ..., low:high], grid)
    return AnsweredScan(Volume(np.zeros((1, *grid.shape), np.float32), grid), answer, None, ())


def became(now, then, monkeypatch, *, apart=0.0):
    """The comparison, with the spaces of both studies `apart` mm along the first axis."""
    affine = np.eye(4)
    affine[0, 3] = apart
    image = then.image
    moved = Volume(image.voxels, Grid(image.grid.shape, affine @ image.grid.affine))
    then = AnsweredScan(moved, Volume(then.answer.voxels, moved.grid), None, ())
    monkeypatch.setattr(prior_study, "register_rigid", lambda *_: SimpleNamespace(affine=affine, quality=1.0))
    table = PROBLEM.measured(now.image, now.answer, sure=None)
    return compared(SimpleNamespace(problem=PROBLEM), now.image, table, then)


LOW, HIGH, ACROSS = ((10, 10, 5), (6, 6, 3)), ((20, 20, 22), (6, 6, 3)), ((10, 24, 16), (6, 6, 4))


@pytest.mark.parametrize("apart", [0.0, 300.0])
def test_compared__where_the_other_scan_does_not_reach_nothing_is_new_or_resolved(apart, monkeypatch):
    """A scan beside itself without its upper slices: what lies there wholly, or in part, is neither new nor resolved."""
    whole, lower = scanned([LOW, HIGH, ACROSS]), scanned([LOW, HIGH], slices=(0, 18))
    found = became(whole, lower, monkeypatch, apart=apart)
    assert sorted(one.change for one in found.changes) == ["not covered before", "not covered before", "stable"]
    (doubt,) = found.doubts
    assert doubt.code == "prior-not-covering" and doubt.values == {"number": 2}
    found = became(lower, whole, monkeypatch, apart=apart)
    assert sorted(one.change for one in found.changes) == ["not covered now", "not covered now", "stable"]
    found = became(whole, scanned([LOW], slices=(0, 29)), monkeypatch, apart=apart)
    assert [one.change for one in found.changes].count("new") == 2 and found.doubts == ()


def test_compared__a_nodule_that_the_prior_scan_cuts_has_no_growth(monkeypatch):
    whole, cut = scanned([ACROSS]), scanned([ACROSS], slices=(0, 18))
    (one,) = became(whole, cut, monkeypatch).changes
    assert (one.change, one.growth) == ("cut", None) and one.before[0].cut


def test_compared__growth_is_told_as_far_as_voxels_of_both_scans_tell_it(monkeypatch):
    """From 2 to 3 voxels of 4 mm: 11.3 to 17.0 mm, and each is known to 4."""
    then, now = ([((10, 10, 10), (edge, edge, 2))] for edge in (2, 3))
    (one,) = became(scanned(now, spacing=(4, 4, 5)), scanned(then, spacing=(4, 4, 5)), monkeypatch).changes
    assert (one.change, one.error) == ("within error", 8)
    then, now = ([((10, 10, 10), (edge, edge, 2))] for edge in (8, 12))
    (one,) = became(scanned(now), scanned(then), monkeypatch).changes
    assert (one.change, one.error) == ("grown", 2) and one.growth == pytest.approx(0.5)


def test_is_same__one_image_given_twice():
    one = scanned([((10, 10, 10), (4, 4, 2))]).image
    voxels = one.voxels.copy()
    assert is_same(one, Volume(voxels, one.grid))
    voxels[0, 3, 4, 5] += 1
    assert not is_same(one, Volume(voxels, one.grid))


@pytest.mark.parametrize(("slices", "change"), [(1, "grown"), (5, "within error")])
def test_compared__a_volume_grows_as_far_as_the_slices_tell_it(slices, change, monkeypatch):
    """Twice the volume at the same diameter: a ball of 11.8 mm becomes one of 14.9, told by edges of 1 mm and not of 5."""
    then, now = ([((10, 10, 5), (12, 12, depth))] for depth in (6 // slices + 1, 2 * (6 // slices + 1)))
    (one,) = became(scanned(now, spacing=(1, 1, slices)), scanned(then, spacing=(1, 1, slices)), monkeypatch).changes
    assert (one.change, one.by_volume) == (change, True) and one.longest == one.longest_before
    assert one.error == 2 * slices


def test_compared__nodules_that_have_merged_are_no_new_one(monkeypatch):
    then = [((10, 10, 10), (6, 6, 3)), ((18, 10, 10), (6, 6, 3))]
    now = [((10, 10, 10), (14, 6, 3))]
    (one,) = became(scanned(now), scanned(then), monkeypatch).changes
    assert (one.change, len(one.before)) == ("merged", 2)
    assert one.growth == pytest.approx(np.hypot(14, 6) / (2 * np.hypot(6, 6)) - 1)
    (one,) = became(scanned(then), scanned(now), monkeypatch).changes
    assert (one.change, len(one.now)) == ("split", 2)


def test_in_one_plane__goes_by_the_slices_of_both_as_they_lie_in_the_patient():
    axial = Grid((20, 20, 20), np.eye(4))
    turned = np.eye(4)
    turned[:3, :3] = np.eye(3)[:, [1, 2, 0]]
    sagittal = Grid((20, 20, 20), turned)
    assert in_one_plane(axial, axial, np.eye(4)) and not in_one_plane(axial, sagittal, np.eye(4))
    assert in_one_plane(axial, sagittal, np.linalg.inv(turned)) == in_one_plane(sagittal, axial, turned)
    angle = np.radians(20)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert in_one_plane(axial, axial, tilt) and not in_one_plane(axial, axial, tilt @ tilt)
