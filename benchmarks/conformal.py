"""Whether sets and intervals hold what they state, and whether calibration mends, on real answers of finished runs.

    python benchmarks/conformal.py RUN… [--splits 100] [--coverage 0.9] [-o FILE]
    python benchmarks/conformal.py --make FOLDER

The second writes 300 pictures of a disc in noise with a table of its radius, 60 of them set apart, for a run of a quantity.

RUN: a finished run of `train` with two folds or more, of classes or of quantities; nothing is trained here. Of each:

    splits      its out-of-fold answers are split at random into known and new halves, by patient; the sets (lac, aps, raps, and
                lac by class) or intervals that the known half gives are held against the new half. Ranks alone decide, so that
                the number of new cases that are held is beta-binomial over such halves but for ties, which hold more, and the
                number of splits in the band that holds 95 % of them is binomial. By class the band is no more than a guide.
    test        what the run's own metrics.json says of its test split, which neither calibration nor sets had seen: calibration
                error before and after, coverage with its interval and its band, and the error of the surest answers
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from record import write_result
from scipy.stats import betabinom, binom

from scanwright.evaluation.certainty.conformal import Known, Score, class_scores, held_against
from scanwright.evaluation.certainty.conformal_interval import Residuals, interval_of
from scanwright.evaluation.certainty.coverage import coverage_band
from scanwright.runtime import generator
from scanwright.types import Bools, Floats, Ints

SCORES: tuple[tuple[str, Score, bool], ...] = (
    ("lac", "lac", False),
    ("aps", "aps", False),
    ("raps", "raps", False),
    ("lac by class", "lac", True),
)


def out_of_fold(run: Path) -> list[dict[str, str]]:
    """The rows of cases.csv that a fold answered."""
    return [row for row in csv.DictReader((run / "cases.csv").open()) if row["fold"]]


def halves(patients: Ints, splits: int) -> list[Bools]:
    """Which cases are known, (N,) of each split: those of a random half of the patients."""
    rng, names = generator(0), np.unique(patients)
    return [np.isin(patients, rng.permutation(names)[: len(names) // 2]) for _ in range(splits)]


def counted(held: list[tuple[int, int, int]], coverage: float) -> dict[str, Any]:
    """held: of each split how many new cases were held, of how many, and how many were known."""
    shares = np.array([inside / new for inside, new, _ in held])
    bands = [coverage_band(known=known, new=new, coverage=coverage) for _, new, known in held]
    within = sum(
        band is not None and band[0] - 1e-9 <= share <= band[1] + 1e-9
        for share, band in zip(shares, bands, strict=True)
    )
    _, new, known = held[0]
    left = int(np.floor((known + 1) * (1 - coverage) + 1e-9))
    law = betabinom(new, known + 1 - left, left)
    return {
        "known": known,
        "new": new,
        "coverage_mean": round(float(shares.mean()), 4),
        "coverage_expected": round(float(law.mean()) / new, 4),
        "coverage_min_max": [round(float(shares.min()), 4), round(float(shares.max()), 4)],
        "band_95": [round(end, 4) for end in bands[0] or ()],
        "splits": len(held),
        "splits_in_band": int(within),
        "chance_of_so_few_in_band": float(binom(len(held), 0.95).cdf(within)),
    }


def of_classes(rows: list[dict[str, str]], names: list[str], *, splits: int, coverage: float) -> dict[str, Any]:
    """Each score on random halves."""
    chances = np.array([[float(row[f"probability[{name}]"]) for name in names] for row in rows])
    truth = np.array([names.index(row["truth"]) for row in rows])
    patients = np.unique([row["patient"] for row in rows], return_inverse=True)[1]
    result: dict[str, Any] = {}
    for title, score, by_class in SCORES:
        scores = class_scores(chances, score)
        held, sizes, each = [], [], []
        for known in halves(patients, splits):
            new = ~known
            one = Known.of(scores[known], truth[known], np.zeros(int(known.sum()), int), by_class=by_class)
            inside = held_against(scores[new], one) > 1 - coverage + 1e-12
            right = inside[np.arange(len(inside)), truth[new]]
            held.append((int(right.sum()), len(right), int(known.sum())))
            sizes.append(float(inside.sum(axis=1).mean()))
            each.append([float(right[truth[new] == k].mean()) for k in range(len(names))])
        found = counted(held, coverage)
        found["size_mean"] = round(float(np.mean(sizes)), 4)
        found["coverage_by_class"] = dict(zip(names, np.mean(each, axis=0).round(4).tolist(), strict=True))
        result[title] = found
    return result


def of_numbers(rows: list[dict[str, str]], name: str, *, splits: int, coverage: float) -> dict[str, Any]:
    """Absolute residuals on random halves."""
    known_rows = [row for row in rows if row[f"truth[{name}]"]]
    true, predicted = (
        np.array([float(row[f"{word}[{name}]"]) for row in known_rows]) for word in ("truth", "predicted")
    )
    patients = np.unique([row["patient"] for row in known_rows], return_inverse=True)[1]
    held, widths = [], []
    for known in halves(patients, splits):
        residuals = Residuals.of((predicted - true)[known], np.zeros(int(known.sum()), int))
        reach = interval_of(np.zeros(1), residuals, coverage)
        assert reach is not None
        inside = _inside((true - predicted)[~known], reach)
        held.append((int(inside.sum()), len(inside), int(known.sum())))
        widths.append(reach[1] - reach[0])
    return counted(held, coverage) | {"width_mean": round(float(np.mean(widths)), 4)}


def _inside(errors: Floats, reach: tuple[float, float]) -> Bools:
    return (errors >= reach[0]) & (errors <= reach[1])


def told(certainty: dict[str, Any]) -> dict[str, Any]:
    """What metrics.json says of one set of cases, without curves and cases."""
    block = dict(certainty)
    if "calibration" in block:
        sides = {
            side: {key: value for key, value in block["calibration"][side].items() if key != "curve"}
            for side in ("before", "after")
        }
        block["calibration"] = sides | {"gain": block["calibration"]["gain"]}
    if "selective" in block:
        block["selective"] = {key: value for key, value in block["selective"].items() if key != "curve"}
    return block


def make_discs(folder: Path, *, cases: int = 300, size: int = 32) -> None:
    """Pictures of a disc at a random place in much noise, and cases.csv with its radius in pixels and the side of the split."""
    rng = generator(0)
    (folder / "images").mkdir(parents=True)
    rows = ["image,radius_px,split"]
    y, x = np.mgrid[:size, :size]
    for k in range(cases):
        radius, middle = rng.uniform(3, 10), rng.uniform(11, size - 11, 2)
        edge = 1 / (1 + np.exp(np.hypot(y - middle[0], x - middle[1]) - radius))
        pixels = 90 + 60 * edge + rng.normal(0, 45, (size, size))
        name = f"images/d{k:03d}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
        rows.append(f"{name},{radius:.4f},{'test' if k % 5 == 0 else 'train'}")
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
    (folder / "scanwright.json").write_text(json.dumps({"kind": "regression", "target": ["radius_px"]}))


def main() -> None:
    """Every run, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--make", type=Path)
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    if given.make:
        make_discs(given.make)
        return
    result: dict[str, Any] = {}
    for run in given.runs:
        metrics = json.loads((run / "metrics.json").read_text())
        rows, parts = out_of_fold(run), list(metrics["by_class"])
        how = {"splits": given.splits, "coverage": given.coverage}
        found: dict[str, Any] = {}
        if metrics["problem"] == "classification":
            found["splits"] = of_classes(rows, parts, **how)
        else:
            found["splits"] = {name: of_numbers(rows, name, **how) for name in parts}
        calibration = (metrics.get("chosen") or {}).get("calibration")
        found["calibrated_by"] = None if calibration is None else calibration["kind"]
        for name, block in (("out_of_fold", metrics), ("test", metrics.get("test", {}))):
            if "certainty" in block:
                found[name] = {"cases": block["cases"], **told(block["certainty"])}
        result[run.name] = found
        print(json.dumps({run.name: found}, indent=1), flush=True)
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
