"""Exact resume: killed or stopped anywhere, the same command ends with the same bytes as a run that nobody disturbed."""

import json
import math
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import scanwright as package
from commands import at_call, at_write, die, interrupt, killed, results
from made_folders import nnunet_folder, picture_folder
from scanwright.api.make_model import Trained, train
from scanwright.errors import UsageError
from scanwright.package.load import load
from scanwright.plan.settings import Settings

STEP = ("scanwright.training.loop", "take_step")

MOMENTS: dict[str, Callable[[], None]] = {
    "before anything is there": partial(at_call, "scanwright.api.run.folder", "require_writable", 1, die),
    "before the request": killed("request.json"),
    "in the checks": partial(at_call, "scanwright.dataset.checks", "examine", 4, die),
    "while the checks are written": killed("checks.json"),
    "while the plan is written": killed("plan.json"),
    "when the plan is there": killed("plan.json", whole=True),
    "while a case is prepared": killed("image.npy", 3),
    "while a prepared case is written": killed("info.json", 2),
    "at the first step": partial(at_call, *STEP, 1, die),
    "between checkpoints": partial(at_call, *STEP, 4, die),
    "while a checkpoint is written": killed("state.safetensors"),
    "when a checkpoint is there": killed("state.safetensors", whole=True),
    "while the weights are written": killed("weights.safetensors"),
    "when the weights are there": killed("weights.safetensors", whole=True),
    "while an answer is written": killed("predictions/"),
    "between answers": killed("predictions/", whole=True),
    "in the evaluation": partial(at_call, "scanwright.problem.label_maps.answers", "evaluate_case", 2, die),
    "while the scores are written": killed("metrics.json"),
    "while the package is written": killed("draft.swm"),
    "in the report": partial(at_call, "scanwright.problem.label_maps.told", "overlay_slices", 1, die),
    "while the report is written": killed("report.html"),
    "while the record is written": killed("run.json"),
}
"""Where one run is killed, one after the other; each time the same command goes on. Written as they come in a run."""


def test_train__killed_at_every_moment(scanwright, finished, tmp_path):
    """One run, killed 22 times: what it leaves is what an undisturbed one leaves, and nothing besides."""
    run = tmp_path / "run"
    for moment, plant in MOMENTS.items():
        ended = scanwright(*finished.command, "-o", run, plant=plant)
        assert ended.code == -9, f"{moment}: {ended.code} {ended.err}"
    ended = scanwright(*finished.command, "-o", run)
    assert ended.code == 0, ended.err
    assert results(run) == results(finished.run)
    assert (run / "model.swm").read_bytes() == finished.model.read_bytes()
    assert files(run) == files(finished.run)
    assert noted(run) == noted(finished.run)


def test_train__killed_between_checkpoints(scanwright, finished, tmp_path):
    """The log has each checkpoint once, with the same scores, and the time before the kill is counted."""
    run = tmp_path / "run"
    assert scanwright(*finished.command, "-o", run, plant=partial(at_call, *STEP, 4, die)).code == -9
    assert [line["step"] for line in log(run)] == [2]
    before = json.loads((run / "clock.json").read_text())["elapsed_s"]
    assert before > 0
    assert scanwright(*finished.command, "-o", run).code == 0
    assert [line["step"] for line in log(run)] == [2, 4, 6]
    assert [line["scores"] for line in log(run)] == [line["scores"] for line in log(finished.run)]
    assert json.loads((run / "run.json").read_text())["elapsed_s"] > before


def test_train__ctrl_c_saves_at_once_and_goes_on(scanwright, finished, tmp_path):
    """At step 3, between checkpoints: saved there, 130, and the run ends as if nothing had been."""
    run = tmp_path / "run"
    ended = scanwright(*finished.command, "-o", run, plant=partial(at_call, *STEP, 3, interrupt))
    assert ended.code == 130
    assert ended.lines == ["stopped at step 3 of 6, saved", "Run the same command again to go on."]
    assert (run / "folds/0/state.safetensors").exists()
    assert not (run / "folds/0/weights.safetensors").exists()
    ended = scanwright(*finished.command, "-o", run)
    assert ended.code == 0
    assert results(run) == results(finished.run)
    assert noted(run) == noted(finished.run), "a stop leaves no mark in the curves"


def test_train__answers_of_other_weights_are_not_kept(scanwright, finished, tmp_path):
    """A fold that was trained anew answers its cases anew; else the report would be of weights that nobody has."""
    run = Path(shutil.copytree(finished.run, tmp_path / "run"))
    kept, renewed = sorted((run / "predictions").glob("*.nii.gz"))
    renewed.write_bytes(kept.read_bytes())  # wrong, and by the record of other weights
    record = json.loads((run / "predictions/answered_by.json").read_text())
    record[renewed.name.removesuffix(".nii.gz")] = ["0" * 64]
    (run / "predictions/answered_by.json").write_text(json.dumps(record))
    before = kept.stat().st_mtime_ns
    assert scanwright(*finished.command, "-o", run).code == 0
    assert kept.stat().st_mtime_ns == before
    assert results(run) == results(finished.run)
    assert (run / "predictions/answered_by.json").read_bytes() == (
        finished.run / "predictions/answered_by.json"
    ).read_bytes()


def test_train__the_data_sets_card_goes_with_the_model(finished):
    model = load(finished.run / "model.swm")
    text, sheet = model.read("datasheet.md").decode(), json.loads(model.read("datasheet.json"))
    assert text == (finished.run / "datasheet.md").read_text()
    assert sheet["digest"] == json.loads((finished.run / "checks.json").read_text())["content"]
    cases = json.loads((finished.run / "checks.json").read_text())["facts"]
    assert f"{len(cases)} cases" in text and not any(name in text for name in cases)


def test_train__ctrl_c_at_the_last_step(scanwright, finished, tmp_path):
    """The fold is kept, and the run stops there instead of going on to its answers."""
    run = tmp_path / "run"
    ended = scanwright(*finished.command, "-o", run, plant=partial(at_call, *STEP, 6, interrupt))
    assert ended.code == 130 and ended.lines[0] == "stopped when fold 0 was trained, saved"
    assert (run / "folds/0/weights.safetensors").exists() and not (run / "predictions").exists()
    assert scanwright(*finished.command, "-o", run).code == 0
    assert results(run) == results(finished.run)


def test_train__never_into_the_data_set(finished):
    with pytest.raises(UsageError, match="inside the data set"):
        train(finished.data, out=finished.data / "imagesTr/run")
    assert not (finished.data / "imagesTr/run").exists()


def test_train__the_plan_is_made_without_the_fold_that_is_judged(finished, tmp_path):
    """Other grey values in the judged cases change nothing of the plan."""
    from made_folders import write_nifti
    from scanwright.io.formats import read_volume

    plans = {}
    names = json.loads((finished.run / "splits.json").read_text())["folds"][0]
    split = tmp_path / "split.json"
    split.write_text(json.dumps([{"train": names["train"], "val": names["validation"]}]))
    for factor in (1, 5):
        data = nnunet_folder(tmp_path / f"data{factor}", cases=6)
        for name in names["validation"]:
            file = data / f"imagesTr/{name}_0000.nii.gz"
            write_nifti(file, read_volume(file).voxels[0] * factor)
        small = {"batch.patch": [8, 8, 8], "network.widths": [4], "network.strides": [[1, 1, 1]]}
        small |= {"network.kernels": [[3, 3, 3]], "training.threads": 1}
        settings = Settings(fold=0, steps=1, values=small)
        plans[factor] = train(data, out=tmp_path / f"run{factor}", settings=settings, split=split, device="cpu").plan
    assert plans[1].preprocess.normalization[0].scheme == "ct"
    assert plans[1] == plans[5]


def test_train__ctrl_c_while_cases_are_prepared(scanwright, finished, tmp_path):
    run = tmp_path / "run"
    ended = scanwright(*finished.command, "-o", run, plant=partial(at_write, "info.json", 2, interrupt, whole=False))
    assert ended.code == 130
    assert ended.lines == ["stopped", "Run the same command again to go on."]
    assert len(list((run / "store").glob("*/*/info.json"))) == 1
    assert not list((run / "store").glob("*/.part*"))
    assert scanwright(*finished.command, "-o", run).code == 0
    assert results(run) == results(finished.run)


def test_train__from_python(finished, tmp_path):
    """The function gives what the command prints, and the same bytes."""
    values = {"batch.patch": [8, 8, 8], "network.widths": [4, 8], "training.checkpoint_every": 2}
    values |= {"network.strides": [[1, 1, 1], [2, 2, 2]], "network.kernels": [[3, 3, 3], [3, 3, 3]]}
    values |= {"training.threads": 1}
    told = []
    settings = Settings(folds=3, fold=0, steps=6, values=values)
    trained = package.train(finished.data, out=tmp_path / "run", settings=settings, device="cpu", tell=told.append)
    assert isinstance(trained, Trained)
    assert trained.metrics == json.loads((tmp_path / "run/metrics.json").read_text())
    assert trained.metrics == json.loads((finished.run / "metrics.json").read_text())
    assert (trained.report, trained.package) == (tmp_path / "run/report.html", tmp_path / "run/model.swm")
    assert trained.plan.training.steps == 6
    assert trained.elapsed_s > 0
    assert [progress.stage for progress in told if progress.done == progress.total != 0] == [
        "check", "prepare", "train fold 0", "train fold 0", "predict", "evaluate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(budget_s=10, steps=3), "exclude each other"),
        (Settings(budget_s=0), "not a budget"),
        (Settings(steps=0), "not a number of steps"),
        (Settings(fold=5), "no such fold"),
        (Settings(fold=-1), "no such fold"),
        (Settings(seed=-1), "not a seed"),
        (Settings(seed=10**20), "not a seed"),
        (Settings(values={"batch.sise": 4}), "unknown plan value"),
    ],
)
def test_train__settings_that_make_no_sense(tmp_path, settings, words):
    """Said before anything is read or written."""
    with pytest.raises(UsageError, match=words):
        train(tmp_path / "nothing", out=tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_train__a_plan_value_that_this_machine_cannot_have(tmp_path):
    """Refused before there is a plan, so that the same folder takes the corrected command."""
    data = picture_folder(tmp_path / "data", cases=4)
    with pytest.raises(UsageError) as caught:
        train(data, out=tmp_path / "run", settings=Settings(steps=1, folds=2, values={"training.threads": 999}))
    assert (caught.value.where, caught.value.exit_code) == ("training.threads", 2)
    assert not (tmp_path / "run/plan.json").exists()


def test_train__every_fold_and_a_test_split(scanwright, tmp_path):
    """Two folds answer every case once; the declared test cases are answered by both together, apart."""
    data = nnunet_folder(tmp_path / "data", cases=6)
    for folder, suffix in (("images", "_0000"), ("labels", "")):
        (data / f"{folder}Ts").mkdir()
        for name in ("p04", "p05"):
            (data / f"{folder}Tr" / f"{name}{suffix}.nii.gz").rename(data / f"{folder}Ts" / f"{name}{suffix}.nii.gz")
    from commands import SMALL

    small = [one for one in SMALL if one not in ("--fold", 0)]
    small[small.index("--folds") + 1] = 2
    ended = scanwright("train", data, *small, "-o", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    run = tmp_path / "run"
    answered = sorted(
        path.relative_to(run / "predictions").as_posix() for path in (run / "predictions").rglob("*.nii.gz")
    )
    assert answered == ["p00.nii.gz", "p01.nii.gz", "p02.nii.gz", "p03.nii.gz", "test/p04.nii.gz", "test/p05.nii.gz"]
    metrics = json.loads(ended.out)["metrics"]
    assert (metrics["cases"], metrics["test"]["cases"]) == (4, 2)
    assert set(metrics["by_fold"]) == {"0", "1"}
    assert math.isfinite(metrics["overall"]["dice"]["mean"])
    again = scanwright("evaluate", run / "predictions/test", data, "-o", tmp_path / "scores", "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out)["overall"]["dice"] == metrics["test"]["overall"]["dice"]


def log(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "folds/0/log.jsonl").read_text().splitlines()]


def noted(run):
    """What the log says, but for times."""
    return [[line[name] for name in ("event", "step", "loss", "scores")] for line in log(run)]


def files(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())


@pytest.mark.parametrize(("name", "value"), [("training.learning_rate", "fast"), ("batch.size", -1)])
def test_train__an_impossible_value_is_refused_before_any_data_are_read(tmp_path, name, value):
    with pytest.raises(UsageError, match="a plan value that cannot be"):
        train(tmp_path / "nowhere", out=tmp_path / "run", settings=Settings(values={name: value}))
    assert not (tmp_path / "run").exists()
