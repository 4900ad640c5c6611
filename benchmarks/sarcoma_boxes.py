"""Boxes round soft-tissue sarcomas in CT: a trained detector beside thresholding, five folds, judged by the same measures.

    python benchmarks/sarcoma_boxes.py ../shared/data/ct_sarcoma [--budget 30m] [--steps N] [--shave 40] [-o FILE]

The data set is cropped 5 cm round each tumour, so that the border of the image tells where the tumour lies: whoever takes 5 cm
off each side has its box. Therefore 0 to --shave mm are shaved off each side of each case, another number for each; at least
10 mm round the tumour stay. What is left of that hint is measured: "place" knows the borders alone, and has AP 0.96 at each IoU
without shaving, and 0.96, 0.96 and 0.43 with it. Only what a detector has above that is seen in the image.

detector       `train --task detection`, a box round each connected part of a tumour mask
thresholding   smoothed Hounsfield units in a window, opened by a ball, connected parts by their size: 72 settings, of which
               each fold takes the one with the best mean AP on its training cases
place          the image less the mean margin of the training cases at each side

AP is by the rules of COCO at IoU 0.1, 0.25 and 0.5: a box that is a quarter too long along each of three axes has an IoU of
0.51. Sensitivity at 1 false positive a scan and the LUNA score count a hit from IoU 0.25 on. Intervals are by patient;
differences are the detector's less the other's, in the same draws of patients.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from command import scanwright
from record import write_result
from scipy import ndimage

from scanwright.dataset.cases import Boxes, Case, Dataset
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.evaluation.boxes.box_matching import HitRule, match_boxes
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.detection_precision import RankedBoxes
from scanwright.evaluation.boxes.matched import BY_HALVES, MatchedCase, Stray, match_cases
from scanwright.evaluation.comparing.detection_comparison import FOUND, MISSED
from scanwright.evaluation.intervals.bootstrap import draw_counts, number_patients, percentile_interval
from scanwright.evaluation.summaries.detection_summary import summarise_detection
from scanwright.files import read_json, write_bytes
from scanwright.geometry.boxes import as_boxes
from scanwright.geometry.resample import resize
from scanwright.geometry.volume import Volume
from scanwright.inference.boxes import NOTHING, Detections
from scanwright.io.formats import read_label, write_volume
from scanwright.problem.boxes.answer import BoxAnswer
from scanwright.problem.detection import Detection
from scanwright.runtime import generator
from scanwright.types import Array, Floats, three

LIMITS = np.array([0.1, 0.25, 0.5])
RULE = HitRule(iou=0.25)
EDGE_MM = 4.0
"""Voxels that thresholding works on."""
LEAST_ML = 5.0
WINDOWS = ((0, 60), (10, 60), (20, 60), (20, 80), (30, 80), (30, 120))
SMOOTH_MM = (2.0, 4.0, 6.0)
OPEN_MM = (0.0, 6.0, 12.0, 18.0)
STAY_MM = 10.0
SAMPLES = 2_000


def shaved(data: Path, out: Path, *, most_mm: float, seed: int = 0) -> Path:
    """The data set with a share of each border taken off; the folder `out`."""
    dataset = read_dataset(data)
    for number, case in enumerate(dataset.cases):
        assert case.label is not None
        image, label = read_case_image(case, dataset.task), read_label(case.label)
        spacing = np.array(image.grid.spacing)
        there = np.argwhere(label.voxels[0] > 0)
        stay = np.ceil(STAY_MM / spacing).astype(int)
        off = np.rint(generator(seed, number).uniform(0, most_mm, (2, 3)) / spacing).astype(int)
        start = np.minimum(off[0], np.maximum(there.min(axis=0) - stay, 0))
        stop = np.maximum(np.array(image.shape) - off[1], np.minimum(there.max(axis=0) + 1 + stay, image.shape))
        part = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        grid = image.grid.crop(three(start.tolist()), three(stop.tolist()))
        for folder, end, volume in (("imagesTr", "_0000", image), ("labelsTr", "", label)):
            write_volume(out / folder / f"{case.id}{end}.nii.gz", Volume(volume.voxels[:, *part], grid))
    write_bytes(out / "dataset.json", (data / "dataset.json").read_bytes())
    return out


@dataclass(frozen=True, slots=True)
class Rule:
    """A setting of thresholding. window in HU, smoothing as the deviation of a Gaussian and opening as a radius, in mm."""

    window: tuple[float, float]
    smooth_mm: float
    open_mm: float


RULES = [Rule(*one) for one in itertools.product(WINDOWS, SMOOTH_MM, OPEN_MM)]


def thresholded(coarse: Array, factors: Floats, rule: Rule) -> Detections:
    """Boxes of connected parts, the largest the surest, in voxels of the case. coarse (I, J, K) HU in voxels of EDGE_MM.

    factors (3,): voxels of the case in one of these.
    """
    smooth = ndimage.gaussian_filter(coarse, rule.smooth_mm / EDGE_MM)
    mask = (smooth >= rule.window[0]) & (smooth <= rule.window[1])
    if rule.open_mm:
        inside = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"), sampling=EDGE_MM)[1:-1, 1:-1, 1:-1]
        core = inside > rule.open_mm
        if not core.any():
            return NOTHING
        mask &= ndimage.distance_transform_edt(~core, sampling=EDGE_MM) <= rule.open_mm
    parts, _ = ndimage.label(mask)
    places = ndimage.find_objects(parts)
    volumes = np.bincount(parts.ravel(), minlength=len(places) + 1)[1:] * EDGE_MM**3 / 1000
    kept = np.flatnonzero(volumes >= LEAST_ML)
    corners = as_boxes([[[one.start for one in places[k]], [one.stop for one in places[k]]] for k in kept.tolist()])
    scores = volumes[kept] / (volumes[kept] + 100.0)
    return Detections(corners * factors, scores, np.zeros(len(kept), dtype=np.int64))


def coarse_image(image: Volume) -> tuple[Array, Floats]:
    """(I, J, K) HU in voxels of about EDGE_MM, and how many voxels of the image one of them is along each axis."""
    spacing = np.array(image.grid.spacing)
    shape = np.maximum(np.rint(np.array(image.shape) * spacing / EDGE_MM), 1).astype(int)
    small = resize(image.voxels[:1].astype(np.float32), three(shape.tolist()), order=1)[0]
    return small, np.array(image.shape) / shape


def matched_at(rows: Sequence[DetectedCase]) -> list[MatchedCase]:
    """The cases with their boxes matched at LIMITS in place of COCO's."""
    found = []
    for row, case in zip(rows, match_cases(rows, num_classes=1, rule=RULE), strict=True):
        boxes = row.of_class(0)
        at = match_boxes(boxes.overlaps(), LIMITS, ignored_T=boxes.ignored)
        found.append(replace(case, classes=(replace(case.classes[0], by_size=(at,)),)))
    return found


def precisions(rows: Sequence[DetectedCase]) -> Floats:
    """AP at each of LIMITS."""
    ranked = RankedBoxes.of(matched_at(rows), np.arange(len(rows)), code=0)
    return np.asarray(ranked.average_precision(np.ones((1, len(rows))))[0])


def drawn(rows: Sequence[DetectedCase], strays: Sequence[Stray]) -> Floats:
    """AP at each of LIMITS in draws of the patients, (samples, 3). strays: patients who might have been in them."""
    owners = number_patients([row.patient for row in rows], len(rows))
    ranked = RankedBoxes.of(matched_at(rows), owners, code=0, strays=strays)
    draws = draw_counts(int(owners.max()) + 1 + len(strays), seed=0, samples=SAMPLES)
    return np.concatenate([ranked.average_precision(counts) for counts in draws])


def by_limit(values: Floats, draws: Floats, patients: int) -> dict[str, Any]:
    """A value at each of LIMITS with its interval."""
    each = {}
    for limit, value, column in zip(LIMITS, values.tolist(), draws.T, strict=True):
        reach = percentile_interval(column, value, num_patients=patients)
        each[f"iou {limit:g}"] = {"value": round(value, 4), "ci95": [round(end, 4) for end in reach]}
    return each


def measured(rows: Sequence[DetectedCase]) -> dict[str, Any]:
    """Every measure of one model."""
    patients = len({row.patient for row in rows})
    overall = summarise_detection(rows, classes=["tumour"], rule=RULE)["overall"]
    return {
        "ap": by_limit(precisions(rows), drawn(rows, (BY_HALVES,)), patients),
        "froc": overall["froc"],
        "sensitivity_at_1fp": overall["sensitivity_at_1fp"],
        "boxes_a_scan": round(float(np.mean([len(row.scores) for row in rows])), 2),
    }


def difference(first: Sequence[DetectedCase], second: Sequence[DetectedCase]) -> dict[str, Any]:
    """AP of the first less the second at each of LIMITS, in the same draws of patients."""
    draws = drawn(first, (FOUND, MISSED)) - drawn(second, (MISSED, FOUND))
    return by_limit(precisions(first) - precisions(second), draws, len({row.patient for row in first}))


@dataclass(frozen=True, kw_only=True)
class Study:
    """The cases, their images, and the folds as the run made them."""

    dataset: Dataset
    problem: Detection
    images: Mapping[str, Volume]
    folds: Sequence[Mapping[str, Sequence[str]]]

    def row(self, case: Case, found: Detections, fold: int) -> DetectedCase:
        """An answer beside the boxes that are true."""
        grid = self.images[case.id].grid
        return self.problem.row(case, BoxAnswer(found, grid.spacing, grid.unit), fold=fold)

    def out_of_fold(self, learn: Callable[[list[Case]], Callable[[Case], Detections]]) -> list[DetectedCase]:
        """Rows in the order of cases, each answered by what was learned from its fold's training cases."""
        cases = {case.id: case for case in self.dataset.cases}
        rows: dict[str, DetectedCase] = {}
        for number, fold in enumerate(self.folds):
            answer = learn([cases[name] for name in fold["train"]])
            rows |= {name: self.row(cases[name], answer(cases[name]), number) for name in fold["validation"]}
        return [rows[name] for name in sorted(rows)]

    def detector(self, run: Path) -> list[DetectedCase]:
        """The run's own answers."""
        fold_of = {name: number for number, fold in enumerate(self.folds) for name in fold["validation"]}
        return [
            self.problem.row(case, self.problem.read(run / "predictions" / f"{case.id}.json"), fold=fold_of[case.id])
            for case in sorted(self.dataset.cases, key=lambda one: one.id)
            if case.id in fold_of and (run / "predictions" / f"{case.id}.json").is_file()
        ]


def by_threshold(study: Study, chosen: list[Rule]) -> list[DetectedCase]:
    """Out-of-fold answers of the best setting on the training cases. chosen: gets each fold's setting."""
    coarse = {name: coarse_image(image) for name, image in study.images.items()}
    answers = {name: {rule: thresholded(*image, rule) for rule in RULES} for name, image in coarse.items()}

    def learn(cases: list[Case]) -> Callable[[Case], Detections]:
        def worth(rule: Rule) -> float:
            return float(precisions([study.row(case, answers[case.id][rule], 0) for case in cases]).mean())

        best = max(RULES, key=worth)
        chosen.append(best)
        return lambda case: answers[case.id][best]

    return study.out_of_fold(learn)


def by_place(study: Study) -> list[DetectedCase]:
    """Out-of-fold answers that know the border of the image alone."""

    def margins(case: Case) -> Floats:
        image = study.images[case.id]
        assert isinstance(case.target, Boxes)
        start, end = max(
            (box.corners for box in case.target.boxes), key=lambda one: np.prod(np.subtract(one[1], one[0]))
        )
        return np.array([start, np.subtract(image.shape, end)]) * image.grid.spacing

    def learn(cases: list[Case]) -> Callable[[Case], Detections]:
        mean = np.mean([margins(case) for case in cases], axis=0)

        def answer(case: Case) -> Detections:
            image = study.images[case.id]
            off = mean / image.grid.spacing
            box = as_boxes([[off[0], np.array(image.shape) - off[1]]])
            return Detections(box, np.ones(1), np.zeros(1, dtype=np.int64))

        return answer

    return study.out_of_fold(learn)


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="30m")
    parser.add_argument("--steps", type=int, help="steps a fold, instead of a budget")
    parser.add_argument("--shave", type=float, default=40.0, help="mm, at most, that are taken off each border")
    parser.add_argument("--set", action="append", default=[], help="a plan value, as train takes it")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    limit = ("--steps", str(given.steps)) if given.steps else ("--budget", given.budget)
    options = [part for one in given.set for part in ("--set", one)]
    with tempfile.TemporaryDirectory() as folder:
        data, run = shaved(given.data, Path(folder) / "data", most_mm=given.shave), Path(folder) / "run"
        told = scanwright("train", data, "--task", "detection", *limit, *options, "-o", run)
        dataset = read_dataset(data, kind="detection")
        study = Study(
            dataset=dataset,
            problem=Detection(dataset.task),
            images={case.id: read_case_image(case, dataset.task) for case in dataset.cases},
            folds=read_json(run / "splits.json")["folds"],
        )
        chosen: list[Rule] = []
        models = {
            "detector": study.detector(run),
            "thresholding": by_threshold(study, chosen),
            "place": by_place(study),
        }
        plan = read_json(run / "plan.json")
    result = {
        "cases": len(dataset.cases),
        "boxes": sum(len(row.true) for row in models["place"]),
        "limit": " ".join(limit),
        "shave_mm": given.shave,
        "elapsed_s": told["elapsed_s"],
        "plan": {
            "spacing": plan["preprocess"]["spacing"],
            "patch": plan["batch"]["patch"],
            "levels": plan["network"]["levels"],
            "steps": plan["training"]["steps"],
        },
        "rules": [{"window": list(one.window), "smooth_mm": one.smooth_mm, "open_mm": one.open_mm} for one in chosen],
        "models": {name: measured(rows) for name, rows in models.items()},
        "detector_less": {
            name: difference(models["detector"], rows) for name, rows in models.items() if name != "detector"
        },
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
