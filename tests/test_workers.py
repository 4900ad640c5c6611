"""Worker processes: results in order, errors as they are, and none left when the main process is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scanwright.errors import InputError, ResourceError
from scanwright.workers import in_processes

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
