"""Planted wrong labels: how many the gate suspects, and how many right ones with them.

    python benchmarks/suspicious_labels.py DATA [--task classification] [--share 0.05] [--seeds 3] [-o FILE]

Classes: a share of the cases gets another class. Masks: a share gets the mask of another case, or its own moved by a tenth of
the image, or without one of its regions, or with two regions exchanged. The labels as they are count as right, which real sets
do not deserve wholly: suspects of the untouched set are told as well.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.checks import Checks, check
from scanwright.dataset.read import read_dataset
from scanwright.gate.cohort import Cohort
from scanwright.gate.doubt.coarse import Coarse, coarse
from scanwright.gate.doubt.suspicious import Suspicious, find


def see(case: Case, volume: Any, label: Any, task: Any) -> Coarse:
    return coarse(volume, label, task)


Change = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def of_another(own: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return other


def moved(own: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    axis = int(rng.choice([k for k in range(3) if own.shape[k] > 1]))
    return np.roll(own, int(rng.choice([-1, 1])) * max(1, own.shape[axis] // 10), axis)


def without_one(own: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    held = [int(code) for code in np.unique(own) if code]
    return np.where(own == rng.choice(held), 0, own).astype(own.dtype) if held else other


def exchanged(own: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    held = [int(code) for code in np.unique(own) if code]
    if len(held) < 2:
        return other
    a, b = rng.choice(held, 2, replace=False)
    return np.where(own == a, b, np.where(own == b, a, own)).astype(own.dtype)


CHANGES: dict[str, Change] = {"another": of_another, "moved": moved, "without": without_one, "exchanged": exchanged}


def planted(
    cohort: Cohort, samples: dict[str, Coarse], kind: str, share: float, seed: int
) -> tuple[Cohort, dict[str, Coarse], set[str]]:
    rng = np.random.default_rng(seed)
    names = [case.id for case in cohort.cases if case.is_labelled and case.id in samples]
    if kind != "class":  # an empty mask in an empty one's place is no fault
        names = [name for name in names if np.any(codes_of(samples[name]) > 0)]
    wrong = set(rng.choice(names, max(1, round(share * len(names))), replace=False).tolist())
    if kind == "class":
        cases = tuple(_relabelled(case, cohort, rng) if case.id in wrong else case for case in cohort.dataset.cases)
        return dataclasses.replace(cohort, dataset=cohort.dataset.model_copy(update={"cases": cases})), samples, wrong
    changed = dict(samples)
    for name in sorted(wrong):
        other = codes_of(samples[str(rng.choice([one for one in names if one != name]))])
        changed[name] = Coarse(samples[name].image, CHANGES[kind](codes_of(samples[name]), other, rng))
    return cohort, changed, wrong


def codes_of(sample: Coarse) -> np.ndarray:
    assert sample.codes is not None
    return sample.codes


def _relabelled(case: Case, cohort: Cohort, rng: np.random.Generator) -> Case:
    assert isinstance(case.target, Classes)
    others = [name for name in cohort.dataset.task.classes if name not in case.target.names]
    return case.model_copy(update={"target": Classes(names=(str(rng.choice(others)),))})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--task")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    dataset = read_dataset(given.data, kind=given.task)
    checks: Checks = check(dataset, jobs=2, see=see)
    cohort = Cohort(dataset=dataset, facts=checks.facts)
    began = time.monotonic()
    clean = find(cohort, checks.seen)
    rows: dict[str, Any] = {"clean": {**clean.to_json(), "seconds": round(time.monotonic() - began, 1)}}
    usual = {one.case for one in clean.suspects}
    for kind in CHANGES if dataset.task.kind == "segmentation" else ["class"]:
        found, told, wrong_all, top = 0, 0, 0, 0
        for seed in range(given.seeds):
            changed, samples, wrong = planted(cohort, checks.seen, kind, given.share, seed)
            result: Suspicious = find(changed, samples)
            names = list(dict.fromkeys(one.case for one in result.suspects))
            found += len(wrong & set(names))
            told += len(set(names) - usual)
            wrong_all += len(wrong)
            top += len(wrong & set(names[: len(wrong)]))
        rows[kind] = {
            "planted": wrong_all,
            "recall": round(found / wrong_all, 3),
            "precision_beyond_clean": round(found / told, 3) if told else None,
            "among_the_first_as_many": round(top / wrong_all, 3),
        }
        print(kind, rows[kind], flush=True)
    print(json.dumps(rows["clean"])[:600])
    if given.out:
        write_result(given.out, {"data": given.data.name, "cases": len(cohort.cases), "share": given.share, **rows})


if __name__ == "__main__":
    main()
