"""A child that misbehaves on request, for the tests of `scanwright.io.sandbox`. Not a test itself."""

import ctypes
import errno
import mmap
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from scanwright.io.confine import serve

COUNT = [0]
LIBC = ctypes.CDLL(None, use_errno=True)
IO_URING_SETUP, PTRACE = 425, {"x86_64": 101, "aarch64": 117}
PR_SET_PDEATHSIG = 1


def load():
    import resource

    return lambda header, body: ACTIONS[header["do"]](header, body, resource)


def tried(attempt):
    """ "done", or the name of the error that the system gave."""
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno, "?")
    except ValueError as error:
        return str(error)
    return "done"


def call(*numbers):
    if LIBC.syscall(*map(ctypes.c_long, numbers)) == -1:
        raise OSError(ctypes.get_errno(), "refused")


def fork():
    if os.fork() == 0:
        os._exit(0)


def thread():
    done = []
    starting = threading.Thread(target=done.append, args=(1,))
    starting.start()
    starting.join()
    assert done


def forbidden(header, body, resource):
    """Everything that a decoder has no business with: name to what came of it."""
    inner, outer = header["readable"], header["writable"]
    attempts = {
        "socket": socket.socket,
        "socketpair": socket.socketpair,
        "read a file": lambda: os.open(inner, os.O_RDONLY),
        "write a file": lambda: os.open(outer, os.O_WRONLY | os.O_CREAT),
        "delete a file": lambda: Path(inner).unlink(),
        "rename a file": lambda: Path(inner).rename(outer),
        "make a folder": lambda: Path(outer).mkdir(),
        "list a folder": lambda: os.listdir("/"),  # noqa: PTH208
        "fork": fork,
        "exec": lambda: os.execv(sys.executable, [sys.executable, "-c", "0"]),
        "spawn": lambda: os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", "0"], {}), 0),
        "kill the parent": lambda: os.kill(header["parent"], 0),
        "trace the parent": lambda: call(PTRACE[os.uname().machine], 16, header["parent"], 0, 0),
        "io_uring": lambda: call(IO_URING_SETUP, 1, 0),
        "outlive the parent": lambda: call({"x86_64": 157, "aarch64": 167}[os.uname().machine], PR_SET_PDEATHSIG, 0),
        "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        "new code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    }
    return {name: tried(attempt) for name, attempt in attempts.items()}, b""


def allowed(header, body, resource):
    attempts = {
        "thread": thread,
        "signal to itself": lambda: os.kill(os.getpid(), 0),
        "sleep": lambda: time.sleep(0.001),
    }
    return {name: tried(attempt) for name, attempt in attempts.items()}, b""


def surroundings(header, body, resource):
    return {"environment": dict(os.environ), "isolated": sys.flags.isolated}, b""


def big(header, body, resource):
    return {}, bytes(header["bytes"])


def spin(header, body, resource):
    while True:
        pass


def sleep(header, body, resource):
    time.sleep(header.get("seconds", 60))
    return {}, b""


def deaf(header, body, resource):
    """Wait, with every signal blocked that can be."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(60)


def crash(header, body, resource):
    ctypes.string_at(0)


def crash_if_worn(header, body, resource):
    if COUNT[0] > 1:
        ctypes.string_at(0)
    return {"count": COUNT[0]}, b""


def leave(header, body, resource):
    os._exit(3)


def raw(header, body, resource):
    """Write the request's own bytes where an answer should be, and wait."""
    os.write(3, bytes(body))
    time.sleep(60)


def refuse(header, body, resource):
    raise ValueError("not this one\x1b[31m")


def echo(header, body, resource):
    return {"count": COUNT[0], "process": os.getpid(), "note": header.get("note")}, bytes(body)


def print_much(header, body, resource):
    os.write(1, b"x" * 100_000)
    os.write(2, b"x" * 100_000)
    return {}, b""


def wrong_size(header, body, resource):
    return {}, b"12345"


def counted(action):
    def run(*arguments):
        COUNT[0] += 1
        return action(*arguments)

    return run


ACTIONS = {
    action.__name__: counted(action)
    for action in (
        *(forbidden, allowed, surroundings, big, spin, sleep, deaf, crash, crash_if_worn),
        *(leave, raw, refuse, echo, print_much, wrong_size),
    )
}

if __name__ == "__main__":
    serve(load)
