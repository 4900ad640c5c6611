"""Which system calls a limited child may make: allow-lists for Linux on x86-64 and arm64, installed without a library.

Two lists. While the decoder is loaded (READING) files may be opened for reading. While it decodes (SERVING) nothing may
be opened at all: memory, the pipes that are open, signals to itself and threads are all that is left. Everything else
is refused with EPERM: sockets, programs, processes, tracing, io_uring, deleting and renaming. A call by the rules of
another processor kills the process. A filter is kept for good; a second one can only take more away.
Source: seccomp(2), bpf(4); numbers from Linux' asm/unistd_64.h (x86-64) and asm-generic/unistd.h (arm64).
"""

import ctypes
import os
import platform
import struct
import sys
from dataclasses import dataclass

# Name: number on x86-64, number on arm64 (None: arm64 does not have it).
Numbers = dict[str, tuple[int, int | None]]
SERVING: Numbers = {
    "brk": (12, 214), "clock_getres": (229, 114), "clock_gettime": (228, 113), "clock_nanosleep": (230, 115),
    "close": (3, 57), "exit": (60, 93), "exit_group": (231, 94), "fstat": (5, 80), "futex": (202, 98),
    "getpid": (39, 172), "getrandom": (318, 278), "getrusage": (98, 165), "gettid": (186, 178),
    "gettimeofday": (96, 169), "lseek": (8, 62), "madvise": (28, 233), "membarrier": (324, 283), "mremap": (25, 216),
    "munmap": (11, 215), "nanosleep": (35, 101), "newfstatat": (262, 79), "poll": (7, None), "ppoll": (271, 73),
    "read": (0, 63), "readv": (19, 65), "restart_syscall": (219, 128), "rseq": (334, 293), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sched_getaffinity": (204, 123), "sched_yield": (24, 124),
    "set_robust_list": (273, 99), "setitimer": (38, 103), "sigaltstack": (131, 132), "time": (201, None),
    "write": (1, 64), "writev": (20, 66),
}  # fmt: skip
READING: Numbers = SERVING | {
    "access": (21, None), "arch_prctl": (158, None), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "faccessat": (269, 48), "faccessat2": (439, 439), "fcntl": (72, 25), "getcwd": (79, 17), "getdents64": (217, 61),
    "getegid": (108, 177), "geteuid": (107, 175), "getgid": (104, 176), "getppid": (110, 173), "getuid": (102, 174),
    "ioctl": (16, 29), "lstat": (6, None), "mmap": (9, 222), "mprotect": (10, 226), "pipe2": (293, 59),
    "prctl": (157, 167), "pread64": (17, 67), "prlimit64": (302, 261), "readlink": (89, None),
    "readlinkat": (267, 78), "seccomp": (317, 277), "set_tid_address": (218, 96), "stat": (4, None),
    "statx": (332, 291), "sysinfo": (99, 179), "uname": (63, 160),
}  # fmt: skip
CHECKED: Numbers = {  # allowed by their arguments, or answered in another way
    "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "open": (2, None), "openat": (257, 56),
    "tgkill": (234, 131),
}  # fmt: skip
NUMBERS = READING | CHECKED


@dataclass(frozen=True, slots=True)
class Rule:
    """A call that is allowed only if `argument` (its low 32 bits) AND `mask` is `value`."""

    name: str
    argument: int
    mask: int
    value: int


WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND if sys.platform != "win32" else 0
CLONE_THREAD, PROT_EXEC = 0x00010000, 4
THREADS = Rule("clone", 0, CLONE_THREAD, CLONE_THREAD)
READ_ONLY = (Rule("open", 1, WRITING, 0), Rule("openat", 2, WRITING, 0))
NO_NEW_CODE = (Rule("mmap", 2, PROT_EXEC, 0), Rule("mprotect", 2, PROT_EXEC, 0))

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # AUDIT_ARCH_*, column of NUMBERS
LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_ALU|AND|K, BPF_RET|K
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = 1, 38
PR_SET_NO_NEW_PRIVS, SECCOMP_SET_MODE_FILTER, FOR_ALL_THREADS = 38, 1, 1

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def install(*, reading: bool) -> bool:
    """Put all threads of this process behind the READING or the SERVING list. False where there is no such filter."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in ARCHITECTURES or sys.maxsize < 1 << 32:
        return False
    packed = b"".join(struct.pack("<HBBI", *step) for step in program(machine, reading=reading, process=os.getpid()))
    code = ctypes.create_string_buffer(packed, len(packed))
    header = _Program(len(packed) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    number = ctypes.c_long(_number("seccomp", machine) or 0)
    words = ctypes.c_ulong(SECCOMP_SET_MODE_FILTER), ctypes.c_ulong(FOR_ALL_THREADS)
    return bool(libc.syscall(number, *words, ctypes.byref(header)) == 0)


def program(machine: str, *, reading: bool, process: int) -> list[Instruction]:
    """The filter as classic BPF. machine: "x86_64" or "aarch64"; process: the only id that may be sent signals."""
    steps: list[Instruction] = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, ARCHITECTURES[machine][0]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, 0),
    ]
    for name in READING if reading else SERVING:
        steps += _always(name, machine, ALLOW)
    itself = (Rule("kill", 0, 0xFFFFFFFF, process), Rule("tgkill", 0, 0xFFFFFFFF, process))
    for rule in (THREADS, *itself, *(READ_ONLY if reading else NO_NEW_CODE)):
        steps += _checked(rule, machine)
    # glibc starts threads by clone3, whose flags a filter cannot see, and falls back to clone on ENOSYS alone.
    return [*steps, *_always("clone3", machine, ERRNO | ENOSYS), (RETURN, 0, 0, ERRNO | EPERM)]


def _always(name: str, machine: str, what: int) -> list[Instruction]:
    number = _number(name, machine)
    return [] if number is None else [(EQUAL, 0, 1, number), (RETURN, 0, 0, what)]


def _checked(rule: Rule, machine: str) -> list[Instruction]:
    number = _number(rule.name, machine)
    if number is None:
        return []
    return [
        (EQUAL, 0, 5, number),
        (LOAD, 0, 0, 16 + 8 * rule.argument),
        (AND, 0, 0, rule.mask),
        (EQUAL, 0, 1, rule.value),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ERRNO | EPERM),
    ]


def _number(name: str, machine: str) -> int | None:
    return NUMBERS[name][ARCHITECTURES[machine][1]]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))
