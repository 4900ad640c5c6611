"""What must end in time: one thread keeps the clock for all, since a thread for each request costs more than small requests.

    with within(30.0, process.kill):
        answer = process.stdout.read(...)

A `threading.Timer` for each took 0.6 to 1.3 ms on two busy cores (its thread has to start); an entry here takes microseconds.
"""

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator


class _Clock:
    """Deadlines that are open, and the thread that waits for the next of them. It starts with the first and stays."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[float, Callable[[], None]]] = {}
        self._changed = threading.Condition()
        self._wakes = math.inf
        self._runs = False

    def add(self, seconds: float, late: Callable[[], None]) -> object:
        """Open a deadline; returns what `remove` takes."""
        entry, due = object(), time.monotonic() + seconds
        with self._changed:
            self._open[entry] = (due, late)
            if not self._runs:
                threading.Thread(target=self._watch, daemon=True, name="deadlines").start()
                self._runs = True
            if due < self._wakes:
                self._changed.notify()
        return entry

    def remove(self, entry: object) -> None:
        """Close a deadline: from now on it calls nothing."""
        with self._changed:
            self._open.pop(entry, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for entry in [entry for entry, (due, _) in self._open.items() if due <= now]:
                    self._open.pop(entry)[1]()
                self._wakes = min((due for due, _ in self._open.values()), default=math.inf)
                self._changed.wait(None if self._wakes == math.inf else self._wakes - now)


_CLOCK = _Clock()


@contextlib.contextmanager
def within(seconds: float, late: Callable[[], None]) -> Iterator[None]:
    """Call `late` once if the block still runs after so many seconds, and never after it.

    late: called in the clock's thread; quick, such as a kill, and raising nothing.
    """
    clock = _CLOCK
    entry = clock.add(seconds, late)
    try:
        yield
    finally:
        clock.remove(entry)


def _after_fork() -> None:
    """The thread did not come along, and its lock may be held for good."""
    global _CLOCK
    _CLOCK = _Clock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
