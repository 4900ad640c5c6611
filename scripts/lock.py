"""Write the lock files: every package that installing needs, pinned, with the SHA-256 of the file that pip may take.

    make lock                  resolve again, keeping every version that is locked now
    make lock ARGS=--upgrade   resolve afresh, newest versions that pyproject.toml allows

requirements.lock        core and all extras but torch and those of APART, for Python 3.11 on Linux x86_64
requirements-cpu.lock    torch's CPU build, whose version ends in +cpu
requirements-cuda.lock   torch's default build and the CUDA packages that it asks for
requirements-radiomics.lock   what the extra radiomics needs beyond these: `make radiomics`

The builds of torch stand apart because pip, given the hashes of both under one version, takes the one with CUDA even
where it has the other at hand. All are installed with --no-deps --require-hashes, so nothing enters that is not written
there. Where pip finds packages is its own configuration's business: no address is written into the project.
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
CPU_LOCK = ROOT / "requirements-cpu.lock"
CUDA_LOCK = ROOT / "requirements-cuda.lock"
APART_LOCK = ROOT / "requirements-radiomics.lock"
APART = ("radiomics",)
"""Extras that nobody gets who does not ask for them: mirp brings itk, 1.5 GB, twice as much as all the rest."""
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package: its normalised name, its version, the chosen file's hash."""

    name: str
    version: str
    sha256: str


def main() -> None:
    """Resolve for the CPU build of torch, for the default one, and with the extras that stand apart; write what each needs."""
    parser = argparse.ArgumentParser(description="Write the lock files.")
    parser.add_argument("--upgrade", action="store_true", help="do not keep the versions that are locked now")
    upgrade = parser.parse_args().upgrade
    pins = resolve(requirements(), kept={} if upgrade else read_pins(LOCK, CPU_LOCK))
    torch = next(pin for pin in pins if pin.name == "torch")
    if not torch.version.endswith("+cpu"):
        sys.exit(
            f"Expected a CPU build of torch among what pip finds (a version ending in +cpu), found {torch.version}."
        )
    others = [pin for pin in pins if pin != torch]
    # "===" compares as text, which leaves out 2.13.0+cpu and so selects the default build.
    default = f"torch==={torch.version.removesuffix('+cpu')}"
    kept = {pin.name: pin.version for pin in others} | ({} if upgrade else read_pins(CUDA_LOCK))
    with_cuda = resolve([default], kept=kept)
    write(LOCK, others)
    write(CPU_LOCK, [torch])
    write(CUDA_LOCK, [pin for pin in with_cuda if pin not in others])
    kept = {pin.name: pin.version for pin in pins} | ({} if upgrade else read_pins(APART_LOCK))
    with_apart = resolve(requirements(APART), kept=kept)
    write(APART_LOCK, [pin for pin in with_apart if pin.name not in {one.name for one in pins}])


def requirements(apart: tuple[str, ...] = ()) -> list[str]:
    """What pyproject.toml asks for: the core and every extra but those of APART; or, given some of those, these alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    if apart:
        return [line for name in apart for line in optional[name]]
    return [
        *project["dependencies"],
        *(line for name, lines in optional.items() if name not in APART for line in lines),
    ]


def read_pins(*locks: Path) -> dict[str, str]:
    """Name to version of the packages in lock files, as far as there are any."""
    lines = [line for lock in locks if lock.exists() for line in lock.read_text(encoding="utf-8").splitlines()]
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
    return Pin(name, metadata["version"], download["archive_info"]["hashes"]["sha256"])


def write(lock: Path, pins: list[Pin]) -> None:
    """Write a lock file: two lines for each package, by name."""
    python = ".".join(platform.python_version_tuple()[:2])
    head = f"# Written by `make lock` for Python {python}, {platform.system()} {platform.machine()}. Install with\n"
    body = [
        f"{pin.name}=={pin.version} \\\n    --hash=sha256:{pin.sha256}\n"
        for pin in sorted(pins, key=lambda pin: pin.name)
    ]
    lock.write_text(
        f"{head}#   pip install --no-deps --require-hashes -r {lock.name}\n{''.join(body)}", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
