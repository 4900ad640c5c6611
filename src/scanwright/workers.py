"""Worker processes: the same work on many things, results in order, nothing left behind however it ends.

Started by spawn, so that it is the same on every system, and without the program's main module: spawn alone would run
that again in every worker, and a script without `if __name__ == "__main__"` would start workers in its workers.
A worker leaves Ctrl-C to the process that started it, and ends when that has ended: the pool of the standard library alone
would leave its workers waiting for ever when the main process is killed.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from scanwright.errors import ResourceError

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int, at_once: int = 1
) -> Iterator[Result]:
    """Results of `work` on each job, in the order of the jobs, as they come.

    work, jobs and results travel by pickle: a plain function of a module, plain data; nothing of the main module, which
    workers do not know. at_once: jobs handed over together.
    Raises the first error of a job, and ResourceError if the system ends a worker; what has not begun is then not done.
    """
    with ProcessPoolExecutor(workers, mp_context=WorkerContext(), initializer=follow_parent) as pool:
        try:
            yield from pool.map(work, jobs, chunksize=at_once)
        except BrokenProcessPool as error:
            hint = "Close other programs, then run the same command again."
            raise ResourceError("the system ended a worker process, likely for want of memory", hint=hint) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def spread(
    work: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int, few: int, at_once: int = 1
) -> Iterator[Result]:
    """As `in_processes`; in this process with one worker, or fewer jobs than `few`, for which starting others takes longer."""
    if workers < 2 or len(jobs) < few:
        return map(work, jobs)
    return in_processes(work, jobs, workers=workers, at_once=at_once)


class Worker(SpawnProcess):
    """A process started by spawn in which the main module of the program that started it is not run again."""

    def start(self) -> None:
        """Start it. Raises what the system raises."""
        with hidden_main():
            super().start()


class WorkerContext(SpawnContext):
    """Spawn, with workers for its processes."""

    Process = Worker


_hiding = threading.Lock()


@contextmanager
def hidden_main() -> Iterator[None]:
    """For a moment, let the main module have no file and no name: spawn then tells a new process of none to run.

    So it is in an interactive session. The module itself stays what and where it is, for other threads to use.
    """
    names: dict[str, Any] = vars(sys.modules["__main__"])
    with _hiding:
        kept = {name: value for name, value in names.items() if name in ("__file__", "__spec__")}
        names.update(__file__=None, __spec__=None)
        try:
            yield
        finally:
            del names["__file__"], names["__spec__"]
            names.update(kept)


def follow_parent() -> None:
    """Make this worker process deaf to Ctrl-C, and let it end with the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=end_after, args=(parent,), daemon=True).start()


def end_after(process: BaseProcess) -> None:
    """Wait for another process to end, then end this one at once."""
    process.join()
    os._exit(1)
