"""The report of a study, from a package and a scan: doubts are sentences in lines, words on the page, data in JSON."""

import json
from html import unescape
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from made_folders import ball, write_nifti
from scanwright.api.case.study_report import StudyOptions
from scanwright.api.case.tested import found_text, headline_text, never_saw_abnormal, on_what_tested
from scanwright.api.use_model import predict
from scanwright.doubt import Doubt
from scanwright.errors import InputError, UsageError


@pytest.fixture
def unplaced(tmp_path):
    """A scan whose header does not say where it lies."""
    picture = nib.Nifti1Image(ball(0)[0], np.eye(4))
    picture.set_sform(None, 0)
    picture.set_qform(None, 0)
    nib.save(picture, tmp_path / "now.nii.gz")
    return tmp_path / "now.nii.gz"


def test_report__doubts_are_words_on_the_page_and_sentences_elsewhere(finished, unplaced, tmp_path):
    flat = write_nifti(tmp_path / "before.nii.gz", ball(1, shape=(12, 10, 3))[0])
    out = tmp_path / "out"
    (found,) = predict(finished.model, unplaced, out=out, report=StudyOptions(language="zh"), prior=[flat])
    no_position = "no position or orientation in the file: axes taken as R, A, S"
    too_flat = "the prior study is not compared: too few slices to tell how the body is turned"
    assert found.notes[:2] == (no_position, too_flat)
    assert [note.code for note in found.notes[:2] if isinstance(note, Doubt)] == ["no-position", "prior-not-aligned"]
    page = unescape((out / "now.report.html").read_text(encoding="utf-8"))
    assert (
        "左右可能有误" in page and "未与前次检查比较：层数过少，无法判断体位旋转。" in page and no_position not in page
    )
    told = json.loads((out / "now.report.json").read_text(encoding="utf-8"))
    assert told["warnings"][0] == {"code": "no-position", "values": {}, "text": no_position}
    assert told["warnings"][1]["values"] == {"reason": "too few slices to tell how the body is turned"}
    record = json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    assert record["predictions"]["now.nii.gz"]["notes"][:2] == [no_position, too_flat]


def test_report__says_which_model_answered_in_the_language(finished, tmp_path):
    scan = write_nifti(tmp_path / "in/a.nii.gz", ball(0)[0])
    for language, said in (
        ("en", ("segmentation: liver, tumour", "mean Dice")),
        ("zh", ("分割：liver、tumour", "平均 Dice")),
    ):
        predict(finished.model, scan, out=tmp_path / language, report=StudyOptions(language=language))
        page = (tmp_path / language / "a.report.html").read_text(encoding="utf-8")
        assert all(part in page for part in said)


def test_headline_text__is_a_name_and_texts():
    told = headline_text("r2", {"mean": -0.0312, "ci95": [-0.25, 0.1]})
    assert told == {"metric": "r2", "value": "−0.031", "interval": "−0.250–0.100"}
    assert headline_text("dice", {"mean": 0.9, "ci95": None}) == {"metric": "dice", "value": "0.900"}
    undefined = {"undefined": "dice"}
    assert headline_text("dice", None) == undefined == headline_text("dice", {"mean": None, "ci95": None})


@pytest.mark.parametrize(("folds", "how"), [((), "apart"), ((2,), "fold"), ((0, 1), "folds")])
def test_on_what_tested__says_how(folds, how):
    part = {"cases": 9, "patients": 7, "overall": {}, "by_fold": {str(fold): {} for fold in folds}}
    counts = {"cases": "9", "patients": "7", "undefined": "dice"}
    assert on_what_tested({"primary": "dice", **part}) == ({"how": how, **counts},)
    apart = {"cases": 4, "patients": 4, "overall": {}, "by_fold": {}}
    told = on_what_tested({"primary": "dice", **part, "test": apart})
    assert told == ({**counts, "how": "apart", "cases": "4", "patients": "4"}, {"how": how, **counts})
    assert on_what_tested({}) == ()


def measured(**means):
    return {name: {"mean": mean, "ci95": None} for name, mean in means.items()}


def test_found_text__is_of_findings_and_of_boxes():
    found = measured(lesion_sensitivity=0.0, false_lesions_per_case=0.25, true_lesions=12000.0, lesion_hits=0.0)
    found["lesion_sensitivity"]["ci95"] = [0.0, 0.34]
    told = found_text({"cases": 3, "findings": {"overall": found}})
    assert told == {
        "true": "12000", "hits": "0", "sensitivity": "0.000", "sensitivity_interval": "0.000–0.340", "false": "0.25"
    }  # fmt: skip
    none = measured(lesion_sensitivity=None, false_lesions_per_case=1.0, true_lesions=0.0, lesion_hits=0.0)
    assert found_text({"findings": {"overall": none}}) == {"true": "0", "hits": "0", "false": "1.00"}
    boxes = [measured(sensitivity=0.5, true_boxes=8.0, hits=hits, false_positives=3.0) for hits in (4.0, 2.0)]
    told = found_text({"cases": 4, "by_class": dict(zip("ab", boxes, strict=True))})
    assert told == {"true": "16", "hits": "6", "sensitivity": "0.375", "false": "1.50"}
    untold = measured(sensitivity=None, true_boxes=8.0, hits=None, false_positives=None)
    assert (
        found_text({"cases": 4, "by_class": {"a": untold}}) == {} == found_text({"by_class": {"a": measured(dice=1)}})
    )


def test_never_saw_abnormal__unless_one_part_did():
    part = {"cases": 5, "overall": measured(sensitivity=None)}
    (doubt,) = never_saw_abnormal(part)
    assert doubt.code == "no-abnormal-tested" and dict(doubt.values) == {"number": 5}
    assert not never_saw_abnormal(part | {"test": {"cases": 2, "overall": measured(sensitivity=0.0)}})
    assert not never_saw_abnormal({})


@pytest.mark.parametrize("options", [StudyOptions(language="xx"), StudyOptions(site=Path("no") / "such")])
def test_report__that_cannot_be_written_is_refused_before_anything_is_answered(finished, tmp_path, options):
    scan = write_nifti(tmp_path / "in/a.nii.gz", ball(0)[0])
    with pytest.raises((InputError, UsageError), match=r"language without words|no folder of templates"):
        predict(finished.model, scan, out=tmp_path / "out", report=options)
    assert not (tmp_path / "out").exists()
