"""What tuning gains over the default plan on cases that it did not see; killed on the way, and gone on with.

    python benchmarks/tuning.py ../shared/data/medmnist/breastmnist.npz --budget 30m -o benchmarks/results/tuning_breast.json
    python benchmarks/tuning.py ../shared/data/hippocampus_mri --budget 60m -o benchmarks/results/tuning_hippocampus.json

`scanwright tune` on outer fold 0. The first session is killed (SIGKILL, worker processes with it) after a third of the budget,
and the same command goes on until its end. The default plan and the best one are then compared on the cases that fold 0 holds
out, paired by patient; of MedMNIST's official test part the same is told, which chooses nothing. Kept: what was gained with its
interval, how many trials there were and how many were ended early, importance, and what each session took. Hippocampus
is split as nnU-Net does (splits_5fold.json). Steps of a training follow from the budget and the machine: give both.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import write_result

from scanwright.options import parse_duration

GIVEN = {
    "breastmnist": (
        *("--exclude", "train_00115"),
        *("--waive", "near-duplicate=the published split has near-duplicates on both sides"),
    ),
}
"""What the gate finds in the published files, let pass by name; see benchmarks/medmnist.py."""
KILLED_AT = 1 / 3
"""Of the budget."""


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="30m")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, help="new folder for the run; a temporary one if not given")
    parser.add_argument("-o", "--out", type=Path, help="where the result is kept")
    given = parser.parse_args()
    home = Path(given.runs or tempfile.mkdtemp(prefix="tuning-"))
    words = command(given, home / "run")
    first = session(words, after_s=KILLED_AT * parse_duration(given.budget))
    if first["code"] not in (0, -signal.SIGKILL):
        sys.exit(first["said"])
    how = "killed" if first["code"] else "ended by itself"
    print(f"{how} after {first['seconds']:.0f} s; {finished(home / 'run')} trials had a score", flush=True)
    second = session(words, after_s=None)
    if second["code"]:
        sys.exit(second["said"])
    result = told(json.loads(second["out"]), home / "run")
    result |= {"data": given.data.stem, "budget": given.budget, "jobs": given.jobs}
    result["sessions"] = [{key: one[key] for key in ("seconds", "code")} for one in (first, second)]
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


def command(given: argparse.Namespace, run: Path) -> list[str]:
    """The tuning command."""
    words = [sys.executable, "-m", "scanwright", "tune", str(given.data), "-o", str(run), "--budget", given.budget]
    words += ["--jobs", str(given.jobs), "--seed", str(given.seed), "--json", *GIVEN.get(given.data.stem, ())]
    split = given.data / "splits_5fold.json"
    return [*words, "--split", str(split), "--fold", "0"] if split.is_file() else words


def session(words: list[str], *, after_s: float | None) -> dict[str, Any]:
    """Run the command; kill its whole process group after some seconds, unless it has ended by itself."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, stdout=out, stderr=said, start_new_session=True)
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        said.seek(0)
        last = said.read().decode(errors="replace")[-2000:]
        seconds = round(time.monotonic() - began, 1)
        return {"seconds": seconds, "code": process.returncode, "out": out.read().decode(), "said": last}


def finished(run: Path) -> int:
    """Trials of which the study holds a score."""
    import sqlite3

    file = run / "study.db"
    if not file.exists():
        return 0
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as study:
        rows = study.execute("select count(distinct trial_id) from trial_intermediate_values").fetchall()
    return int(rows[0][0])


def told(found: dict[str, Any], run: Path) -> dict[str, Any]:
    """What is kept of tuned.json and trials.csv."""
    rows = list(csv.DictReader((run / "trials.csv").read_text().splitlines()))
    kept = (
        "kept",
        "reason",
        "metric",
        "held_out",
        "gain",
        "test",
        "trials",
        "importance",
        "steps",
        "elapsed_s",
        "note",
    )
    best = found["best_trial"]
    return {
        **{key: found[key] for key in kept},
        "inner_score": {"default": found["default_trial"], "best": None if best is None else best["score"]},
        "best_point": None if best is None else best["point"],
        "ended": {state: sum(row["state"] == state for row in rows) for state in ("complete", "pruned", "fail")},
    }


if __name__ == "__main__":
    main()
