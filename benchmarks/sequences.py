"""A task of which the answer is in the order of frames: a recurrent network over frames beside the mean of frames.

    python benchmarks/sequences.py [--each 100] [--budget 5m] [-o FILE]

Both are trained by `train` on the same generated loops and folds (made_loops.py), each for the budget, and compared on the same
out-of-fold cases: AUROC with interval, the difference with interval and p (paired DeLong), accuracy (permutation).
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
from made_loops import CLASSES, write_loops
from record import write_result

from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.comparing.comparison import compare_answers

MODELS = {"cnn-rnn": ("--model", "cnn-rnn"), "mean of frames": ("--model", "cnn", "--set", "network.dims=2")}


def trained(data: Path, run: Path, options: tuple[str, ...], *, budget: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "scanwright", "train", data, "-o", run, "--budget", budget, *options, "--json"]
    ended = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=True)
    return dict(json.loads(ended.stdout))


def answers_of(run: Path) -> Answers:
    rows = sorted(csv.DictReader((run / "cases.csv").open()), key=lambda row: row["case"])
    names = sorted(CLASSES)
    chances = np.array([[float(row[f"probability[{name}]"]) for name in names] for row in rows])
    truth, told = (np.array([names.index(row[key]) for row in rows]) for key in ("truth", "decision"))
    return Answers.of(chances, truth, told, [row["patient"] for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--budget", default="5m")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"loops": 2 * given.each, "budget": given.budget}
    found = {}
    with tempfile.TemporaryDirectory() as name:
        data = write_loops(Path(name) / "loops", each=given.each)
        for model, options in MODELS.items():
            run = Path(name) / model.replace(" ", "_")
            overall = trained(data, run, options, budget=given.budget)["metrics"]["overall"]
            result[model] = {key: overall[key] for key in ("auroc", "accuracy")}
            found[model] = answers_of(run)
            print(model, result[model], flush=True)
    first, second = found.values()
    compared = compare_answers(first, second)
    result["difference"] = {
        "auroc": compared.auroc.value,
        "auroc_ci95": compared.auroc.interval,
        "auroc_p": compared.auroc.p,
        "accuracy": compared.accuracy.mean,
        "accuracy_ci95": compared.accuracy.ci95,
        "accuracy_p": compared.accuracy.p_permutation,
    }
    print(json.dumps(result["difference"]))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
