"""How results are kept: with the commit, the command, the machine and its load, so that a number can be had again."""

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scanwright.files import write_json
from scanwright.runtime import cpu_name, num_threads

ROOT = Path(__file__).resolve().parents[1]


def write_result(file: Path, result: Any) -> None:
    """Write a benchmark's result with where it comes from. The load is that of the last minute, this benchmark's included."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain", "src"], capture_output=True, text=True, check=False).stdout
    origin = {
        "commit": commit + (" with changes" if changed else ""),
        "command": shlex.join(["python", *map(placeless, sys.argv)]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{cpu_name()}, {num_threads()} cores",
        "load_1min": round(os.getloadavg()[0], 2),
    }
    write_json(file, {"origin": origin, "result": result})


def placeless(word: str) -> str:
    """A word of a command without where on this machine its file lies: what is beside the project as ../, else the name alone.

    >>> placeless("--budget"), placeless(str(ROOT.parent / "shared" / "data")), placeless("/tmp/a/out.json")
    ('--budget', '../shared/data', 'out.json')
    """
    path = Path(word)
    if not path.is_absolute():
        return word
    return f"../{path.relative_to(ROOT.parent)}" if path.is_relative_to(ROOT.parent) else path.name
