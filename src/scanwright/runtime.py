"""The machine: device, threads, memory, precision, seeds. The only reader of the environment.

Nothing here imports numpy or torch at module level, so that `scanwright --help` does not wait for them.
"""

import os
import platform
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scanwright.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import torch

DeviceName = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What a run may use. `memory_bytes` is what is free now, the control group's limit taken into account."""

    device: str
    device_name: str
    threads: int
    fast_bfloat16: bool
    memory_bytes: int
    platform: str


def choose_device(name: DeviceName = "auto") -> "torch.device":
    """The device to compute on. "auto" is CUDA where there is one. Raises UsageError if CUDA is asked for and absent."""
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UsageError("no CUDA device here", found="--device cuda", hint="Use --device cpu or --device auto.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def describe_machine(device: "torch.device") -> Machine:
    """Name the device, count the cores this process may use, and read the free memory."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
    return Machine(
        device=device.type,
        device_name=name,
        threads=num_threads(),
        fast_bfloat16=has_fast_bfloat16(device),
        memory_bytes=free_memory_bytes(),
        platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}",
    )


def command_line() -> str:
    """The command that this process was started by, to be typed again."""
    return shlex.join(["scanwright", *sys.argv[1:]])


def share_cores() -> None:
    """Let idle threads sleep instead of spin; call before torch is imported. What the user has set stays.

    Spinning threads wait for one that another program has pushed aside: with a busy core beside us, a training step took
    5.5 s spinning and 1.6 s sleeping on the same two cores.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def has_fast_bfloat16(device: "torch.device") -> bool:
    """Whether bfloat16 convolutions are native here: twice as fast as float32 where they are, slower where they are not."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    flags = Path("/proc/cpuinfo").read_text(errors="replace") if Path("/proc/cpuinfo").exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def num_threads() -> int:
    """Cores this process may run on (the affinity mask), at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def cpu_name() -> str:
    """The processor's model name, or the platform's word for it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def free_memory_bytes() -> int:
    """Memory that can be taken now without swapping: the smaller of MemAvailable and the control group's headroom."""
    free = _meminfo_available()
    limit, used = _read_int("/sys/fs/cgroup/memory.max"), _read_int("/sys/fs/cgroup/memory.current")
    return min(free, max(limit - used, 0)) if limit is not None and used is not None else free


def peak_memory_bytes() -> int:
    """The largest resident size this process has had; 0 where the system does not say (Windows)."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):  # unlike ru_maxrss, not inherited from the process that started this one
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def generator(*key: int) -> "np.random.Generator":
    """Random numbers as a function of a key such as (seed, step, sample): the same key, the same numbers, anywhere."""
    import numpy as np

    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def _meminfo_available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines() if Path("/proc/meminfo").exists() else ():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024
    return 4 << 30  # nothing to read here (not Linux): assume a small machine


def _read_int(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None
