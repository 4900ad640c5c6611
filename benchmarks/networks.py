"""Each network that the docs name, on real images: what it learns in a fixed number of steps, and in how many seconds.

    python benchmarks/networks.py ../shared/data [--steps 300] [--only "resnet;vit"] [-o FILE]

Pictures: PneumoniaMNIST's training and validation parts, fold 0 of five. Volumes: the hippocampus MRIs, every other one turned
front to back; whether it was turned is to be told, which is seen in a volume as a whole and in its slices too. AUROC of the
fold that was held out, with its interval. Networks are not compared with each other by this: none was tuned.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from record import write_result

from scanwright.dataset.read import read_dataset
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_volume, write_volume
from scanwright.io.source import place_of

Values = dict[str, Any]


def stages(family: str, *, flat: bool, widths: list[int], blocks: list[int], **more: Any) -> Values:
    """Values of a convolutional network whose first stage keeps the full size (pictures) or halves it (volumes)."""
    half, first = ([1, 2, 2], [1, 1, 1]) if flat else ([2, 2, 2], [2, 2, 2])
    kernel = [1, 3, 3] if flat else [3, 3, 3]
    count = len(widths)
    return {
        "family": family,
        "widths": widths,
        "blocks": blocks,
        "strides": [first, *[half] * (count - 1)],
        "kernels": [kernel] * count,
        **more,
    }


PICTURES: dict[str, Values] = {
    "resnet": stages("resnet", flat=True, widths=[16, 32, 64], blocks=[1, 1, 1]),
    "resnet, large": stages("resnet", flat=True, widths=[64, 128, 256], blocks=[2, 2, 2]),
    "densenet": stages("densenet", flat=True, widths=[16, 32, 48], blocks=[3, 3, 3], growth=12),
    "convnext": stages("convnext", flat=True, widths=[24, 48, 96], blocks=[1, 1, 1]),
    "efficientnet": stages("efficientnet", flat=True, widths=[16, 32, 64], blocks=[1, 1, 1]),
    "vit": {
        "family": "vit",
        "widths": [64],
        "blocks": [4],
        "strides": [[1, 4, 4]],
        "kernels": [[1, 4, 4]],
        "attention_heads": 4,
        "image": [1, 28, 28],
    },
}
IN_SLICES = stages("resnet", flat=True, widths=[16, 32, 64], blocks=[1, 1, 1], dims=2) | {
    "strides": [[1, 2, 2], [1, 2, 2], [1, 2, 2]]
}
VOLUMES: dict[str, Values] = {
    "resnet, 3-D": stages("resnet", flat=False, widths=[16, 32], blocks=[1, 1]),
    "densenet, 3-D": stages("densenet", flat=False, widths=[16, 32], blocks=[3, 3], growth=12),
    "convnext, 3-D": stages("convnext", flat=False, widths=[16, 32], blocks=[1, 1]),
    "efficientnet, 3-D": stages("efficientnet", flat=False, widths=[16, 32], blocks=[1, 1]),
    "slices, mean": IN_SLICES,
    "slices, attention": IN_SLICES | {"join": "attention", "hidden": 32},
    "slices, GRU": IN_SLICES | {"join": "gru", "hidden": 32},
    "slices, LSTM": IN_SLICES | {"join": "lstm", "hidden": 32},
}


def turned(source: Path, root: Path) -> Path:
    """The volumes, every other one with its voxels turned front to back, and a table that tells which."""
    rows = ["image,turned"]
    for number, case in enumerate(read_dataset(source).train):
        volume = read_volume(case.images[0])
        voxels = volume.voxels[:, :, ::-1] if number % 2 else volume.voxels
        name = place_of(case.images[0]).name
        write_volume(root / "images" / name, Volume(voxels.copy(), volume.grid))
        rows.append(f"images/{name},{'yes' if number % 2 else 'no'}")
    (root / "cases.csv").write_text("\n".join(rows) + "\n")
    (root / "scanwright.json").write_text(json.dumps({"kind": "classification", "target": ["turned"]}))
    return root


def learned(data: Path, run: Path, values: Values, *, steps: int) -> Values:
    """What a network learns on fold 0."""
    command = [sys.executable, "-m", "scanwright", "train", str(data), "-o", str(run), "--model", "cnn", "--fold", "0"]
    command += ["--steps", str(steps), "--json"]
    for name, value in values.items():
        command += ["--set", f"network.{name}={json.dumps(value)}"]
    if "dims" not in values and data.is_dir():
        command += ["--set", "batch.size=8"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{values}\n{ended.stderr}")
    told = json.loads(ended.stdout)
    rows = [row for row in csv.DictReader((run / "cases.csv").open()) if row["fold"]]
    overall = told["metrics"]["overall"]
    record = json.loads((run / "run.json").read_text())
    return {
        "auroc": round(overall["auroc"]["mean"], 3),
        "ci95": [round(end, 3) for end in overall["auroc"]["ci95"]],
        "accuracy": round(overall["accuracy"]["mean"], 3),
        "judged": len(rows),
        "seconds_training": record["stages"]["train"]["seconds"],
    }


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds medmnist/ and hippocampus_mri/")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", help="names, with ; between")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    wanted = None if given.only is None else given.only.split(";")
    result: Values = {"steps": given.steps, "pictures": {}, "volumes": {}}
    with tempfile.TemporaryDirectory() as folder:
        sets = {
            "pictures": (given.data / "medmnist" / "pneumoniamnist.npz", PICTURES),
            "volumes": (turned(given.data / "hippocampus_mri", Path(folder) / "turned"), VOLUMES),
        }
        for kind, (data, networks) in sets.items():
            for name, values in networks.items():
                if wanted is not None and name not in wanted:
                    continue
                run = Path(folder) / name.replace(", ", "_")
                result[kind][name] = learned(data, run, values, steps=given.steps)
                print(name, json.dumps(result[kind][name]), flush=True)
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
