"""From finished runs to a table of ensembles and a package: every kind of problem, with tiny models."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from made_folders import nnunet_folder
from made_images import class_folder, number_folder
from scanwright.api.case.opened import open_model
from scanwright.api.ensemble import ensemble_runs
from scanwright.api.ensemble.ensemble_runs import ensemble
from scanwright.api.ensemble.telling import table_lines
from scanwright.api.score_model import evaluate
from scanwright.api.use_model import predict, verify
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, write_json
from scanwright.inference.members import members_of, num_passes
from scanwright.inference.whole import answer_whole
from scanwright.io.formats import read_volume
from scanwright.package.load import load
from tiny_runs import VOXELS, WHOLE, tiny_run


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Two runs of one data set and one split, and the ensemble of both."""
    folder = tmp_path_factory.mktemp("classes")
    data = class_folder(folder / "data", each=10)
    one = tiny_run(data, folder / "one", values=WHOLE)
    two = tiny_run(data, folder / "two", values=WHOLE, seed=1, split=one / "splits.json")
    return folder, ensemble([one, two], out=folder / "both")


def answered(folder, name):
    """A folder in which everything is answered already, so that nothing is asked again."""
    shutil.copytree(folder / "both" / "opinions", folder / name / "opinions")


def rows_of(result):
    return {row.name: row for row in result.report.rows}


def test_classes__everything_that_the_runs_allow_is_in_the_table(classes):
    _, result = classes
    rows = rows_of(result)
    each = ("last weights", "SWA", "snapshots", "dropout", "views", "greedy soup", "greedy")
    wanted = {"one", "two", "full", "greedy", *(f"{run}: {name}" for run in ("one", "two") for name in each)}
    assert set(rows) == wanted and not result.report.left_out
    assert {row.sort for row in rows.values()} == {"single", "semi", "full"}
    passes = {name: rows[name].passes for name in ("one", "one: snapshots", "one: dropout", "one: views", "full")}
    assert passes == {"one": 1, "one: snapshots": 4, "one: dropout": 10, "one: views": 2, "full": 2}
    assert rows["full"].megabytes == pytest.approx(2 * rows["one"].megabytes, rel=0.05)
    assert rows["one: SWA"].passes == 1 and rows["one: snapshots"].megabytes > 3.9 * rows["one"].megabytes
    assert sum(row.is_best_single for row in rows.values()) == sum(row.is_kept for row in rows.values()) == 1
    for row in rows.values():
        assert row.ms > 0 and row.held_out is not None and row.test is None
        assert bool(row.held_out.gains) is not row.is_best_single
        assert ("pay" in row.verdict or "worse" in row.verdict) is (row.sort != "single")


def test_classes__a_row_is_the_mean_of_what_networks_say_that_did_not_see_the_case(classes):
    """The full ensemble by hand, from the answers that the runs themselves keep (their views put aside)."""
    folder, result = classes
    record = read_json(folder / "both" / "ensemble.json")
    assert record["by_fold"]["0"] and rows_of(result)["full"].held_out is not None
    split = read_json(folder / "one" / "splits.json")
    held = {name for fold in split["folds"] for name in fold["validation"]}
    kept = sorted((folder / "both" / "opinions").glob("*"))
    assert kept and all({file.stem for file in one.iterdir()} <= held for one in kept)
    answered = [{file.stem for file in one.iterdir()} for one in kept]
    for names in answered:  # a folder is of one set of weights, which has learned from the other fold
        assert any(names <= set(fold["validation"]) for fold in split["folds"])


def test_classes__again_is_quick_and_the_same(classes, tmp_path):
    folder, result = classes
    opinions = {file: file.stat().st_mtime_ns for file in (folder / "both" / "opinions").rglob("*.json")}
    again = ensemble([folder / "one", folder / "two"], out=folder / "both")
    assert {file: file.stat().st_mtime_ns for file in opinions} == opinions
    assert [row.held_out for row in again.report.rows] == [row.held_out for row in result.report.rows]


def test_classes__the_page_and_the_lines_say_the_same(classes):
    folder, result = classes
    page, lines = (folder / "both" / "ensemble.html").read_text(), table_lines(result.report)
    assert "<script" not in page and "Does it pay?" in page and "in the package" in page
    for row in result.report.rows:
        assert row.name in page and any(line.lstrip("* ").startswith(row.name) for line in lines)
    assert any(line.startswith("Kept: ") for line in lines)
    assert "src=" not in page and 'href="http' not in page
    assert json.loads(json.dumps(result.to_json()))["kept"] == result.report.kept.name


def test_classes__a_limit_keeps_what_is_under_it(classes, tmp_path):
    folder, _ = classes
    runs = [folder / "one", folder / "two"]
    answered(folder, "cheap")
    cheap = ensemble(runs, out=folder / "cheap", most_passes=1)
    assert num_passes(open_model(cheap.package).engine) == 1 and "at most 1 forward pass" in cheap.report.summary[0]
    package, trained = load(cheap.package), load(folder / "one" / "model.swm")  # of one voice: as train writes one
    assert not package.has("members.json") and not trained.has("members.json")
    assert set(package.models) <= {"fold_0", "fold_1"} and package.plan.keys() == trained.plan.keys()
    assert [row.fits for row in cheap.report.rows] == [row.passes == 1 for row in cheap.report.rows]
    with pytest.raises(UsageError, match="no model is under this cost"):
        ensemble(runs, out=folder / "cheap", most_mb=1e-6)


def test_classes__a_package_of_several_plans_answers_explains_and_is_judged(classes, tmp_path, monkeypatch):
    folder, _ = classes
    monkeypatch.setattr(
        ensemble_runs, "keep", lambda judged, *_: next(one for one in judged if one.candidate.name == "full")
    )
    answered(folder, "full")
    result = ensemble([folder / "one", folder / "two"], out=folder / "full")
    package = load(result.package)
    members = package.optional("members.json")["members"]
    assert [one["weight"] for one in members] == [0.5, 0.5] and len(package.models) == 4
    assert members[0]["plan"] == package.plan and verify(result.package)["ok"]
    model, first = open_model(result.package), open_model(folder / "one" / "model.swm")
    assert (model.reference is None) == (first.reference is None)  # what is unlike the training cases is told by both
    assert [len(one.networks) for one in members_of(model.engine)] == [2, 2] and num_passes(model.engine) == 4
    others = class_folder(tmp_path / "new", each=4, first=500)
    told = predict(result.package, others / "present", out=tmp_path / "told", explain=True, report=None)
    alone = {}
    for run in ("one", "two"):
        opened = open_model(folder / run / "model.swm")
        plain = opened.engine.plan.model_copy(
            update={"inference": opened.engine.plan.inference.model_copy(update={"mirror": (False,) * 3})}
        )
        alone[run] = replace(opened.engine, plan=plain)
    for one in told:
        image = read_volume(others / "present" / f"{one.case}.png")
        wanted = np.mean([answer_whole(engine, image).mean for engine in alone.values()], axis=0)
        kept = read_json(tmp_path / "told" / f"{one.case}.json")["answer"]
        assert [kept["absent"], kept["present"]] == pytest.approx(wanted.tolist(), abs=1e-6)
        assert (tmp_path / "told" / f"{one.case}.explanation.png").is_file()
    scores = evaluate(result.package, others, out=tmp_path / "scores", command="the command")
    assert scores["cases"] == 8 and scores["package"]["models"] == 4
    assert "its 4 models together" in (tmp_path / "scores" / "report.html").read_text()


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("task.json", lambda it: {**it, "name": "another"}, "different tasks"),
        ("checks.json", lambda it: {**it, "content": "0" * 64}, "different cases"),
        ("splits.json", lambda it: {**it, "folds": it["folds"][::-1]}, "different folds"),
    ],
)
def test_refused__runs_of_another_question(classes, tmp_path, file, change, words):
    folder, _ = classes
    other = tmp_path / "other"
    shutil.copytree(folder / "two", other, ignore=shutil.ignore_patterns("store"))
    write_json(other / file, change(read_json(other / file)))
    with pytest.raises(UsageError, match=words):
        ensemble([folder / "one", other], out=tmp_path / "out")


def test_refused__what_is_no_finished_run_or_no_free_folder(classes, tmp_path):
    folder, _ = classes
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no run here"):
        ensemble([tmp_path / "empty"], out=tmp_path / "out")
    with pytest.raises(UsageError, match="given twice"):
        ensemble([folder / "one", folder / "one"], out=tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds no ensemble"):
        ensemble([folder / "one"], out=tmp_path / "full")
    with pytest.raises(UsageError, match="inside"):
        ensemble([folder / "one"], out=folder / "one" / "ensemble")


def test_refused__data_that_have_changed(tmp_path):
    data = class_folder(tmp_path / "data", each=6)
    run = tiny_run(data, tmp_path / "run", values=WHOLE, steps=2)
    pixels = np.array(Image.open(data / "present" / "present_00.png"))
    Image.fromarray(255 - pixels).save(data / "present" / "present_00.png")
    with pytest.raises(UsageError, match="changed"):
        ensemble([run], out=tmp_path / "out")


def test_one_fold__nothing_is_chosen(tmp_path):
    data = class_folder(tmp_path / "data", each=8)
    one = tiny_run(data, tmp_path / "one", values=WHOLE, fold=0)
    two = tiny_run(data, tmp_path / "two", values=WHOLE, fold=0, seed=1, split=one / "splits.json")
    result = ensemble([one, two], out=tmp_path / "both")
    assert result.report.kept.name == "full" and result.report.chosen_without is None
    assert not any("greedy" in row.name and "soup" not in row.name for row in result.report.rows)
    assert any("nothing was chosen" in said for said in result.report.summary)
    assert "greedy selection" in {fact.name for fact in result.report.left_out}


def test_numbers__values_are_averaged(tmp_path):
    data = number_folder(tmp_path / "data", cases=20)
    one = tiny_run(data, tmp_path / "one", values=WHOLE)
    two = tiny_run(data, tmp_path / "two", split=one / "splits.json", model="svm")
    result = ensemble([one, two], out=tmp_path / "both")
    rows = rows_of(result)
    assert result.report.metric == "r2" and {"one", "two", "full", "one: snapshots"} <= set(rows)
    assert rows["full"].held_out.gains[0].metric == "mae"
    assert {fact.name for fact in result.report.left_out} >= {"two: snapshots", "two: dropout"}


def test_masks__of_two_and_three_dimensions_are_pooled_on_the_image(tmp_path):
    data = nnunet_folder(tmp_path / "data", cases=6)
    one = tiny_run(data, tmp_path / "one", values=VOXELS, steps=8)
    flat = {**VOXELS, "network.dims": 2, "batch.patch": [1, 8, 8]}
    flat |= {"network.strides": [[1, 1, 1], [1, 2, 2]], "network.kernels": [[1, 3, 3], [1, 3, 3]]}
    two = tiny_run(data, tmp_path / "two", values=flat, steps=8, split=one / "splits.json")
    result = ensemble([one, two], out=tmp_path / "both")
    rows = rows_of(result)
    assert result.report.metric == "dice" and {"one", "two", "full", "greedy", "one: SWA"} <= set(rows)
    assert "one: dropout" in {fact.name for fact in result.report.left_out}
    assert rows["full"].held_out.estimate.n == 6
    told = predict(result.package, data / "imagesTr" / "p00_0000.nii.gz", out=tmp_path / "told")
    assert told[0].file.is_file()
