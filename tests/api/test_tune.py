"""Tuning as a user calls it, on tiny data: nothing held out is seen, killed searches go on, and what comes of it trains."""

import csv
import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from commands import Command, at_call, die, interrupt
from made_images import class_folder
from scanwright.errors import UsageError
from scanwright.plan.settings import read_values

pytest.importorskip("optuna")

HELD = (
    *("--set", "network.widths=[8,16]", "--set", "network.blocks=[1,1]", "--set", "network.strides=[[1,1,1],[1,2,2]]"),
    *("--set", "network.kernels=[[1,3,3],[1,3,3]]", "--set", "batch.size=4", "--folds", "3", "--device", "cpu"),
)
"""With network and batch held, all trials cost the same, and nothing hangs on measured times."""
SMALL = (*HELD, "--steps", "9", "--trials", "4", "--budget", "1h")
STEP = ("scanwright.training.loop", "take_step")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, scanwright):
    """A finished tuning of a classification."""
    folder = tmp_path_factory.mktemp("tuned")
    data = class_folder(folder / "data", each=12)
    ended = scanwright("tune", data, *SMALL, "-o", folder / "run", "--json")
    assert ended.code == 0, ended.err
    return folder, json.loads(ended.out)


def test_tune__leaves_what_it_should(tuned):
    folder, found = tuned
    run = folder / "run"
    assert found["kept"] in ("default", "tuned") and (found["values"] == {}) == (found["kept"] == "default")
    assert found["trials"]["all"] == 4 and found["trials"]["finished"] >= 1
    assert found["space"]["training.learning_rate"]["planned"] == 0.006
    assert "network.size" not in found["space"] and "batch.size" not in found["space"], "they are held"
    rows = list(csv.DictReader((run / "trials.csv").read_text().splitlines()))
    assert len(rows) == 4 and rows[0]["state"] == "complete" and rows[0]["3 folds"]
    assert float(rows[0]["training.learning_rate"]) == 0.006 and {row["steps"] for row in rows} == {"9"}
    assert not list(run.glob("trials/trial-*/folds/*/state.safetensors")), "checkpoints of ended trials are swept"
    page = (run / "report.html").read_text()
    for words in (
        "Tuning report",
        "default plan",
        "which no trial saw",
        "How the search went",
        "What was tuned",
        found["command"],
    ):
        assert words in page, words
    assert found["command"].startswith("scanwright train ") and "--steps 9" in found["command"]


def test_tune__sees_nothing_of_what_is_held_out(tuned):
    """No trial has prepared, learned from or answered a case of the outer fold's held-out side."""
    folder, found = tuned
    run = folder / "run"
    held = set(json.loads((run / "splits.json").read_text())["folds"][found["outer_fold"]]["validation"])
    assert len(held) == 8
    judged = {file.stem for file in run.glob("trials/trial-*/predictions/*.json")}
    assert judged and not judged & held
    outer = {file.stem for file in run.glob("trials/default/predictions/*.json")} - {"answered_by"}
    assert outer == held


def test_tune__the_trials_plan_can_be_trained(tuned, scanwright, tmp_path):
    folder, found = tuned
    values = tmp_path / "values.json"
    best = found["best_trial"]["values"] or {"batch.size": 4, "training.learning_rate": 0.002}
    values.write_text(json.dumps({"values": {**best, "training.clip_norm": 0.5}, "note": found["note"]}))
    command = ("train", folder / "data", "-o", tmp_path / "run", "--plan-values", values, "--folds", "3", "--fold", "0")
    ended = scanwright(*command, "--steps", "4", "--set", "training.weight_decay=0.5", "--device", "cpu", "--json")
    assert ended.code == 0, ended.err
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["training"]["clip_norm"] == 0.5 and plan["training"]["weight_decay"] == 0.5, (
        "--set goes before the file"
    )
    assert plan["training"]["learning_rate"] == pytest.approx(best["training.learning_rate"])
    assert plan["batch"]["size"] == 4
    assert found["note"] in json.loads(ended.out)["metrics"]["caveats"], "what judges it had a part in tuning"
    assert "had a part in tuning" in (tmp_path / "run" / "report.html").read_text()


def test_tune__killed_and_stopped_goes_on_and_ends_as_if_undisturbed(tuned, scanwright, tmp_path):
    """Killed in the default's outer training, in a trial, and while the study is written; stopped by Ctrl-C in a trial."""
    folder, found = tuned
    run = tmp_path / "run"
    moments = {
        "in the outer training of the default": partial(at_call, *STEP, 5, die),
        "in the first trial": partial(at_call, *STEP, 9, die),
        "between two rungs": partial(at_call, "scanwright.search.trials", "_judge", 2, die),
        "in a later trial": partial(at_call, *STEP, 32, die),
        "in the comparison": partial(at_call, "scanwright.api.tuning.written", "tuned_json", 1, die),
    }
    command = ("tune", folder / "data", *SMALL, "-o", run, "--json")
    for moment, plant in moments.items():
        assert scanwright(*command, plant=plant).code == -9, moment
    ended = scanwright(*command)
    assert ended.code == 0, ended.err
    after = json.loads(ended.out)
    for key in ("kept", "values", "gain", "held_out", "best_trial", "trials", "default_trial"):
        assert after[key] == found[key], key
    assert scores(run) == scores(folder / "run")


def test_tune__ctrl_c(tuned, scanwright, tmp_path):
    folder, _ = tuned
    command = ("tune", folder / "data", *SMALL, "-o", tmp_path / "run")
    ended = scanwright(*command, plant=partial(at_call, *STEP, 12, interrupt))
    assert ended.code == 130 and ended.lines[-2:] == [
        "stopped while tuning, saved",
        "Run the same command again to go on.",
    ]
    states = list((tmp_path / "run" / "trials").glob("trial-0000/folds/0/state.safetensors"))
    assert len(states) == 1, "the trial has saved its state"


def test_tune__another_request_is_refused(tuned, scanwright):
    folder, _ = tuned
    ended = scanwright("tune", folder / "data", *SMALL[:-4], "--trials", "9", "-o", folder / "run")
    assert ended.code == 2 and "other settings" in ended.err
    ended = scanwright("train", folder / "data", "-o", folder / "run")
    assert ended.code == 2 and "other settings" in ended.err


def test_tune__a_study_that_is_lost_is_begun_anew(tuned, scanwright, tmp_path):
    """Trainings of trials that nobody knows of any more are not taken for those of new ones."""
    folder, found = tuned
    run = Path(shutil.copytree(folder / "run", tmp_path / "run"))
    (run / "study.db").unlink()
    plan = run / "trials/trial-0000/plan.json"
    plan.write_text(plan.read_text().replace('"learning_rate": 0.006', '"learning_rate": 0.9'))
    ended = scanwright("tune", folder / "data", *SMALL, "-o", run, "--json")
    assert ended.code == 0, ended.err
    assert (
        json.loads(ended.out)["default_trial"] == found["default_trial"]
        and '"learning_rate": 0.006' in plan.read_text()
    )


@pytest.mark.slow
def test_tune__parallel(tuned, scanwright, tmp_path):
    """Two processes at a time."""
    folder, _ = tuned
    few = ("--steps", "3", "--trials", "2", "--jobs", "2")
    command = ("tune", folder / "data", *HELD, *few, "-o", tmp_path / "run", "--json")
    ended = Command(command, folder=tmp_path / "logs").end(
        600.0
    )  # two more processes start on the one core that it has
    assert ended.code == 0, ended.err
    after = json.loads(ended.out)
    assert after["trials"]["all"] == 2 and after["default_trial"] is not None
    rows = list(csv.DictReader((tmp_path / "run" / "trials.csv").read_text().splitlines()))
    assert {row["steps"] for row in rows} == {"3"} and all(float(row["seconds"]) > 0 for row in rows)


def test_plan_values__what_is_none(tmp_path):
    for text, why in (("[1]", "not a file of plan values"), ('{"batch.sise": 3}', "unknown plan value")):
        file = tmp_path / "values.json"
        file.write_text(text)
        with pytest.raises(Exception, match=why):
            read_values(file)
    with pytest.raises(Exception, match="no such file"):
        read_values(tmp_path / "nowhere.json")
    with pytest.raises(UsageError):
        file.write_text('{"nothing": {}}')
        read_values(file)


def scores(run: Path) -> list[list[str]]:
    """trials.csv but for the seconds."""
    rows = list(csv.reader((run / "trials.csv").read_text().splitlines()))
    place = rows[0].index("seconds")
    return [[*row[:place], *row[place + 1 :]] for row in rows]
