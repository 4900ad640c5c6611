"""The search with work that is a function: who is ended, who goes on, what a killed or stopped session leaves to the next."""

import math
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from scanwright.errors import ResourceError, UsageError
from scanwright.search import study as study_module
from scanwright.search.importance import importances
from scanwright.search.parameter import Condition, Parameter
from scanwright.search.rungs import rungs_for
from scanwright.search.study import (
    COMPLETE,
    FAIL,
    PRUNED,
    RUNNING,
    VALUES_OF,
    begin,
    best_of,
    left_running,
    open_study,
    trials_in,
)
from scanwright.search.trials import ENDED, SECONDS, STEPS, Job, Means, Outcome, give_up, search

pytest.importorskip("optuna")

RUNGS = rungs_for(3, takes_steps=True)


def nothing(value: Any, plan: Any) -> dict[str, Any]:
    return {}


SPACE = (
    Parameter(name="rate", title="rate", planned=0.01, why="w", change=nothing, low=0.001, high=1.0, log=True),
    Parameter(name="loss", title="loss", planned="ce", why="w", change=nothing, choices=("ce", "focal")),
    Parameter(
        name="smooth", title="smoothing", planned=0.1, why="w", change=nothing, low=0.0, high=0.2,
        when=Condition(name="loss", among=("ce",)),
    ),
)  # fmt: skip
PLANNED = {"rate": 0.01, "loss": "ce", "smooth": 0.1}


def worth(rate: float) -> float:
    """Best at 0.1, and 0.5 there; less by a quarter each decade away."""
    return 0.5 - 0.25 * abs(math.log10(rate) + 1)


class Bench:
    """A study in a file, or in memory, and work that is done at once. log: the jobs that were done."""

    def __init__(self, folder: Path | None, *, seed: int = 0) -> None:
        self.url = "sqlite://" if folder is None else f"sqlite:///{folder / 'study.db'}"
        self.seed, self.log, self.notes = seed, list[tuple[int, str]](), list[str]()
        self.stopped = False
        self.left: Callable[[], float] = lambda: 1e6

    def study(self) -> Any:
        return open_study(self.url, "made", higher_is_better=True)

    def work(self, job: Job) -> Outcome:
        score = worth(job.values["rate"]) + 0.1 * job.rung.share
        return Outcome(score, seconds=1.0, steps=90)

    def run(self, study: Any, *, most: int = 12, jobs: int = 1, values_of: Any = dict) -> Any:
        def submit(job: Job) -> "Future[Outcome]":
            done: Future[Outcome] = Future()
            self.log.append((job.number, job.rung.stated))
            done.set_result(self.work(job))
            return done

        begin(study, PLANNED)
        means = Means(
            submit=submit, values_of=values_of, left_s=lambda: self.left(), stopping=lambda: self.stopped,
            stop_work=lambda: None, seed=self.seed, told=self.notes.append, jobs=jobs, most=most,
        )  # fmt: skip
        search(study, SPACE, RUNGS, means)
        return study


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def quick() -> Bench:
    """For a study that is opened once: every write to a file waits for the disk."""
    return Bench(None)


def test_search__the_default_first_and_to_the_top_and_the_worse_are_ended(quick: Bench) -> None:
    study = quick.run(quick.study(), most=20)
    first = study.trials[0]
    assert first.params == PLANNED and first.state.name == COMPLETE and len(first.intermediate_values) == len(RUNGS)
    assert quick.log[:4] == [(0, rung.stated) for rung in RUNGS]
    pruned, done = trials_in(study, (PRUNED,)), trials_in(study, (COMPLETE,))
    assert len(pruned) + len(done) == 20 and len(pruned) >= 10 and len(done) >= 2
    assert all(len(one.intermediate_values) < len(RUNGS) for one in pruned)
    assert max(worth(one.params["rate"]) for one in pruned) <= max(worth(one.params["rate"]) for one in done)
    best = best_of(study)
    assert best.value == max(one.value for one in done) and worth(best.params["rate"]) > worth(0.01)
    assert best.user_attrs[STEPS] == 90 and best.user_attrs[SECONDS] == 4.0
    assert best.user_attrs[VALUES_OF] == best.params and "others did better" in pruned[0].user_attrs[ENDED]
    assert all(("smooth" in one.params) == (one.params["loss"] == "ce") for one in study.trials)


def test_search__a_default_that_is_the_worst_still_reaches_the_top(quick: Bench) -> None:
    quick.work = lambda job: Outcome(0.1 if job.number == 0 else 0.5)  # type: ignore[method-assign]
    study = quick.run(quick.study(), most=4, jobs=3)
    assert study.trials[0].state.name == COMPLETE


@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_search__killed_in_a_job_goes_on_at_that_rung(bench: Bench, after: int) -> None:
    """What was judged is not judged again; a trial that was running is taken up, and no trial is begun in its place."""
    real, done = bench.work, [0]

    def dying(job: Job) -> Outcome:
        done[0] += 1
        if done[0] == after:
            raise RuntimeError("kill -9")
        return real(job)

    bench.work = dying  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        bench.run(bench.study(), most=6)
    (running,) = trials_in(bench.study(), (RUNNING,))
    lost = bench.log[-1]
    assert lost[0] == running.number
    bench.work, bench.log = real, bench.log[:-1]  # type: ignore[method-assign]
    study = bench.run(bench.study(), most=6)
    assert bench.log[after - 1] == lost
    assert len(set(bench.log)) == len(bench.log), "no rung of a trial twice"
    assert len(study.trials) == 6 and not trials_in(study, (RUNNING,))


def test_search__stopped_leaves_trials_running_and_give_up_ends_them(quick: Bench) -> None:
    def stopping(job: Job) -> Outcome:
        quick.stopped = True
        return Outcome(stopped=True)

    quick.work = stopping  # type: ignore[method-assign]
    study = quick.run(quick.study())
    assert [one.state.name for one in study.trials] == [RUNNING] and len(left_running(study)) == 1
    assert give_up(study) == 1
    assert study.trials[0].state.name == PRUNED and best_of(study) is None


def test_search__a_trial_that_ends_its_process_is_let_go(bench: Bench) -> None:
    """Its process dies whenever it is taken up; the default is not let go, whatever happens to it."""

    def dying(job: Job) -> Outcome:
        if job.number == 1:
            raise RuntimeError("segmentation fault")
        return Outcome(0.5)

    bench.work = dying  # type: ignore[method-assign]
    for _ in range(5):
        with pytest.raises(RuntimeError):
            bench.run(bench.study(), most=3)
    study = bench.run(bench.study(), most=3)
    assert study.trials[1].state.name == FAIL and "its process always ended" in study.trials[1].user_attrs[ENDED]
    assert study.trials[0].state.name == study.trials[2].state.name == COMPLETE


def test_search__what_cannot_be_had_is_ended_with_the_reason(quick: Bench) -> None:
    def odd(job: Job) -> Outcome:
        return {1: Outcome(refused="no memory"), 2: Outcome(None)}.get(job.number, Outcome(0.5))

    def values_of(point: Any) -> dict[str, Any]:
        if len(quick.log) == 6:  # of the trial after the two that are odd
            raise ValueError("the patch does not fit")
        return dict(point)

    quick.work = odd  # type: ignore[method-assign]
    study = quick.run(quick.study(), most=4, values_of=values_of)
    states = [(one.state.name, one.user_attrs.get(ENDED)) for one in study.trials]
    assert states[1] == (PRUNED, "no memory") and states[2][0] == FAIL and "not defined" in states[2][1]
    assert states[3] == (PRUNED, "no such plan: the patch does not fit")


def test_search__begins_only_what_can_be_finished(quick: Bench) -> None:
    left = iter([100.0] * 3)
    quick.left = lambda: next(left, 3.0)  # a trial took 4
    study = quick.run(quick.study())
    assert len(study.trials) <= 4 and not trials_in(study, (RUNNING,))


def test_search__after_a_break_it_proposes_what_it_would_have(bench: Bench, quick: Bench) -> None:
    bench.run(bench.study(), most=5)
    study = bench.run(bench.study(), most=10)
    undisturbed = quick.run(quick.study(), most=10)
    assert [one.params for one in study.trials] == [one.params for one in undisturbed.trials]
    assert len({one.params["rate"] for one in study.trials}) == 10
    other = Bench(None, seed=1)
    assert other.run(other.study(), most=2).trials[1].params != undisturbed.trials[1].params


def test_importance__finds_what_mattered(quick: Bench) -> None:
    study = quick.run(quick.study(), most=20)
    shares = importances(study, SPACE)
    assert shares["rate"] is not None and shares["rate"] > 0.8
    assert shares["rate"] + (shares["loss"] or 0) == pytest.approx(1.0)
    assert shares["smooth"] is not None and shares["smooth"] < shares["rate"] / 2


def test_importance__of_few_trials_nothing_is_said(quick: Bench) -> None:
    study = quick.run(quick.study(), most=5)
    assert set(importances(study, SPACE).values()) == {None}


def test_study__lower_is_better() -> None:
    bench = Bench(None)
    study = open_study(bench.url, "errors", higher_is_better=False)
    bench.work = lambda job: Outcome(job.values["rate"])  # type: ignore[method-assign]
    best = best_of(bench.run(study, most=10))
    assert best.value == min(one.value for one in trials_in(study, (COMPLETE,)))


def test_study__without_optuna_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(UsageError) as caught:
        study_module.require_optuna()
    assert 'pip install "scanwright[search]"' in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("no-database", UsageError),
        ("nosuchdialect://me:secret@nowhere/db", UsageError),
        ("sqlite:////nowhere/at/all/study.db", ResourceError),
    ],
)
def test_study__a_database_that_is_none(url: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        open_study(url, "made", higher_is_better=True)
    assert "secret" not in str(caught.value)


def test_rungs() -> None:
    assert [rung.resource for rung in RUNGS] == [1, 3, 9, 27]
    assert [rung.folds for rung in rungs_for(3, takes_steps=False)] == [1, 3]
    assert len(rungs_for(1, takes_steps=False)) == 1
