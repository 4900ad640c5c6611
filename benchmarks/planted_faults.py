"""Faults planted in generated cohorts, and what the gate finds; clean cohorts, and what it says of them for nothing.

    python benchmarks/planted_faults.py [--subjects 40] [--seeds 2] [--clean 20] [-o FILE]

Each fault is planted in a fresh copy of a cohort that can bear it, and the whole gate looks at it as `inspect` does (with the
cohort's splits file where it has one). Found: a finding with one of the fault's codes that names one of its cases, or is about
the whole cohort and is not made of the cohort without the fault. False alarms: errors and warnings on cohorts without a fault.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from record import write_result

from scanwright.api.look import Inspection, inspect
from scanwright.dataset.phantom.layout import write_examples
from scanwright.dataset.phantom.plant import KINDS, plant_in
from scanwright.errors import UsageError

COHORTS: tuple[tuple[Any, Any, Any], ...] = (
    ("mr", "segmentation", "nifti"),
    ("xray", "classification", "png"),
    ("us", "segmentation", "png"),
    ("xray", "detection", "png"),
)


def look(folder: Path, *, quick: bool = False) -> Inspection:
    split = next((folder / name for name in ("splits.json", "splits.csv") if (folder / name).exists()), None)
    return inspect(folder, split=split, quick=quick)


def cohort(root: Path, modality: Any, task: Any, kind: Any, *, subjects: int, seed: int) -> Path:
    folder = root / f"{modality}_{task}_{seed}"
    if not folder.exists():
        write_examples(folder, modality=modality, task=task, format=kind, subjects=subjects, seed=seed)
    return folder


def said_of(clean: Path, known: dict[Path, set[str]]) -> set[str]:
    """The codes of findings about a cohort without a fault; looked up where they are known."""
    if clean not in known:
        known[clean] = {one.code for one in look(clean, quick=True).checks.faults}
    return known[clean]


def planted(
    root: Path, fault: str, known: dict[Path, set[str]], *, subjects: int, seeds: int
) -> Iterator[dict[str, Any]]:
    for modality, task, kind in COHORTS:
        for seed in range(seeds):
            folder = root / "copy"
            clean = cohort(root, modality, task, kind, subjects=subjects, seed=seed)
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(clean, folder)
            try:
                made = plant_in(folder, fault, seed=seed)
            except UsageError:
                break
            if not made.codes:
                break
            found = look(folder, quick=all(not code.startswith("suspicious") for code in made.codes))
            said = [one for one in found.checks.faults if one.code in made.codes]
            cases = {made.case, *made.cases} - {None, ""}
            hit = [
                one
                for one in said
                if cases & {one.case, *one.cases}
                or (not {one.case, *one.cases} - {None} and one.code not in said_of(clean, known))
            ]
            beside = Counter(
                one.code for one in found.checks.faults if one.severity != "note" and one.code not in made.codes
            )
            yield {"cohort": f"{modality} {task}", "seed": seed, "found": bool(hit), "beside": dict(beside)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--clean", type=int, default=20)
    parser.add_argument("--fault", action="append")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    clean: list[dict[str, Any]] = []
    table: dict[str, Any] = {}
    known: dict[Path, set[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number in range(given.clean):
            modality, task, kind = COHORTS[number % len(COHORTS)]
            seed = 100 + number // len(COHORTS)
            found = look(cohort(root, modality, task, kind, subjects=given.subjects, seed=seed))
            said = Counter(f"{one.severity} {one.code}" for one in found.checks.faults if one.severity != "note")
            clean.append({"cohort": f"{modality} {task}", "seed": seed, "said": dict(said)})
            print("clean", clean[-1], flush=True)
        for fault in given.fault or KINDS:
            rows = list(planted(root, fault, known, subjects=given.subjects, seeds=given.seeds))
            if rows:
                table[fault] = {"planted": len(rows), "found": sum(row["found"] for row in rows), "rows": rows}
                missed = [f"{row['cohort']} {row['seed']}" for row in rows if not row["found"]]
                print(
                    f"{fault}: {table[fault]['found']} of {len(rows)}",
                    f"missed in {', '.join(missed)}" if missed else "",
                    flush=True,
                )
    result = {
        "subjects": given.subjects,
        "clean": clean,
        "clean_with_errors": sum(any(key.startswith("error") for key in one["said"]) for one in clean),
        "clean_with_warnings": sum(bool(one["said"]) for one in clean),
        "planted": table,
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps({key: result[key] for key in ("clean_with_errors", "clean_with_warnings", "seconds")}))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
