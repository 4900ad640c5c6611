"""Every fold of a split, each with a budget of its own, and one score over all cases: what a paper's cross-validation is.

    python benchmarks/folds.py DATA --split FILE --budget 30m --runs FOLDER [--folds 0] [-o benchmarks/results/NAME.json]

Fold K is `scanwright train DATA --fold K --split FILE --budget 30m -o FOLDER/foldK`; nothing of one fold is known to another.
A fold whose run is whole is not run again, so the same command goes on where it was stopped. Wall time is that of the
command, from its start to its exit, as its run.json has it. Dice: mean over cases, 95 % interval by patient.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from record import write_result

from scanwright.evaluation.intervals.statistics import bootstrap_mean
from scanwright.files import read_json

Rows = list[dict[str, str]]


def train(data: Path, split: Path, fold: int, budget: str, folder: Path) -> None:
    """One fold, unless its run is whole already. Ends the program if it fails."""
    if not (folder / "run.json").exists():
        words = [str(Path(sys.executable).with_name("scanwright")), "train", str(data), "-o", str(folder)]
        subprocess.run([*words, "--fold", str(fold), "--split", str(split), "--budget", budget], check=True)


def fold_row(folder: Path) -> dict[str, Any]:
    """What a fold took and gave."""
    metrics, plan, ended = (read_json(folder / f"{name}.json") for name in ("metrics", "plan", "run"))
    log = (folder / "folds" / str(plan["training"]["folds"][0]) / "log.jsonl").read_text().splitlines()
    return {
        "wall_s": ended["elapsed_s"],
        "budget_s": plan["training"]["budget_s"],
        "steps": json.loads(log[-1])["step"],
        "widths": plan["network"]["widths"],
        "dice": round(metrics["overall"]["dice"]["mean"], 4),
        **{name: round(block["dice"]["mean"], 4) for name, block in metrics["by_class"].items()},
        "cases": metrics["overall"]["dice"]["n"],
    }


def case_rows(folder: Path) -> Rows:
    """The lines of cases.csv."""
    with (folder / "cases.csv").open() as lines:
        return list(csv.DictReader(lines))


def pooled(rows: Rows, column: str) -> dict[str, Any]:
    """Mean of a column over all cases of all folds, with its interval."""
    there = [row for row in rows if row[column]]
    values = [float(row[column]) for row in there]
    interval = bootstrap_mean(values, [row["patient"] for row in there])
    return {
        "mean": round(statistics.fmean(values), 4),
        "ci95": interval and [round(end, 4) for end in interval],
        "cases": len(values),
    }


def main() -> None:
    """Train what is missing, then count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--budget", default="30m")
    parser.add_argument("--folds", type=int, nargs="+", help="these only; all of the split by default")
    parser.add_argument("--runs", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--load", default="nothing else running", help="what ran beside, for the record")
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    folds = asked.folds or range(len(read_json(asked.split)))
    runs = [asked.runs / f"fold{fold}" for fold in folds]
    for fold, run in zip(folds, runs, strict=True):
        train(asked.data, asked.split, fold, asked.budget, run)
    rows = [row for run in runs for row in case_rows(run)]
    columns = [name for name in rows[0] if name == "dice" or name.startswith("dice[")]
    result = {
        "beside": asked.load,
        "folds": [fold_row(run) for run in runs],
        "all": {name: pooled(rows, name) for name in columns},
    }
    print(json.dumps(result, indent=2))
    if asked.out:
        write_result(asked.out, result)


if __name__ == "__main__":
    main()
