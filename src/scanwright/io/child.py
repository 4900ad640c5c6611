"""One limited child process as its parent sees it: started, asked, timed, ended. `sandbox` keeps it warm and replaces it.

The clock kills the child when time is up: its pipes end then, and with them any waiting, on every system.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import IO, Any, Literal

from scanwright.io.confine import Header, Malformed, receive, send
from scanwright.io.deadline import within

START_S = 60.0  # a cold disk, a network drive
PIPE_BYTES = 1 << 20  # what a user without rights may ask for
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

Kind = Literal["refused", "memory", "time", "ended", "malformed"]
Popen = subprocess.Popen[bytes]
Order = tuple[Sequence[str], Future[Popen]]


class ChildFailed(Exception):
    """A request that was not answered. `kind` tells how, `why` in words without a full stop.

    refused: the decoder said no. memory: over the limit. time: over the clock or the processor time. ended: it crashed
    or was killed. malformed: it answered something else.
    """

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(why)
        self.kind, self.why = kind, why


class NotStarted(Exception):
    """No child at all. `missing` names the Python module that is not installed, if that is the reason."""

    def __init__(self, why: str, *, missing: str | None = None) -> None:
        super().__init__(why)
        self.missing = missing


class Child:
    """A running child: its pipes, its clock, and what it said of its limits. It ends with this object.

    It is not waited for when it is started, but when it is asked first: several start at once, while the parent works.
    """

    def __init__(self, command: Sequence[str], *, memory_bytes: int) -> None:
        self.memory_bytes, self.asked, self.busy_s, self.late = memory_bytes, 0, 0.0, False
        self.process = started(command)
        self._end = weakref.finalize(self, _end, self.process)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.requests: IO[bytes] = self.process.stdin
        self.answers: IO[bytes] = self.process.stdout
        self._limits: dict[str, bool] | None = None

    def ready(self) -> dict[str, bool]:
        """Wait until the child is ready, and say which limits hold in it, by name. Raises NotStarted."""
        if self._limits is None:
            self._limits = self._greeting()
        return self._limits

    def _greeting(self) -> dict[str, bool]:
        try:
            with within(START_S, self._too_late):
                header, _ = receive(self.answers, expected=0)
        except (EOFError, Malformed) as error:
            self.end()
            raise NotStarted(f"the limited child process does not start: it {self._ending()}") from error
        missing, limits = header.get("missing"), header.get("limits")
        if missing:
            raise NotStarted(f"no Python module {_readable(missing)}", missing=_readable(missing))
        return {str(name): bool(holds) for name, holds in limits.items()} if isinstance(limits, dict) else {}

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self.process.poll() is not None

    def ask(self, header: Mapping[str, Any], body: bytes, *, expected: int, seconds: float) -> tuple[Header, bytearray]:
        """One request and its answer of exactly `expected` bytes. After a ChildFailed it must not be asked again.

        Raises NotStarted if the child did not get ready.
        """
        self.ready()
        began = time.monotonic()
        self.asked += 1
        try:
            with within(seconds, self._too_late):
                send(self.requests, header, body)
                answer, found = receive(self.answers, expected=expected)
        except Malformed as error:
            raise ChildFailed("malformed", f"the decoder's answer is malformed: {error}") from error
        except (EOFError, OSError) as error:
            self.end()
            raise self._failure(seconds) from error
        self.busy_s += time.monotonic() - began
        _raise_if_failed(answer)
        if len(found) != expected:
            raise ChildFailed("malformed", f"the decoder gives {len(found)} bytes where {expected} were agreed")
        return answer, found

    def _failure(self, seconds: float) -> ChildFailed:
        if self.late:
            return ChildFailed("time", f"the decoder took more than {seconds:g} s")
        if self.process.returncode == -getattr(signal, "SIGPROF", 0):
            return ChildFailed("time", "the decoder took more processor time than it may")
        return ChildFailed("ended", f"the decoder {self._ending()}")

    def _ending(self) -> str:
        code = self.process.returncode or 0
        if code >= 0:
            return f"ended with code {code}"
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"

    def _too_late(self) -> None:
        self.late = True
        self.process.kill()

    def end(self) -> None:
        """Kill the process, wait for its end, and close the pipes."""
        self._end()

    def disown(self) -> None:
        """After a fork: close our copies of the pipes; the process itself belongs to the other."""
        self._end.detach()
        self.process.returncode = 0
        _close(self.process)


def _raise_if_failed(answer: Header) -> None:
    kind = answer.get("failed")
    if kind == "memory":
        raise ChildFailed("memory", "the decoder needs more memory than the size of the image explains")
    if kind is not None:
        raise ChildFailed("refused", _readable(answer.get("why")) or "the decoder refuses")


def _readable(text: object) -> str:
    return "".join(letter for letter in str(text) if letter.isprintable())[:200] if text else ""


def _end(process: Popen) -> None:
    process.kill()
    process.wait()
    _close(process)


def _close(process: Popen) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


# On Linux a child dies with the thread that started it (PR_SET_PDEATHSIG). So one thread, which stays, starts them all.
_ORDERS: list["queue.SimpleQueue[Order]"] = []
_LOCK = threading.Lock()


def started(command: Sequence[str]) -> Popen:
    """Start a process. Raises NotStarted if the system does not."""
    with _LOCK:
        if not _ORDERS:
            _ORDERS.append(queue.SimpleQueue())
            threading.Thread(target=_start_all, args=(_ORDERS[0],), daemon=True, name="child starter").start()
    future: Future[Popen] = Future()
    _ORDERS[0].put((command, future))
    try:
        return future.result()
    except OSError as error:
        raise NotStarted(f"the limited child process does not start: {error}") from error


def _start_all(orders: "queue.SimpleQueue[Order]") -> None:
    while True:
        command, future = orders.get()
        try:
            future.set_result(_popen(command))
        except OSError as error:
            future.set_exception(error)


def _popen(command: Sequence[str]) -> Popen:
    """Without a shell, our environment, our folder, our terminal's Ctrl-C. Windows cannot start Python with so few
    variables: there the environment is ours.
    """
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and program)
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=None if sys.platform == "win32" else ENVIRONMENT,
        cwd=os.path.abspath(os.sep),  # noqa: PTH100
        start_new_session=sys.platform != "win32",
    )
    for pipe in (process.stdin, process.stdout):
        _widen(pipe)
    return process


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold a whole frame, where the system can: by 64 KiB at a time both sides wait for each other."""
    if sys.platform == "linux" and pipe is not None:
        import fcntl

        with contextlib.suppress(OSError):  # the user's pipes together have a limit
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _after_fork() -> None:
    global _LOCK
    _LOCK = threading.Lock()
    _ORDERS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
