"""The child's side of a sandbox: limits first, then the decoder, then one request after the other.

A child program hands `serve` a function that loads its decoder and returns what answers a request:

    def load() -> Answer:
        import gdcm
        return lambda header, body: ({}, decoded(header, body))

    if __name__ == "__main__":
        serve(load)

A message on the pipes is MAGIC, two sizes, a small JSON object and raw bytes; nothing is ever unpickled. The first
message of a child says which limits hold. Only the standard library is imported here.
"""

import contextlib
import ctypes
import json
import os
import signal
import struct
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

from scanwright.io import seccomp

Header = dict[str, Any]
Answer = Callable[[Header, bytearray], tuple[Mapping[str, Any], bytes]]

MAGIC = b"SWc1"
HEAD = struct.Struct("<4sIQ")  # magic, bytes of the JSON object, bytes that follow it
MAX_HEADER_BYTES = 64 << 10
MAX_DESCRIPTORS = 16  # loading a module takes two or three at a time
PR_SET_PDEATHSIG = 1


class Malformed(Exception):
    """What came through a pipe is not a message, or not the one that was agreed."""


def serve(load: Callable[[], Answer]) -> None:
    """Confine this process, load the decoder, take the right to open files away, and answer until the input ends.

    The last argument of the command line is a JSON object: memory_bytes, cpu_life_s, and parent, its
    process id. The header of a request has, besides the decoder's own keys, the processor time that it may take: cpu_s.
    """
    terms = json.loads(sys.argv[-1])
    requests, answers = _pipes()
    held = confine(terms)
    try:
        answer = load()
    except ImportError as error:
        send(answers, {"missing": error.name or str(error)})
        return
    held["no_opened_files"] = seccomp.install(reading=False)
    send(answers, {"limits": held})
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            header, body = receive(requests)
            _limit_cpu(header["cpu_s"])
            send(answers, *_answered(answer, header, body))
            _limit_cpu(0)


def _answered(answer: Answer, header: Header, body: bytearray) -> tuple[Mapping[str, Any], bytes]:
    try:
        return answer(header, body)
    except MemoryError:
        return {"failed": "memory"}, b""
    except Exception as error:
        return {"failed": "refused", "why": (str(error) or type(error).__name__)[:500]}, b""


def confine(terms: Mapping[str, Any]) -> dict[str, bool]:
    """Set every limit that this system has, and say by name which of them hold."""
    held = {"dies_with_parent": _follow(terms["parent"]), "cpu": hasattr(signal, "setitimer")}
    memory, life = terms["memory_bytes"], terms["cpu_life_s"]
    held["core"] = _limit("RLIMIT_CORE", 0)
    held["written_files"] = _limit("RLIMIT_FSIZE", 0)
    held["descriptors"] = _limit("RLIMIT_NOFILE", MAX_DESCRIPTORS)
    held["cpu_life"] = _limit("RLIMIT_CPU", life)
    held["memory"] = _limit("RLIMIT_AS", memory) and sys.platform == "linux"  # macOS takes the number and ignores it
    filtered = seccomp.install(reading=True)
    # The limit on processes counts threads as well, and does not count for root: only where there is nothing better.
    processes = filtered or (_limit("RLIMIT_NPROC", 0) and os.getuid() != 0)
    return held | {"no_processes": processes, "no_programs": filtered, "no_network": filtered}


def _limit(name: str, value: int) -> bool:
    """Lower a resource limit, never raise it. False where the system has none of this name, or refuses."""
    try:
        import resource
    except ImportError:
        return False
    kind = getattr(resource, name, None)
    if kind is None:
        return False
    hard = resource.getrlimit(kind)[1]
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (wanted, wanted))
    except (OSError, ValueError):
        return False
    return True


def _follow(parent: int) -> bool:
    """Be killed when the parent ends. Without this the end of the input ends a child, once it reads again."""
    if sys.platform != "linux":
        return False
    done = bool(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, *map(ctypes.c_ulong, (signal.SIGKILL, 0, 0, 0))) == 0)
    if os.getppid() != parent:
        os._exit(1)  # it ended before we asked
    return done


def _limit_cpu(seconds: float) -> None:
    """Let this process be ended by SIGPROF after so much processor time; 0 takes that back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Requests in, answers out. What a decoder prints goes where standard error goes, not between the answers."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return os.fdopen(0, "rb", buffering=0), answers


def send(stream: IO[bytes], header: Mapping[str, Any], body: bytes | bytearray | memoryview = b"") -> None:
    """Write one message; the pipe may take it in parts."""
    text = json.dumps(header).encode()
    for part in (HEAD.pack(MAGIC, len(text), len(body)) + text, body):
        view = memoryview(part)
        while view:
            view = view[stream.write(view) :]


def receive(stream: IO[bytes], *, expected: int | None = None) -> tuple[Header, bytearray]:
    """Read one message. expected: the size of its bytes, checked before they are allocated; without them (0) it may
    always come, since a failure has none. Raises EOFError if the stream ends, Malformed if it is not such a message.
    """
    magic, header_bytes, body_bytes = HEAD.unpack(_exactly(stream, HEAD.size))
    if magic != MAGIC or header_bytes > MAX_HEADER_BYTES:
        raise Malformed("not a message")
    if expected is not None and body_bytes not in (0, expected):
        raise Malformed(f"{body_bytes} bytes where {expected} were agreed")
    try:
        header = json.loads(_exactly(stream, header_bytes))
    except (ValueError, RecursionError) as error:
        raise Malformed("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise Malformed("a header that is not an object")
    return header, _exactly(stream, body_bytes)


def _exactly(stream: IO[bytes], count: int) -> bytearray:
    buffer = bytearray(count)
    view, filled = memoryview(buffer), 0
    while filled < count:
        got = stream.readinto(view[filled:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError("the pipe has ended")
        filled += got
    return buffer
