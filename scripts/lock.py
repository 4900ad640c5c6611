"""Write the lock files: every package that installing needs, pinned, with the SHA-256 of the file that pip may take.

    make lock                  resolve again, keeping every version that is locked now
    make lock ARGS=--upgrade   resolve afresh, newest versions that pyproject.toml allows

requirements.lock        core and all extras, for Python 3.11 on Linux x86_64. torch has two hashes: the CPU build (its
                         wheel's version ends in +cpu) and the build with CUDA that the package index serves
requirements-cuda.lock   what the CUDA build of torch asks for besides; installed only where pip misses it

Both are installed with --no-deps --require-hashes, so nothing enters that is not written there. Where pip finds
packages is its own configuration's business: no address is written into the project.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
CUDA_LOCK = ROOT / "requirements-cuda.lock"
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package: its normalised name, its version without a local part (+cpu), the chosen file's hash."""

    name: str
    version: str
    sha256: str


def main() -> None:
    """Resolve once with whatever torch pip prefers, once with the index's own torch, and write what both need."""
    parser = argparse.ArgumentParser(description="Write requirements.lock and requirements-cuda.lock.")
    parser.add_argument("--upgrade", action="store_true", help="do not keep the versions that are locked now")
    kept = {} if parser.parse_args().upgrade else {**read_pins(CUDA_LOCK), **read_pins(LOCK)}
    wanted = requirements()
    pins = resolve(wanted, kept=kept)
    torch = next(pin for pin in pins if pin.name == "torch")
    # "===" compares as text, which leaves out 2.13.0+cpu and so selects the default build.
    with_cuda = resolve([*wanted, f"torch==={torch.version}"], kept={pin.name: pin.version for pin in pins} | kept)
    default = next(pin for pin in with_cuda if pin.name == "torch")
    known = {pin.name for pin in pins}
    write(LOCK, [*pins, default])
    write(CUDA_LOCK, [pin for pin in with_cuda if pin.name not in known])


def requirements() -> list[str]:
    """What pyproject.toml asks for: the core and every extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [*project["dependencies"], *extras]


def read_pins(lock: Path) -> dict[str, str]:
    """Name to version of a lock file, empty where there is none."""
    lines = lock.read_text(encoding="utf-8").splitlines() if lock.exists() else []
    return {found[1]: found[2] for line in lines if (found := PIN.match(line))}


def resolve(specs: list[str], *, kept: dict[str, str]) -> list[Pin]:
    """What pip would install for `specs` into an empty environment, from its report; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in kept.items()), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-input"]
        report = Path(folder) / "report.json"
        arguments = ["--report", str(report), "--constraint", str(constraints), *specs]
        subprocess.run([*command, *arguments], check=True)  # noqa: S603 - our own arguments, no shell
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [pin_of(item["metadata"], item["download_info"]) for item in items]


def pin_of(metadata: dict[str, str], download: dict[str, dict[str, dict[str, str]]]) -> Pin:
    """One entry of pip's report as a pin."""
    name = re.sub(r"[-_.]+", "-", metadata["name"]).lower()
    return Pin(name, metadata["version"].split("+")[0], download["archive_info"]["hashes"]["sha256"])


def write(lock: Path, pins: list[Pin]) -> None:
    """Write a lock file: a line for each package, by name, with all hashes known for it."""
    hashes: dict[tuple[str, str], list[str]] = {}
    for pin in sorted(pins, key=lambda pin: (pin.name, pin.sha256)):
        known = hashes.setdefault((pin.name, pin.version), [])
        known.extend([pin.sha256] if pin.sha256 not in known else [])
    python = ".".join(platform.python_version_tuple()[:2])
    lines = [f"# Written by `make lock`: Python {python}, {platform.system()} {platform.machine()}. Install with"]
    lines.append(f"#   pip install --no-deps --require-hashes -r {lock.name}")
    for (name, version), values in hashes.items():
        lines.append(" \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{value}" for value in values)]))
    lock.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
