"""From a folder with normal pictures to a model that tells what is not: every verb, as a user calls it."""

import csv
import json

import numpy as np
import pytest

from made_folders import write_nifti
from normal_samples import SIDE, SPOT, masked_pictures, picture, write_mask, write_picture
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.dicom.derived.sr import UNITS, read_measurements
from scanwright.io.dicom.derived.sr_concepts import AREA
from scanwright.io.formats import read_label

QUICK = ("--task", "anomaly", "--folds", "2", "--device", "cpu", "--json")


@pytest.fixture(scope="module")
def told(tmp_path_factory, scanwright):
    """A finished run on pictures whose masks tell anatomy too."""
    folder = tmp_path_factory.mktemp("anomaly")
    ended = scanwright("train", masked_pictures(folder / "data", anatomy=True), *QUICK, "-o", folder / "run")
    assert ended.code == 0, ended.err
    return folder, json.loads(ended.out)


def test_train__only_normal_cases_are_learned_from(told):
    folder, _ = told
    splits = json.loads((folder / "run" / "splits.json").read_text())
    learned = {name for fold in splits["folds"] for name in fold["train"]}
    judged = {name for fold in splits["folds"] for name in fold["validation"]}
    abnormal = {f"p{number:02d}" for number in range(30, 36)}
    assert not learned & abnormal and abnormal <= judged and len(learned) == 30
    assert "only normal cases are learned from" in splits["stated"]


def test_train__tells_the_abnormal_and_where(told):
    folder, result = told
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["overall"]["auroc"]["mean"] == result["metrics"]["overall"]["auroc"]["mean"] > 0.95
    assert metrics["overall"]["specificity"]["mean"] >= 0.8
    assert metrics["findings"]["overall"]["lesion_sensitivity"]["mean"] > 0.8
    assert "chosen" not in metrics
    page = (folder / "run" / "report.html").read_text()
    assert "Anomaly detection report" in page and "fitted to normal cases alone" in page
    assert "it ranks cases, and is no probability" in page and "How well the score of a class ranks" in page
    assert "Probabilities" not in page and "Whether probabilities hold" not in page
    rows = list(csv.DictReader((folder / "run" / "cases.csv").read_text().splitlines()))
    hits, true = (sum(int(row[f"{word}[abnormal]"] or 0) for row in rows) for word in ("lesion_hits", "true_lesions"))
    assert hits / true == pytest.approx(metrics["findings"]["overall"]["lesion_sensitivity"]["mean"])


def test_predict__a_volume_is_refused_by_a_model_of_pictures(told, scanwright, tmp_path):
    """Its limit is what single pictures reach; of many slices one is beyond it by chance."""
    folder, _ = told
    voxels = np.stack([picture(900 + k).T for k in range(3)], axis=-1).astype(np.float32)
    stack = write_nifti(tmp_path / "stack.nii.gz", voxels)
    ended = scanwright("predict", folder / "run" / "model.swm", stack, "-o", tmp_path / "out")
    assert ended.code == 4 and "learned to answer single slices" in ended.err and str(stack) in ended.err
    page = (folder / "run" / "report.html").read_text()
    assert "15 normal cases" in page and "quick score looks" not in page


def test_predict__a_map_and_a_page(told, scanwright, tmp_path):
    folder, _ = told
    write_picture(tmp_path / "new.png", 999, spot=70.0)
    ended = scanwright(
        "predict",
        folder / "run" / "model.swm",
        tmp_path / "new.png",
        "-o",
        tmp_path / "out",
        "--report",
        "--explain",
        "--json",
    )
    assert ended.code == 0, ended.err
    (one,) = json.loads(ended.out)["predictions"]
    assert one["decision"] == "abnormal" and one["score"] > one["limit"] == 0.5 and "probabilities" not in one
    grades = read_label(tmp_path / "out" / "new.anomaly.png").voxels[0, :, :, 0].T
    assert (grades[SPOT] > 128).mean() > 0.5 and (grades > 128).mean() < 0.3
    report = json.loads((tmp_path / "out" / "new.report.json").read_text())
    assert report["findings"] and report["findings"][0]["kind"] == "abnormal"
    assert (tmp_path / "out" / "new.explanation.png").is_file()


def test_predict__beside_dicom_the_report_holds_the_findings(told, scanwright, tmp_path):
    folder, _ = told
    grid = Grid((SIDE, SIDE, 1), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image = Volume(picture(999, spot=70.0).T[None, :, :, None], grid)
    write_series(tmp_path / "scan", image, modality="MR", patient="P1")
    model = folder / "run" / "model.swm"
    ended = scanwright("predict", model, tmp_path / "scan", "-o", tmp_path / "out", "--report", "--json")
    assert ended.code == 0, ended.err
    page = json.loads((tmp_path / "out" / "scan.report.json").read_text())
    report = read_measurements(tmp_path / "out" / "scan.sr.dcm")
    groups = {one.tracking_id: one for one in report.groups}
    assert not groups["abnormal"].answers and "normal" not in groups  # a limit concludes neither
    assert any(one.startswith("Result: above the limit. Told as abnormal above") for one in report.comments)
    (tested,) = page["model"]["tested_on"]
    images = tested["images"]
    told_so = f"of {images['abnormal']} abnormal test images {images['told_abnormal']} were told as abnormal"
    assert images["abnormal"] > 0 and any(told_so in one for one in report.comments)
    assert page["decision"] == "abnormal" and page["findings"]
    for line in page["findings"]:
        assert groups[f"abnormal {line['number']}"].value(AREA, unit=UNITS["mm2"]) == pytest.approx(line["size"])
    assert (tmp_path / "out" / "scan.findings.dcm").is_file()


def test_predict__what_is_abnormal_lies_in_the_regions_of_a_second_package(told, scanwright, tmp_path):
    folder, _ = told
    given = ("--steps", "40", "--folds", "2", "--fold", "0", "--device", "cpu")
    ended = scanwright("train", folder / "data", "--task", "segmentation", *given, "-o", tmp_path / "regions")
    assert ended.code == 0, ended.err
    grid = Grid((SIDE, SIDE, 1), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image = Volume(picture(999, spot=70.0).T[None, :, :, None], grid)
    write_series(tmp_path / "scan", image, modality="MR", patient="P1")
    model, regions = folder / "run" / "model.swm", tmp_path / "regions" / "model.swm"
    ended = scanwright(
        "predict", model, tmp_path / "scan", "-o", tmp_path / "out", "--regions", regions, "--report", "--json"
    )
    assert ended.code == 0, ended.err
    (one,) = json.loads(ended.out)["predictions"]
    assert list(one["regions"]["sizes"]) == ["lower half"] and one["regions"]["unit"] == "mm²"
    page = json.loads((tmp_path / "out" / "scan.report.json").read_text())
    (row,) = page["regions"]
    assert row["size"] == pytest.approx(one["regions"]["sizes"]["lower half"], abs=1e-3) and row["burden"] is not None
    places = {line["region"] for line in page["findings"]} | {at for line in page["findings"] for at in line["crosses"]}
    assert places <= {"", "lower half"} and page["regions_model"]["parts"] == ["lower half"]
    groups = {group.tracking_id: group for group in read_measurements(tmp_path / "out" / "scan.sr.dcm").groups}
    assert groups["lower half"].value(AREA, unit=UNITS["mm2"]) == pytest.approx(row["size"], abs=1e-3)


def test_evaluate__new_pictures_with_masks(told, scanwright, tmp_path):
    folder, _ = told
    for number in range(8):
        wrong = 60.0 * (number > 3)
        write_picture(tmp_path / "new" / "images" / f"q{number}.png", 500 + number, spot=wrong)
        write_mask(tmp_path / "new" / "masks" / f"q{number}.png", spot=wrong)
    ended = scanwright("evaluate", folder / "run" / "model.swm", tmp_path / "new", "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert found["problem"] == "anomaly" and found["overall"]["auroc"]["mean"] == 1.0
    assert found["findings"]["overall"]["true_lesions"]["mean"] == 4
    page = (tmp_path / "out" / "report.html").read_text()
    assert (
        "Anomaly detection evaluation" in page
        and "Only normal cases were learned from" in page
        and "Does it hold?" in page
    )
    assert "Below each, how far each place lies from what is normal." in page and "Findings found" in page


def test_train__on_nothing_but_normal_images(scanwright, tmp_path):
    for number in range(24):
        write_picture(tmp_path / "data" / f"p{number:02d}.png", number)
    ended = scanwright("train", tmp_path / "data", *QUICK, "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    overall = json.loads((tmp_path / "run" / "metrics.json").read_text())["overall"]
    assert overall["auroc"]["mean"] is None and overall["specificity"]["n"] == 24
    write_picture(tmp_path / "new.png", 999, spot=90.0)
    ended = scanwright(
        "predict", tmp_path / "run" / "model.swm", tmp_path / "new.png", "-o", tmp_path / "out", "--json"
    )
    assert json.loads(ended.out)["predictions"][0]["decision"] == "abnormal"


def test_train__too_few_normal_images(scanwright, tmp_path):
    ended = scanwright(
        "train", masked_pictures(tmp_path / "data", normal=8, abnormal=8), *QUICK, "-o", tmp_path / "run"
    )
    assert ended.code == 4 and "too few normal images" in ended.err


def test_train__no_other_model_learns_what_is_normal(scanwright, tmp_path):
    ended = scanwright(
        "train",
        masked_pictures(tmp_path / "data", normal=12, abnormal=1),
        *QUICK,
        "--model",
        "svm",
        "-o",
        tmp_path / "run",
    )
    assert ended.code == 2 and "what is normal is learned by one model" in ended.err
