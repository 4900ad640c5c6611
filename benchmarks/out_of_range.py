"""How much of what a model was not made for is declined, and how much of what it was made for is declined wrongly.

    python benchmarks/out_of_range.py ../shared/data --runs FOLDER [--only hippocampus|pneumonia] [--compare] [-o FILE]

Two models are trained into FOLDER, shortly, one fold each: of the hippocampus in MRI, with 52 cases set apart as a
test, and of PneumoniaMNIST with its official test split. What is there already is used. Each is then asked about images
that it was not made for (`out_of_range_sets`), and about the test images that neither training nor limits have seen.
Declined is what `predict --strict` does not answer; warned of is what it answers with a warning, or declines. Turned
images are a table of their own: they are the right anatomy. Bar: 95 % of all that is out of range, and of each set,
declined; at most 5 % of what is in range.

The last part asks `predict --strict` itself about one image of each set, in files, and keeps its exit code and verdicts.

--compare: other ways to tell the same, each with one limit at which 2 of 100 held-out images are declined: cosine
distance to the nearest training case (as `explanation.known` has it), five nearest neighbours, each feature by itself,
Mahalanobis distance with shrinkage, relative Mahalanobis distance, by view, and the largest of several.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from out_of_range_compare import compared
from out_of_range_sets import Sets, of_chest_radiographs, of_hippocampus, pictures_of
from record import write_result

from scanwright.api.case.in_range import check_range
from scanwright.api.case.opened import Model, open_model
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.files import write_json
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_volume, write_volume
from scanwright.runtime import generator

STEPS = {"hippocampus": 100, "pneumonia": 150}
OF_EACH = {"hippocampus": 30, "pneumonia": 624}
"""Test images of which others are made."""


def trained(data: Path, run: Path, *extra: str, steps: int) -> Path:
    """The package of a run, trained if it is not there."""
    command = [sys.executable, "-m", "scanwright", "train", str(data), "-o", str(run), "--fold", "0"]
    if not (run / "model.swm").exists():
        subprocess.run([*command, "--steps", str(steps), *extra], check=True)
    return run / "model.swm"


def hippocampus(data: Path, runs: Path) -> tuple[Model, list[Volume], Path]:
    """A model of fold 0, less the cases of fold 4, which are its test."""
    folder = data / "hippocampus_mri"
    folds = json.loads((folder / "splits_5fold.json").read_text())
    test = folds[4]["val"]
    train = [name for name in folds[0]["train"] if name not in test]
    split = runs / "hippocampus_split.json"
    write_json(split, {"folds": [{"train": train, "validation": folds[0]["val"]}], "test": test})
    run = runs / "hippocampus"
    package = trained(folder, run, "--split", str(split), steps=STEPS["hippocampus"])
    return open_model(package, device="cpu"), [read_volume(folder / f"imagesTr/{name}.nii.gz") for name in test], run


def pneumonia(data: Path, runs: Path) -> tuple[Model, list[Volume], Path]:
    """A model of PneumoniaMNIST, and its official test images."""
    archive, run = data / "medmnist/pneumoniamnist.npz", runs / "pneumonia"
    package = trained(archive, run, "--model", "cnn", steps=STEPS["pneumonia"])
    return open_model(package, device="cpu"), list(pictures_of(np.load(archive), "test")), run


def shares(model: Model, images: Sequence[Volume]) -> dict[str, Any]:
    """How many are declined and warned of, and the codes of the reasons, the commonest first."""
    checks = [check_range(model, image) for image in images]
    codes: dict[str, int] = {}
    for check in checks:
        for code in {reason.doubt.code for reason in check.reasons if reason.level == check.level}:
            codes[code] = codes.get(code, 0) + 1
    declined = [check.level == "outside" for check in checks]
    interval = share_interval(np.array(declined, float), np.ones(len(declined)))
    return {
        "images": len(images),
        "declined": round(float(np.mean(declined)), 4),
        "declined_ci95": None if interval is None else [round(end, 4) for end in interval],
        "warned": round(float(np.mean([check.level != "inside" for check in checks])), 4),
        "reasons": dict(sorted(codes.items(), key=lambda one: -one[1])),
    }


def asked(package: Path, sets: Mapping[str, Sequence[Volume]], folder: Path) -> dict[str, Any]:
    """What `predict --strict` says of the first image of each set, as files of one folder."""
    names = {f"image_{number:02d}": name for number, name in enumerate(sets)}
    for stem, name in names.items():
        image = sets[name][0]
        (folder / "in").mkdir(parents=True, exist_ok=True)
        picture = ".png" if image.voxels.dtype == np.uint8 else ".tif"
        write_volume(folder / f"in/{stem}{picture if image.grid.unit == 'px' else '.nii.gz'}", image)
    command = [sys.executable, "-m", "scanwright", "predict", str(package), str(folder / "in"), "--strict"]
    ended = subprocess.run([*command, "-o", str(folder / "out")], capture_output=True, text=True, check=False)
    rows = json.loads((folder / "out/predictions.json").read_text())["predictions"].values()
    said = {names[row["case"]]: [row["range"]["verdict"], *row["notes"]] for row in rows}
    return {"exit_code": ended.returncode, "said": {name: said.get(name) for name in sets}}


def measured(model: Model, test: Sequence[Volume], sets: Sets, turned: Sets, *, run: Path) -> dict[str, Any]:
    """All shares, and whether they are those that were to be reached."""
    out = {}
    for name, images in sets.items():
        out[name] = shares(model, images)
        print(f"{name:45} {out[name]}", flush=True)
    inside = shares(model, test)
    print("in range", inside, flush=True)
    number = sum(row["images"] for row in out.values())
    declined = sum(row["declined"] * row["images"] for row in out.values()) / number
    metrics = json.loads((run / "metrics.json").read_text())
    return {
        "out_of_range": {
            "images": number,
            "declined": round(declined, 4),
            "least": min(r["declined"] for r in out.values()),
        },
        "in_range_test": inside,
        "in_range_out_of_fold": metrics["range"],
        "bar_met": declined >= 0.95 and min(r["declined"] for r in out.values()) >= 0.95 and inside["declined"] <= 0.05,
        "sets": out,
        "turned": {name: shares(model, images) for name, images in turned.items()},
        "quick_score": metrics["overall"][metrics["primary"]]["mean"],
    }


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--only", choices=["hippocampus", "pneumonia"])
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {}
    for name, make, others in (
        ("hippocampus", hippocampus, of_hippocampus),
        ("pneumonia", pneumonia, of_chest_radiographs),
    ):
        if given.only not in (None, name):
            continue
        model, test, run = make(given.data, given.runs)
        sets, turned = others(given.data, test[: OF_EACH[name]], generator(0))
        began = time.monotonic()
        result[name] = measured(model, test, sets, turned, run=run)
        if given.compare:
            result[name]["compared"] = compared(model, run, {"in range": test, **sets})
        folder = given.runs / f"{name}_asked_{int(began)}"
        result[name]["predict_strict"] = asked(run / "model.swm", {"in range": test, **sets, **turned}, folder)
        print(json.dumps(result[name], indent=2), flush=True)
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
