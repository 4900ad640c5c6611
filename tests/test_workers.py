"""Worker processes: results in order, errors as they are, and none left when the main process is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from made_folders import nnunet_folder
from scanwright.errors import InputError, ResourceError
from scanwright.runtime import num_threads
from scanwright.workers import hidden_main, in_processes

LONG = 60.0


def half(number: int) -> int:
    if number % 2:
        raise InputError("an odd number", found=number, where="here")
    return number // 2


def sleep(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(LONG)


def vanish(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_in_processes__results_in_order():
    assert list(in_processes(half, [8, 2, 6, 4], workers=2)) == [4, 1, 3, 2]


def test_in_processes__an_error_keeps_its_fields():
    with pytest.raises(InputError) as caught:
        list(in_processes(half, [2, 3, 4], workers=2))
    assert caught.value.fields() == {"error": "InputError", "message": "an odd number", "found": "3", "where": "here"}


def test_in_processes__a_worker_that_the_system_ends():
    with pytest.raises(ResourceError, match="ended a worker process"):
        list(in_processes(vanish, [1, 2], workers=1))


UNGUARDED = """
print("begun", flush=True)
from test_workers import half
from scanwright.workers import in_processes
print(list(in_processes(half, [8, 2, 6, 4], workers=2)))
"""
TRAINING = """
print("begun", flush=True)
from scanwright.workers import Worker

started, start = [], Worker.start
Worker.start = lambda worker: (started.append(worker), start(worker))[1]
{example}
print(len(started), "workers")
"""


def python_of(page):
    """The first Python example of a page."""
    text = (Path(__file__).resolve().parents[1] / "docs" / page).read_text(encoding="utf-8")
    return text.partition("```python\n")[2].partition("```")[0]


def run(arguments, folder, given=None):
    """Python with these arguments in `folder`: what it printed. The folder of the tests can be imported from."""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, check=False,
        cwd=folder, env={**os.environ, "PYTHONPATH": paths}, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("how", ["a file", "a module", "-c", "standard input"])
def test_in_processes__a_program_without_a_guard_runs_once(tmp_path, how):
    """However Python got it: workers do not run it again."""
    (tmp_path / "program.py").write_text(UNGUARDED)
    arguments = {
        "a file": ["program.py"],
        "a module": ["-m", "program"],
        "-c": ["-c", UNGUARDED],
        "standard input": ["-"],
    }[how]
    given = UNGUARDED if how == "standard input" else None
    assert run(arguments, tmp_path, given) == ["begun", "[4, 1, 3, 2]"]


@pytest.mark.skipif(num_threads() < 2, reason="one core: no workers are started")
def test_train__the_documented_script_without_a_guard(tmp_path):
    """Eighteen cases are enough that workers prepare them."""
    nnunet_folder(tmp_path / "DATA", cases=18)
    shutil.copy(tmp_path / "DATA" / "imagesTr" / "p00_0000.nii.gz", tmp_path / "scan.nii.gz")
    example = python_of("how-to/train.md").replace("budget_s=1800", "steps=3")
    (tmp_path / "program.py").write_text(TRAINING.format(example=example))
    lines = run(["program.py"], tmp_path)
    assert lines.count("begun") == 1 and lines[-1].endswith("workers") and lines[-1] != "0 workers"
    assert [line.split()[0] for line in lines if line.startswith(("Dice", "liver", "tumour"))] == [
        "Dice",
        "liver",
        "tumour",
    ]
    assert (tmp_path / "RUN" / "report.html").exists() and (tmp_path / "ANSWERS" / "scan.nii.gz").exists()


def test_hidden_main__is_as_before_afterwards_and_stays_in_its_place():
    main = sys.modules["__main__"]
    before = dict(vars(main))
    with pytest.raises(KeyError), hidden_main():
        assert sys.modules["__main__"] is main
        assert main.__file__ is None and main.__spec__ is None
        raise KeyError
    assert dict(vars(main)) == before


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_in_processes__workers_end_with_their_parent(tmp_path):
    script = (
        "from test_workers import sleep\nfrom scanwright.workers import in_processes\n"
        f"if __name__ == '__main__': list(in_processes(sleep, [{str(tmp_path)!r}] * 2, workers=2))"
    )
    file = tmp_path.with_name(f"{tmp_path.name}.py")
    file.write_text(script)
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    parent = subprocess.Popen([sys.executable, str(file)], env={**os.environ, "PYTHONPATH": paths})
    try:
        assert wait_until(lambda: len(list(tmp_path.iterdir())) == 2, seconds=30)
    finally:
        parent.kill()
        parent.wait()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert wait_until(lambda: not any(is_running(worker) for worker in workers), seconds=10)


def wait_until(is_so, *, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def is_running(process):
    """Whether it is there and not a zombie that nobody has buried yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
