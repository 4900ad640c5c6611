"""The filter as numbers: run by a small interpreter of its own for both processors, and compared with Linux' headers."""

import errno
import os
import re
import sys
from pathlib import Path

import pytest

from scanwright.io.seccomp import ALLOW, ARCHITECTURES, ERRNO, KILL_PROCESS, NUMBERS, READING, SERVING, program

HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
MACHINES = sorted(ARCHITECTURES)
PROCESS = 4321
REFUSED, ABSENT = ERRNO | errno.EPERM, ERRNO | 38
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Linux' own")


def run(machine, number, *arguments, reading, architecture=None):
    """What the filter answers to one call: classic BPF over (number, architecture, instruction pointer, arguments)."""
    words = [number, ARCHITECTURES[machine][0] if architecture is None else architecture, 0, 0]
    for argument in (*arguments, *[0] * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, argument >> 32]
    steps, at, value = program(machine, reading=reading, process=PROCESS), 0, 0
    while True:
        code, if_true, if_false, constant = steps[at]
        at += 1
        if code == 0x06:
            return constant
        if code == 0x20:
            value = words[constant // 4]
        elif code == 0x54:
            value &= constant
        else:
            assert code == 0x15
            at += if_true if value == constant else if_false


def number(name, machine):
    return NUMBERS[name][ARCHITECTURES[machine][1]]


@pytest.mark.parametrize("machine", MACHINES)
def test_program__lists(machine):
    for reading, names in ((True, READING), (False, SERVING)):
        allowed = {n for n in range(600) if run(machine, n, reading=reading) == ALLOW}
        listed = {number(name, machine) for name in names} - {None}
        by_argument = {"open", "openat"} if reading else {"mmap", "mprotect"}
        assert allowed == listed | ({number(name, machine) for name in by_argument} - {None})


@pytest.mark.parametrize("machine", MACHINES)
def test_program__other_processors_and_the_x32_numbers(machine):
    read = number("read", machine)
    assert run(machine, read, reading=False) == ALLOW
    assert run(machine, read, reading=False, architecture=0x40000003) == KILL_PROCESS  # i386
    assert run(machine, read | 0x40000000, reading=False) == REFUSED


@pytest.mark.parametrize("machine", MACHINES)
def test_program__arguments(machine):
    def ask(name, *arguments, reading=False):
        return run(machine, number(name, machine), *arguments, reading=reading)

    flags = {os.O_RDONLY: ALLOW, os.O_RDONLY | os.O_CLOEXEC: ALLOW, os.O_WRONLY: REFUSED, os.O_RDWR: REFUSED}
    flags |= {os.O_RDONLY | os.O_CREAT: REFUSED, os.O_RDONLY | os.O_TRUNC: REFUSED}
    for flag, answer in flags.items():
        assert ask("openat", 2**64 - 100, 0, flag, reading=True) == answer
        assert ask("openat", 2**64 - 100, 0, flag) == REFUSED
    assert ask("clone", 0x00010000 | 0x100) == ALLOW
    assert ask("clone", 17) == REFUSED  # SIGCHLD alone: a process
    assert ask("clone3", 0x10000) == ABSENT
    for name in ("kill", "tgkill"):
        assert (ask(name, PROCESS), ask(name, PROCESS + 1), ask(name, 2**32 - 1)) == (ALLOW, REFUSED, REFUSED)
    for name in ("mmap", "mprotect"):
        assert (ask(name, 0, 4096, 3), ask(name, 0, 4096, 5)) == (ALLOW, REFUSED)
        assert ask(name, 0, 4096, 5, reading=True) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_program__fits(machine):
    for reading in (True, False):
        steps = program(machine, reading=reading, process=PROCESS)
        assert len(steps) < 4096 and steps[-1][0] == 0x06
        assert all(max(step[1], step[2]) < len(steps) - at - 1 for at, step in enumerate(steps) if step[0] == 0x15)


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers__as_in_the_headers_of_linux(machine):
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header} (package linux-libc-dev)")
    found = {name: int(value) for name, value in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())}
    # arm64 has the names of 64-bit systems for calls that the generic table names after 32-bit ones.
    if machine == "aarch64":
        found |= {"newfstatat": found["fstatat"]}
    ours = {name: number(name, machine) for name in NUMBERS}
    assert {name: value for name, value in ours.items() if value != found.get(name)} == {}
