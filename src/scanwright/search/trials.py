"""The search: trials begin, climb from rung to rung, and are ended where others do better. Training comes as an argument.

One process speaks with the study; work may go to others. Nothing here is lost by a kill: a trial that was running is taken up
at the rung where it stood, and its training goes on from its checkpoint.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scanwright.search.parameter import Parameter
from scanwright.search.rungs import Rung
from scanwright.search.study import (
    COMPLETE,
    FAIL,
    PRUNED,
    VALUES_OF,
    left_running,
    proposed,
    suggested,
    told,
    trials_in,
)

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

BEAT_S = 1.0
MOST_BEGUN = 5
"""How often a trial is taken up on one rung: what has ended its process so often would end the next one too."""
SECONDS, STEPS, ENDED, BEGUN = "seconds", "steps", "ended", "begun"
"""What is noted of a trial in the study, beside its parameters."""


@dataclass(frozen=True, slots=True)
class Job:
    """Train a trial up to a rung, from wherever it stands, and judge it. number: of the trial. values: of its plan."""

    number: int
    values: Mapping[str, Any]
    rung: Rung


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: the score on the rung's cases, None where it is not defined.

    seconds: that the job took. steps: that a whole fold takes. refused: why there is no score and never will be: no memory, or
    training that diverged. stopped: it was asked to stop, and goes on later from what it saved.
    """

    value: float | None = None
    seconds: float = 0.0
    steps: int | None = None
    refused: str = ""
    stopped: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What a search works with.

    submit: hands a job over; the future may be done at once. values_of: a point's plan values; raises ValueError with the
    reason where there is no such plan. left_s: seconds until the search has to end. stopping: whether it has to end now.
    told: called with a sentence at each event, and with "" to show that time passes. jobs: at a time. most: trials altogether.
    seed: of what is proposed.
    """

    submit: Callable[[Job], "Future[Outcome]"]
    values_of: Callable[[Mapping[str, Any]], dict[str, Any]]
    left_s: Callable[[], float]
    stopping: Callable[[], bool]
    stop_work: Callable[[], None]
    told: Callable[[str], None]
    jobs: int = 1
    most: int | None = None
    seed: int = 0


@dataclass(slots=True)
class Climbing:
    """A trial that is under way."""

    trial: "Trial"
    values: Mapping[str, Any]
    place: int = 0


@dataclass(slots=True)
class Search:
    """A search under way. whole_s: what a trial took from its beginning to its end, by the first that got there."""

    study: "Study"
    space: Sequence[Parameter]
    rungs: Sequence[Rung]
    means: Means
    whole_s: float = 0.0
    active: "dict[Future[Outcome], Climbing]" = field(default_factory=dict)


def search(study: "Study", space: Sequence[Parameter], rungs: Sequence[Rung], means: Means) -> None:
    """Run trials until time or their number is up, or it is asked to stop; the first climbs to the top whatever it scores.

    A trial begins only while there is time for it to reach the top: one that cannot be finished could not be chosen.
    Trials that are under way at the end stay running in the study: `give_up` ends them when no session will go on.
    """
    now = Search(study, space, rungs, means, whole_s=_whole_seconds(study))
    waiting = left_running(study, seed=means.seed)
    while True:
        while len(now.active) < means.jobs and not means.stopping():
            trial = waiting.pop(0) if waiting else _next(now)
            if trial is None:
                break
            _take_up(now, trial)
        if not now.active:
            return
        done, _ = wait(now.active, timeout=BEAT_S, return_when=FIRST_COMPLETED)
        means.told("")
        if means.stopping():
            means.stop_work()
        for future in done:
            _judge(now, now.active.pop(future), future.result())


def _next(now: Search) -> "Trial | None":
    """A new trial, if there is to be one."""
    count = len(trials_in(now.study))
    if now.means.most is not None and count >= now.means.most:
        return None
    if count and now.means.left_s() < now.whole_s:
        return None
    return proposed(now.study, seed=now.means.seed)


def _take_up(now: Search, trial: "Trial") -> None:
    """Begin a trial, or go on with one at the rung after the last that it has reached."""
    point = suggested(trial, now.space)
    try:
        values = now.means.values_of(point)
    except ValueError as error:
        _end(now, trial, state=PRUNED, why=f"no such plan: {error}")
        return
    trial.set_user_attr(VALUES_OF, values)
    reached = len(now.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    climbing = Climbing(trial, values, place=reached)
    if reached >= len(now.rungs):
        _finish(now, climbing)
        return
    if reached:
        now.means.told(f"trial {trial.number} goes on after {now.rungs[reached - 1].stated}")
    _submit(now, climbing)


def _submit(now: Search, climbing: Climbing) -> None:
    """Hand a trial's next job over, unless it has been begun in vain too often. The default plan always goes on."""
    trial = climbing.trial
    before = trial.user_attrs.get(BEGUN, [0, 0])
    times = before[1] + 1 if before[0] == climbing.place else 1
    if times > MOST_BEGUN and trial.number != 0:
        _end(now, trial, state=FAIL, why=f"it was begun {times - 1} times on this rung, and its process always ended")
        return
    trial.set_user_attr(BEGUN, [climbing.place, times])
    job = Job(climbing.trial.number, climbing.values, now.rungs[climbing.place])
    now.active[now.means.submit(job)] = climbing


def _judge(now: Search, climbing: Climbing, outcome: Outcome) -> None:
    """Note what came of a job, and let the trial go on or end."""
    trial, rung = climbing.trial, now.rungs[climbing.place]
    if outcome.stopped:
        return
    spent = float(trial.user_attrs.get(SECONDS, 0.0)) + outcome.seconds
    trial.set_user_attr(SECONDS, round(spent, 2))
    if outcome.steps is not None:
        trial.set_user_attr(STEPS, outcome.steps)
    if outcome.refused:
        _end(now, trial, state=PRUNED, why=outcome.refused)
        return
    if outcome.value is None:
        _end(now, trial, state=FAIL, why=f"the score is not defined on {rung.stated}")
        return
    trial.report(outcome.value, rung.resource)
    climbing.place += 1
    is_pruned = trial.should_prune() and trial.number != 0
    if climbing.place == len(now.rungs):
        _finish(now, climbing)
    elif is_pruned:
        _end(now, trial, state=PRUNED, why=f"others did better on {rung.stated}", value=outcome.value)
    else:
        now.means.told(f"trial {trial.number}: {outcome.value:.4g} on {rung.stated}, goes on")
        _submit(now, climbing)


def _finish(now: Search, climbing: Climbing) -> None:
    """A trial that has reached the top."""
    trial = climbing.trial
    (_, value) = max(now.study.get_trials(deepcopy=False)[trial.number].intermediate_values.items())
    now.whole_s = now.whole_s or float(trial.user_attrs.get(SECONDS, 0.0))
    trial.set_user_attr(ENDED, f"reached {now.rungs[-1].stated}")
    told(now.study, trial, state=COMPLETE, value=value)
    now.means.told(f"trial {trial.number}: {value:.4g} on {now.rungs[-1].stated}, at the top")


def _end(now: Search, trial: "Trial", *, state: str, why: str, value: float | None = None) -> None:
    trial.set_user_attr(ENDED, why)
    told(now.study, trial, state=state)
    score = "" if value is None else f"{value:.4g}, "
    now.means.told(f"trial {trial.number}: {score}ended, {why}")


def _whole_seconds(study: "Study") -> float:
    """What the first trial that reached the top took, 0 if none has yet."""
    return next((float(one.user_attrs.get(SECONDS, 0.0)) for one in trials_in(study, (COMPLETE,))), 0.0)


def give_up(study: "Study") -> int:
    """End the trials that are still running, for want of time; gives how many."""
    left = left_running(study)
    for trial in left:
        trial.set_user_attr(ENDED, "there was no time left")
        told(study, trial, state=PRUNED)
    return len(left)
