"""A prior study: whether it is of the same patient and earlier, answered as the current one is, and how long ago it was."""

import json
from datetime import date

import pydicom
import pytest

from made_folders import ball, write_nifti
from scanwright.api import prior_study
from scanwright.api.prior_study import LATER, OTHER_BIRTH, OTHER_ID, days_between, mismatches
from scanwright.api.scan_header import ScanHeader, dated
from scanwright.api.study_report import StudyOptions
from scanwright.api.use_model import predict
from scanwright.findings.table import StudyTable
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.formats import read_volume

NOW = ScanHeader({"PatientID": "A1", "PatientBirthDate": "19500102", "StudyDate": "20260301"})


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
