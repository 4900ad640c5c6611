"""Who does the work of trials: this process, or several beside it, each with its share of the threads and the memory."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from typing import Any

from scanwright.api.run.rung import Ground, climb
from scanwright.errors import ResourceError
from scanwright.runtime import Machine
from scanwright.search.trials import Job, Outcome
from scanwright.workers import WorkerContext, follow_parent

_held: dict[str, Any] = {}
"""What a worker process was given when it began: the ground of all trials, and the flag that asks it to stop."""


@dataclass(frozen=True, slots=True)
class Workers:
    """submit: a job to a future of its outcome. stop_work: asks every job under way to save and stop."""

    submit: Callable[[Job], "Future[Outcome]"]
    stop_work: Callable[[], None]


def share_of(machine: Machine, jobs: int) -> Machine:
    """What each of several jobs may use."""
    return replace(machine, threads=max(1, machine.threads // jobs), memory_bytes=machine.memory_bytes // jobs)


@contextmanager
def workers(ground: Ground, *, jobs: int, stopping: Callable[[], bool], beat: Callable[[], None]) -> Iterator[Workers]:
    """Workers for so many jobs at a time. One job is done in this process, when it is submitted.

    stopping: whether work has to stop, asked between steps. beat: called as time passes.
    Raises ResourceError if the system ends a worker process; the same command then goes on.
    """
    if jobs == 1:

        def here(job: Job) -> "Future[Outcome]":
            done: Future[Outcome] = Future()
            done.set_result(climb(ground, job, stop=stopping, beat=beat))
            return done

        yield Workers(here, lambda: None)
        return
    context = WorkerContext()
    flag = context.Event()
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(ground, flag))
    try:
        yield Workers(lambda job: pool.submit(_there, job), flag.set)
    except BrokenProcessPool as error:
        hint = "Close other programs or give fewer --jobs, then run the same command again: it goes on."
        raise ResourceError("the system ended a worker process, likely for want of memory", hint=hint) from error
    finally:
        flag.set()  # whatever ends the search, those who are still at work save and stop
        pool.shutdown(cancel_futures=True)


def _begin(ground: Ground, flag: Event) -> None:
    """The beginning of a worker process."""
    follow_parent()
    _held.update(ground=ground, flag=flag)


def _there(job: Job) -> Outcome:
    """A job in a worker process."""
    flag: Event = _held["flag"]
    return climb(_held["ground"], job, stop=flag.is_set)
