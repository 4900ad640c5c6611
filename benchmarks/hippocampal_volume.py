"""Regression of a real quantity: the volume of the hippocampus, in ml, from the image alone.

    python benchmarks/hippocampal_volume.py DATA [--budget 10m] [-o FILE]

DATA: the Decathlon's hippocampus folder. The volume of each case is that of its label; the label itself is not given to the
model. A network and a support vector machine are trained by `train` on the same folds and compared by their absolute errors
on the same out-of-fold cases (permutation test by patient).
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from scanwright.dataset.read import read_dataset
from scanwright.evaluation.comparing.comparison import compare_errors
from scanwright.io.formats import read_label
from scanwright.io.source import place_of

MODELS = ("cnn", "svm")


def write_table(source: Path, root: Path) -> Path:
    """Images, and a table with the volume of each case's label in ml."""
    rows = ["image,volume_ml"]
    (root / "images").mkdir(parents=True)
    for case in read_dataset(source).train:
        assert case.label is not None
        label = read_label(case.label)
        image = place_of(case.images[0])
        shutil.copyfile(image, root / "images" / image.name)
        rows.append(f"images/{image.name},{np.count_nonzero(label.voxels) * label.grid.voxel_volume / 1000:.4f}")
    (root / "cases.csv").write_text("\n".join(rows) + "\n")
    (root / "scanwright.json").write_text(json.dumps({"kind": "regression", "target": ["volume_ml"]}))
    return root


def trained(data: Path, run: Path, model: str, budget: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    command = [
        sys.executable,
        "-m",
        "scanwright",
        "train",
        data,
        "-o",
        run,
        "--budget",
        budget,
        "--model",
        model,
        "--json",
    ]
    ended = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr)
    rows = sorted(csv.DictReader((run / "cases.csv").open()), key=lambda row: row["case"])
    return dict(json.loads(ended.stdout)), rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="10m")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"budget": given.budget}
    predicted, truth, patients = [], np.array([]), []
    with tempfile.TemporaryDirectory() as name:
        data = write_table(given.data, Path(name) / "data")
        for model in MODELS:
            found, rows = trained(data, Path(name) / model, model, given.budget)
            result[model] = found["metrics"]["overall"]
            predicted.append(np.array([float(row["predicted[volume_ml]"]) for row in rows]))
            truth = np.array([float(row["truth[volume_ml]"]) for row in rows])
            patients = [row["patient"] for row in rows]
            shown = {key: result[model][key]["mean"] for key in ("mae", "r2", "loa_low", "loa_high")}
            print(model, shown, flush=True)
    result["cases"], result["deviation_ml"] = len(truth), float(truth.std())
    compared = compare_errors(predicted[0], predicted[1], truth, patients)
    result["absolute_error_cnn_less_svm"] = {"mean": compared.mean, "ci95": compared.ci95, "p": compared.p_permutation}
    print(json.dumps(result["absolute_error_cnn_less_svm"]))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
