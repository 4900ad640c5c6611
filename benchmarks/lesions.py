"""A network, and support vector machines on three kinds of features, on the same five folds of breast ultrasound.

    python benchmarks/lesions.py ../shared/data/ultrasound_breast_busi [--classes benign,malignant] [--budget 10m] [-o FILE]

The network, and a machine on features of the whole image, are tried by `train --model auto`. Deep features of a fold are those
of the network that was trained on that fold, so that no case that is judged had a part in them; the machine on them learns from
the same training cases. Radiomic features need the lesion's outline, which the others are not given: a radiologist has done a
part of the work. Where normal images are among the classes they are left out: an empty mask would tell the class. Answers are
out of fold, and compared with the best ones by DeLong's test and by permutation (Holm's correction).
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from command import scanwright
from record import write_result

from scanwright.api.run.answer import trained_network
from scanwright.api.run.folder import WEIGHTS
from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Task
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.discrimination import auroc_contrast
from scanwright.evaluation.comparing.comparison import compare_with_best
from scanwright.features.deep import deep_names, image_features
from scanwright.features.nested import fit_chosen
from scanwright.features.recipe import Recipe, candidates
from scanwright.features.samples import Samples
from scanwright.features.table import read_csv
from scanwright.plan.plan import plan_from_json
from scanwright.transform.preprocess import to_network
from scanwright.types import Floats, Ints

NORMAL = "normal"
FAMILIES = ("svm-linear", "svm-rbf")


@dataclass(frozen=True, slots=True)
class Cohort:
    """The cases of one comparison, in one order. truth: codes of classes. owners: whose each case is."""

    classes: tuple[str, ...]
    names: list[str]
    truth: Ints
    owners: list[str]
    folds: list[dict[str, list[str]]]

    def answers(self, chances_NK: Floats) -> Answers:
        """Chances of the classes beside what is true; what a model gives to classes that are left out is shared among them."""
        chances_NK = chances_NK / chances_NK.sum(axis=1, keepdims=True)
        return Answers.of(chances_NK, self.truth, chances_NK.argmax(axis=1), self.owners)

    def answers_in(self, trial: Path) -> Answers:
        """The out-of-fold answers of one model of a run."""
        rows = {row["case"]: row for row in csv.DictReader((trial / "cases.csv").open())}
        return self.answers(
            np.array([[float(rows[name][f"probability[{one}]"]) for one in self.classes] for name in self.names])
        )

    def cross_fitted(self, tables: Sequence[tuple[Floats, Sequence[str]]]) -> Answers:
        """Out-of-fold answers of machines whose kernel and parameters inner folds choose. tables: each fold's (N, F), names."""
        place = {name: row for row, name in enumerate(self.names)}
        found = np.full((len(self.names), len(self.classes)), np.nan)
        recipes = [one for family in FAMILIES for one in candidates(Recipe(family=family))]
        for number, (fold, (values, columns)) in enumerate(zip(self.folds, tables, strict=True)):
            learned, judged = ([place[name] for name in fold[side]] for side in ("train", "validation"))
            owners = tuple(self.owners[row] for row in learned)
            samples = Samples(values[learned], self.truth[learned], owners, tuple(columns), len(self.classes))
            found[judged] = fit_chosen(samples, recipes, seed=number)[1].predict(values[judged])
        return self.answers(found)


def deep_tables(trial: Path, cases: Sequence[Case], task: Task) -> list[tuple[Floats, Sequence[str]]]:
    """For each fold the features that its own network makes of every case."""
    plan = plan_from_json(json.loads((trial / "plan.json").read_text()))
    prepared = [to_network(read_case_image(case, task), plan.preprocess)[0] for case in cases]
    tables: list[tuple[Floats, Sequence[str]]] = []
    for fold in plan.training.folds:
        network = trained_network(trial / "folds" / str(fold) / WEIGHTS, plan, torch.device("cpu"))
        values = np.stack([image_features(network, image, plan) for image in prepared])
        tables.append((values, deep_names("deep", values.shape[1])))
    return tables


def area_of(answers: Answers) -> dict[str, Any]:
    """AUROC, of more than two classes the mean of each against the rest, with its interval; and accuracy."""
    classes = (1,) if answers.is_binary else range(answers.num_classes)
    views = [answers.view(k) for k in classes]
    value, error = auroc_contrast(views, np.full(len(views), 1 / len(views)), answers.num_patients)
    return {
        "auroc": round(value, 4),
        "ci95": [round(max(0.0, value - 1.96 * error), 4), round(min(1.0, value + 1.96 * error), 4)],
        "accuracy": round(float(np.mean(answers.right_share())), 4),
    }


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--classes", default="benign,malignant")
    parser.add_argument("--budget", default="10m")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    classes = tuple(given.classes.split(","))
    dataset = read_dataset(given.data, kind="classification")
    cases = [case for case in dataset.cases if isinstance(case.target, Classes) and case.target.names[0] in classes]
    names = [case.id for case in cases]
    others = [part for case in dataset.cases if case.id not in names for part in ("--exclude", case.id)]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        told = scanwright(
            *("train", given.data, "--task", "classification", *others, "--budget", given.budget, "-o", run),
            *("--waive", "shortcut=this benchmark compares models and serves no patient"),
        )
        trials = json.loads((run / "trials.json").read_text())
        rows = {row["case"]: row for row in csv.DictReader((run / "cases.csv").open())}
        cohort = Cohort(
            classes,
            names,
            np.array([classes.index(rows[name]["truth"]) for name in names]),
            [rows[name]["patient"] for name in names],
            json.loads((run / "splits.json").read_text())["folds"],
        )
        models = {
            "network": cohort.answers_in(run / "trials" / "cnn"),
            "svm, features of the whole image": cohort.answers_in(run / "trials" / "svm"),
            "svm, deep features": cohort.cross_fitted(deep_tables(run / "trials" / "cnn", cases, dataset.task)),
        }
        if NORMAL not in classes:
            scanwright("features", given.data, "--kind", "radiomic", "-o", Path(folder) / "radiomic")
            table = read_csv(Path(folder) / "radiomic" / "features.csv").of_cases(names)
            outlined: list[tuple[Floats, Sequence[str]]] = [(table.values, table.names)] * len(cohort.folds)
            models["svm, radiomic features of the outlined lesion"] = cohort.cross_fitted(outlined)
    areas = {name: area_of(answers) for name, answers in models.items()}
    best = max(areas, key=lambda name: float(areas[name]["auroc"]))
    for name, one in compare_with_best(models, best).items():
        areas[name] |= {
            "auroc_less_best": one.auroc.value,
            "ci95_of_difference": one.auroc.interval,
            "p_auroc": one.auroc.p,
            "p_accuracy": one.accuracy.p_permutation,
        }
    result = {
        "cases": dict(zip(classes, np.bincount(cohort.truth).tolist(), strict=True)),
        "budget": given.budget,
        "elapsed_s": told["elapsed_s"],
        "kept_by_auto": trials["chosen"],
        "seconds": {one["name"]: round(one["seconds"], 1) for one in trials["models"]},
        "best": best,
        "models": areas,
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
