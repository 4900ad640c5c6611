"""Anatomy and what is wrong in it as one task: chest X-rays with lungs, mediastinum, opacities and devices, five folds.

    python benchmarks/lung_findings.py ../shared/data/xray_lung_covid [--budget 20m] [--work FOLDER] [-o FILE]

The label maps hold right lung, left lung and mediastinum; a folder of masks holds findings, which overlap them and each
other. Ground glass and consolidation are joined to one finding, "opacity": readers draw the border between the two differently,
and consolidation alone is in 15 of 44 images. Tubes, lines and probes are joined to "devices": each is in at most 8 images, too
few for five folds, but together they are in 15, of 13 patients. They are the only finding that most images do not have, so that
false ones are counted where nothing is. Effusion and pneumothorax, in one image each, and airways are left out.

One patient is set apart (--held-out, a case's name), has no part in training nor in the numbers of the folds, and is answered
with a page for a clinician. --work keeps the run and that page; the same command goes on with a run that was stopped.
"""

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from command import scanwright
from record import write_result

REGIONS = {"right lung": 1, "left lung": 2, "mediastinum": 3}
STRUCTURES = {
    "opacity": ["ground_glass_opacities", "consolidation"],
    "devices": ["endotracheal_tube", "central_venous_line", "nasogastric_tube", "tubings", "monitoring_probes"],
}
LINKED = ("images", "labels", "findings", "metadata.csv")
PAGED = 10
"""Findings of a page that are kept."""
OF_REGIONS = ("dice", "nsd", "hd95_px")


def linked(source: Path, root: Path, held_out: str) -> Path:
    """A folder of links to the data, with a scanwright.json that says what is anatomy and what are findings."""
    root.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        if not (root / name).exists():
            (root / name).symlink_to((source / name).resolve())
    rows = list(csv.DictReader((source / "metadata.csv").open(encoding="utf-8")))
    patients = {row["id"]: row["patient_id"] for row in rows}
    if held_out not in patients:
        sys.exit(f"no case {held_out} in {source / 'metadata.csv'}")
    declared = {
        "name": "Lungs and what is wrong in them",
        "layout": "image-mask",
        "channels": [{"name": "X-ray", "modality": "xray"}],
        "regions": REGIONS,
        "finding_folder": "findings",
        "structures": STRUCTURES,
        "test": [name for name, patient in patients.items() if patient == patients[held_out]],
    }
    (root / "scanwright.json").write_text(json.dumps(declared, indent=2))
    return root


def shown(measures: dict[str, Any]) -> str:
    """Measures in one line, each with its interval."""
    texts = []
    for name, found in measures.items():
        value, reach = found["mean"], found["ci95"]
        number = "-" if value is None else f"{value:.3f}" if reach else f"{value:.4g}"
        texts.append(f"{name} {number}" + (f" [{reach[0]:.3f}, {reach[1]:.3f}]" if value is not None and reach else ""))
    return "; ".join(texts)


def results(metrics: dict[str, Any]) -> dict[str, Any]:
    """What is kept of metrics.json: overlap and distance of regions, and findings overall, by kind and by region."""
    regions = {
        region: {name: found[name] for name in OF_REGIONS if name in found}
        for region, found in {**metrics["by_class"], "mean": metrics["overall"]}.items()
    }
    return {"regions": regions, "findings": metrics["findings"]}


def told_on(page: dict[str, Any]) -> dict[str, Any]:
    """What the page of a case says, in short: its regions, and its findings, the largest of them by themselves."""
    return {"regions": page["regions"], "num_findings": len(page["findings"]), "findings": page["findings"][:PAGED]}


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="20m")
    parser.add_argument(
        "--steps", type=int, help="so many steps a fold instead of a budget, to try the benchmark itself"
    )
    parser.add_argument("--held-out", default="cxr_000")
    parser.add_argument("--work", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    effort = ("--budget", given.budget) if given.steps is None else ("--steps", str(given.steps))
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        data, run = linked(given.data, work / "data", given.held_out), work / "run"
        told = scanwright("train", data, "--task", "segmentation", "--folds", "5", *effort, "-o", run)
        scan = next(path for path in (data / "images").iterdir() if path.stem == given.held_out)
        scanwright("predict", run / "model.swm", scan, "-o", work / "page", "--report")
        page = json.loads((work / "page" / f"{given.held_out}.report.json").read_text())
        metrics = json.loads((run / "metrics.json").read_text())
    found = results(metrics)
    for part, blocks in (
        ("region", found["regions"]),
        ("findings", {"all": found["findings"]["overall"]}),
        ("finding", found["findings"]["by_class"]),
        ("findings in", found["findings"]["by_region"]),
    ):
        for name, measures in blocks.items():
            print(f"{part} {name}: {shown(measures)}")
    result = {
        "cases": metrics["cases"],
        "patients": metrics["patients"],
        "effort": " ".join(effort),
        "elapsed_s": told["elapsed_s"],
        **found,
        "held_out": {"case": given.held_out, **results(metrics["test"]), "page": told_on(page)},
    }
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
