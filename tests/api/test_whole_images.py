"""From folders of images with an answer each to models: every verb, as a user calls it."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from commands import judged_in_both_ways
from made_folders import write_json, write_nifti, write_png
from made_images import class_folder, disc, number_folder
from made_series import axial, write_series
from scanwright.api.case.opened import open_model
from scanwright.api.make_model import train
from scanwright.api.run import ablate, study
from scanwright.api.score_model import evaluate
from scanwright.api.use_model import predict
from scanwright.errors import InputError, ResourceError, UsageError
from scanwright.io.dicom.derived.sr import PROBABILITY, UNITS, read_measurements
from scanwright.plan.ablation import ablations
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.settings import Settings
from scanwright.problem.classes.decisions import PLAIN

SMALL = (
    *("--steps", "30", "--folds", "2", "--set", "network.widths=[8,16,32]", "--set", "network.blocks=[1,1,1]"),
    *("--set", "network.strides=[[1,1,1],[1,2,2],[1,2,2]]", "--set", "network.kernels=[[1,3,3],[1,3,3],[1,3,3]]"),
    *("--set", "batch.size=8"),
)


@pytest.fixture(scope="module")
def told_apart(tmp_path_factory, scanwright):
    """A finished run of a classification."""
    folder = tmp_path_factory.mktemp("classes")
    ended = scanwright("train", class_folder(folder / "data"), *SMALL, "-o", folder / "run", "--json")
    assert ended.code == 0, ended.err
    return folder, json.loads(ended.out)


def test_train__classes_are_told_and_everything_is_there(told_apart):
    folder, result = told_apart
    run = folder / "run"
    assert result["metrics"]["overall"]["auroc"]["mean"] > 0.9
    assert set(result["metrics"]["by_class"]) == {"absent", "present"}
    page = (run / "report.html").read_text()
    assert "Classification report" in page and "net benefit" in page and "told as" in page
    plan = json.loads((run / "plan.json").read_text())
    assert plan["network"]["family"] == "resnet" and plan["batch"]["patch"] == [1, 24, 24]
    table = (run / "cases.csv").read_text().splitlines()
    assert table[0] == "case,patient,fold,truth,decision,probability[absent],probability[present]" and len(table) == 25
    assert open_model(run / "model.swm").problem.decision != PLAIN  # a calibration, chosen out of fold
    assert 'id="seen"' in page and "as its model sees them" in page and "What the answer to" in page
    assert page.count("Nearest training cases") >= 4 and "moves present most (SmoothGrad)" in page
    points = result["metrics"]["operating_points"]
    assert list(points) == ["present"] and [one["target"] for one in points["present"]] == [None, 0.9, 0.95, 0.9, 0.95]
    assert points["present"][0]["sensitivity"]["ci95"] and "Operating points" in page and "index<span" in page
    assert "with all weights of the network drawn at random: they" in page
    sure = result["metrics"]["certainty"]
    assert list(sure) == ["calibration", "sets", "selective"] and sure["sets"]["coverage"]["n"] == 24
    assert "How sure the answers are" in page and "held it in" in page and "before and after calibration" in page


def test_predict__a_training_case_is_nearest_to_itself(told_apart, scanwright, tmp_path):
    folder, _ = told_apart
    model = open_model(folder / "run" / "model.swm")
    assert model.known is not None and set(model.known.targets) == {"absent", "present"}
    split = json.loads((folder / "run" / "splits.json").read_text())
    learned = next(name for name in split["folds"][0]["train"] if name.startswith("present"))
    scan = folder / "data" / "present" / f"{learned}.png"
    ended = scanwright("predict", folder / "run" / "model.swm", scan, "-o", tmp_path / "out", "--json")
    (answer,) = json.loads(ended.out)["predictions"]
    assert answer["nearest"][0] == {"target": "present", "distance": pytest.approx(0, abs=1e-3)}
    assert len(answer["nearest"]) == 5 and not any("unlike" in note for note in answer["notes"])
    assert learned not in (folder / "run" / "model.swm").read_bytes().decode("latin-1")  # no name leaves the house


def test_predict_and_evaluate__new_pictures(told_apart, scanwright, tmp_path):
    folder, _ = told_apart
    others = class_folder(tmp_path / "others", each=6)
    for path in others.rglob("*.png"):  # other draws than those that were learned from
        path.rename(path.with_name(f"new_{path.name}"))
    model = folder / "run" / "model.swm"
    ended = scanwright("predict", model, others / "present", "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    answers = json.loads(ended.out)["predictions"]
    assert len(answers) == 6 and sum(one["decision"] == "present" for one in answers) >= 5
    for one in answers:
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        kept = json.loads((tmp_path / "out" / f"{one['case']}.json").read_text())
        assert kept["problem"] == "classification" and set(kept["answer"]) == {"absent", "present"}
        assert {name: kept[name] for name in ("probabilities", "decision", "thresholds", "nearest")} == {
            name: one[name] for name in ("probabilities", "decision", "thresholds", "nearest")
        }
        sure = one["certainty"]
        assert kept["certainty"] == sure and sure["opinions"] == 2 and sure["set"]["coverage"] == 0.9
        assert one["decision"] in sure["set"]["classes"] and 0 <= sure["mutual_information"] <= 1
        assert np.mean(kept["opinions"], axis=(0, 1)) == pytest.approx(list(kept["answer"].values()), abs=1e-5)
        assert kept["notes"] == one["notes"] and any("has learned from this image" in note for note in one["notes"])
    ended = scanwright("evaluate", model, others, "-o", tmp_path / "scores", "--json")
    assert ended.code == 5 and "learned from every one" in ended.err  # the very same draws under other names


def test_evaluate__judges_what_predict_tells(told_apart, scanwright, tmp_path):
    """The package by itself and its predictions have the same scores, of the probabilities and decisions that users see."""
    folder, _ = told_apart
    model, others = folder / "run" / "model.swm", class_folder(tmp_path / "others", each=6, first=500)
    told, scores = judged_in_both_ways(scanwright, model, others, tmp_path)
    answers = json.loads((told / "predictions.json").read_text())["predictions"]
    with (scores / "cases.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    for row in rows:
        one = answers[row["case"]]
        chances = {name: float(row[f"probability[{name}]"]) for name in ("absent", "present")}
        assert chances == one["probabilities"] and row["decision"] == one["decision"]
        kept = json.loads((told / f"{row['case']}.json").read_text())["answer"]
        assert abs(chances["present"] - kept["present"]) > 1e-4  # calibrated


def test_evaluate__operating_points_are_those_that_the_package_was_made_with(told_apart, tmp_path):
    """And what they are worth is of the new cases; the page says both, and that nothing was chosen on them."""
    folder, result = told_apart
    others = class_folder(tmp_path / "others", each=6, first=700)
    metrics = evaluate(folder / "run" / "model.swm", others, out=tmp_path / "out", command="the command")
    known = result["metrics"]["operating_points"]["present"]
    found = metrics["operating_points"]["present"]
    assert [(one["rule"], one["target"], one["threshold"]) for one in found] == [
        (one["rule"], one["target"], one["threshold"]) for one in known
    ]
    with (tmp_path / "out" / "cases.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for one in found:
        told = [float(row["probability[present]"]) >= one["threshold"] for row in rows if row["truth"] == "present"]
        assert one["sensitivity"]["mean"] == pytest.approx(sum(told) / 6) and one["sensitivity"]["n"] == 12
    tested = metrics["package"]["tested"]["Cross-validation"]
    assert tested["auroc"] == result["metrics"]["overall"]["auroc"] and tested["cases"] == 24
    assert metrics["package"]["digest"] == result["digest"] and metrics["package"]["chosen"]["thresholds"] == [0.5]
    page = (tmp_path / "out" / "report.html").read_text()
    for said in (
        *("Classification evaluation", "Operating points", "Does it hold?", "told as", "net benefit", "the command"),
        *("Package, cross-validation, AUROC", "Nothing was fitted or chosen on these cases"),
        *(
            result["digest"],
            metrics["data"]["digest"],
            "What the answer to",
            "Probabilities are calibrated out of fold",
        ),
    ):
        assert said.lower() in page.lower(), said
    assert "Nearest training cases" not in page and 'id="plan"' not in page and 'id="training"' not in page


def test_predict__beside_a_dicom_scan_lie_a_report_and_the_explanation(told_apart, scanwright, tmp_path):
    folder, _ = told_apart
    grid = axial(shape=(24, 24, 1))
    write_series(tmp_path / "scan", grid, disc(2**31, radius=3.0).T[..., None].astype(np.int16), modality="CT")
    model = folder / "run" / "model.swm"
    ended = scanwright("predict", model, tmp_path / "scan", "-o", tmp_path / "out", "--explain", "--json")
    assert ended.code == 0, ended.err
    (answer,) = json.loads(ended.out)["predictions"]
    names = sorted(name.removeprefix(f"{tmp_path / 'out'}/{answer['case']}") for name in answer["also"])
    assert names == [".explanation.dcm", ".explanation.png", ".sr.dcm"]
    report = read_measurements(tmp_path / "out" / f"{answer['case']}.sr.dcm")
    told = {group.finding.meaning: group.value(PROBABILITY, unit=UNITS["1"]) for group in report.groups}
    assert told == {name: pytest.approx(chance, abs=6e-4) for name, chance in answer["probabilities"].items()}
    assert any(comment.startswith("90 % set: ") for comment in report.comments)
    scan = next((folder / "data").rglob("*.png"))
    ended = scanwright("predict", model, scan, "--format", "dicom", "-o", tmp_path / "other")
    assert ended.code == 4 and "needs a DICOM scan" in ended.err


def test_predict__no_format_but_its_own(told_apart, scanwright, tmp_path):
    folder, _ = told_apart
    scan = next((folder / "data").rglob("*.png"))
    ended = scanwright("predict", folder / "run" / "model.swm", scan, "-o", tmp_path / "out", "--format", "nifti")
    assert ended.code == 2 and "answers with numbers" in ended.err


def test_predict__the_test_images_of_an_archive(told_apart, scanwright, tmp_path):
    folder, _ = told_apart
    pictures = np.stack([disc(90 + index, radius=3.0 * (index % 2)) for index in range(4)])
    np.savez_compressed(tmp_path / "made.npz", train_images=pictures[:1], test_images=pictures)
    ended = scanwright("predict", folder / "run" / "model.swm", tmp_path / "made.npz", "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    assert [one["case"] for one in json.loads(ended.out)["predictions"]] == [f"test_{k:05d}" for k in range(4)]
    assert "left out: made.npz: 1 of train_images" in ended.err and (tmp_path / "out" / "test_00003.json").is_file()


def test_evaluate__other_classes_are_refused(told_apart, scanwright, tmp_path):
    folder, _ = told_apart
    other = class_folder(tmp_path / "other", each=3, classes=("healthy", "ill"))
    ended = scanwright("evaluate", folder / "run" / "model.swm", other, "-o", tmp_path / "scores")
    assert ended.code == 4 and "answers something else" in ended.err and "healthy, ill" in ended.err


def stack_among_pictures(folder):
    """Two pictures, and between them three slices as one volume. Returns the folder and the volume."""
    pictures = [disc(700 + k, radius=6.0 * (k == 1)) for k in range(3)]
    write_png(folder / "a.png", pictures[0])
    write_png(folder / "c.png", pictures[1])
    voxels = np.stack([one.T for one in pictures], axis=-1).astype(np.int16)
    return folder, write_nifti(folder / "b.nii.gz", voxels)


def test_predict__a_volume_is_not_answered_at_once_by_a_model_of_pictures(told_apart, tmp_path):
    """One answer to the whole would say nothing is there where a single slice shows it."""
    folder, _ = told_apart
    scans, stack = stack_among_pictures(tmp_path / "in")
    with pytest.raises(InputError, match="learned to answer single slices") as caught:
        predict(folder / "run" / "model.swm", stack, out=tmp_path / "alone")
    assert (caught.value.where, caught.value.found) == (stack, "3 slices")
    assert "Give the slice that is meant" in caught.value.hint
    with pytest.raises(InputError, match="1 of 3 scans could not be answered") as caught:
        predict(folder / "run" / "model.swm", scans, out=tmp_path / "out")
    assert str(stack) in "".join(caught.value.details)
    told = json.loads((tmp_path / "out" / "predictions.json").read_text())["predictions"]
    answered = [told["a"], told["c"]]
    assert [one["decision"] for one in answered] == ["absent", "present"] and not (tmp_path / "out" / "b.json").exists()
    assert not any("single slices" in note for one in answered for note in one["notes"])


@pytest.mark.parametrize("made", [class_folder, number_folder])
def test_predict__support_vector_machines_refuse_what_has_other_features(scanwright, tmp_path, made):
    ended = scanwright("train", made(tmp_path / "data"), "--model", "svm", "--folds", "2", "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    page = (tmp_path / "run" / "report.html").read_text()
    assert "takes no steps" in page and "Chosen on inner folds" in page
    assert "Best validation" not in page and "quick score looks" not in page
    scans, stack = stack_among_pictures(tmp_path / "in")
    ended = scanwright("predict", tmp_path / "run" / "model.swm", scans, "-o", tmp_path / "out")
    assert ended.code == 4 and str(stack) in ended.err and "fault of scanwright" not in ended.err
    assert {path.stem for path in (tmp_path / "out").glob("?.json")} == {"a", "c"}


def test_train__numbers(scanwright, tmp_path):
    data = number_folder(tmp_path / "data")
    ended = scanwright("train", data, *SMALL, "--steps", "60", "-o", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    metrics = json.loads(ended.out)["metrics"]
    assert metrics["problem"] == "regression" and metrics["overall"]["r2"]["mean"] > 0.3
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    known = np.linspace(2, 7, 24)
    assert plan["target"]["center"] == pytest.approx([known.mean()], abs=0.01)
    assert plan["target"]["scale"] == pytest.approx([known.std()], abs=0.01)
    assert "predicted less true" in (tmp_path / "run" / "report.html").read_text()
    ended = scanwright(
        "predict", tmp_path / "run" / "model.swm", data / "images" / "c23.png", "-o", tmp_path / "out", "--json"
    )
    assert ended.code == 0, ended.err
    one = json.loads(ended.out)["predictions"][0]
    low, high = one["certainty"]["intervals"]["quantities"]["value"]
    assert low < one["quantities"]["value"] < high
    reach = metrics["certainty"]["by_quantity"]["value"]["intervals"]
    assert reach["coverage"]["n"] == 24 and reach["width_median"] > 0
    found = json.loads(ended.out)["predictions"][0]["quantities"]["value"]
    assert found > known.mean()  # in its own unit, and of a large disc
    others = number_folder(tmp_path / "others", cases=9)  # the first one was learned from
    judged = evaluate(tmp_path / "run" / "model.swm", others, out=tmp_path / "scores")
    assert judged["learned_from"] == ["c00"] and judged["cases"] == 8 and "operating_points" not in judged
    assert judged["certainty"]["by_quantity"]["value"]["intervals"]["coverage"]["n"] == 8
    page = (tmp_path / "scores" / "report.html").read_text()
    assert "Regression evaluation" in page and "predicted less true" in page and "Package, cross-validation" in page
    assert "The model has learned from 1 of the 9 cases, by their voxels (c00)" in page


@pytest.mark.parametrize(("choice", "outputs"), [("ordered", 2), ("several", 3)])
def test_train__grades_and_labels(scanwright, tmp_path, choice, outputs):
    data = class_folder(tmp_path / "data", each=8, classes=("grade 0", "grade 1", "grade 2"))
    write_json(data / "scanwright.json", {"kind": "classification", "choice": choice})
    ended = scanwright("train", data, *SMALL, "-o", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["network"]["out_channels"] == outputs
    measures = json.loads(ended.out)["metrics"]["overall"]
    assert measures["auroc"]["mean"] > 0.6 and ("mae_grades" in measures) is (choice == "ordered")


@pytest.mark.parametrize("choice", ["ordered", "several"])
def test_train__support_vector_machines_learn_grades_and_labels(scanwright, tmp_path, choice):
    data = class_folder(tmp_path / "data", each=8, classes=("grade 0", "grade 1", "grade 2"))
    write_json(data / "scanwright.json", {"kind": "classification", "choice": choice})
    ended = scanwright("train", data, "--model", "svm", "--folds", "2", "-o", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    overall = json.loads(ended.out)["metrics"]["overall"]
    assert overall["auroc"]["mean"] > 0.9 and overall["accuracy"]["mean"] > 0.7


def test_train__what_is_best_out_of_fold_is_kept(scanwright, tmp_path):
    data, run = class_folder(tmp_path / "data"), tmp_path / "run"
    command = ("train", data, "--steps", "2", "--folds", "2", "-o", run, "--json")
    ended = scanwright(*command)
    assert ended.code == 0, ended.err
    record = json.loads((run / "trials.json").read_text())
    svm, cnn = record["models"]
    assert record["tried"] == ["svm", "cnn"] and record["chosen"] == "svm" and svm["chosen"] and not cnn["chosen"]
    assert svm["estimate"]["mean"] > cnn["estimate"]["mean"]
    auroc, accuracy = cnn["differences"]
    assert auroc["estimate"]["mean"] == pytest.approx(cnn["estimate"]["mean"] - svm["estimate"]["mean"])
    assert 0 <= accuracy["p"] <= 1
    for name in ("plan.json", "cases.csv"):
        assert (run / name).read_bytes() == (run / "trials" / "svm" / name).read_bytes()
    metrics, without = json.loads((run / "metrics.json").read_text()), record["chosen_without"]
    assert (metrics["chosen_without"]["mean"], metrics["chosen_without"]["n"]) == (without["mean"], without["n"])
    del metrics["chosen_without"]
    assert metrics.pop("range")["cases"] == 24, "told of the model that is kept"
    assert metrics == json.loads((run / "trials" / "svm" / "metrics.json").read_text())
    assert open_model(run / "model.swm").engine.plan.network.families == ("svm-linear", "svm-rbf")
    page = (run / "report.html").read_text()
    assert 'id="models"' in page and "the best of 2 by its scores out of fold" in page
    assert "Without the choice of the model" in page
    again = scanwright(*command)  # nothing is left to be done
    assert again.code == 0 and json.loads(again.out)["metrics"] == json.loads(ended.out)["metrics"]
    other = scanwright(*command, "--seed", "3")
    assert other.code == 2 and "made with other settings" in other.err


def test_train__stopped_between_two_models_it_goes_on(tmp_path):
    def stop(progress):
        if progress.note.startswith("model 2"):
            raise KeyboardInterrupt

    data, run = class_folder(tmp_path / "data"), tmp_path / "run"
    settings = Settings(folds=2, steps=2)
    with pytest.raises(KeyboardInterrupt):
        train(data, out=run, settings=settings, tell=stop)
    weights = run / "trials" / "svm" / "folds" / "0" / "weights.safetensors"
    written = weights.stat().st_mtime_ns
    assert not (run / "plan.json").exists()
    with pytest.raises(UsageError, match="made with other settings"):
        train(data, out=run, settings=settings.model_copy(update={"seed": 5}))
    train(data, out=run, settings=settings)
    assert weights.stat().st_mtime_ns == written and (run / "model.swm").exists()


def test_train__what_a_budget_does_not_suffice_for_is_left_out_and_told(tmp_path, monkeypatch):
    def refuse(found, settings, **given):
        if settings.model == "cnn":
            raise ResourceError("the budget is too small to train anything")
        return make(found, settings, **given)

    make = study.make
    monkeypatch.setattr(study, "make", refuse)
    train(class_folder(tmp_path / "data"), out=tmp_path / "run", settings=Settings(folds=2))
    record = json.loads((tmp_path / "run" / "trials.json").read_text())
    assert record["chosen"] == "svm" and [one["name"] for one in record["left_out"]] == ["cnn"]
    assert "Left out: cnn (the budget is too small" in (tmp_path / "run" / "report.html").read_text()


def test_train__an_ablation_is_reported_and_chooses_nothing(scanwright, tmp_path):
    data, run = class_folder(tmp_path / "data"), tmp_path / "run"
    ended = scanwright("train", data, "--model", "svm", "--folds", "2", "--ablation", "-o", run)
    assert ended.code == 0, ended.err
    (table,) = json.loads((run / "ablation.json").read_text())
    names = [one["name"] for one in table["models"]]
    assert names == ["svm", "svm-linear", "svm-rbf", "linear", "forest", "boosting"]
    assert [one["chosen"] for one in table["models"]] == [True, *[False] * 5]
    assert all(one["estimate"]["mean"] > 0.8 and len(one["differences"]) == 2 for one in table["models"][1:])
    assert 'id="ablation"' in (run / "report.html").read_text()
    assert json.loads((run / "plan.json").read_text())["network"]["family"] == "svm"


def test_train__an_ablation_puts_classifiers_on_what_the_networks_of_the_run_make(tmp_path, monkeypatch):
    def two_of_them(plan, encoders):
        return ablations(plan, encoders)[6:8] if isinstance(plan.network, ClassicalPlan) else ()

    monkeypatch.setattr(ablate, "ablations", two_of_them)
    run = tmp_path / "run"
    settings = Settings(folds=2, steps=20)
    train(class_folder(tmp_path / "data"), out=run, settings=settings, ablation=True)
    table = next(one for one in json.loads((run / "ablation.json").read_text()) if one["models"][0]["name"] == "svm")
    assert [one["name"] for one in table["models"]] == ["svm", "svm-linear-on-cnn", "svm-rbf-on-cnn"]
    for fold in ("0", "1"):  # each fold's own network, which has not seen the cases that it is judged on
        network = load_file(run / "trials" / "cnn" / "folds" / fold / "weights.safetensors")
        read = load_file(run / "trials" / "svm-svm-rbf-on-cnn" / "folds" / fold / "weights.safetensors")
        names = [name for name in network if name.startswith("encoder.")]
        assert names and all(torch.equal(network[name], read[f"encoder.{name}"]) for name in names)


@pytest.mark.parametrize("made", [class_folder, number_folder])
def test_train__support_vector_machines_are_models_like_any(scanwright, tmp_path, made):
    data = made(tmp_path / "data")
    ended = scanwright("train", data, "--model", "svm", "--folds", "2", "-o", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    overall = json.loads(ended.out)["metrics"]["overall"]
    assert overall.get("auroc", overall.get("r2"))["mean"] > 0.85
    model = tmp_path / "run" / "model.swm"
    assert scanwright("verify", model).code == 0
    scan = sorted(data.rglob("*.png"))[-1]
    ended = scanwright("predict", model, scan, "--explain", "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    (answer,) = json.loads(ended.out)["predictions"]
    assert answer["also"] == [str(tmp_path / "out" / f"{answer['case']}.explanation.png")]
    assert (tmp_path / "out" / f"{answer['case']}.explanation.png").read_bytes().startswith(b"\x89PNG")
    assert answer["explained_by"] == "occlusion"
    page = (tmp_path / "run" / "report.html").read_text()
    assert ("raises and lowers value (" if "r2" in overall else "speaks for and against ") in page
    assert "drawn at random" not in page  # there are no weights of a network
    ended = scanwright("predict", model, scan, "--explain-by", "grad-cam", "-o", tmp_path / "other")
    assert ended.code == 2 and "auto, occlusion" in ended.err and not (tmp_path / "other").exists()


def test_predict__explained_is_what_is_bright(told_apart, scanwright, tmp_path):
    folder, _ = told_apart
    scan = folder / "data" / "present" / "present_00.png"
    pictures = {}
    for by in ("auto", "smoothgrad", "grad-cam", "occlusion", "integrated-gradients"):
        out = tmp_path / by
        ended = scanwright("predict", folder / "run" / "model.swm", scan, "--explain-by", by, "-o", out, "--json")
        assert ended.code == 0, ended.err
        (answer,) = json.loads(ended.out)["predictions"]
        assert answer["explained"] == ["present"] and answer["explained_by"] == (by if by != "auto" else "smoothgrad")
        pictures[by] = (out / "present_00.explanation.png").read_bytes()
    assert pictures["auto"] == pictures["smoothgrad"] and len(set(pictures.values())) == 4


def test_predict__labels_are_not_explained(finished, scanwright, tmp_path):
    scan = next((finished.data / "imagesTr").glob("*.nii.gz"))
    ended = scanwright("predict", finished.model, scan, "--explain", "-o", tmp_path / "out")
    assert ended.code == 2 and "shows by itself" in ended.err


def test_train__features_do_not_draw_labels(finished, scanwright, tmp_path):
    ended = scanwright("train", finished.data, "--model", "svm", "-o", tmp_path / "run")
    assert ended.code == 2 and "a model of whole images finds no places in them" in ended.err


def test_train__loops_of_frames_in_their_order(scanwright, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(8):
        rising = np.linspace(0, 1, 6) if number % 2 else np.linspace(1, 0, 6)
        shown = disc(number, radius=3.0 + number / 2)[:16, :16, None]  # unlike the others', or all count as one patient
        voxels = (shown * (1 + rising) + rng.normal(0, 5, (16, 16, 6))).astype(np.int16)
        write_nifti(tmp_path / "data" / ("rises" if number % 2 else "falls") / f"l{number}.nii.gz", voxels)
    small = ("--steps", "4", "--folds", "2", "--set", "network.widths=[8,16,16]", "--set", "batch.size=2")
    ended = scanwright("train", tmp_path / "data", "--model", "cnn-rnn", *small, "-o", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    network = json.loads((tmp_path / "run" / "plan.json").read_text())["network"]
    assert (network["dims"], network["join"], network["hidden"]) == (2, "gru", 64)
    loop, frame = tmp_path / "data" / "falls" / "l0.nii.gz", tmp_path / "frame.nii.gz"
    (answer,) = predict(tmp_path / "run" / "model.swm", loop, out=tmp_path / "out")
    assert not any("single slices" in note for note in answer.notes)  # slice by slice, but of volumes
    write_nifti(frame, voxels[..., :1])
    with pytest.raises(InputError, match="a single slice, and the model has learned from volumes") as caught:
        predict(tmp_path / "run" / "model.swm", frame, out=tmp_path / "frame")
    assert caught.value.where == frame
    ended = scanwright("train", class_folder(tmp_path / "flat"), "--model", "cnn-rnn", "-o", tmp_path / "other")
    assert ended.code == 2 and "nothing to be put in order" in ended.err
