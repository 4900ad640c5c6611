"""Regression of a generated value whose noise is known, so that it is known too how well any model can do.

    python benchmarks/noise_limit.py [--cases 600] [--budget 4m] [-o FILE]

Pictures of 40 x 40 pixels: a disc of any place, brightness and a radius of 4 to 12 pixels in noise. The value of a picture is
its radius and an error drawn with a standard deviation of 1 that nothing in the picture tells. A model that reads radii exactly
has R² = v / (v + 1), v being the variance of the radii, and a mean absolute error of 0.798; these are the limits. They are
taken of the very errors that were drawn. `train --model auto`, out of fold.
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
from PIL import Image
from record import write_result

from scanwright.runtime import generator
from scanwright.types import Array, Floats

SIDE, ERROR = 40, 1.0
RADII = (4.0, 12.0)


def picture(radius: float, seed: int) -> Array:
    """(SIDE, SIDE) uint8."""
    rng = generator(seed)
    middle = rng.uniform(RADII[1] + 1, SIDE - RADII[1] - 1, 2)
    away = np.hypot(*(np.indices((SIDE, SIDE)) - middle[:, None, None]))
    shown = np.clip(radius - away + 0.5, 0, 1) * rng.uniform(40, 120)
    found: Array = np.clip(np.rint(70 + shown + rng.normal(0, 20, (SIDE, SIDE))), 0, 255).astype(np.uint8)
    return found


def write_pictures(root: Path, cases: int) -> tuple[Floats, Floats]:
    """Pictures and a table of their values; their radii and values."""
    rng = generator(7)
    radii = rng.uniform(*RADII, cases)
    values = radii + rng.normal(0, ERROR, cases)
    (root / "images").mkdir(parents=True)
    for number, radius in enumerate(radii):
        Image.fromarray(picture(float(radius), number)).save(root / "images" / f"c{number:04d}.png")
    rows = [f"images/c{number:04d}.png,{value:.5f}" for number, value in enumerate(values)]
    (root / "cases.csv").write_text("\n".join(["image,value", *rows]) + "\n")
    (root / "scanwright.json").write_text(json.dumps({"kind": "regression", "target": ["value"]}))
    return radii, values


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--budget", default="4m")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        radii, values = write_pictures(Path(folder) / "data", given.cases)
        command = [
            sys.executable,
            "-m",
            "scanwright",
            "train",
            f"{folder}/data",
            "-o",
            str(run),
            "--budget",
            given.budget,
        ]
        ended = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        if ended.returncode:
            sys.exit(ended.stderr)
        told: dict[str, Any] = json.loads(ended.stdout)
        trials = json.loads((run / "trials.json").read_text())
        rows = {row["case"]: float(row["predicted[value]"]) for row in csv.DictReader((run / "cases.csv").open())}
    answers = np.array([rows[f"c{number:04d}"] for number in range(given.cases)])
    residual = np.mean((values - radii) ** 2)
    overall = told["metrics"]["overall"]
    result = {
        "cases": given.cases,
        "budget": given.budget,
        "limit": {
            "r2": round(1 - float(residual / values.var()), 4),
            "mae": round(float(np.abs(values - radii).mean()), 4),
        },
        "kept": trials["chosen"],
        "tried_r2": {one["name"]: round(one["estimate"]["mean"], 4) for one in trials["models"]},
        "r2": overall["r2"],
        "mae": overall["mae"],
        "error_in_radius": round(float(np.abs(answers - radii).mean()), 4),
        "elapsed_s": told["elapsed_s"],
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
