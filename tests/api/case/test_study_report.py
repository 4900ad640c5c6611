"""The report of a study, from a package and a scan: doubts are sentences in lines, words on the page, data in JSON."""

import json
from html import unescape
from pathlib import Path

import nibabel as nib
import pytest

from made_folders import AFFINE, ball, write_nifti
from scanwright.api.case.study_report import StudyOptions
from scanwright.api.case.tested import doubts_of_tests, found_in, images_in, on_what_tested
from scanwright.api.use_model import predict
from scanwright.doubt import Doubt
from scanwright.errors import InputError, UsageError
from scanwright.report.model_facts import FoundInTest, HowTested, ImagesTold, ModelFacts


@pytest.fixture
def unplaced(tmp_path):
    """A scan whose header does not say where it lies."""
    picture = nib.Nifti1Image(ball(0)[0], AFFINE)
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
    *of_tests, first, second, of_prior = told["warnings"]
    assert of_prior["code"] == "of-prior"  # a field of view of three slices
    assert first == {"code": "no-position", "values": {}, "text": no_position}
    assert "misses-most" in {one["code"] for one in of_tests} and "多数病灶被漏检" in page  # the model is a toy
    assert second["values"] == {"reason": "too few slices to tell how the body is turned"}
    record = json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    assert record["predictions"]["now"]["notes"][:2] == [no_position, too_flat]


def test_report__says_which_model_answered_in_the_language(finished, tmp_path):
    scan = write_nifti(tmp_path / "in/a.nii.gz", ball(0)[0])
    for language, said in (
        ("en", ("segmentation: liver, tumour", "mean Dice")),
        ("zh", ("分割：liver、tumour", "平均 Dice")),
    ):
        predict(finished.model, scan, out=tmp_path / language, report=StudyOptions(language=language))
        page = (tmp_path / language / "a.report.html").read_text(encoding="utf-8")
        assert all(part in page for part in said)


@pytest.mark.parametrize(("folds", "how"), [((), "apart"), ((2,), "fold"), ((0, 1), "folds")])
def test_on_what_tested__says_how(folds, how):
    part = {"cases": 9, "patients": 7, "overall": {}, "by_fold": {str(fold): {} for fold in folds}}
    whole = HowTested(how=how, cases=9, patients=7, metric="dice")
    assert on_what_tested({"primary": "dice", **part}) == (whole,)
    apart = {"cases": 4, "patients": 4, "overall": {"dice": {"mean": 0.9, "ci95": [0.8, 1]}}, "by_fold": {}}
    told = on_what_tested({"primary": "dice", **part, "test": apart})
    assert told == (
        HowTested(how="apart", cases=4, patients=4, metric="dice", value=0.9, interval=(0.8, 1)),
        whole,
    )
    undefined = part | {"overall": {"dice": {"mean": None, "ci95": None}}}
    assert on_what_tested({"primary": "dice", **undefined}) == (whole,)
    assert on_what_tested({}) == ()


def test_on_what_tested__of_some_of_the_classes():
    """A region model told with its findings' Dice told too little of its regions."""
    classes = {"left": measured(dice=0.96), "right": measured(dice=0.94), "lesion": measured(dice=0.64)}
    part = {"cases": 9, "patients": 9, "overall": measured(dice=0.8467), "by_class": classes, "by_fold": {}}
    metrics = {"primary": "dice", **part}
    assert on_what_tested(metrics)[0].value == 0.8467
    assert on_what_tested(metrics, of=("left", "right", "lesion"))[0].value == 0.8467
    assert on_what_tested(metrics, of=("left", "right"))[0].value == pytest.approx(0.95)
    assert on_what_tested(metrics, of=("left",))[0].value == 0.96
    assert on_what_tested(metrics, of=("liver",))[0].value is None


def measured(**means):
    return {name: {"mean": mean, "ci95": None, "n_defined": 8} for name, mean in means.items()}


def test_found_in__is_of_findings_and_of_boxes():
    found = measured(
        lesion_sensitivity=0.0, false_lesions_per_case=0.25, true_lesions=12000.0, lesion_hits=0.0, false_lesions=3.0
    )
    found["lesion_sensitivity"]["ci95"] = [0.0, 0.34]
    told = found_in({"cases": 12, "findings": {"overall": found}})
    assert told == FoundInTest(
        true=12000, hits=0, false=3, false_per_case=0.25, sensitivity=0.0, sensitivity_interval=(0.0, 0.34)
    )
    none = measured(
        lesion_sensitivity=None, false_lesions_per_case=1.0, true_lesions=0.0, lesion_hits=0.0, false_lesions=12.0
    )
    assert found_in({"findings": {"overall": none}}) == FoundInTest(true=0, hits=0, false=12, false_per_case=1.0)
    boxes = [measured(sensitivity=0.5, true_boxes=8.0, hits=hits, false_positives=3.0) for hits in (4.0, 2.0)]
    told = found_in({"cases": 4, "by_class": dict(zip("ab", boxes, strict=True))})
    assert told == FoundInTest(true=16, hits=6, false=6, false_per_case=1.5, sensitivity=0.375)
    untold = measured(sensitivity=None, true_boxes=8.0, hits=None, false_positives=None)
    assert found_in({"cases": 4, "by_class": {"a": untold}}) is None is found_in({"by_class": {"a": measured(dice=1)}})


def facts(**tested):
    one = HowTested(how="folds", cases=9, patients=9, metric="dice", **tested)
    return ModelFacts(name="a", version="", digest="", kind="segmentation", tested_on=(one,))


def test_images_in__counts_the_images_that_were_told():
    overall = measured(sensitivity=0.25, specificity=1.0)
    told = images_in({"overall": overall})
    assert told == ImagesTold(abnormal=8, told_abnormal=2, normal=8, told_normal=8, sensitivity=0.25, specificity=1.0)
    part = {"primary": "auroc", "cases": 16, "patients": 16, "overall": overall, "by_fold": {}}
    assert on_what_tested(part | {"problem": "anomaly"})[0].images == told
    assert on_what_tested(part | {"problem": "classification"})[0].images is None


@pytest.mark.parametrize(
    ("numbers", "codes"),
    [((8, 4, 4), []), ((8, 3, 2), ["misses-most"]), ((8, 4, 5), ["most-marks-false"]),
     ((8, 0, 9), ["misses-most", "most-marks-false"]), ((0, 0, 0), ["none-to-find"])],
)  # fmt: skip
def test_doubts_of_tests__what_is_missed_and_what_is_falsely_marked(numbers, codes):
    true, hits, false = numbers
    doubts = doubts_of_tests(facts(findings=FoundInTest(true=true, hits=hits, false=false, false_per_case=false / 9)))
    assert [doubt.code for doubt in doubts] == codes
    assert all("findings" in doubt or "marks" in doubt for doubt in doubts)


@pytest.mark.parametrize(
    ("numbers", "codes"),
    [((8, 4, 8, 4), []), ((8, 3, 8, 8), ["misses-most-images"]), ((8, 8, 8, 3), ["most-images-alarmed"]),
     ((0, 0, 5, 5), ["no-abnormal-tested"])],
)  # fmt: skip
def test_doubts_of_tests__how_whole_images_were_told(numbers, codes):
    abnormal, told_abnormal, normal, told_normal = numbers
    images = ImagesTold(abnormal=abnormal, told_abnormal=told_abnormal, normal=normal, told_normal=told_normal)
    doubts = doubts_of_tests(facts(images=images))
    assert [doubt.code for doubt in doubts] == codes
    assert codes != ["no-abnormal-tested"] or dict(doubts[0].values) == {"number": 5}


def test_doubts_of_tests__quantities_that_are_estimated_no_better_than_by_their_mean():
    measures = {"volume": {"r2": {"mean": 0.9, "ci95": [0.8, 0.95]}}, "age": {"r2": {"mean": 0.1, "ci95": [-0.1, 0.3]}}}
    part = {"problem": "regression", "primary": "mae", "by_fold": [0, 1], "cases": 9, "patients": 9, "overall": {}}
    (tested,) = on_what_tested(part | {"by_class": measures})
    assert tested.unexplained == ("age",)
    (doubt,) = doubts_of_tests(facts(unexplained=tested.unexplained))
    assert doubt.code == "no-better-than-mean" and "estimates of age " in doubt


def test_doubts_of_tests__are_said_on_the_page_in_the_language_and_are_numbers_in_the_json(finished, tmp_path):
    scan = write_nifti(tmp_path / "in/a.nii.gz", ball(0)[0])
    predict(finished.model, scan, out=tmp_path / "out", report=StudyOptions())
    (tested,) = json.loads((tmp_path / "out/a.report.json").read_text())["model"]["tested_on"]
    assert isinstance(tested["cases"], int) and isinstance(tested["value"], float)
    assert tested["findings"] is None or isinstance(tested["findings"]["hits"], int)


@pytest.mark.parametrize("options", [StudyOptions(language="xx"), StudyOptions(site=Path("no") / "such")])
def test_report__that_cannot_be_written_is_refused_before_anything_is_answered(finished, tmp_path, options):
    scan = write_nifti(tmp_path / "in/a.nii.gz", ball(0)[0])
    with pytest.raises((InputError, UsageError), match=r"language without words|no folder of templates"):
        predict(finished.model, scan, out=tmp_path / "out", report=options)
    assert not (tmp_path / "out").exists()
