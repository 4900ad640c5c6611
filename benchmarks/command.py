"""A command of this package, called as a user calls it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def scanwright(*command: str | Path) -> dict[str, Any]:
    """One command, its result as data. Ends the benchmark with what it says if it fails."""
    line = [sys.executable, "-m", "scanwright", *map(str, command), "--json"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr)
    return dict(json.loads(ended.stdout))
