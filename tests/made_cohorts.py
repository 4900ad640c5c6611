"""Cohorts made of facts and traits alone, clean or with one thing planted, for the statistics of the gate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from made_folders import made_facts
from scanwright.dataset.cases import Case, Classes, Dataset
from scanwright.dataset.facts import Intensity
from scanwright.dataset.task import Channel, Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.shortcut.traits import Traits

TASK = Task(
    name="made", kind="classification", channels=(Channel(name="US", modality="us"),), classes=("normal", "sick")
)
Traced = dict[str, dict[str, float | str]]


def made_cohort(
    patients: int,
    seed: int,
    *,
    each: int = 1,
    share: float = 0.5,
    test: float = 0.0,
    plant: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[Cohort, dict[str, Traits]]:
    """A cohort in which nothing goes with anything, unless `plant` changes what is drawn of a case.

    each: cases of a patient; all traits are the patient's own, but for a little noise. share: of sick patients. test: share of
    patients that the data set sets apart. plant is given {"sick", "test", "site", "sex", "level", "age", "traits"}.
    """
    rng = np.random.default_rng(seed)
    cases, facts, glances = [], {}, {}
    for number in range(patients):
        drawn = _drawn(rng, number, share, test)
        if plant is not None:
            plant(drawn)
        for scan in range(each):
            name = f"p{number:04d}_{scan}"
            groups = {"site": drawn["site"], "sex": drawn["sex"], "age": f"{drawn['age']:.1f}"}
            cases.append(
                Case(
                    id=name,
                    images=(Path(f"/made/{name}.png"),),
                    target=Classes(names=("sick" if drawn["sick"] else "normal",)),
                    patient=f"p{number:04d}",
                    groups=groups,
                    split="test" if drawn["test"] else "train",
                )
            )
            level = drawn["level"] + rng.normal(0, 0.5)
            seen = Intensity(min=0, max=255, mean=level, std=drawn["spread"], p005=0, p500=level, p995=250)
            shape = (int(drawn["traits"]["size"]["voxels x"]), 100, 1)
            facts[name] = made_facts(
                name, patient=f"p{number:04d}", channels=(seen,), shape=shape, unit="px", region_voxels={}
            )
            glances[name] = Traits(values={family: dict(found) for family, found in drawn["traits"].items()})
    dataset = Dataset(root=Path("/made"), layout="made", stated="", task=TASK, cases=tuple(cases))
    return Cohort(dataset=dataset, facts=facts, is_given=test > 0), glances


def _drawn(rng: np.random.Generator, number: int, share: float, test: float) -> dict[str, Any]:
    width = float(rng.choice([480, 512, 640]) if rng.random() < 0.6 else rng.integers(300, 800))
    traits: Traced = {
        "file": {
            "bytes": float(rng.lognormal(11, 0.4)),
            "bytes a voxel": float(rng.lognormal(0, 0.3)),
            "format": str(rng.choice([".png", ".jpg"], p=[0.8, 0.2])),
            "number type": "uint8",
        },
        "name": {"number": float(number)},
        "size": {"voxels x": width, "voxels y": float(rng.normal(400, 30)), "aspect": width / 400},
        "border": {f"corner {k} mean": float(max(0, rng.normal(4, 8))) for k in range(4)}
        | {f"frame {k}": float(rng.gamma(2, 5)) for k in range(6)},
        "look": {f"quantile {k}": float(rng.normal(k * 10, 5)) for k in range(16)}
        | {f"thumbnail {k}": float(rng.normal()) for k in range(36)},
    }
    return {
        "sick": bool(rng.random() < share),
        "test": bool(rng.random() < test),
        "site": str(rng.choice(["A", "B", "C"])),
        "sex": str(rng.choice(["f", "m"])),
        "age": float(rng.normal(60, 12)),
        "level": float(rng.normal(80, 10)),
        "spread": float(rng.normal(30, 4)),
        "traits": traits,
    }
