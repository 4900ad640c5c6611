"""AUC and accuracy on the official test splits of BreastMNIST and PneumoniaMNIST, beside the published ones.

    python benchmarks/medmnist.py ../shared/data/medmnist/breastmnist.npz [--budget 15m] [--seeds 0,1,2] [-o FILE]

`train` with default settings: models are tried and chosen out of fold on the official training and validation parts together;
the test part is answered once, at the end, by the folds of the chosen model together. What the gate finds in the published
files is let pass by name: near-duplicates across the split, and one image with two labels, which is left out of training.
Intervals of the mean over seeds are by resampling test images, 2,000 times (percentiles).
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from scanwright.evaluation.classes.ranking import placements
from scanwright.types import Bools, Floats

PUBLISHED = {
    "breastmnist": {
        "ResNet-18 (28)": (0.901, 0.863),
        "ResNet-50 (28)": (0.857, 0.812),
        "auto-sklearn": (0.836, 0.803),
        "AutoKeras": (0.871, 0.831),
        "Google AutoML Vision": (0.919, 0.861),
    },
    "pneumoniamnist": {
        "ResNet-18 (28)": (0.944, 0.854),
        "ResNet-50 (28)": (0.948, 0.854),
        "auto-sklearn": (0.942, 0.855),
        "AutoKeras": (0.947, 0.878),
        "Google AutoML Vision": (0.991, 0.946),
    },
}
"""AUC and accuracy: Yang et al. 2023, Sci Data 10:41, table 3."""
GIVEN = {
    "breastmnist": (
        *("--exclude", "train_00115"),
        *("--waive", "near-duplicate=the published split has near-duplicates on both sides"),
    ),
}
RESAMPLES = 2000


def trained(data: Path, run: Path, *, budget: str, seed: int) -> dict[str, Any]:
    """A finished run's result."""
    command = [sys.executable, "-m", "scanwright", "train", str(data), "-o", str(run), "--budget", budget]
    command += ["--seed", str(seed), *GIVEN.get(data.stem, ()), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr)
    return dict(json.loads(ended.stdout))


def test_answers(run: Path) -> tuple[Bools, Floats, Bools]:
    """Of the test images: whether they are positive, how probable that is held, and whether they were told rightly."""
    rows = [row for row in csv.DictReader((run / "cases.csv").open()) if not row["fold"]]
    name = [column for column in rows[0] if column.startswith("probability[")][1].removeprefix("probability[")[:-1]
    positive = np.array([row["truth"] == name for row in rows])
    chances = np.array([float(row[f"probability[{name}]"]) for row in rows])
    return positive, chances, np.array([row["truth"] == row["decision"] for row in rows])


def area(chances: Floats, positive: Bools) -> float:
    """The area under the ROC curve."""
    return float(placements(chances, positive)[positive].mean())


def mean_of(answers: list[tuple[Bools, Floats, Bools]], places: Any) -> tuple[float, float]:
    """AUC and accuracy, averaged over seeds, of the test images at these places."""
    found = [
        (area(chances[places], positive[places]), float(right[places].mean())) for positive, chances, right in answers
    ]
    return float(np.mean([one for one, _ in found])), float(np.mean([other for _, other in found]))


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="15m")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    seeds, answers = [], []
    for seed in map(int, given.seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            found = trained(given.data, run, budget=given.budget, seed=seed)
            answers.append(test_answers(run))
            metrics, trials = found["metrics"], json.loads((run / "trials.json").read_text())
            seeds.append(
                {
                    "seed": seed,
                    "kept": trials["chosen"],
                    "tried_out_of_fold": {one["name"]: round(one["estimate"]["mean"], 4) for one in trials["models"]},
                    "out_of_fold": {key: round(metrics["overall"][key]["mean"], 4) for key in ("auroc", "accuracy")},
                    "test": {key: round(metrics["test"]["overall"][key]["mean"], 4) for key in ("auroc", "accuracy")},
                    "steps": json.loads((run / "plan.json").read_text())["training"]["steps"],
                    "elapsed_s": found["elapsed_s"],
                }
            )
            print(json.dumps(seeds[-1]), flush=True)
    number = len(answers[0][0])
    rng = np.random.default_rng(0)
    resampled = np.array([mean_of(answers, rng.integers(number, size=number)) for _ in range(RESAMPLES)])
    auc, accuracy = mean_of(answers, np.arange(number))
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    result = {
        "data": given.data.stem,
        "budget": given.budget,
        "test_images": number,
        "auroc": {"mean": round(auc, 4), "ci95": [round(float(low[0]), 4), round(float(high[0]), 4)]},
        "accuracy": {"mean": round(accuracy, 4), "ci95": [round(float(low[1]), 4), round(float(high[1]), 4)]},
        "published_auc_accuracy": {name: list(pair) for name, pair in PUBLISHED.get(given.data.stem, {}).items()},
        "seeds": seeds,
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
