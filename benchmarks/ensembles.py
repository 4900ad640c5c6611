"""Single models, full and semi ensembles beside each other, on three data sets: gain with its interval, and cost.

    python benchmarks/ensembles.py breastmnist --data ../shared/data --runs FOLDER [--budget 15m | --steps 300] [--folds 5]

Trains the runs of the data set on the same folds, where they are not there yet (the first says which folds: --split), and
builds everything that they allow with `scanwright ensemble`. The result holds every row of the table: the headline out of fold
and on the test split, the difference from the best single model with its 95 % interval and p, passes, milliseconds, megabytes.
Milliseconds are of this machine under its load, which stands beside the result.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command import scanwright
from record import ROOT, write_result

from scanwright.files import read_json


@dataclass(frozen=True)
class Bench:
    """A data set. given: options of every run. split: a file of its published folds. runs: options of each run, by name."""

    data: str
    given: tuple[str, ...]
    split: str | None
    runs: dict[str, tuple[str, ...]]


BENCHES = {
    "hippocampus": Bench(
        "hippocampus_mri",
        (),
        "splits_5fold.json",
        {"first": (), "second": ("--seed", "1"), "flat": ("--set", "network.dims=2")},
    ),
    "breastmnist": Bench(
        "medmnist/breastmnist.npz",
        (
            *("--exclude", "train_00115"),
            *("--waive", "near-duplicate=the published split has near-duplicates on both sides"),
        ),
        None,
        {"first": (), "second": ("--seed", "1", "--model", "cnn")},
    ),
    "bccd": Bench(
        "blood_cells_bccd",
        (
            *("--layout", "voc", "--task", "detection"),
            *("--waive", "near-duplicate=the published split has a pair of near-duplicates on both sides"),
        ),
        None,
        {"first": (), "second": ("--seed", "1")},
    ),
}


def trained(bench: Bench, data: Path, runs: Path, effort: list[str], folds: int) -> list[Path]:
    """The runs, those that are whole taken as they are."""
    folders = [runs / name for name in bench.runs]
    for number, (folder, own) in enumerate(zip(folders, bench.runs.values(), strict=True)):
        if (folder / "run.json").exists():
            continue
        split = folders[0] / "splits.json" if number else None if bench.split is None else data / bench.split
        divided = ["--folds", str(folds)] if split is None else ["--split", str(split)]
        scanwright("train", data, "-o", folder, *divided, *effort, *bench.given, *own)
    return folders


def summary_of(folder: Path) -> dict[str, Any]:
    """What ensemble.json says, short."""
    found = read_json(folder / "ensemble.json")

    def told(worth: dict[str, Any] | None) -> dict[str, Any] | None:
        if worth is None:
            return None
        first = worth["gains"][0] if worth["gains"] else None
        ends = ("mean", "low", "high")
        return {
            "value": [worth["estimate"][end] for end in ends],
            "gain": None if first is None else [first["estimate"][end] for end in ends],
            "gain_of": None if first is None else first["metric"],
            "p": None if first is None else first["p"],
        }

    return {
        "metric": found["metric"],
        "kept": found["kept"],
        "chosen_without": found["chosen_without"],
        "summary": found["summary"],
        "left_out": found["left_out"],
        "package": {key: found["package"][key] for key in ("folds", "passes", "ms", "megabytes")},
        "rows": {
            row["name"]: {
                "sort": row["sort"],
                "out_of_fold": told(row["held_out"]),
                "test": told(row["test"]),
                "passes": row["passes"],
                "ms": row["ms"],
                "megabytes": row["megabytes"],
                "verdict": row["verdict"],
            }
            for row in found["rows"]
        },
    }


def main() -> None:
    """One data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=BENCHES)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--runs", type=Path, required=True, help="where runs and the ensemble lie, or are made")
    parser.add_argument("--budget", help="of each run: 15m")
    parser.add_argument("--steps", help="steps a fold, instead")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    bench = BENCHES[given.name]
    effort = ["--budget", given.budget] if given.budget else ["--steps", given.steps] if given.steps else []
    runs = trained(bench, given.data / bench.data, given.runs, effort, given.folds)
    scanwright("ensemble", *runs, "-o", given.runs / "ensemble")
    result = {"effort": " ".join(effort) or "as planned", **summary_of(given.runs / "ensemble")}
    out = given.out or ROOT / "benchmarks" / "results" / f"ensembles_{given.name}.json"
    write_result(out, result)


if __name__ == "__main__":
    main()
