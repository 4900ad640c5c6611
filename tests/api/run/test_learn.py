"""The log of a fold, the patch that is watched, the share of a budget, and a Ctrl-C that becomes a flag."""

import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import fakes
from scanwright.api.run.evidence import draw_curves
from scanwright.api.run.learn import (
    Log,
    fold_budget,
    interruptible,
    read_log,
    training_progress,
    watch_patch,
)
from scanwright.errors import ResourceError
from scanwright.plan.budget import USED_SHARE
from scanwright.training.loop import Checkpoint, Refit, Step


def checkpoint(step, *, loss=1.0, scores=(0.5, None)):
    return Checkpoint(step, 9, 1.0, loss, 0.001, scores)


def test_log__what_lasts(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    for event in (Step(1, 9, 0.5, 0.1), checkpoint(2), Step(3, 9, 0.5, 0.1), checkpoint(4)):
        log.write(event)
    lines = read_log(tmp_path / "log.jsonl")
    assert [(line["event"], line["step"]) for line in lines] == [("checkpoint", 2), ("checkpoint", 4)]
    assert lines[0]["scores"] == [0.5, None]


def test_log__a_refit_stays_beside_its_checkpoint(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    for event in (checkpoint(2), Refit(4, 9, 7, 1.5), checkpoint(4)):
        log.write(event)
    assert [(line["event"], line["step"]) for line in read_log(tmp_path / "log.jsonl")] == [
        ("checkpoint", 2), ("refit", 4), ("checkpoint", 4),
    ]  # fmt: skip


def test_log__a_resumed_run_writes_over_what_it_does_again(tmp_path):
    first = Log(tmp_path / "log.jsonl")
    for event in (checkpoint(2), checkpoint(4), checkpoint(6, loss=0.7)):
        first.write(event)
    again = Log(tmp_path / "log.jsonl")  # the state on the disk was that of step 2
    again.write(checkpoint(4))
    assert [line["step"] for line in read_log(tmp_path / "log.jsonl")] == [2, 4]
    again.write(checkpoint(6, loss=0.6))
    assert [(line["step"], line["loss"]) for line in again.lines] == [(2, 1.0), (4, 1.0), (6, 0.6)]


def test_log__none(tmp_path):
    assert read_log(tmp_path / "log.jsonl") == []


def test_curves__drawn_from_the_log(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    for step in (2, 4, 6):
        log.write(checkpoint(step, loss=1 / step, scores=(0.1 * step, None)))
    draw_curves(tmp_path / "curves.png", log.lines, ["liver", "tumour"])
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("event", "note"),
    [
        (Step(3, 9, 0.5, 0.1), ""),
        (checkpoint(4), "step 4: loss 1.000, quick score 0.500, –"),
        (checkpoint(4, loss=None, scores=()), "step 4"),
        (Refit(4, 9, 7, 1.5), "1.50 s a step: the schedule now ends at step 7 instead of 9"),
    ],
)
def test_progress(tmp_path, event, note):
    progress = training_progress(event, 2, Log(tmp_path / "log.jsonl"))
    assert (progress.stage, progress.done, progress.note) == ("train fold 2", event.step, note)


def test_left__from_the_pace_of_this_session(tmp_path, monkeypatch):
    """A resumed run at step 100: three steps of 2 s each, 10 to go."""
    from scanwright.api.run import learn

    now = [50.0]
    monkeypatch.setattr(learn.time, "monotonic", lambda: now[0])
    log = Log(tmp_path / "log.jsonl")
    left = []
    for step in (100, 101, 102, 103):
        left.append(log.left_s(Step(step, 113, 0.5, 0.1)))
        now[0] += 2
    assert left == [None, None, None, 20.0]


def test_watch_patch__centred_on_the_foreground():
    """The box of `fakes.case` lies in the middle; a patch of half the image shows it, and can be written to."""
    case, plan = fakes.case((16, 32, 32)), fakes.plan(patch=(8, 16, 16))
    image, codes = watch_patch(case, plan, torch.device("cpu"))
    assert image.shape == (1, 1, 8, 16, 16)
    assert codes.shape == (1, 8, 16, 16)
    assert float((codes > 0).float().mean()) > 0.5
    image += 1
    assert float(case.image.max()) < 3


def test_watch_patch__without_foreground_and_larger_than_the_image():
    case = fakes.case((6, 32, 20))
    case.foreground.clear()
    image, _ = watch_patch(case, fakes.plan(patch=(8, 16, 32)), torch.device("cpu"))
    assert image.shape == (1, 1, 8, 16, 32)
    assert bool(torch.isfinite(image).all())


@pytest.mark.parametrize(("folds_left", "seconds"), [(1, 570.0), (5, 114.0)])
def test_fold_budget__what_is_left_in_equal_shares(folds_left, seconds):
    """1000 s, of which USED_SHARE counts, 100 kept for afterwards, 300 gone."""
    plan = SimpleNamespace(training=SimpleNamespace(budget_s=1000.0, reserve_s=100.0, steps=100, step_s=1.0))
    run, study = (
        SimpleNamespace(elapsed_s=300.0, clock=SimpleNamespace(before_s=0.0), folder=Path("run")),
        SimpleNamespace(plan=plan),
    )
    left_s = 1000 * USED_SHARE - 400
    assert fold_budget(run, study, folds_left=folds_left, used_s=0.0) == pytest.approx(left_s / folds_left)
    resumed = fold_budget(run, study, folds_left=folds_left, used_s=50.0)
    assert resumed == pytest.approx((left_s + 50) / folds_left - 50), "what it had counts towards its share"
    assert seconds == pytest.approx((1000 * 0.97 - 400) / folds_left)
    run.elapsed_s = 5000.0
    assert fold_budget(run, study, folds_left=folds_left, used_s=0.0) == 1.0
    run.clock.before_s = 4900.0
    assert fold_budget(run, study, folds_left=folds_left, used_s=9.0) == 1.0, "what was begun is ended"
    with pytest.raises(ResourceError, match="too little of the budget is left"):
        fold_budget(run, study, folds_left=folds_left, used_s=0.0)
    plan.training.budget_s = None
    assert fold_budget(run, study, folds_left=folds_left, used_s=0.0) is None


def test_interruptible__the_first_is_a_flag_the_second_is_not():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible() as asked:
        assert not asked()
        os.kill(os.getpid(), signal.SIGINT)
        assert asked()
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_interruptible__sigterm_as_well():
    with interruptible() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked()


def test_interruptible__in_a_thread_signals_are_left_alone():
    seen = []

    def work():
        with interruptible() as asked:
            seen.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_made_case__is_what_these_tests_think():
    assert np.argwhere(fakes.case((16, 32, 32)).target > 0).min(axis=0).tolist() == [4, 8, 8]
