"""Judged cases of every kind of problem by models of a given skill, and folders that hold them as `evaluate` leaves them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import fakes
from detected_samples import made_cases
from scanwright.api.case.judged_cases import JUDGED, judged_cases, write_judged
from scanwright.dataset.task import Channel, Region, Task
from scanwright.evaluation.cases.judged import ClassifiedCase, MeasuredCase
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.evaluation.label_maps.lesions import Lesions
from scanwright.problem.known import problem_of
from scanwright.problem.normals.compared import AnomalyCase

CHANNEL = (Channel(name="MR", modality="mr"),)
TASKS = {
    "segmentation": fakes.task(2),
    "classification": Task(name="t", kind="classification", channels=CHANNEL, classes=("well", "sick")),
    "several": Task(name="t", kind="classification", channels=CHANNEL, classes=("a", "b", "c"), choice="several"),
    "grades": Task(name="t", kind="classification", channels=CHANNEL, classes=("0", "1", "2"), choice="ordered"),
    "regression": Task(name="t", kind="regression", channels=CHANNEL, quantities=("size_ml",)),
    "quantities": Task(name="t", kind="regression", channels=CHANNEL, quantities=("size_ml", "age")),
    "detection": Task(name="t", kind="detection", channels=CHANNEL, classes=("a", "b")),
    "anomaly": Task(
        name="t",
        kind="anomaly",
        channels=CHANNEL,
        classes=("normal", "abnormal"),
        regions=(Region(name="lesion", values=(1,)),),
    ),
}


def rows_of(kind: str, *, number: int = 24, noise: float = 1.0, seed: int = 0) -> list:
    """Judged cases; the same truth whatever the noise and seed of the model. Two in three patients have one case."""
    truth, model = np.random.default_rng(99), np.random.default_rng(seed)
    head = [
        {"case": f"c{k:02}", "patient": f"p{k - k % 3 // 2:02}", "groups": {"site": "AB"[k % 2]}, "fold": k % 3}
        for k in range(number)
    ]
    return [_row(kind, one, truth, model, noise) for one in head] if kind != "detection" else _boxes(head, noise, seed)


def _row(kind: str, head: dict, truth: np.random.Generator, model: np.random.Generator, noise: float):
    if kind == "segmentation":
        metrics = {}
        for region in ("region 1", "region 2"):
            dice = float(np.clip(0.9 - 0.05 * noise * abs(model.normal()), 0, 1))
            metrics[region] = {"dice": dice, "sensitivity": dice, "hd95_mm": 1 + noise * abs(model.normal())}
        return CaseRow(**head, metrics=metrics)
    if kind in ("regression", "quantities"):
        true = truth.normal(50, 10, size=len(TASKS[kind].quantities))
        guess = true + noise * model.normal(size=len(true))
        return MeasuredCase(**head, predicted=tuple(guess.tolist()), truth=tuple(true.tolist()))
    if kind == "several":
        true = truth.random(3) < 0.5
        chances = 1 / (1 + np.exp(-(3 * true - 1.5 + noise * model.normal(size=3))))
        told = tuple(bool(one) for one in chances > 0.5)
        return ClassifiedCase(
            **head, probabilities=tuple(chances.tolist()), truth=tuple(map(bool, true)), decision=told
        )
    code = int(truth.integers(3 if kind == "grades" else 2))
    logits = noise * model.normal(size=3 if kind == "grades" else 2)
    logits[code] += 2
    chances = np.exp(logits) / np.exp(logits).sum()
    told = {"probabilities": tuple(chances.tolist()), "truth": code, "decision": int(chances.argmax())}
    if kind != "anomaly":
        return ClassifiedCase(**head, **told)
    sizes, found = np.arange(1.0, 1.0 + code * 2), np.arange(1.0, 2.0 + code)
    partners = np.where(np.arange(len(found)) < code, 0, -1)
    lesions = {"lesion": Lesions(true_sizes=sizes, found_sizes=found, partners=partners)}
    return AnomalyCase(**head, **told, lesions=lesions)


def _boxes(head: Sequence[dict], noise: float, seed: int) -> list:
    made = made_cases(len(head), seed=7)
    rng = np.random.default_rng(seed)
    found = []
    for one, row in zip(head, made, strict=True):
        scores = np.clip(row.scores + 0.2 * noise * rng.normal(size=len(row.scores)), 0, 1)
        found.append(replace(row, **one, scores=scores, thresholds=(0.5, 0.5)))
    return found


def facts_of(rows: Sequence, *, images: str = "", label: str = "") -> dict:
    """What the checks know of each case, as much as is asked here."""
    return {
        row.case: SimpleNamespace(image_hashes=(f"{row.case}{images}",), label_hash=f"{row.case}{label}")
        for row in rows
    }


def write_folder(folder: Path, kind: str, sets: dict, *, facts: dict | None = None) -> Path:
    """A folder with judged.json of some sets of rows. facts: {} for cases whose files could not be read."""
    problem = problem_of(TASKS[kind])
    known = facts_of([row for rows in sets.values() for row in rows]) if facts is None else facts
    folder.mkdir(parents=True)
    write_judged(folder / JUDGED, judged_cases(problem, sets, known))
    return folder
