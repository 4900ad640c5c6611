"""Patients, images and slices on two sides of a split."""

from pathlib import Path

import numpy as np
import pytest

from made_folders import made_case, made_facts, made_task
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.split import Fold, Splits
from scanwright.gate.cohort import Cohort
from scanwright.gate.leakage import Leaks, find
from scanwright.gate.signature import Signature


def cohort_of(
    cases: list[Case], *, folds: list[tuple[str, str]] | None = None, images: dict[str, str] | None = None
) -> Cohort:
    splits = None
    if folds is not None:
        made = tuple(Fold(train=tuple(train.split()), validation=tuple(val.split())) for train, val in folds)
        splits = Splits(folds=made, source="s.json")
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=made_task(), cases=tuple(cases))
    facts = {case.id: made_facts(case.id, image_hashes=((images or {}).get(case.id, case.id),)) for case in cases}
    given = splits is not None or any(case.split == "test" for case in cases)
    return Cohort(dataset=dataset, facts=facts, splits=splits, is_given=given)


def codes(found: Leaks) -> list[tuple[str, str]]:
    return [(fault.code, fault.severity) for fault in found.faults]


CASES = [made_case(name, patient=name[0]) for name in ("a1", "a2", "b1", "b2", "c1")]


def test_find__patients_in_two_folds() -> None:
    found = find(cohort_of(CASES, folds=[("a1 b1 b2 c1", "a2"), ("a1 a2 b1", "b2 c1")]), {})
    assert codes(found) == [("patient-on-two-sides", "error")]
    fault = found.faults[0]
    assert fault.policy and fault.numbers == {"patients": 2.0}
    assert (
        fault.found
        == "2 patients: patient a: a1 (train) and a2 (validation); patient b: b1 (train) and b2 (validation)"
    )
    assert set(fault.cases) == {"a1", "a2", "b1", "b2"}


def test_find__many_patients_are_counted() -> None:
    cases = [made_case(f"p{k:02d}_{scan}", patient=f"p{k:02d}") for k in range(15) for scan in "xy"]
    train, val = (" ".join(case.id for case in cases if case.id.endswith(scan)) for scan in "xy")
    fault = find(cohort_of(cases, folds=[(train, val)]), {}).faults[0]
    assert fault.found.startswith("15 patients: patient p00: ") and fault.found.endswith("and 5 more")


def test_find__nobody_on_two_sides() -> None:
    assert find(cohort_of(CASES, folds=[("a1 a2 c1", "b1 b2"), ("b1 b2", "a1 a2 c1")]), {}).faults == ()
    assert find(cohort_of(CASES), {}).faults == ()


def test_find__a_declared_test_split_is_healed_by_the_run() -> None:
    cases = [made_case("a1", patient="a"), made_case("a2", patient="a", split="test"), made_case("b", patient="b")]
    found = find(cohort_of(cases), {})
    assert codes(found) == [("patient-on-two-sides", "warning")]
    assert not found.faults[0].policy and not found.faults[0].stops


def test_find__the_same_image_of_two_patients() -> None:
    images = {"a1": "same", "b1": "same", "b2": "own", "c1": "other"}
    found = find(cohort_of([CASES[0], *CASES[2:]], folds=[("b1 b2", "a1 c1")], images=images), {})
    assert codes(found) == [("image-on-two-sides", "error")]
    assert set(found.faults[0].cases) == {"a1", "b1"} and found.faults[0].policy


def signatures_of(scans: int, slices: int, *, alike: bool, seed: int = 0) -> dict[str, Signature]:
    """Pictures called scan_slice: within a scan each a little changed from the one before, or each its own."""
    rng = np.random.default_rng(seed)
    found = {}
    for scan in range(scans):
        picture = rng.normal(size=(8, 8))
        for number in range(slices):
            picture = picture + rng.normal(scale=0.3, size=(8, 8)) if alike else rng.normal(size=(8, 8))
            grey = np.clip(np.kron(picture, np.ones((8, 8))) * 30 + 128, 0, 255).astype(np.uint8)
            found[f"scan{scan}_slice_{number:03d}"] = Signature(grey, is_small=False, is_blank=False)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_find__slices_of_scans(seed: int) -> None:
    signatures = signatures_of(5, 12, alike=True, seed=seed)
    cases = [made_case(name) for name in signatures]
    found = find(cohort_of(cases), signatures)
    assert codes(found) == [("slices-of-one-scan", "warning")]
    assert [len(scan) for scan in found.together] == [12] * 5
    names = list(signatures)
    folds = [(" ".join(names[::2]), " ".join(names[1::2]))]
    apart = find(cohort_of(cases, folds=folds), signatures)
    assert codes(apart) == [("slices-on-two-sides", "error")] and apart.faults[0].policy
    by_scan = [(" ".join(names[:36]), " ".join(names[36:]))]
    assert codes(find(cohort_of(cases, folds=by_scan), signatures)) == [("slices-of-one-scan", "warning")]


@pytest.mark.parametrize("seed", range(5))
def test_find__numbers_alone_prove_nothing(seed: int) -> None:
    signatures = signatures_of(5, 12, alike=False, seed=seed)
    assert find(cohort_of([made_case(name) for name in signatures]), signatures).faults == ()


def test_find__slices_of_a_known_patient() -> None:
    signatures = signatures_of(4, 6, alike=True)
    cases = [made_case(name, patient=name.split("_")[0]) for name in signatures]
    assert find(cohort_of(cases), signatures).together == ()
