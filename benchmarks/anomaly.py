"""What is not normal, told by a model of normal images alone: breast ultrasound, chest X-rays, and generated cohorts.

    python benchmarks/anomaly.py ../shared/data [--subjects 120] [-o FILE]

`train --task anomaly`, five folds, nothing set by hand. AUROC, sensitivity and specificity of cases with their intervals, of
findings where lesions were outlined; and in each abnormal image that has an outline the area under the curve of the map's
voxels, inside the outline against outside, in the mean over images. The published split of PneumoniaMNIST is kept: its test
pictures are answered by all folds together. Generated cohorts are those of `scanwright phantom --task classification`.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from command import scanwright
from record import write_result

from scanwright.dataset.read import read_dataset
from scanwright.evaluation.classes.ranking import placements
from scanwright.io.formats import read_label

Values = dict[str, Any]
OF_CASES = ("auroc", "average_precision", "sensitivity", "specificity")
OF_FINDINGS = ("lesion_sensitivity", "lesion_precision", "false_lesions_per_case")


def told(part: Values) -> Values:
    """The measures of one set of cases, from metrics.json."""
    found = {name: _estimate(part["overall"][name]) for name in OF_CASES}
    if "findings" in part:
        found |= {name: _estimate(part["findings"]["overall"][name]) for name in OF_FINDINGS}
    return found


def _estimate(value: Values) -> Values:
    reach = value["ci95"]
    mean = None if value["mean"] is None else round(value["mean"], 4)
    return {"mean": mean, "ci95": None if reach is None else [round(end, 4) for end in reach], "n": value["n_defined"]}


def within_images(data: Path, run: Path) -> Values | None:
    """In abnormal images with an outline, the area under the curve of the map's voxels; None where nothing is outlined."""
    dataset = read_dataset(data, kind="anomaly")
    task = dataset.task
    values = [value for region in task.regions if region.name in task.abnormal for value in region.values]
    areas = []
    for case in dataset.train:
        inside = np.isin(read_label(case.label).voxels[0], values) if case.label is not None else np.zeros(0, np.bool_)
        maps = sorted((run / "predictions").glob(f"{case.id}.anomaly.*"))
        if inside.any() and not inside.all() and maps:
            grades = np.asarray(read_label(maps[0]).voxels[0], dtype=float)
            areas.append(float(placements(grades.ravel(), inside.ravel())[inside.ravel()].mean()))
    return {"mean": round(float(np.mean(areas)), 4), "images": len(areas)} if areas else None


def trained(data: Path, run: Path) -> Values:
    """Everything about one data set."""
    scanwright("train", str(data), "-o", str(run), "--task", "anomaly")
    metrics = json.loads((run / "metrics.json").read_text())
    seconds = json.loads((run / "clock.json").read_text())["elapsed_s"]
    found: Values = {"cross_validation": told(metrics), "seconds": seconds}
    if "test" in metrics:
        found["test"] = told(metrics["test"])
    if (inside := within_images(data, run)) is not None:
        found["auroc_of_voxels_in_each_image"] = inside
    return found


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds ultrasound_breast_busi/ and medmnist/")
    parser.add_argument("--subjects", type=int, default=120)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sets = {
            "ultrasound_breast_busi": given.data / "ultrasound_breast_busi",
            "pneumoniamnist": given.data / "medmnist" / "pneumoniamnist.npz",
        }
        for modality in ("us", "mr"):
            made = work / f"generated_{modality}"
            asked = ("--modality", modality, "--task", "classification", "--subjects", str(given.subjects))
            scanwright("phantom", *asked, "-o", str(made))
            sets[made.name] = made
        result: Values = {}
        for name, data in sets.items():
            result[name] = trained(data, work / f"run_{name}")
            print(name, json.dumps(result[name]), flush=True)
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
