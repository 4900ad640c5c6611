"""Blood cells in smears (BCCD), published split, trained from nothing: average precision beside published figures.

    python benchmarks/blood_cells.py ../shared/data/blood_cells_bccd [--budget 30m] [--work FOLDER] [-o FILE]

`train` with the split of ImageSets, nothing set by hand; the one pair of near-duplicates across it, which the gate finds, is
let pass, for published figures had it too. The test part is judged once, at the end, by the network or networks of the run.
Its intervals are bootstraps over images. The same boxes are given to pycocotools, whose numbers are put beside ours.

Published, most of them from pretrained weights: mAP50 of 0.87 to 0.93.
"""

import argparse
import contextlib
import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from command import scanwright
from record import write_result

from scanwright.dataset.read import read_dataset
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.files import read_json
from scanwright.problem.detection import Detection
from scanwright.types import Array

WAIVER = "near-duplicate=the published split is kept as it is"
MEASURES = ("map50", "map5095", "ar100", "froc")


def corner_and_size(box: Array) -> list[float]:
    """A box (2, 3) of a picture as COCO has it."""
    return [*box[0, :2].tolist(), *(box[1, :2] - box[0, :2]).tolist()]


def annotations(boxes: Array, codes: Array, *, image: int, **more: Sequence[Any]) -> list[dict[str, Any]]:
    """Boxes of one image in the form that pycocotools reads, without their numbers."""
    rows = []
    for place, (box, code) in enumerate(zip(boxes, codes, strict=True)):
        placed = corner_and_size(box)
        rows.append(
            {
                "image_id": image,
                "category_id": int(code) + 1,
                "bbox": placed,
                "area": placed[2] * placed[3],
                "iscrowd": 0,
            }
            | {name: values[place] for name, values in more.items()}
        )
    return rows


def by_peer(rows: Sequence[DetectedCase], classes: Sequence[str]) -> dict[str, float]:
    """What pycocotools makes of the same boxes: mAP at IoU 0.5, and from 0.5 to 0.95."""
    from pycocotools.coco import COCO  # type: ignore[import-untyped]
    from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]

    head = {
        "images": [{"id": number} for number in range(len(rows))],
        "categories": [{"id": code + 1, "name": name} for code, name in enumerate(classes)],
    }

    def listing(found: list[dict[str, Any]]) -> Any:
        made = COCO()
        made.dataset = {**head, "annotations": [{"id": number, **one} for number, one in enumerate(found, start=1)]}
        made.createIndex()
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        true, found = [], []
        for number, row in enumerate(rows):
            true += annotations(row.true, row.true_codes, image=number, iscrowd=[int(one) for one in row.ignored])
            found += annotations(row.found, row.codes, image=number, score=[float(one) for one in row.scores])
        judge = COCOeval(listing(true), listing(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return {"map50": float(judge.stats[1]), "map5095": float(judge.stats[0])}


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="30m")
    parser.add_argument("--steps", type=int, help="so many steps instead of a budget, to try the benchmark itself")
    parser.add_argument("--work", type=Path, help="a folder that keeps the run")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    effort = ("--budget", given.budget) if given.steps is None else ("--steps", str(given.steps))
    with tempfile.TemporaryDirectory() as folder:
        run = (given.work or Path(folder)) / "run"
        words = ("--layout", "voc", "--task", "detection", "--waive", WAIVER, *effort)
        told = scanwright("train", given.data, "-o", run, *words)
        plan, metrics = read_json(run / "plan.json"), read_json(run / "metrics.json")
        dataset = read_dataset(given.data, "voc", kind="detection")
        problem = Detection(dataset.task)
        rows = [
            problem.row(case, problem.read(run / "predictions" / "test" / problem.file_name(case)), fold=None)
            for case in dataset.test
        ]
    test = metrics["test"]
    peer = by_peer(rows, dataset.task.classes)
    result = {
        "effort": " ".join(effort),
        "elapsed_s": told["elapsed_s"],
        "steps": plan["training"]["steps"],
        "folds": len(plan["training"]["folds"]),
        "test_images": test["cases"],
        "test": {name: test["overall"][name] for name in MEASURES if name in test["overall"]},
        "by_class": {
            name: {key: found[key] for key in ("ap50", "ap5095") if key in found}
            for name, found in test["by_class"].items()
        },
        "pycocotools": peer,
        "largest_difference": float(np.max([abs(peer[name] - test["overall"][name]["mean"]) for name in peer])),
        "validation": {name: metrics["overall"][name] for name in MEASURES if name in metrics["overall"]},
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
