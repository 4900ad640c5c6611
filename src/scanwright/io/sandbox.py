"""A warm child process with limits, for decoders that we do not trust with what comes from outside.

    with Sandbox(Path("gdcm_child.py")) as sandbox:
        header, pixels = sandbox.ask({"rows": 512}, encoded, expected=524288)

One request at a time for each child, through pipes (`confine` has the messages). It is started by the first request and kept.
It has a memory limit, processor time for a request and for its life, no network, no programs, no new processes, no files, an
empty environment and no descriptors but its pipes; the parent keeps the clock. `limits` says which of these hold here: all
on Linux (x86-64, arm64), some on macOS, only the clock on Windows.

Cost, measured on two busy cores (AMD EPYC): a start takes 0.07 s of processor time, 0.12 to 0.3 s by the clock. The pipes
take 0.35 ms for a 512 x 512 CT frame (0.2 MB there, 0.5 MB back); GDCM's decoding of it takes 8 ms of processor time.

A child that crashed, came too late, said nonsense or refused is never asked again: the next request starts another. A crash
is blamed on a request only if a fresh child crashes by it too. What remains: a decoder that was taken over by one file,
and keeps up appearances, could falsify later answers until the child is replaced. `close` between patients confines that
to one of them.
"""

import contextlib
import json
import os
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scanwright.io.child import Child, ChildFailed, NotStarted
from scanwright.io.confine import Header

MEMORY_BYTES = 512 << 20  # address space: Python with GDCM maps 50 MiB of it
REQUEST_S = 30.0  # by the clock, on a machine that may be busy
REQUEST_CPU_S = 10.0  # of processor time
LIFE_CPU_S = 1800  # the kernel ends the child then; it is replaced at half of it

# Isolated (-I): no PYTHON* variables, no user site, no current folder. So the child is told where the parent's modules lie.
# By its path, not as a module: the package around it may import what the child should not wait for (pydicom: 0.6 s).
LAUNCH = "import runpy, sys; sys.path += sys.argv[2:-1]; runpy.run_path(sys.argv[1], run_name='__main__')"


class Sandbox:
    """A child program behind limits. Threads may share it: each request has a child of its own, up to `children` at once,
    and a request more waits. So one thread alone has one child. A fork of the parent gets its own.
    """

    _idle: list[Child]  # the last one answered last
    _alive: "weakref.WeakSet[Child]"
    _closed: int  # how often

    def __init__(
        self,
        program: Path,
        *,
        children: int = 1,
        memory_bytes: int = MEMORY_BYTES,
        request_s: float = REQUEST_S,
        request_cpu_s: float = REQUEST_CPU_S,
    ) -> None:
        """program: a Python file that ends in `confine.serve`. The limits of a request: memory, clock, processor time."""
        self.program, self.children, self.memory_bytes = program, children, memory_bytes
        self.request_s, self.request_cpu_s = request_s, request_cpu_s
        self._clear()
        _ALL.add(self)

    def ask(
        self, header: Mapping[str, Any], body: bytes, *, expected: int, memory_bytes: int = 0, extra_s: float = 0.0
    ) -> tuple[Header, bytearray]:
        """Send a request, and wait for its answer: a header and exactly `expected` bytes.

        memory_bytes: what this request may need; if that is more than the sandbox allows, a child with this limit
        answers it. extra_s: time that it may take beyond the sandbox's, of the clock and the processor.
        Raises ChildFailed, and NotStarted if there is no child to be had.
        """
        header = {**header, "cpu_s": self.request_cpu_s + extra_s}
        seconds = self.request_s + extra_s
        try:
            with self._child(memory_bytes) as child:
                worn = child.asked > 0
                return child.ask(header, body, expected=expected, seconds=seconds)
        except ChildFailed as failure:
            if not worn or failure.kind not in ("ended", "malformed"):
                raise
        with self._child(memory_bytes, fresh=True) as child:
            return child.ask(header, body, expected=expected, seconds=seconds)

    @property
    def limits(self) -> dict[str, bool]:
        """Which limits hold, by name; starts a child if there is none. "time" is the parent's clock and always holds.
        Raises NotStarted.
        """
        with self._child() as child:
            return {**child.ready(), "time": True}

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The children that wait for a request, the one that the next gets last."""
        return tuple(child.process.pid for child in self._idle)

    def prepare(self) -> None:
        """Start the children that are not there yet, without waiting for them: each request that follows finds one ready,
        or nearly so. Nothing is raised; a child that cannot be had is the request's matter.
        """
        with self._lock:
            missing = self.children - sum(not child.ended for child in self._alive)
            with contextlib.suppress(NotStarted):
                self._idle += [self._started(0) for _ in range(missing)]

    def close(self) -> None:
        """End the children, each when it has answered. A later request starts another."""
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], self._closed + 1
        for child in idle:
            child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _child(self, memory_bytes: int = 0, *, fresh: bool = False) -> Iterator[Child]:
        """A child for one request. After any error, Ctrl-C too, it is ended: the next answer in its pipe could be this
        one's.
        """
        with self._places:
            closed = self._closed
            child = (None if fresh else self._warm(memory_bytes)) or self._started(memory_bytes)
            try:
                yield child
            except BaseException:
                child.end()
                raise
            with self._lock:
                keep = closed == self._closed
                if keep:
                    self._idle.append(child)
            if not keep:
                child.end()

    def _warm(self, memory_bytes: int) -> Child | None:
        """The child that answered last, if it lives, has life left and memory enough."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                child = self._idle.pop()
            if not child.ended and child.busy_s < LIFE_CPU_S / 2 and child.memory_bytes >= memory_bytes:
                return child
            child.end()

    def _started(self, memory_bytes: int) -> Child:
        limit = max(self.memory_bytes, memory_bytes)
        terms = {"memory_bytes": limit, "cpu_life_s": LIFE_CPU_S, "parent": os.getpid()}
        folders = [folder for folder in sys.path if Path(folder).is_absolute()]
        words = [str(self.program.resolve()), *folders, json.dumps(terms)]
        child = Child([sys.executable, "-I", "-B", "-c", LAUNCH, *words], memory_bytes=limit)
        self._alive.add(child)
        return child

    def _clear(self) -> None:
        self._lock, self._places = threading.Lock(), threading.Semaphore(self.children)
        self._idle, self._alive, self._closed = [], weakref.WeakSet(), 0

    def _forget(self) -> None:
        """After a fork: the children are the other process's, and so are the threads that held locks."""
        alive = list(self._alive)
        self._clear()
        for child in alive:
            child.disown()


_ALL: "weakref.WeakSet[Sandbox]" = weakref.WeakSet()


def _after_fork() -> None:
    for sandbox in list(_ALL):
        sandbox._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
