"""Scores of a run as its parts are handed on, and as much of a study as a report asks for beside them."""

from types import SimpleNamespace

import fakes
from scanwright.api.run.answer import Scores
from scanwright.evaluation.label_maps.evaluate import CaseRow, summarise
from scanwright.problem.segmentation import Segmentation

REGIONS = ("core", "rim")


def row(case, core=0.8, rim=0.6, *, fold=0, patient=None):
    """A case with a Dice for each region: None for nowhere, 0 for missed."""
    metrics = {
        region: {
            "dice": value,
            "sensitivity": value,
            "volume_bias_ml": 0.0,
            "hd95_mm": 2.0 if value else None,
        }
        for region, value in zip(REGIONS, (core, rim), strict=True)
    }
    return CaseRow(case=case, patient=patient or case, fold=fold, metrics=metrics)


def scores(rows, test=()):
    """As `answer.score` gives them: a test split alone stands for the whole."""
    summary = summarise(
        rows or test,
        problem="segmentation",
        primary="dice",
        regions=REGIONS,
        samples=100,
        tolerance=1.5,
        test=test if rows else (),
    )
    return Scores(list(rows), list(test), summary)


def study(*, trained=(0, 1), folds=2, validation=("a",), cases=10, patients_from="a table", **parts):
    """As much of a study as is asked here."""
    facts = SimpleNamespace(voxel_volume=1000.0, region_voxels={"core": 5, "rim": 7})
    fold = SimpleNamespace(train=(), validation=validation)
    return SimpleNamespace(
        checks=SimpleNamespace(faults=()),
        problem=Segmentation(fakes.task(2)),
        plan=SimpleNamespace(training=SimpleNamespace(folds=trained)),
        splits=SimpleNamespace(folds=(fold,) * folds, test=()),
        fingerprint=SimpleNamespace(unit="mm"),
        beginning=None,
        overview=SimpleNamespace(num_cases=cases, unit="mm"),
        dataset=SimpleNamespace(
            patients_from=patients_from,
            tells_patients=True,
            cases=[SimpleNamespace(id=name, patient=name) for name in validation],
        ),
        facts=lambda name: facts,
        **parts,
    )
