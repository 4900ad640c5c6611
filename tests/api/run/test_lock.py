"""One process at a time; a lock ends with its process, however it ends."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from scanwright.api.run import lock as module
from scanwright.api.run.lock import alone
from scanwright.errors import ResourceError

HOLD = """
import sys, time
from pathlib import Path
from scanwright.api.run.lock import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_alone__one_after_the_other(tmp_path):
    for _ in range(3):
        with alone(tmp_path / ".lock"):
            assert f"process {os.getpid()} on " in (tmp_path / ".lock").read_text()


def test_alone__not_twice_at_once_even_in_one_process(tmp_path):
    with (
        alone(tmp_path / ".lock"),
        pytest.raises(ResourceError, match="another process is at work") as caught,
        alone(tmp_path / ".lock"),
    ):
        pass
    assert caught.value.found.startswith(f"process {os.getpid()} on ")
    assert caught.value.where == tmp_path
    with alone(tmp_path / ".lock"):
        pass


def test_alone__free_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="broken"), alone(tmp_path / ".lock"):
        raise ValueError("broken")
    with alone(tmp_path / ".lock"):
        pass


def test_alone__a_killed_process_leaves_no_lock(tmp_path):
    """And its number, which another process may have by now, hinders nobody."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / ".lock")], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ResourceError, match=f"process {holder.pid}"), alone(tmp_path / ".lock"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        (tmp_path / ".lock").write_text(f"process {os.getppid()} on here")
        began = time.monotonic()
        with alone(tmp_path / ".lock"):
            assert time.monotonic() - began < 1
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_alone__where_there_are_no_locks(tmp_path, monkeypatch):
    """Some network file systems have none; a run is then not refused."""
    fcntl = pytest.importorskip("fcntl")

    def none_here(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none_here)
    with alone(tmp_path / ".lock"):
        pass


def test_alone__a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot write here"), alone(tmp_path / "file" / ".lock"):
        pass


def test_take__other_errors_stay_what_they_are(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    with (tmp_path / "x").open("a+") as handle, pytest.raises(OSError, match="Input/output error"):
        module.take(handle)
