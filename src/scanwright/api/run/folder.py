"""The run folder: where everything of a run lies, how long it has taken, and whether a command may go on with it.

A run is started with a request (data, settings). The same request goes on where it stopped; another one is refused, so
that no folder holds results of two questions. Elapsed time counts from session to session, kills included.
"""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from scanwright.api.run.lock import alone
from scanwright.dataset.store import Store
from scanwright.errors import InputError, IntegrityError, ResourceError, UsageError
from scanwright.files import as_resource_error, read_json, require_writable, write_json
from scanwright.runtime import peak_memory_bytes

PLAN = "plan.json"
TRIALS, TRIED = "trials", "trials.json"
"""Where models are tried against each other, each in a folder of its own, and what came of it; see api.trials."""
WEIGHTS = "weights.safetensors"
"""Of a fold that is finished."""
REQUEST = "request.json"
LOCK = ".lock"
CLOCK = "clock.json"
STORE = "store"
STUDY, STUDY_NAME = "study.db", "study.json"
"""Of tuning: the study itself, unless it is kept in a database, and its name."""
ABLATION = "ablation.json"
LEARNING_CURVE, SAMPLE_SIZE = "learning_curve.json", "sample_size.json"
METHODS, REFERENCES, CHECKLISTS = "methods.md", "references.bib", "checklists"
PARTS = [
    PLAN,  # first, and the trials' plans with them: what is left of a run without a plan is never taken up
    TRIALS,
    TRIED,
    ABLATION,
    STUDY_NAME,  # before the study: one whose name is gone is begun anew
    STUDY,
    f"{STUDY}-journal",
    "tuned.json",
    "trials.csv",
    "rate.json",
    "rate.svg",
    LEARNING_CURVE,
    SAMPLE_SIZE,
    METHODS,
    REFERENCES,
    CHECKLISTS,
    "task.json",
    "checks.json",
    "fingerprint.json",
    "splits.json",
    "run.json",
    "folds",
    "predictions",
    "metrics.json",
    "cases.csv",
    "judged.json",
    "report.html",
    "model.swm",
]
BEAT_S = 2.0
OF_A_MODEL = ("plan", "prepare", "train", "predict", "evaluate")
"""Stages that each model has for itself where several are tried."""


@dataclass(slots=True)
class Clock:
    """The wall time of a run, all its sessions together, and what each stage took of it."""

    file: Path
    before_s: float = 0.0
    began: float = field(default_factory=lambda: time.monotonic())
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)
    last_beat: float = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds so far, earlier sessions included."""
        return self.before_s + time.monotonic() - self.began

    def beat(self, *, force: bool = False) -> None:
        """Note the elapsed time on the disk, at most every two seconds, so that a kill forgets no more than that."""
        now = time.monotonic()
        if force or now - self.last_beat > BEAT_S:
            self.last_beat = now
            write_json(self.file, {"elapsed_s": round(self.elapsed_s, 3), "stages": self.stages})

    def stages_so_far(self) -> dict[str, dict[str, float]]:
        """What each stage has taken by now, those that have not ended yet among them."""
        found = {name: dict(entry) for name, entry in self.stages.items()}
        for name, began in self.running.items():
            entry = found.setdefault(name, {"seconds": 0.0, "peak_bytes": 0})
            entry["seconds"] = round(entry["seconds"] + time.monotonic() - began, 3)
            entry["peak_bytes"] = max(entry["peak_bytes"], peak_memory_bytes())
        return found

    def seconds_of(self, part: str) -> float:
        """What making and judging the model of a part took; without a name, of a run of one model."""
        names = [f"{stage} ({part})" if part else stage for stage in OF_A_MODEL]
        return sum(self.stages[name]["seconds"] for name in names if name in self.stages)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time and the peak memory of a stage, over all sessions."""
        self.running[name] = time.monotonic()
        try:
            yield
        finally:
            self.stages = self.stages_so_far()
            del self.running[name]
            with contextlib.suppress(ResourceError):  # a full disk is told of by whoever has something to say
                self.beat(force=True)


@dataclass(slots=True)
class Run:
    """A run folder that is open in this process, or a part of one, in which one of several models is tried.

    A part has its own plan, folds, answers and scores; the clock and the prepared cases are those of the whole.
    """

    folder: Path
    command: str
    clock: Clock
    store: Path
    name: str = ""

    @classmethod
    def whole(cls, folder: Path, command: str, *, began: float | None = None) -> Self:
        """The run of a folder, with the time that its earlier sessions took. began: when this one did, by time.monotonic."""
        clock = Clock(folder / CLOCK)
        clock.began = clock.began if began is None else began
        if clock.file.exists():
            known = read_record(clock.file)
            clock.before_s, clock.stages = float(known["elapsed_s"]), dict(known["stages"])
        return cls(folder, command, clock, folder / STORE)

    def part(self, name: str) -> "Run":
        """The part of this run in which a model is tried."""
        return Run(self.folder / TRIALS / name, self.command, self.clock, self.store, name)

    def path(self, *names: str) -> Path:
        """A file of the run."""
        return self.folder.joinpath(*names)

    def fold(self, fold: int) -> Path:
        """The folder of one fold."""
        return self.folder / "folds" / str(fold)

    @property
    def has_begun(self) -> bool:
        """Whether something was decided here that another request could contradict."""
        return has_begun(self.folder)

    @property
    def elapsed_s(self) -> float:
        """Seconds that the whole run has taken, earlier sessions included."""
        return self.clock.elapsed_s

    def beat(self) -> None:
        """Say that time has passed; see Clock."""
        self.clock.beat()

    def stage(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Count a stage; of a part under the name of its model too."""
        return self.clock.stage(f"{name} ({self.name})" if self.name else name)

    def leave(self) -> None:
        """The end of a session. One that planned nothing has used none of the budget: it was refused, or found faults."""
        if self.has_begun:
            self.clock.beat(force=True)
        else:
            self.clock.file.unlink(missing_ok=True)

    def write_record(self, **facts: Any) -> None:
        """run.json: versions, command, time and memory of each stage, and what else is given."""
        write_json(
            self.path("run.json"),
            {
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "command": self.command,
                "versions": versions(),
                **facts,
                "elapsed_s": round(self.elapsed_s, 2),
                "stages": self.clock.stages,
            },
        )


def versions() -> dict[str, str]:
    """Of Python and of the packages that results hang on."""
    packages = ("scanwright", "torch", "numpy", "scipy", "nibabel", "scikit-learn")
    return {"python": sys.version.split()[0], **{name: version(name) for name in packages}}


@contextlib.contextmanager
def open_run(
    folder: Path, request: dict[str, Any], *, command: str, restart: bool, began: float | None = None
) -> Iterator[Run]:
    """Open a run folder for this request, alone.

    A folder in which nothing was planned yet (a wrong option, a data set with faults) takes any request; afterwards it takes
    the same request only. restart: throw the earlier run away first; whatever else lies in the folder stays. began: when the
    command did, by `time.monotonic`, from which its time counts; None: now.
    Raises UsageError if the folder holds a run of another request or things that are no run's, ResourceError if it cannot
    be written or another process is at work in it.
    """
    require_free(folder)
    require_writable(folder)
    with alone(folder / LOCK):
        known = folder / REQUEST
        if has_begun(folder) and not restart:
            require_same(read_record(known), request, folder=folder)
        else:
            clear(folder, all_of_it=restart or not is_same(known, request))
            write_json(known, request)
        sweep(folder)
        run = Run.whole(folder, command, began=began)
        try:
            yield run
        finally:
            with contextlib.suppress(ResourceError):
                run.leave()


@contextlib.contextmanager
def reading_own(file: Path, *, hint: str) -> Iterator[None]:
    """Turn the InputError of a file that this run has written itself into an IntegrityError that says how to go on."""
    try:
        yield
    except InputError as error:
        raise IntegrityError("a file of this run cannot be read", where=file, found=error.found, hint=hint) from error


def read_record(file: Path) -> Any:
    """One of the run's own JSON files. Raises IntegrityError if it is not whole."""
    with reading_own(file, hint="Add --restart to throw the run away, or choose another folder with -o."):
        return read_json(file)


def has_begun(folder: Path) -> bool:
    """Whether a run in this folder has planned something: its model, or one of several that are tried."""
    return (folder / PLAN).exists() or any((folder / TRIALS).glob(f"*/{PLAN}"))


def is_same(known: Path, request: dict[str, Any]) -> bool:
    """Whether a request file is there and asks for the same."""
    return known.exists() and not differences(read_json(known), request)


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A line for each setting in which two requests differ; [] if they ask for the same."""
    now = json.loads(json.dumps(now))
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return [f"{name}: was {before.get(name)!r}, now {now.get(name)!r}" for name in changed]


def require_same(before: dict[str, Any], now: dict[str, Any], *, folder: Path) -> None:
    """Raise UsageError, naming each difference, if the folder was made by another request."""
    changed = differences(before, now)
    if changed:
        raise UsageError(
            "this run folder was made with other settings",
            where=folder,
            details=changed,
            hint="Choose another folder with -o, or add --restart to throw the old run away.",
        )


def holds_run(folder: Path) -> bool:
    """Whether a folder is one of ours: a request, as this module writes it, lies in it."""
    known = folder / REQUEST
    if not known.is_file():
        return False
    with contextlib.suppress(InputError):
        found = read_json(known)
        return isinstance(found, dict) and "data" in found and "seed" in found
    return False


def require_free(folder: Path) -> None:
    """Raise UsageError if the folder exists and holds something that is not a run's."""
    if folder.is_file():
        raise ResourceError("cannot write here", where=folder, found="a file", hint="Choose a folder with -o.")
    if not folder.is_dir() or holds_run(folder):
        return
    foreign = [path.name for path in folder.iterdir() if not is_leftover(path.name)]
    if foreign:
        raise UsageError(
            "the output folder is not empty and holds no run",
            where=folder,
            found=", ".join(sorted(foreign)[:4]) + (" …" if len(foreign) > 4 else ""),
            hint="Choose a new folder with -o.",
        )


def is_leftover(name: str) -> bool:
    """Whether a file of this name is what a command that was killed in its first moment has left."""
    return name == LOCK or (name.startswith(".") and name.endswith(".part"))


def clear(folder: Path, *, all_of_it: bool) -> None:
    """Delete the parts of a run, and nothing else. Prepared cases and the elapsed time stay unless it is all of it.

    The plan goes first: should this be cut short, the next command finds no plan and clears what is left.
    """
    for name in [*PARTS, *([STORE, CLOCK] if all_of_it else [])]:
        path = folder / name
        with as_resource_error(path):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what killed writers have left beside their files."""
    for place in ("folds", "predictions", TRIALS):
        for path in folder.joinpath(place).rglob(".*.part"):
            path.unlink(missing_ok=True)
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)
    for path in folder.glob(".model.swm.*"):
        shutil.rmtree(path, ignore_errors=True)
    Store(folder / STORE).sweep()
