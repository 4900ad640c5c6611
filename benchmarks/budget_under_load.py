"""Is a budget kept when another process takes one core halfway?

    python benchmarks/budget_under_load.py DATA --budget 600 [-o benchmarks/results/NAME.json] [-- --fold 0 --split FILE]

Trains with the budget; after half of it a process that only counts is started, which then runs to the end. Wall time of the
whole command, from start to exit, must be between 0.85 and 1.10 of the budget. Words after "--" go to `scanwright train`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import write_result

from scanwright.files import read_json

LOW, HIGH = 0.85, 1.10
BUSY = "while True: pass"


def split_at(words: list[str], mark: str) -> tuple[list[str], list[str]]:
    """The words before and after the first `mark`."""
    cut = words.index(mark) if mark in words else len(words)
    return words[:cut], words[cut + 1 :]


def main() -> int:
    """Everything, from the command line; gives 0 if the budget was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", type=float, default=600.0, help="seconds")
    parser.add_argument(
        "--from", dest="share", type=float, default=0.5, help="share of the budget after which the load begins"
    )
    parser.add_argument("-o", "--out", type=Path)
    own, rest = split_at(sys.argv[1:], "--")
    given = parser.parse_args(own)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        script = Path(sys.executable).with_name("scanwright")
        words = [str(script), "train", str(given.data), "-o", str(run), "--budget", f"{given.budget:.0f}s", *rest]
        began = time.monotonic()
        training = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        load = None
        try:
            training.wait(given.share * given.budget)
        except subprocess.TimeoutExpired:
            load = subprocess.Popen([sys.executable, "-c", BUSY])
        try:
            code = training.wait()
        finally:
            if load:
                load.kill()
        wall_s = time.monotonic() - began
        if code:
            return code
        fold = next((run / "folds").iterdir())
        events = [json.loads(line) for line in (fold / "log.jsonl").read_text().splitlines()]
        half = [event for event in events if event["event"] == "checkpoint"]
        result = {
            "data": given.data.name,
            "budget_s": given.budget,
            "wall_s": round(wall_s, 1),
            "share": round(wall_s / given.budget, 3),
            "steps_planned": read_json(run / "plan.json")["training"]["steps"],
            "steps_taken": half[-1]["step"],
            "refits": sum(event["event"] == "refit" for event in events),
            "dice": read_json(run / "metrics.json")["overall"]["dice"]["mean"],
        }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)
    return 0 if LOW <= result["share"] <= HIGH else 1


if __name__ == "__main__":
    sys.exit(main())
