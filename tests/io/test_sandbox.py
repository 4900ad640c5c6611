"""The limited child: every limit by a request that is refused or ended, and an answer to the next; none outlives its parent."""

import gc
import os
import platform
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scanwright.io.child import ChildFailed, NotStarted
from scanwright.io.confine import HEAD, MAGIC
from scanwright.io.sandbox import Sandbox

CHILD = Path(__file__).with_name("sandbox_child.py")
ON_LINUX = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
linux = pytest.mark.skipif(not ON_LINUX, reason="these limits are Linux' own, on x86-64 and arm64")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.fixture(scope="module")
def sandbox():
    """One for all, with short times; each test leaves it able to answer."""
    with Sandbox(CHILD, request_s=20.0, request_cpu_s=0.3) as sandbox:
        yield sandbox


@pytest.fixture
def hasty():
    with Sandbox(CHILD, request_s=0.4) as sandbox:
        yield sandbox


def echo(sandbox, body=b"abc", **header):
    answer, found = sandbox.ask({"do": "echo", **header}, body, expected=len(body))
    assert found == body
    return answer


def failed(sandbox, do, body=b"", *, expected=0, **header):
    """The failure of a request; the child that failed is gone, and the next request is answered by another."""
    before = echo(sandbox)["process"]
    with pytest.raises(ChildFailed) as caught:
        sandbox.ask({"do": do, **header}, body, expected=expected)
    assert gone(before)
    after = echo(sandbox)
    assert after["process"] != before and after["count"] == 1
    return caught.value


def gone(process, *, within=5.0):
    """Whether a process ends, and is waited for, in this time."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{process}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True  # ended, and whose it is has not yet looked
        time.sleep(0.01)
    return False


def test_ask__one_child_answers_all(sandbox):
    first = echo(sandbox, b"\0\xff" * 300_000, note="ä")
    second = echo(sandbox, b"")
    assert first["note"] == "ä"
    assert (second["process"], second["count"]) == (first["process"], first["count"] + 1)
    assert sandbox.process_ids == (first["process"],) != (os.getpid(),)


@linux
def test_limits__all_hold_on_linux(sandbox):
    limits = sandbox.limits
    assert set(limits) >= {"memory", "cpu", "time", "no_network", "no_programs", "no_opened_files", "dies_with_parent"}
    assert all(limits.values()), limits
    status = Path(f"/proc/{sandbox.process_ids[-1]}/status").read_text()
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status


@linux
def test_limits__as_the_kernel_has_them(sandbox):
    echo(sandbox)
    lines = Path(f"/proc/{sandbox.process_ids[-1]}/limits").read_text().splitlines()[1:]
    hard = {line[:26].strip(): line[26:].split()[1] for line in lines}
    found = [hard[f"Max {name}"] for name in ("address space", "open files", "cpu time")]
    assert found == [str(512 << 20), "16", "1800"]
    assert [hard[f"Max {name}"] for name in ("core file size", "file size")] == ["0", "0"]


@linux
def test_limits__nothing_is_inherited(sandbox, tmp_path):
    opened = (tmp_path / "secret").open("w")
    os.set_inheritable(opened.fileno(), True)
    with opened, Sandbox(CHILD) as fresh:
        found, _ = fresh.ask({"do": "surroundings"}, b"", expected=0)
        links = [str(link.readlink()) for link in Path(f"/proc/{fresh.process_ids[-1]}/fd").iterdir()]
        assert Path(f"/proc/{fresh.process_ids[-1]}/cwd").readlink() == Path("/")
    assert set(found["environment"]) <= {"LC_ALL", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
    assert all(link.startswith("pipe:") or link == "/dev/null" for link in links) and len(links) <= 5
    assert found["isolated"] == 1


@linux
def test_forbidden(sandbox, tmp_path):
    inner = tmp_path / "inner"
    inner.write_text("kept")
    before = echo(sandbox)["process"]
    header = {"do": "forbidden", "readable": str(inner), "writable": str(tmp_path / "outer"), "parent": os.getpid()}
    found, _ = sandbox.ask(header, b"", expected=0)
    assert len(found) == 17
    raised = found.pop("raise a limit")
    assert raised == "EPERM" or "not allowed" in raised or "limit" in raised
    assert {name: what for name, what in found.items() if what != "EPERM"} == {}
    assert list(tmp_path.iterdir()) == [inner] and inner.read_text() == "kept"
    assert echo(sandbox)["process"] == before


@linux
def test_allowed(sandbox):
    found, _ = sandbox.ask({"do": "allowed"}, b"", expected=0)
    assert set(found.values()) == {"done"}, found


@linux
def test_memory(sandbox):
    failure = failed(sandbox, "big", bytes=4 << 30)
    assert failure.kind == "memory" and "memory" in failure.why


@linux
def test_memory__follows_the_promise():
    size = 150 << 20
    with Sandbox(CHILD, memory_bytes=128 << 20) as small:
        assert failed(small, "big", bytes=size, expected=size).kind == "memory"
        _, found = small.ask({"do": "big", "bytes": size}, b"", expected=size, memory_bytes=size + (128 << 20))
        assert len(found) == size
        small.close()
        assert failed(small, "big", bytes=size, expected=size).kind == "memory"


@posix
def test_time__processor(sandbox):
    began = time.process_time()
    failure = failed(sandbox, "spin")
    assert failure.kind == "time" and "processor" in failure.why
    assert time.process_time() - began < 0.2  # the parent sleeps meanwhile


@pytest.mark.parametrize("do", ["sleep", pytest.param("deaf", marks=posix)])
def test_time__clock(hasty, do):
    failure = failed(hasty, do)
    assert (failure.kind, failure.why) == ("time", "the decoder took more than 0.4 s")


@posix
def test_time__a_child_that_does_not_read(hasty):
    """A request larger than the pipe: writing it would wait for ever."""
    echo(hasty)
    os.kill(hasty.process_ids[-1], signal.SIGSTOP)
    with pytest.raises(ChildFailed) as caught:
        hasty.ask({"do": "echo"}, b"x" * (1 << 20), expected=1 << 20)
    assert caught.value.kind == "time"
    echo(hasty)


@posix
def test_ended(sandbox):
    assert failed(sandbox, "crash").why == "the decoder was ended by SIGSEGV"
    assert failed(sandbox, "leave").why == "the decoder ended with code 3"


def test_ended__blamed_only_if_a_fresh_child_ends_too(sandbox):
    echo(sandbox)
    answer, _ = sandbox.ask({"do": "crash_if_worn"}, b"", expected=0)
    assert answer["count"] == 1


@posix
def test_ended__while_nobody_asked(sandbox):
    before = echo(sandbox)["process"]
    os.kill(before, signal.SIGKILL)
    assert gone(before)
    assert echo(sandbox)["process"] != before


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "not a message"),
        (HEAD.pack(MAGIC, 2, 1 << 62) + b"{}", "4611686018427387904 bytes where 0 were agreed"),
        (HEAD.pack(MAGIC, 2, 5) + b"{}12345", "5 bytes where 0 were agreed"),
        (HEAD.pack(MAGIC, 1 << 31, 0), "not a message"),
        (HEAD.pack(MAGIC, 2, 0) + b"{]", "not JSON"),
        (HEAD.pack(MAGIC, 4, 0) + b"\xff\xfe\xfd\xfc", "not JSON"),
        (HEAD.pack(MAGIC, 4, 0) + b"null", "not an object"),
        (HEAD.pack(MAGIC, 60_000, 0) + b"[" * 60_000, "not JSON"),
    ],
)
def test_malformed(sandbox, body, why):
    failure = failed(sandbox, "raw", body)
    assert failure.kind == "malformed" and why in failure.why


def test_malformed__sizes(sandbox):
    assert failed(sandbox, "wrong_size", expected=4).kind == "malformed"
    assert failed(sandbox, "echo", b"", expected=4).kind == "malformed"
    assert HEAD.size == struct.calcsize("<4sIQ") == 16


def test_malformed__an_answer_that_stops(hasty):
    assert failed(hasty, "raw", HEAD.pack(MAGIC, 2, 9) + b"{}1234", expected=9).kind == "time"


def test_refused__in_words_without_control_characters(sandbox):
    failure = failed(sandbox, "refuse")
    assert (failure.kind, failure.why) == ("refused", "not this one[31m")


def test_what_a_decoder_prints_is_no_answer(sandbox):
    sandbox.ask({"do": "print_much"}, b"", expected=0)
    echo(sandbox)


def test_threads__share_one_child(sandbox):
    def one(index):
        return echo(sandbox, bytes([index]) * (70_000 + index), note=index)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(40)))
    assert [answer["note"] for answer in answers] == list(range(40))
    assert len({answer["process"] for answer in answers}) == 1


def test_threads__several_children_if_asked_for():
    with Sandbox(CHILD, children=3) as sandbox:
        assert echo(sandbox)["process"] == echo(sandbox)["process"]  # one thread: one child
        began = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(sandbox.ask, {"do": "sleep", "seconds": 0.3}, b"", expected=0) for _ in range(6)]
            assert all(future.result() == ({}, b"") for future in asked)
        assert time.monotonic() - began >= 0.6
        processes = sandbox.process_ids
        assert len(set(processes)) == 3
    assert all(map(gone, processes))


def test_close__while_it_answers():
    sandbox = Sandbox(CHILD)
    process = echo(sandbox)["process"]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(sandbox.ask, {"do": "sleep", "seconds": 0.2}, b"", expected=0)
        while sandbox.process_ids:
            time.sleep(0.005)
        sandbox.close()
        assert asked.result() == ({}, b"")
    assert gone(process) and sandbox.process_ids == ()


def test_threads__a_child_outlives_the_thread_that_asked_first():
    with Sandbox(CHILD) as sandbox:
        first = threading.Thread(target=echo, args=(sandbox,))
        first.start()
        first.join()
        started = sandbox.process_ids[-1]
        time.sleep(0.05)
        assert echo(sandbox)["process"] == started


@posix
def test_ctrl_c__leaves_no_answer_behind(sandbox):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            sandbox.ask({"do": "sleep", "seconds": 0.5}, b"", expected=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert echo(sandbox)["count"] == 1


@posix
def test_close__and_garbage(sandbox):
    sandbox.close()
    sandbox.close()
    assert sandbox.process_ids == ()
    lost = Sandbox(CHILD)
    process = echo(lost)["process"]
    del lost
    gc.collect()
    assert gone(process)
    echo(sandbox)


def program(tmp_path, text):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(text))
    return path


def test_not_started__a_module_is_missing(tmp_path):
    path = program(tmp_path, "from scanwright.io.confine import serve\ndef load():\n    import gdxm\nserve(load)")
    with Sandbox(path) as sandbox, pytest.raises(NotStarted) as caught:
        sandbox.ask({}, b"", expected=0)
    assert caught.value.missing == "gdxm" and str(caught.value) == "no Python module gdxm"


@pytest.mark.parametrize("text", ["raise SystemExit(7)", "print('Hello, this is not a message')", "syntax error"])
def test_not_started__a_program_that_does_not_serve(tmp_path, text):
    with Sandbox(program(tmp_path, text)) as sandbox, pytest.raises(NotStarted) as caught:
        _ = sandbox.limits
    assert caught.value.missing is None and "does not start" in str(caught.value)


def test_not_started__no_such_program(tmp_path):
    with Sandbox(tmp_path / "nothing.py") as sandbox, pytest.raises(NotStarted, match="ended with code 1"):
        echo(sandbox)


def test_memory__is_enough_for_numpy(tmp_path):
    text = """
        from scanwright.io.confine import serve
        def load():
            import numpy
            def total(header, body):
                values = numpy.frombuffer(body, numpy.uint8)
                return {"total": int(values.sum()), "product": float((numpy.ones((64, 64)) @ numpy.ones((64, 64)))[0, 0])}, b""
            return total
        serve(load)
        """
    with Sandbox(program(tmp_path, text)) as sandbox:
        assert sandbox.ask({}, bytes([1, 2, 3]), expected=0)[0] == {"total": 6, "product": 64.0}


@posix
def test_limits__what_the_system_does_not_have_is_not_claimed(tmp_path):
    text = """
        from scanwright.io import seccomp
        from scanwright.io.confine import serve
        seccomp.install = lambda reading: False
        serve(lambda: lambda header, body: ({}, body))
        """
    with Sandbox(program(tmp_path, text)) as sandbox:
        limits = sandbox.limits
        assert not any(limits[name] for name in ("no_network", "no_programs", "no_opened_files"))
        assert limits["no_processes"] == (os.getuid() != 0) and limits["time"] and limits["cpu"]
        assert sandbox.ask({}, b"abc", expected=3)[1] == b"abc"


@pytest.mark.parametrize("do", ["sleep", "spin", "deaf"])
@linux
def test_parent_killed__a_busy_child_ends(do):
    text = f"""
        import threading
        from pathlib import Path
        from scanwright.io.sandbox import Sandbox
        sandbox = Sandbox(Path({str(CHILD)!r}), request_s=600, request_cpu_s=600)
        sandbox.ask({{"do": "echo"}}, b"", expected=0)
        print(sandbox.process_ids[-1], flush=True)
        sandbox.ask({{"do": {do!r}}}, b"", expected=0)
        """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        child = int(parent.stdout.readline())
        time.sleep(0.05)
        os.kill(child, 0)
        parent.kill()
    assert gone(child, within=2.0)


@linux
def test_fork__gets_a_child_of_its_own():
    text = f"""
        import os
        from pathlib import Path
        from scanwright.io.sandbox import Sandbox
        sandbox = Sandbox(Path({str(CHILD)!r}))
        def ask():
            return sandbox.ask({{"do": "echo"}}, b"abc", expected=3)[0]
        first = ask()
        fork = os.fork()
        if fork == 0:
            found = ask()
            os._exit(0 if found["count"] == 1 and found["process"] != first["process"] else 1)
        status = os.waitpid(fork, 0)[1]
        again = ask()
        print(os.waitstatus_to_exitcode(status), again["process"] == first["process"], again["count"])
        """
    done = subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(text)], capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["0", "True", "2"], "")


@posix
def test_end_of_the_program__is_quiet_and_leaves_nothing():
    text = f"""
        from pathlib import Path
        from scanwright.io.sandbox import Sandbox
        sandbox = Sandbox(Path({str(CHILD)!r}))
        sandbox.ask({{"do": "echo"}}, b"", expected=0)
        print(sandbox.process_ids[-1])
        """
    done = subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(text)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert gone(int(done.stdout))


def test_prepared_children_answer_what_comes_next():
    with Sandbox(CHILD, children=2) as sandbox:
        sandbox.prepare()
        ready = sandbox.process_ids
        sandbox.prepare()  # they are there
        assert sandbox.process_ids == ready and len(ready) == 2
        assert echo(sandbox)["process"] == ready[-1]
    assert all(gone(process) for process in ready)


def test_a_prepared_child_that_cannot_start_is_the_requests_matter(tmp_path):
    program = tmp_path / "child.py"
    program.write_text("raise SystemExit(3)")
    with Sandbox(program) as sandbox:
        sandbox.prepare()
        with pytest.raises(NotStarted, match="ended with code 3"):
            sandbox.ask({}, b"", expected=0)
