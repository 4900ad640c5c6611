"""Regions, and what is abnormal in each, on generated volumes whose truth is known: a CT chest by lobes, and an MR head.

    python benchmarks/found_in_regions.py [--cases 60] [--budget 15m] [--part chest|head] [--work FOLDER] [-o FILE]

For each cohort two models are trained, each within the budget, on the first two thirds of the subjects (one fold of five is
kept for validation), and judged on the last third:

detection      boxes round nodules or lesions alone. As metrics.json has it, and the free-response curve read at the rates of
               LUNA16 by three rules of what is a hit: IoU 0.5, IoU 0.1, and the box's centre in the true box, as LUNA16 has it
segmentation   regions and findings. The table that `predict` tells of each held-out scan beside the one that the scan's anatomy
               gives: volume of each region; of each finding whether it was found, its volume, its longest diameter and its
               region; and false findings

True regions are those of the same body painted once more without its findings, so that they do not hang on how a finding that
is cut out of a label map is put back into the organ round it. "truth" tells how often that gives the same region.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from command import scanwright
from record import write_result

from scanwright.api.case.opened import Model, open_model
from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.measures import region_masks
from scanwright.dataset.phantom.bodies import BODIES, Part
from scanwright.dataset.phantom.cohort import Modality, Scan, anatomy_of, draw_scans, scene_of, write_cohort
from scanwright.dataset.read import read_dataset
from scanwright.evaluation.boxes.box_matching import HitRule, match_boxes
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.detection_columns import RATES
from scanwright.evaluation.boxes.froc import froc_curve
from scanwright.evaluation.boxes.matched import match_cases
from scanwright.evaluation.label_maps.lesions import HIT, LesionCase, Lesions, measure_lesions
from scanwright.evaluation.numbers.regression import measure_numbers
from scanwright.evaluation.summaries.detection_summary import summarise_detection
from scanwright.files import read_json, write_json
from scanwright.findings.table import FindingRow, StudyTable, study_table
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_label
from scanwright.problem.detection import Detection
from scanwright.problem.label_maps.study import study_part
from scanwright.types import Array, Floats

COHORTS: Mapping[Part, Modality] = {"chest": "ct", "head": "mr"}
TEST_SHARE = 1 / 3
RULES = {"iou 0.5": HitRule(), "iou 0.1": HitRule(iou=0.1), "centre inside": HitRule(iou=None)}
LONGEST_MM = (0.0, 12.0, 20.0, np.inf)
"""Where groups of findings by their longest diameter begin and end."""
MEASURES = ("map50", "froc", "sensitivity_at_1fp", "ar10")


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """A cohort on disk: scans by the names of their cases; the names of those that judge; what its finding is called."""

    part: Part
    folder: Path
    seed: int
    scans: Mapping[str, Scan]
    test: tuple[str, ...]

    @property
    def finding(self) -> str:
        """The structure that is no anatomy, the last one."""
        return list(BODIES[self.part].structures)[-1]


def draw(folder: Path, part: Part, *, cases: int, seed: int) -> Cohort:
    """Write a cohort of so many subjects; the last third of them is set apart."""
    if not folder.exists():
        write_cohort(folder, modality=COHORTS[part], subjects=cases, seed=seed, part=part)
    scans = draw_scans(seed=seed, subjects=cases, shape=BODIES[part].shape, part=part)
    first = cases - max(1, round(cases * TEST_SHARE))
    test = tuple(one.case for one in scans if one.subject >= first)
    return Cohort(part=part, folder=folder, seed=seed, scans={one.case: one for one in scans}, test=test)


def trained(cohort: Cohort, run: Path, *options: str, limit: Sequence[str], **declared: Any) -> dict[str, Any]:
    """Train one fold of the cohort, which declares its test cases and what is given; the command's result."""
    write_json(cohort.folder / "scanwright.json", {"test": list(cohort.test), **declared})
    return scanwright("train", cohort.folder, "-o", run, "--fold", "0", *limit, *options)


def detection(cohort: Cohort, run: Path, *, limit: Sequence[str]) -> dict[str, Any]:
    """Boxes round the findings: metrics of the test cases, and sensitivity at rates of false positives by three rules."""
    value = BODIES[cohort.part].structures[cohort.finding]
    told = trained(cohort, run, "--task", "detection", limit=limit, regions={cohort.finding: value})
    dataset = read_dataset(cohort.folder, kind="detection")
    problem = Detection(dataset.task)
    rows = [
        problem.row(case, problem.read(run / "predictions" / "test" / problem.file_name(case)), fold=None)
        for case in dataset.cases
        if case.id in cohort.test
    ]
    plan, metrics = read_json(run / "plan.json"), read_json(run / "metrics.json")["test"]["overall"]
    return {
        "scans": len(rows),
        "true_boxes": sum(len(row.true) for row in rows),
        "steps": plan["training"]["steps"],
        "elapsed_s": told["elapsed_s"],
        "metrics": {name: metrics[name] for name in MEASURES},
        "by_rule": {name: free_response(rows, rule) for name, rule in RULES.items()},
    }


def free_response(rows: Sequence[DetectedCase], rule: HitRule) -> dict[str, Any]:
    """LUNA score and sensitivity at 1 false positive a scan with intervals, and the sensitivity at each rate."""
    overall = summarise_detection(rows, classes=["finding"], rule=rule)["overall"]
    curve = froc_curve(match_cases(rows, num_classes=1, rule=rule), code=0)
    at = {} if curve is None else dict(zip(map(str, RATES), np.round(curve.at, 4).tolist(), strict=True))
    return {"froc": overall["froc"], "sensitivity_at_1fp": overall["sensitivity_at_1fp"], "sensitivity_at": at}


@dataclass(frozen=True, kw_only=True)
class Told:
    """One held-out scan: the table of its anatomy, that of its answer, and which true finding each found one is of."""

    case: str
    patient: str
    true: StudyTable
    found: StudyTable
    partners: tuple[int, ...]
    placed: int

    @property
    def lesions(self) -> LesionCase:
        """The findings as `evaluation.label_maps.lesions` judges them. partners are places in the tables."""
        return LesionCase(
            case=self.case,
            patient=self.patient,
            kinds={
                "finding": Lesions(
                    true_sizes=np.array([one.size for one in self.true.findings]),
                    found_sizes=np.array([one.size for one in self.found.findings]),
                    partners=np.array(self.partners, dtype=int),
                    true_regions=tuple(one.region for one in self.true.findings),
                    found_regions=tuple(one.region for one in self.found.findings),
                )
            },
        )

    @property
    def pairs(self) -> list[tuple[FindingRow, FindingRow]]:
        """True findings that were found, each with what was found."""
        found = zip(self.partners, self.found.findings, strict=True)
        return [(self.true.findings[place], one) for place, one in found if place >= 0]


def table_of(cohort: Cohort, case: Case, image: Volume, label: Volume) -> StudyTable:
    """What is true of a scan: its regions as painted without findings, and the findings of its label map in them."""
    scan, names = cohort.scans[case.id], BODIES[cohort.part].structures
    body = replace(anatomy_of(scan, seed=cohort.seed), lesions=())
    bare = scene_of(scan, seed=cohort.seed, anatomy=body).labels()
    regions = {name: bare == value for name, value in names.items() if name != cohort.finding}
    findings = {cohort.finding: label.voxels[0] == names[cohort.finding]}
    return study_table(regions, findings, image=image.voxels[0], grid=image.grid)


def tell(cohort: Cohort, case: Case, model: Model) -> Told:
    """Answer one scan and put its table beside the true one."""
    assert case.label is not None
    image, label = read_case_image(case, model.task), read_label(case.label)
    answer, sure = model.problem.answer_surely(model.engine, image)
    true, found = table_of(cohort, case, image, label), model.problem.study(image, answer, sure=sure).table
    by_label = study_part(image, label, model.task, sure=None).table
    assert found is not None
    assert by_label is not None
    both = zip(true.findings, by_label.findings, strict=True)
    return Told(
        case=case.id,
        patient=case.patient,
        true=true,
        found=found,
        partners=paired(true.findings, found.findings, region_masks(label.voxels[0], model.task)[cohort.finding]),
        placed=sum(one.region == other.region for one, other in both),
    )


def paired(true: Sequence[FindingRow], found: Sequence[FindingRow], like: Array) -> tuple[int, ...]:
    """The place of the true finding that each found one is of, -1 for none: the rule of label_maps.lesions, on rows."""
    numbered = np.full(like.shape, -1)
    for place, one in enumerate(true):
        numbered[one.around][one.mask] = place
    shared = np.zeros((len(found), len(true)))
    for place, one in enumerate(found):
        inside = numbered[one.around][one.mask]
        shared[place] = np.bincount(inside[inside >= 0], minlength=len(true))
    sizes_true, sizes_found = (np.array([one.mask.sum() for one in rows], dtype=float) for rows in (true, found))
    overlap = shared / np.maximum(sizes_found[:, None] + sizes_true[None] - shared, 1.0)
    order = np.argsort([-(one.confidence or 0.0) for one in found], kind="stable").astype(int)
    partners = np.full(len(found), -1)
    matched = match_boxes(overlap[order], np.array([HIT]), ignored_T=np.zeros(len(true), np.bool_))
    partners[order] = matched.partners[0]
    return tuple(partners.tolist())


def segmentation(cohort: Cohort, run: Path, *, limit: Sequence[str]) -> dict[str, Any]:
    """Regions and findings: tables of the test cases beside the true ones."""
    result = trained(cohort, run, limit=limit)
    model = open_model(run / "model.swm")
    cases = [case for case in read_dataset(cohort.folder).cases if case.id in cohort.test]
    told = [tell(cohort, case, model) for case in cases]
    plan = read_json(run / "plan.json")
    drawn = sum(len(anatomy_of(cohort.scans[one.case], seed=cohort.seed).lesions) for one in told)
    labelled = sum(len(one.true.findings) for one in told)
    return {
        "scans": len(told),
        "steps": plan["training"]["steps"],
        "elapsed_s": result["elapsed_s"],
        "truth": {"drawn": drawn, "labelled": labelled, "placed_alike": sum(one.placed for one in told)},
        "mean_dice": read_json(run / "metrics.json")["test"]["overall"]["dice"],
        "regions": of_regions(told),
        "findings": of_findings(told),
    }


def of_regions(told: Sequence[Told]) -> dict[str, Any]:
    """Of each region the error of its volume, in ml and in percent of the true one."""
    owners = [one.patient for one in told]
    found = {}
    for place, row in enumerate(told[0].true.regions):
        true, said = (
            np.array([one.regions[place].size for one in tables])
            for tables in ([one.true for one in told], [one.found for one in told])
        )
        found[row.name] = {
            "mean_ml": round(float(true.mean()), 2),
            "missing": int(np.count_nonzero((said == 0) & (true > 0))),
            "error_ml": errors(true, said, owners),
            "error_percent": errors(np.full(len(true), 100.0), 100 * said / true, owners),
        }
    return found


def of_findings(told: Sequence[Told]) -> dict[str, Any]:
    """How many findings were found, how many false ones came with them, and how the found ones were measured and placed."""
    measures, _ = measure_lesions([one.lesions for one in told], ["finding"])
    pairs = [(one.patient, *pair) for one in told for pair in one.pairs]
    owners = [patient for patient, _, _ in pairs]
    sizes, lengths = (
        np.array([[getattr(true, word), getattr(said, word)] for _, true, said in pairs]).reshape(-1, 2).T
        for word in ("size", "longest")
    )
    wrong = sum(true.region != said.region for _, true, said in pairs)
    everything = [
        (one, place in told_of.partners) for told_of in told for place, one in enumerate(told_of.true.findings)
    ]
    groups = pairwise(LONGEST_MM)
    return {
        "measures": {name: value.as_json() for name, value in measures.items()},
        "wrong_region": {"findings": wrong, "of": len(pairs)},
        "error_ml": errors(sizes[0], sizes[1], owners),
        "error_percent": errors(np.full(len(pairs), 100.0), 100 * sizes[1] / sizes[0], owners),
        "longest_error_mm": errors(lengths[0], lengths[1], owners),
        "found_by_longest_mm": {
            f"{low:g} to {high:g}": [sum(hit for _, hit in own), len(own)]
            for low, high in groups
            for own in [[(one, hit) for one, hit in everything if low <= one.longest < high]]
        },
    }


def errors(true: Floats, found: Floats, patients: Sequence[str]) -> dict[str, Any]:
    """Mean error, found less true, limits of agreement and mean absolute error, with intervals by patient; {} of nothing."""
    if not len(true):
        return {}
    measures, _ = measure_numbers(found[:, None], true[:, None], patients)
    return {name: measures[name].as_json() for name in ("bias", "loa_low", "loa_high", "mae")}


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=60, help="subjects of each cohort, every sixth scanned twice")
    parser.add_argument("--budget", default="15m", help="of each model")
    parser.add_argument("--steps", type=int, help="steps of each model, instead of a budget")
    parser.add_argument("--part", choices=tuple(COHORTS), help="one cohort alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--work", type=Path, help="a folder that keeps the runs; the same command goes on where it stopped"
    )
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    limit = ("--steps", str(given.steps)) if given.steps else ("--budget", given.budget)
    result: dict[str, Any] = {"cases": given.cases, "limit": " ".join(limit)}
    with tempfile.TemporaryDirectory() as folder:
        for part in COHORTS if given.part is None else (given.part,):
            root = (given.work or Path(folder)) / part
            cohort = draw(root / "data", part, cases=given.cases, seed=given.seed)
            result[part] = {
                "detection": detection(cohort, root / "boxes", limit=limit),
                "segmentation": segmentation(cohort, root / "regions", limit=limit),
            }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
