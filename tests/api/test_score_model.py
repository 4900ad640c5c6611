"""Scoring predictions and packages: the numbers of the run where they are about the same cases, and refusals elsewhere."""

import csv
import json
import shutil

import nibabel as nib
import numpy as np
import pytest

import scanwright as package
from made_folders import AFFINE, made_task, nnunet_folder, write_json, write_nifti, write_png, write_text
from scanwright.api.score_model import evaluate, read_alike, require_same_parts
from scanwright.api.use_model import predict, verify
from scanwright.api.versions import version as data_version
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError, PolicyError, UsageError
from scanwright.io.formats import read_volume


@pytest.fixture(scope="module")
def answers(finished, tmp_path_factory):
    """Answers of the package to all six cases, of which nothing says that it has learned from some."""
    folder = tmp_path_factory.mktemp("answers")
    predict(finished.model, finished.data / "imagesTr", out=folder)
    (folder / "predictions.json").unlink()
    return folder


def copy(folder, target):
    return type(target)(shutil.copytree(folder, target))


def test_evaluate__a_folder_and_a_package_agree(finished, tmp_path):
    """On cases that the model has not learned from: drawn with other noise."""
    data = nnunet_folder(tmp_path / "data", cases=3)
    for path in sorted((data / "imagesTr").iterdir()):
        write_nifti(path, read_volume(path).voxels[0] + np.float32(1))
    predict(finished.model, data / "imagesTr", out=tmp_path / "answers")
    by_folder = package.evaluate(tmp_path / "answers", data, out=tmp_path / "a")
    by_model = evaluate(finished.model, data, out=tmp_path / "b")
    assert by_folder == json.loads((tmp_path / "a/metrics.json").read_text())
    assert by_model == json.loads((tmp_path / "b/metrics.json").read_text())
    assert by_folder.pop("predictions")["answered_by"] == [by_model.pop("package")["digest"]]
    assert by_folder == by_model
    assert by_folder["cases"] == 3
    assert (tmp_path / "a/cases.csv").read_bytes() == (tmp_path / "b/cases.csv").read_bytes()


def test_evaluate__the_page_of_a_package(finished, tmp_path):
    """All that a run's page says of results, and beside the headline what the package's own test said."""
    data = nnunet_folder(tmp_path / "data", cases=3)
    for path in sorted((data / "imagesTr").iterdir()):
        write_nifti(path, read_volume(path).voxels[0] + np.float32(1))
    metrics = evaluate(finished.model, data, out=tmp_path / "out", command="scanwright evaluate as it was typed")
    page = (tmp_path / "out/report.html").read_text()
    assert 'id="results"' in page and "Does it hold?" in page and page.count("data:image/png") == 3
    assert "scanwright evaluate as it was typed" in page and "fold 0 only" in page and "Segmentation evaluation" in page
    assert "Only 3 patients were judged: too few for an interval" in page and "seem to be the very cases" not in page
    for absent in ('id="plan"', 'id="training"', 'id="split"'):
        assert absent not in page
    known = json.loads((finished.run / "metrics.json").read_text())
    assert metrics["package"]["tested"] == {
        "Cross-validation": {"cases": 2, "patients": 2, "dice": known["overall"]["dice"]}
    }
    assert metrics["package"]["digest"] == verify(finished.model)["digest"] and metrics["package"]["digest"] in page
    assert metrics["data"] == {
        **{"name": "data", "layout": "nnunet", "cases": 3, "patients": 3},
        "digest": data_version(data, tmp_path / "version.json").digest,
    }
    assert metrics["data"]["digest"] in page and str(tmp_path) not in page


def test_evaluate__the_page_of_a_folder(answers, finished, tmp_path):
    """Without the package's parts; of files that nobody has noted, it is not known who made them."""
    labels = copy(finished.data / "labelsTr", tmp_path / "labels")
    metrics = evaluate(labels, finished.data, out=tmp_path / "a")
    page = (tmp_path / "a/report.html").read_text()
    assert metrics["predictions"] == {"name": "labels", "answered_by": []} and "package" not in metrics
    assert "who made them is not known here" in page and "Does it hold?" not in page and 'id="results"' in page
    (labels / "predictions.json").write_text("[1]")
    assert evaluate(labels, finished.data, out=tmp_path / "a")["predictions"] == metrics["predictions"]


def test_evaluate__images_that_cannot_be_drawn_and_regions_that_no_case_has(finished, tmp_path):
    """Label files are judged all the same, and the page says what is amiss."""
    data = copy(finished.data, tmp_path / "data")
    (data / "imagesTr/p00_0000.nii.gz").write_bytes(b"no image")
    for path in (data / "labelsTr").iterdir():
        voxels = np.asarray(nib.load(path).dataobj)
        write_nifti(path, np.where(voxels == 2, 1, voxels).astype(np.uint8))
    metrics = evaluate(data / "labelsTr", data, out=tmp_path / "out")
    assert metrics["cases"] == 6 and metrics["overall"]["dice"]["mean"] == 1
    page = (tmp_path / "out/report.html").read_text()
    assert "No case has tumour: whether it is found where it is there is not known." in page
    assert "faults that would stop a training (unreadable-image)" in page and "rare-region" not in page


def test_evaluate__a_split_that_cannot_be_understood(answers, finished, tmp_path):
    data = copy(finished.data, tmp_path / "data")
    write_text(data / "cases.csv", "case,split\np00,test\np01,tests\np02,train\np03,train\n")
    with pytest.raises(InputError, match="split that cannot be understood") as caught:
        evaluate(answers, data, out=tmp_path / "scores")
    assert "p01" in caught.value.details[0] and "'tests'" in caught.value.details[0]


def test_evaluate__cases_that_a_package_has_learned_from_are_left_out(finished, tmp_path):
    told = []
    metrics = evaluate(finished.model, finished.data, out=tmp_path / "a", tell=told.append)
    split = json.loads((finished.run / "splits.json").read_text())["folds"][0]
    assert sorted(metrics["learned_from"]) == sorted(split["train"])
    assert metrics["overall"]["dice"] == json.loads((finished.run / "metrics.json").read_text())["overall"]["dice"]
    assert any("4 of 6 cases are left out: the model has learned from them" in one.note for one in told)
    page = (tmp_path / "a/report.html").read_text()
    assert "The model has learned from 4 of the 6 cases, by their voxels" in page and "are no test of it" in page
    assert page.count("the model has learned from it</td>") == 4
    assert metrics["data"]["cases"] == 6 and metrics["cases"] == 2
    assert "own cross-validation: these seem to be the very cases that it was tested on" in page
    assert "of patients of whom the model has learned" not in page
    one = copy(finished.data, tmp_path / "one")
    write_text(one / "cases.csv", "case,patient\n" + "".join(f"p{n:02d},q\n" for n in range(6)))
    evaluate(finished.model, one, out=tmp_path / "c")
    page = (tmp_path / "c/report.html").read_text()
    assert (
        f"2 of the judged cases ({', '.join(split['validation'])}) are of patients of whom the model has learned"
        in page
    )
    seen = nnunet_folder(tmp_path / "seen", cases=6)
    for case in split["validation"]:
        (seen / f"imagesTr/{case}_0000.nii.gz").unlink()
        (seen / f"labelsTr/{case}.nii.gz").unlink()
    with pytest.raises(PolicyError, match="learned from every one"):
        evaluate(finished.model, seen, out=tmp_path / "b")


def test_evaluate__the_runs_own_numbers(finished, answers, tmp_path):
    """Case by case: every measure of a held-out case is that of cases.csv in the run."""
    evaluate(answers, finished.data, out=tmp_path / "a")
    ours = rows(finished.run / "cases.csv")
    again = rows(tmp_path / "a/cases.csv")
    assert len(ours) == 2
    for name, row in ours.items():
        for column in row.keys() - {"fold"}:
            assert again[name][column] == row[column], (name, column)


def rows(file):
    with file.open(newline="") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def test_evaluate__perfect_and_empty(finished, tmp_path):
    """The labels themselves score 1 everywhere; empty answers 0 in overlap."""
    perfect = evaluate(finished.data / "labelsTr", finished.data, out=tmp_path / "perfect")
    assert perfect["overall"]["dice"]["mean"] == 1
    assert perfect["overall"]["hd95_mm"]["mean"] == 0
    empty = tmp_path / "empty"
    for path in (finished.data / "labelsTr").iterdir():
        write_nifti(empty / path.name, np.zeros(nib.load(path).shape, np.uint8))
    nothing = evaluate(empty, finished.data, out=tmp_path / "nothing")
    assert nothing["overall"]["dice"]["mean"] == 0
    assert nothing["flags"]["missed"] == {"liver": 6, "tumour": 6}


def test_evaluate__what_predict_noted_as_learned_from_is_left_out_of_a_folder_too(finished, tmp_path):
    predict(finished.model, finished.data / "imagesTr", out=tmp_path / "answers")
    told = []
    metrics = evaluate(tmp_path / "answers", finished.data, out=tmp_path / "a", tell=told.append)
    by_model = evaluate(finished.model, finished.data, out=tmp_path / "b")
    assert metrics["learned_from"] == by_model["learned_from"] and 0 < metrics["cases"] < 6
    assert metrics["overall"] == by_model["overall"]
    assert any("the model has learned from them" in one.note for one in told)
    assert "noted as learned from are left out" in (tmp_path / "a/report.html").read_text()


def test_evaluate__missing_predictions(finished, answers, tmp_path):
    some = copy(answers, tmp_path / "some")
    for name in ("p01", "p04"):
        (some / f"{name}.nii.gz").unlink()
    with pytest.raises(InputError, match="predictions are missing") as caught:
        evaluate(some, finished.data, out=tmp_path / "out")
    assert caught.value.found == "none for p01, p04"
    assert not (tmp_path / "out/metrics.json").exists()


def test_evaluate__predictions_that_cannot_be_judged(finished, answers, tmp_path):
    """All in one message: another shape, another place in space, a value of no region, a file cut short."""
    bad = copy(answers, tmp_path / "bad")
    voxels = np.asarray(nib.load(bad / "p01.nii.gz").dataobj)
    write_nifti(bad / "p00.nii.gz", voxels[:-1])
    mirrored = AFFINE @ np.diag((-1.0, 1.0, 1.0, 1.0))
    write_nifti(bad / "p01.nii.gz", voxels, mirrored)
    write_nifti(bad / "p02.nii.gz", np.where(voxels == 1, 255, voxels).astype(np.uint8) + np.uint8(3))
    (bad / "p03.nii.gz").write_bytes((bad / "p04.nii.gz").read_bytes()[:60])
    with pytest.raises(InputError, match="4 of 6 predictions cannot be scored") as caught:
        evaluate(bad, finished.data, out=tmp_path / "out")
    assert [name in line for name, line in zip(("p00", "p01", "p02", "p03"), caught.value.details, strict=True)] == [
        True
    ] * 4
    assert "11 x 10 x 8" in caught.value.details[0]
    assert "LAS" in caught.value.details[1]
    assert "a label value that the task does not know" in caught.value.details[2]


def test_evaluate__nothing_of_anybody_is_overwritten(finished, answers, tmp_path):
    run = copy(finished.run, tmp_path / "run")
    before = (run / "metrics.json").read_bytes(), (run / "cases.csv").read_bytes()
    with pytest.raises(UsageError, match="holds a run"):
        evaluate(run / "model.swm", finished.data, out=run)
    assert ((run / "metrics.json").read_bytes(), (run / "cases.csv").read_bytes()) == before
    for inside in (finished.data, finished.data / "labelsTr" / "scores"):
        with pytest.raises(UsageError, match="inside the data set"):
            evaluate(answers, finished.data, out=inside)
    assert not (finished.data / "metrics.json").exists()
    table = write_text(tmp_path / "data/cases.csv", "case,patient\n")
    with pytest.raises(UsageError, match="evaluate did not write it"):
        evaluate(answers, finished.data, out=tmp_path / "data")
    assert table.read_text() == "case,patient\n"
    evaluate(answers, finished.data, out=tmp_path / "out")
    evaluate(answers, finished.data, out=tmp_path / "out")  # its own: again


def test_evaluate__by_group_of_a_table(finished, answers, tmp_path):
    data = copy(finished.data, tmp_path / "data")
    write_text(
        data / "cases.csv", "case,patient,site\n" + "".join(f"p{n:02d},q{n // 2},{'ab'[n % 2]}\n" for n in range(6))
    )
    metrics = evaluate(answers, data, out=tmp_path / "out")
    assert metrics["patients"] == 3
    assert {value: block["dice"]["n"] for value, block in metrics["by_group"]["site"].items()} == {"a": 3, "b": 3}


def test_evaluate__data_with_other_labels(finished, tmp_path):
    """A package that answers liver and tumour, on data of kidneys: refused, not scored 0."""
    data = nnunet_folder(tmp_path / "kidneys", cases=2)
    description = json.loads((data / "dataset.json").read_text())
    write_json(data / "dataset.json", {**description, "labels": {"background": 0, "kidney": 1, "cyst": 2}})
    with pytest.raises(InputError, match="answers other regions") as caught:
        evaluate(finished.model, data, out=tmp_path / "out")
    assert caught.value.expected == "kidney = 1, cyst = 2"
    assert caught.value.found == "liver = 1, tumour = 2"
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_require_same_parts():
    both = made_task()
    require_same_parts(both, made_task(values={"tumour": (2,)}), where="m")  # fewer regions can be scored
    with pytest.raises(InputError, match="other regions"):
        require_same_parts(both, made_task(values={"tumour": (1,), "liver": (2,)}), where="m")


@pytest.mark.parametrize("predictions", ["nothing", "empty"])
def test_evaluate__nothing_to_score(finished, tmp_path, predictions):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no such file or folder|predictions are missing"):
        evaluate(tmp_path / predictions, finished.data, out=tmp_path / "out")


def test_read_alike__data_without_one_of_the_models_classes(tmp_path):
    """A new site has no case of the rare class; and writes capitals."""
    for name, cells in (
        ("a", ["Benign", "malignant", "benign"]),
        ("b", ["benign"] * 3),
        ("c", ["benign", "odd", "odd"]),
    ):
        for place in range(3):
            write_png(tmp_path / name / f"i{place}.png", np.full((8, 8), place, np.uint8))
        rows = "".join(f"i{place}.png,{cell}\n" for place, cell in enumerate(cells))
        write_text(tmp_path / name / "t.csv", f"image,diagnosis\n{rows}")
        write_json(tmp_path / name / "scanwright.json", {"target": "diagnosis"})
    classes = ("benign", "malignant", "normal")
    task = Task(name="t", kind="classification", classes=classes, channels=(Channel(name="X", modality="xray"),))
    for name in ("a", "b"):
        found = read_alike(tmp_path / name, None, task)
        assert found.task.classes == classes
        assert {case.target.names for case in found.cases} <= {("benign",), ("malignant",)}
        require_same_parts(task, found.task, where=tmp_path)
    with pytest.raises(InputError, match="something else"):
        require_same_parts(task, read_alike(tmp_path / "c", None, task).task, where=tmp_path)


def table_of(root, column, cells):
    for place in range(len(cells)):
        write_png(root / f"images/i{place}.png", np.full((8, 8), place, np.uint8))
    rows = "".join(f"images/i{place}.png,{cell}\n" for place, cell in enumerate(cells))
    write_text(root / "t.csv", f"image,{column}\n{rows}")
    return root


NUMBERS, WORDS = {"kind": "regression"}, {"kind": "classification"}


@pytest.mark.parametrize(
    ("column", "cells", "answers"),
    [
        ("area_cm2", ["1.5", "2.5", "3", "4"], {**NUMBERS, "quantities": ("area_cm2",)}),
        ("area_cm2,age", ["1.5,30", "2.5,40", "3,22", "4,61"], {**NUMBERS, "quantities": ("area_cm2",)}),
        ("area_cm2,age", ["1.5,30", "2.5,40", "3,22", "4,61"], {**NUMBERS, "quantities": ("age", "area_cm2")}),
        ("area_cm2,value", ["1.5,30", "2.5,40", "3,22", "4,61"], {**NUMBERS, "quantities": ("area_cm2",)}),
        ("grade", ["1", "2", "3", "1", "2", "3"], {**NUMBERS, "quantities": ("grade",)}),
        ("histology,site", ["u,A", "v,B", "v,A", "u,B"], {**WORDS, "classes": ("u", "v", "w")}),
        ("histology,site", ["U,A", "v,B", "v,A", "u,B"], {**WORDS, "classes": ("w", "v", "u"), "choice": "ordered"}),
        ("histology,diagnosis", ["u,A", "v,B", "v,A", "u,B"], {**WORDS, "classes": ("u", "v")}),
        ("mass,oedema", ["1,0", "0,1", "1,1", "0,0"], {**WORDS, "classes": ("oedema", "mass"), "choice": "several"}),
        ("seen", ["u|v", "v", "No finding", "u"], {**WORDS, "classes": ("u", "v"), "choice": "several"}),
        ("class", ["1", "2", "3", "4", "5", "6", "7"], {**WORDS, "classes": tuple("12345678")}),
    ],
)
def test_read_alike__what_the_model_answers_chooses_the_column(tmp_path, column, cells, answers):
    root = table_of(tmp_path, column, cells)
    task = Task(name="t", channels=(Channel(name="image", modality="other"),), **answers)
    for given in (root, root / "t.csv"):
        found = read_alike(given, None, task)
        require_same_parts(task, found.task, where=root)
        assert len(found.cases) == len(cells) and found.cases[0].target is not None


def test_read_alike__a_folder_of_normal_images(tmp_path):
    for place in range(3):
        write_png(tmp_path / f"i{place}.png", np.full((8, 8), place, np.uint8))
    channels = (Channel(name="image", modality="other"),)
    task = Task(name="t", kind="anomaly", classes=("normal", "abnormal"), channels=channels)
    require_same_parts(task, read_alike(tmp_path, None, task).task, where=tmp_path)


@pytest.mark.parametrize("classes", [("0", "1"), ("1", "2", "3"), ("no", "yes")])
def test_read_alike__columns_of_numbers_or_flags_are_not_guessed(tmp_path, classes):
    """They may as well be the sex, or another score."""
    root = table_of(tmp_path, "worse", [*classes, *classes])
    task = Task(name="t", **WORDS, classes=classes, channels=(Channel(name="image", modality="other"),))
    with pytest.raises(InputError, match="no data set recognised") as caught:
        read_alike(root, None, task)
    assert "--task" not in caught.value.details[0]


def test_evaluate__a_folder_or_a_package_of_a_column_of_numbers(scanwright, tmp_path):
    """The table is read as numbers with --task alone, which a package says by itself."""
    rng = np.random.default_rng(0)
    for place in range(48):
        write_png(tmp_path / f"data/images/i{place:02d}.png", rng.integers(0, 255, (16, 16), dtype=np.uint8))
    rows = "".join(f"images/i{place:02d}.png,{place * 7 % 48 + 0.5}\n" for place in range(48))
    write_text(tmp_path / "data/t.csv", f"image,area_cm2\n{rows}")
    data, run = tmp_path / "data", tmp_path / "run"
    ended = scanwright("train", data, "--task", "regression", "--model", "svm", "--folds", "2", "-o", run)
    assert ended.code == 0, ended.err
    new = copy(data, tmp_path / "new")
    for path in sorted((new / "images").iterdir()):
        write_png(path, rng.integers(0, 255, (16, 16), dtype=np.uint8))
    by_model = evaluate(run / "model.swm", new, out=tmp_path / "a")
    with pytest.raises(InputError, match="no data set recognised"):
        evaluate(tmp_path / "a/predictions", new, out=tmp_path / "b")
    by_folder = evaluate(tmp_path / "a/predictions", new, out=tmp_path / "b", task="regression")
    assert by_model["cases"] == 48 and by_folder["overall"] == by_model["overall"]
    with pytest.raises(UsageError, match="answers something else"):
        evaluate(run / "model.swm", new, out=tmp_path / "c", task="classification")
