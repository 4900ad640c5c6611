"""Post-processing, calibrated voxels and predicted quality of label maps, each judged on cases that had no part in the choice.

    python benchmarks/mask_quality.py ../shared/data/hippocampus_mri [--steps 300] [--work FOLDER] [-o FILE]

A short run: a small network, a few folds. A fifth of the patients is set apart as a test split and chooses nothing; of the
others each case is judged by what the other folds chose. What is kept: which steps were tried and taken, and what they gained;
the calibration error of voxels near each region, before and after; and the correlation of the predicted with the true Dice.
The test split is answered by all folds together, with what was fitted on answers of single folds.

Then the package answers the cases of the test split as a user would have it, and the numbers of predictions.json are held
against the true Dice once more: by SciPy, from the files alone.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from command import scanwright
from record import write_result
from scipy.stats import pearsonr, spearmanr

from scanwright.dataset.read import read_dataset
from scanwright.evaluation.label_maps.evaluate import evaluate_case
from scanwright.io.formats import is_picture, read_label

SMALL = {
    3: ("[12,24,48]", "[[1,1,1],[2,2,2],[2,2,2]]", "[[3,3,3],[3,3,3],[3,3,3]]"),
    2: (
        "[12,24,48,96,96]",
        "[[1,1,1],[1,2,2],[1,2,2],[1,2,2],[1,2,2]]",
        "[[1,3,3],[1,3,3],[1,3,3],[1,3,3],[1,3,3]]",
    ),
}
"""Widths, strides and kernels of a network that learns in minutes."""
TEST_SHARE = 5


def splits(data: Path, file: Path, *, folds: int) -> list[str]:
    """Write folds and a test split by patient; the names of the test cases."""
    cases = read_dataset(data).train
    patients = sorted({case.patient for case in cases})
    order = np.random.default_rng(0).permutation(len(patients))
    side = {patients[place]: number for number, place in enumerate(order.tolist())}
    test = [case.id for case in cases if side[case.patient] % TEST_SHARE == 0]
    rows = ["case,fold"] + [f"{case.id},{'test' if case.id in test else side[case.patient] % folds}" for case in cases]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return test


def train(data: Path, work: Path, *, steps: int, folds: int, flat: bool) -> list[str]:
    """Train into work/run, if that is not done; the names of the test cases."""
    work.mkdir(parents=True, exist_ok=True)
    test = splits(data, work / "splits.csv", folds=folds)
    widths, strides, kernels = SMALL[2 if flat else 3]
    small = {"network.widths": widths, "network.strides": strides, "network.kernels": kernels}
    sizes = {"preprocess.long_side": "128"} if flat else {"batch.size": "2"}
    given = [word for name, value in {**small, **sizes}.items() for word in ("--set", f"{name}={value}")]
    scanwright("train", data, "-o", work / "run", "--split", work / "splits.csv", "--steps", str(steps), *given)
    return test


def answered(data: Path, work: Path, names: list[str]) -> dict[str, Any]:
    """What predictions.json says of the test cases, held against their labels."""
    known = {case.id: case for case in read_dataset(data).train}
    chosen = [known[name] for name in names]
    told = scanwright(
        "predict", work / "run" / "model.swm", *[str(case.images[0]) for case in chosen], "-o", work / "told"
    )
    regions = {one.name: one.values for one in read_dataset(data).task.regions}
    predicted, true, low = [], [], []
    for one in told["predictions"]:
        case = known[one["case"]]
        assert case.label is not None, "only labelled cases are read"
        truth, answer = read_label(case.label), read_label(Path(one["labels"]))
        scores = evaluate_case(truth.voxels[0], answer.voxels[0], regions=regions, spacing=truth.grid.spacing)
        dice = [scores[name]["dice"] for name in regions]
        if "expected_dice" in one and all(value is not None for value in dice):
            predicted.append(one["expected_dice"]["mean"])
            low.append(one["expected_dice"]["low"])
            true.append(float(np.mean(np.array(dice, dtype=float))))
    warned = [any("probably poor" in note for note in one["notes"]) for one in told["predictions"]]
    if len(true) < 3:
        return {"cases": len(names), "told": len(true)}
    bound = [value for value in low if value is not None]
    return {
        "cases": len(names),
        "told": len(true),
        "pearson": float(pearsonr(predicted, true)[0]),
        "spearman": float(spearmanr(predicted, true)[0]),
        "mae": float(np.abs(np.subtract(predicted, true)).mean()),
        "above_bound": float(np.mean(np.array(true) >= np.array(bound))) if len(bound) == len(true) else None,
        "doubted": int(np.sum(warned)),
    }


def kept(metrics: dict[str, Any]) -> dict[str, Any]:
    """What is kept of metrics.json."""
    chosen = metrics["chosen"]
    steps, voxels = chosen.get("postprocess", {}), chosen.get("voxels", {})
    return {
        "cases": metrics["cases"],
        "patients": metrics["patients"],
        "dice": metrics["overall"]["dice"],
        "test_dice": metrics["test"]["overall"]["dice"],
        "postprocess": {name: steps[name] for name in ("steps", "by_fold", "tried", "gain") if name in steps},
        "voxels": {
            region: {name: one[name] for name in one if name not in ("curves", "counts")}
            for region, one in voxels.items()
        },
        "expected_dice": chosen.get("confidence", {}).get("masks", {}).get("measured"),
    }


def main() -> None:
    """Read the command line, train, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("-o", dest="out", type=Path)
    given = parser.parse_args()
    flat = is_picture(read_dataset(given.data).train[0].images[0])
    with tempfile.TemporaryDirectory() as made:
        work = given.work or Path(made)
        test = train(given.data, work, steps=given.steps, folds=given.folds, flat=flat)
        result = {
            "data": given.data.name,
            "steps": given.steps,
            "folds": given.folds,
            **kept(json.loads((work / "run" / "metrics.json").read_text())),
            "package_on_test": answered(given.data, work, test),
        }
    print(json.dumps(result, indent=1))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
