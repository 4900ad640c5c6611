"""The run folder: where everything of a run lies, how long it has taken, and whether a command may go on with it.

A run is started with a request (data, settings). The same request goes on where it stopped; another one is refused, so
that no folder holds results of two questions. Elapsed time counts from session to session, kills included.
"""

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scanwright.errors import ResourceError, UsageError
from scanwright.files import read_json, require_writable, write_json
from scanwright.runtime import peak_memory_bytes

PARTS = [
    "task.json",
    "checks.json",
    "fingerprint.json",
    "splits.json",
    "plan.json",
    "run.json",
    "clock.json",
    "folds",
    "predictions",
    "store",
    "metrics.json",
    "cases.csv",
    "report.html",
    "model.swm",
    "request.json",
    ".lock",
]
BEAT_S = 2.0


@dataclass(slots=True)
class Run:
    """A run folder that is open in this process. `elapsed_s` is the wall time of all its sessions together."""

    folder: Path
    command: str
    before_s: float = 0.0
    began: float = field(default_factory=time.monotonic)
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    last_beat: float = 0.0

    def path(self, *names: str) -> Path:
        """A file of the run."""
        return self.folder.joinpath(*names)

    def fold(self, fold: int) -> Path:
        """The folder of one fold."""
        return self.folder / "folds" / str(fold)

    @property
    def elapsed_s(self) -> float:
        """Seconds this run has taken, earlier sessions included."""
        return self.before_s + time.monotonic() - self.began

    def beat(self, *, force: bool = False) -> None:
        """Note the elapsed time on the disk, at most every two seconds, so that a kill forgets no more than that."""
        now = time.monotonic()
        if force or now - self.last_beat > BEAT_S:
            self.last_beat = now
            write_json(self.path("clock.json"), {"elapsed_s": round(self.elapsed_s, 3), "stages": self.stages})

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time and the peak memory of a stage, over all sessions."""
        began = time.monotonic()
        try:
            yield
        finally:
            entry = self.stages.setdefault(name, {"seconds": 0.0, "peak_bytes": 0})
            entry["seconds"] = round(entry["seconds"] + time.monotonic() - began, 3)
            entry["peak_bytes"] = max(entry["peak_bytes"], peak_memory_bytes())
            self.beat(force=True)

    def write_record(self, **facts: Any) -> None:
        """run.json: versions, command, time and memory of each stage, and what else is given."""
        packages = ("scanwright", "torch", "numpy", "scipy", "nibabel")
        write_json(
            self.path("run.json"),
            {
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "command": self.command,
                "versions": {"python": sys.version.split()[0], **{name: version(name) for name in packages}},
                **facts,
                "elapsed_s": round(self.elapsed_s, 2),
                "stages": self.stages,
            },
        )


@contextlib.contextmanager
def open_run(folder: Path, request: dict[str, Any], *, command: str, restart: bool) -> Iterator[Run]:
    """Open a run folder for this request, alone.

    Raises UsageError if the folder holds a run of another request or things that are no run's, ResourceError if it cannot
    be written or another process is at work in it.
    """
    if restart:
        remove_run(folder)
    known = folder / "request.json"
    if not known.exists():
        require_free(folder)
    require_writable(folder)
    with alone(folder / ".lock"):
        if known.exists():
            require_same(read_json(known), request, folder=folder)
        else:
            write_json(known, request)
        run = Run(folder, command)
        if run.path("clock.json").exists():
            clock = read_json(run.path("clock.json"))
            run.before_s, run.stages = float(clock["elapsed_s"]), dict(clock["stages"])
        try:
            yield run
        finally:
            with contextlib.suppress(ResourceError):
                run.beat(force=True)


def require_same(before: dict[str, Any], now: dict[str, Any], *, folder: Path) -> None:
    """Raise UsageError, naming each difference, if the folder was made by another request."""
    now = json.loads(json.dumps(now))
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if changed:
        raise UsageError(
            "this run folder was made with other settings",
            where=folder,
            details=[f"{name}: was {before.get(name)!r}, now {now.get(name)!r}" for name in changed],
            hint="Choose another folder with -o, or add --restart to throw the old run away.",
        )


def require_free(folder: Path) -> None:
    """Raise UsageError if the folder exists and holds something that is not a run's."""
    if folder.is_file():
        raise ResourceError("cannot write here", where=folder, found="a file", hint="Choose a folder with -o.")
    foreign = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if foreign:
        raise UsageError(
            "the output folder is not empty and holds no run",
            where=folder,
            found=", ".join(sorted(foreign)[:4]),
            hint="Choose a new folder with -o.",
        )


def remove_run(folder: Path) -> None:
    """Delete the parts of a run, and nothing else, from a folder that holds one."""
    if not (folder / "request.json").exists():
        return
    for name in PARTS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock file with this process's number; one left by a process that is gone is taken over."""
    for _ in range(2):
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            break
        except FileExistsError as error:
            owner = lock.read_text().strip() if lock.exists() else ""
            if owner.isdigit() and is_running(int(owner)):
                raise ResourceError(
                    "another process is at work in this folder",
                    where=lock.parent,
                    found=f"process {owner}",
                    hint="Wait for it, or choose another folder with -o.",
                ) from error
            lock.unlink(missing_ok=True)
    else:
        raise ResourceError("cannot take the lock of this folder", where=lock, hint="Remove the file and try again.")
    try:
        os.write(handle, str(os.getpid()).encode())
        os.close(handle)
        yield
    finally:
        lock.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether a process of this number exists (and is not this one)."""
    if process == os.getpid() or sys.platform == "win32":  # there, os.kill(…, 0) would stop the other process
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
