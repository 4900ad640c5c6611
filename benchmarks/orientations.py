"""One scan stored in all 48 axis orders and flips, and at other spacings: does the model answer the same?

    python benchmarks/orientations.py MODEL SCAN [SCAN …] [--factors 0.8 1.5] [-o FILE]

Axis orders: the labels must be the same voxels in patient space, bit for bit. Spacings: the scan is resampled (cubic) to
`factor` times its spacing and answered there. The answer is compared with the original's, on the resampled grid (the
original's labels brought there by linear shares) and on the scan's own (the answer brought back); the original's labels
taken there and back say what the grid alone costs.
"""

import argparse
import itertools
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np
from record import write_result

from scanwright.api.case.answer_case import predict_case
from scanwright.api.case.opened import Model, open_model
from scanwright.dataset.cases import Case
from scanwright.evaluation.label_maps.overlap import counts, dice
from scanwright.geometry.orientation import Reorientation
from scanwright.geometry.resample import resize, resize_labels
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_label, read_volume, write_volume
from scanwright.protocols import silent
from scanwright.types import Array


def answered(model: Model, volume: Volume, folder: Path, name: str) -> Volume:
    scan = folder / f"{name}.nii.gz"
    write_volume(scan, volume)
    case = Case(id=name, images=(scan,), patient=name)
    return read_label(predict_case(model, case, folder / f"{name}_answer.nii.gz", format="nifti", tell=silent).file)


def all_turns() -> list[Reorientation]:
    either = (False, True)
    orders = list(itertools.permutations(range(3), 3))
    flips = list(itertools.product(either, either, either))
    return [Reorientation(order, flip) for order in orders for flip in flips]


def same_in_every_order(model: Model, scan: Volume, truth: Volume, folder: Path) -> int:
    same = 0
    for index, turn in enumerate(all_turns()):
        answer = answered(model, scan.reoriented(turn), folder, f"turned_{index}")
        same += bool(np.array_equal(turn.invert(answer.voxels), truth.voxels))
    return same


def dice_at(model: Model, scan: Volume, truth: Volume, folder: Path, factor: float) -> dict[str, float]:
    i, j, k = (max(1, round(size / factor)) for size in scan.shape)
    shape = (i, j, k)
    resized = Volume(resize(scan.voxels, shape, order=3), scan.grid.resized(shape))
    answer = answered(model, resized, folder, f"spaced_{factor}").voxels[0]
    original = truth.voxels[0]
    there = resize_labels(original, shape)
    return {
        f"dice_at_{factor}": mean_dice(there, answer),
        f"dice_at_{factor}_brought_back": mean_dice(original, resize_labels(answer, scan.shape)),
        f"same_labels_there_and_back_{factor}": mean_dice(original, resize_labels(there, scan.shape)),
    }


def mean_dice(first: Array, second: Array) -> float:
    values = [value for value in np.unique(first) if value]
    scores = [dice(counts(first == value, second == value)) for value in values]
    return round(statistics.fmean(score for score in scores if score is not None), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("--factors", type=float, nargs="+", default=[0.8, 1.5])
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    model = open_model(given.model)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for scan_file in given.scans:
            scan = read_volume(scan_file)
            truth = answered(model, scan, Path(name), "asis")
            row: dict[str, object] = {"scan": scan_file.name}
            row["orders_equal_of_48"] = same_in_every_order(model, scan, truth, Path(name))
            for factor in given.factors:
                row |= dice_at(model, scan, truth, Path(name), factor)
            rows.append(row)
    print(json.dumps(rows, indent=2))
    if given.out:
        write_result(given.out, rows)


if __name__ == "__main__":
    main()
