"""Features and classical models on labelled images: AUC, accuracy and seconds of nested cross-validation by patient.

    python benchmarks/features.py DATA --features fixed|radiomic [--classes benign,malignant] [--families svm-rbf,linear]
                                  [--components N] [--inspection INSPECT.json] [-o FILE]

Five outer folds judge, four inner ones choose; cases that the data set sets apart for testing are not looked at. Radiomic
features are those of DATA's masks, and cases with an empty mask are left out. INSPECT.json: what `scanwright inspect DATA
--json` printed; its groups of near-duplicates stay on one side. Images that are equal pixel by pixel always do.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.images import read_case_image
from scanwright.dataset.measures import voxel_hash
from scanwright.dataset.read import read_dataset
from scanwright.evaluation.classes.ranking import auroc
from scanwright.features.fixed import fixed_features, fixed_settings
from scanwright.features.folds import deal
from scanwright.features.nested import nested_cross_validation, score
from scanwright.features.radiomic import radiomic_features, radiomic_settings
from scanwright.features.recipe import DEFAULTS, Recipe, candidates
from scanwright.features.samples import Samples
from scanwright.features.table import FeatureTable
from scanwright.io.formats import read_label
from scanwright.plan.radiomic_plan import RadiomicSettings

FOLDS = 5
SETTINGS = RadiomicSettings(bins=32)


def table_of(data: Path, kind: str, wanted: Mapping[str, int]) -> tuple[FeatureTable, dict[str, str]]:
    """Features of the wanted cases that have any, and the hash of each one's pixels."""
    dataset = (
        read_dataset(data, kind="segmentation") if kind == "radiomic" else read_dataset(data, kind="classification")
    )
    channels = [channel.name.lower() for channel in dataset.task.channels]
    rows: dict[str, Mapping[str, float | None]] = {}
    hashes = {}
    for case in dataset.cases:
        if case.id not in wanted:
            continue
        image = read_case_image(case, dataset.task)
        hashes[case.id] = voxel_hash(image)
        if kind == "fixed":
            rows[case.id] = fixed_features(image, channels)
        elif case.label is not None:
            found = radiomic_features(image, read_label(case.label), SETTINGS, channels=channels)
            rows |= {case.id: found} if found else {}
    settings = radiomic_settings(SETTINGS) if kind == "radiomic" else fixed_settings()
    return FeatureTable.of_rows(rows, settings), hashes


def code_of(case: Case, classes: list[str]) -> int | None:
    """The place of a case's class among those compared; None if it has another, or is set apart for testing."""
    if case.split == "test" or not isinstance(case.target, Classes) or len(case.target.names) != 1:
        return None
    name = case.target.names[0]
    return classes.index(name) if name in classes else None


def recipe_of(family: str, components: int) -> Recipe:
    """What a family's grid begins with. Raises pydantic's ValidationError for an unknown family."""
    return Recipe.model_validate(
        {"family": family, "reduction": "pca" if components else "none", "components": components}
    )


def judge(samples: Samples, start: Recipe) -> dict[str, Any]:
    """Out-of-fold figures of one family."""
    began = time.perf_counter()
    codes, patients = samples.target, samples.patients
    recipes = candidates(start)
    found = nested_cross_validation(samples, deal(codes, patients, folds=FOLDS), recipes)
    area = auroc(found.predictions[:, 1], codes == 1, patients) if samples.num_classes == 2 else None
    value = area.value if area else score(found.predictions, codes, recipes[0])
    return {
        "auc": round(float(value), 4) if value is not None else None,
        "ci95": [round(end, 4) for end in area.interval] if area and area.interval else None,
        "accuracy": round(float((found.predictions.argmax(axis=1) == codes).mean()), 4),
        "seconds": round(time.perf_counter() - began, 1),
        "chosen": [choice.recipe.parameters for choice in found.choices],
    }


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--features", choices=("fixed", "radiomic"), default="fixed")
    parser.add_argument("--classes", help="those compared, the negative one first; all by default")
    parser.add_argument("--families", default=",".join(DEFAULTS))
    parser.add_argument("--components", type=int, default=0, help="principal components; 0: none")
    parser.add_argument("--inspection", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    dataset = read_dataset(given.data, kind="classification")
    classes = given.classes.split(",") if given.classes else list(dataset.task.classes)
    wanted = {case.id: code for case in dataset.cases if (code := code_of(case, classes)) is not None}
    began = time.perf_counter()
    table, hashes = table_of(given.data, given.features, wanted)
    seconds = round(time.perf_counter() - began, 1)
    owners = {case.id: case.patient for case in dataset.cases}
    if given.inspection:
        groups = json.loads(given.inspection.read_text())["survey"]["duplicates"]["groups"]
        owners |= {name: group["cases"][0] for group in groups for name in group["cases"]}
    same = {hashes[name]: owners[name] for name in reversed(table.cases)}
    patients = [owners[name] if owners[name] != name else same[hashes[name]] for name in table.cases]
    codes = np.array([wanted[name] for name in table.cases])
    samples = Samples(table.values, codes, tuple(patients), table.names, len(classes))
    result = {
        "data": given.data.name,
        "features": table.settings,
        "columns": len(table.names),
        "components": given.components,
        "cases": dict(zip(classes, np.bincount(codes, minlength=len(classes)).tolist(), strict=True)),
        "patients": len(set(patients)),
        "seconds_features": seconds,
        "families": {
            family: judge(samples, recipe_of(family, given.components)) for family in given.families.split(",")
        },
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
