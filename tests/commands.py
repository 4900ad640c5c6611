"""Run the command line as a user does, in a process of its own, but one that has imported everything already.

A forked process starts in hundredths of a second where a fresh interpreter takes seconds to import torch, so that a test can
afford to run a command twenty times, and to kill it. `plant` is called in the process before the command: it may put a kill,
a signal or a failing write somewhere.
"""

import json
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

FORKED = get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        "scanwright.cli",
        "scanwright.api.make_model",
        "scanwright.api.score_model",
        "scanwright.api.look",
        "torch._dynamo",  # the optimiser imports it, a second later
        "safetensors.torch",
        "scipy.spatial",
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
        "PIL.PngImagePlugin",
        "commands",
    ]
)
LIMIT_S = 300.0


@dataclass(frozen=True)
class Ended:
    """How a command ended. code: negative for the signal that killed it, as `subprocess` has it."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it said at its end: lines of standard error that are not progress."""
        return [line for line in self.err.splitlines() if not is_progress(line)]


class Command:
    """A command that is running."""

    def __init__(self, arguments: Sequence[Any], *, folder: Path, plant: Callable[[], None] | None = None) -> None:
        folder.mkdir(exist_ok=True)
        number = len(list(folder.iterdir()))
        self.out, self.err = folder / f"{number}.out", folder / f"{number}.err"
        self.out.touch()
        texts = [str(argument) for argument in arguments]
        self.process = FORKED.Process(target=_run, args=(texts, self.out, self.err, plant))
        self.process.start()

    def end(self, limit_s: float = LIMIT_S) -> Ended:
        """Wait for it."""
        self.process.join(limit_s)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"still running after {limit_s} s: {self.err.read_text()[-500:]}")
        return Ended(self.process.exitcode, self.out.read_text(), self.err.read_text())


KNOWN_STAGES = ("check", "plan", "predict", "phantom", "range")


def is_progress(line: str) -> bool:
    """Whether a line of standard error is one that says how work goes on."""
    stage = line.split(":")[0]
    return "━" in line or "╌" in line or stage in KNOWN_STAGES or stage.startswith("train fold")


def _run(arguments: list[str], out: Path, err: Path, plant: Callable[[], None] | None) -> None:
    """The life of the process."""
    for number, path in ((1, out), (2, err)):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, number)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, so one thread and no worker processes
    # As a terminal starts it: a shell that runs the tests in the background lets its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from scanwright import cli

    if plant is not None:
        plant()
    code = cli.exit_code(arguments)
    os._exit(code)  # at once: what multiprocessing would still say at the end is none of the command's


def judged_in_both_ways(scanwright: Callable[..., Ended], model: Path, data: Path, folder: Path) -> tuple[Path, Path]:
    """Predict the cases of a data set and evaluate what was told, and evaluate the package on them; asserts that scores are the
    same, and that each has a page. The folders with what was told and with the package's scores.
    """
    told, by_folder, by_model = folder / "told", folder / "by_folder", folder / "by_model"
    for arguments in (
        ("predict", model, data, "-o", told),
        *(("evaluate", given, data, "-o", out) for given, out in ((told, by_folder), (model, by_model))),
    ):
        ended = scanwright(*arguments, "--json")
        assert ended.code == 0, ended.err
    assert (by_folder / "cases.csv").read_bytes() == (by_model / "cases.csv").read_bytes()
    one, other = (json.loads((out / "metrics.json").read_text()) for out in (by_folder, by_model))
    (answered_by,) = one.pop("predictions")["answered_by"]
    assert answered_by == other.pop("package")["digest"]
    other.pop("operating_points", None)
    other.pop("certainty", None)  # of what the package carries, as the points are
    assert one == other
    for out in (by_folder, by_model):
        page = (out / "report.html").read_text()
        assert answered_by in page and one["data"]["digest"] in page
    return told, by_model


def die() -> None:
    """End at once, as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    """What Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def at_write(name: str, number: int, act: Callable[[], None], *, whole: bool) -> None:
    """Act at the `number`th write of a file whose path holds `name`.

    whole: just after it got its name, else before, when all bytes are on the disk under the name of the part.
    """
    seen = [0]

    def count(path: str) -> None:
        seen[0] += name in path
        if name in path and seen[0] == number:
            act()

    def flushed(handle: int, *, real: Callable[[int], None] = os.fsync) -> None:
        real(handle)
        count(str(Path(f"/proc/self/fd/{handle}").readlink()))

    def renamed(self: Path, target: Path, *, real: Callable[..., Path] = Path.replace) -> Path:
        result = real(self, target)
        count(str(target))
        return result

    if whole:
        Path.replace = renamed
    else:
        os.fsync = flushed


def at_call(module: str, function: str, number: int, act: Callable[[], None]) -> None:
    """Act just before the `number`th call of a function."""
    from importlib import import_module

    home = import_module(module)
    real, seen = getattr(home, function), [0]

    def called(*args: Any, **kwargs: Any) -> Any:
        seen[0] += 1
        if seen[0] == number:
            act()
        return real(*args, **kwargs)

    setattr(home, function, called)


def fail(error: Exception) -> None:
    """Raise an error."""
    raise error


def killed(name: str, number: int = 1, *, whole: bool = False) -> Callable[[], None]:
    """A plant: SIGKILL at a write."""
    return partial(at_write, name, number, die, whole=whole)


SMALL = (
    *("--folds", 3, "--fold", 0, "--steps", 6, "--device", "cpu"),
    *("--set", "batch.patch=[8,8,8]", "--set", "network.widths=[4,8]", "--set", "training.checkpoint_every=2"),
    *("--set", "network.strides=[[1,1,1],[2,2,2]]", "--set", "network.kernels=[[3,3,3],[3,3,3]]"),
)
"""Options of a run that takes a second: three checkpoints, at steps 2, 4 and 6."""

RESULTS = ("folds/*/weights.safetensors", "predictions/**/*", "metrics.json", "cases.csv", "plan.json", "splits.json")
"""What is the same, byte for byte, in every run of one request; the report and the record hold times."""


@dataclass(frozen=True)
class Finished:
    """A run that nobody disturbed: its data (an nnU-Net folder of six cases) and its folder."""

    data: Path
    run: Path
    ended: Ended

    @property
    def model(self) -> Path:
        """Its package."""
        return self.run / "model.swm"

    @property
    def command(self) -> list[Any]:
        """What was asked, without the output folder."""
        return ["train", self.data, *SMALL]


def results(run: Path) -> dict[str, bytes]:
    """The bytes of a run's results, by path."""
    files = sorted(path for pattern in RESULTS for path in run.glob(pattern) if path.is_file())
    return {str(path.relative_to(run)): path.read_bytes() for path in files}
