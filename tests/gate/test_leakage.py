"""What lies on two sides of a split and must not."""

import pytest

from alike_pictures import cohort_of
from scanwright.dataset.split import Fold
from scanwright.gate.leakage import find

NAMES = ["a1", "a2", "b1", "b2", "c1"]
PATIENTS = {name: name[0] for name in NAMES}
LEAKING = Fold(train=("a1", "b1", "c1"), validation=("a2", "b2"))
SOUND = Fold(train=("a1", "a2", "c1"), validation=("b1", "b2"))


def test_find__a_patient_on_two_sides() -> None:
    (fault,) = find(cohort_of(NAMES, patients=PATIENTS, folds=[SOUND, LEAKING])).faults
    assert (fault.code, fault.severity, fault.policy) == ("patient-on-two-sides", "error", True)
    assert fault.cases == ("a1", "a2", "b1", "b2") and fault.numbers == {"patients": 2}
    assert fault.expected == "no patient in both train and validation of fold 1"
    assert "patient a: a1 (train) and a2 (validation)" in fault.found


def test_find__a_sound_split() -> None:
    assert find(cohort_of(NAMES, patients=PATIENTS, folds=[SOUND])).faults == ()
    assert find(cohort_of(NAMES, patients=PATIENTS, is_given=False)).faults == ()


def test_find__folds_that_are_ours_are_not_judged() -> None:
    assert find(cohort_of(NAMES, patients=PATIENTS, folds=[LEAKING], is_given=False)).faults == ()


def test_find__a_patient_of_the_declared_test_split() -> None:
    (fault,) = find(cohort_of(NAMES, patients=PATIENTS, sides={"a2": "test"}, is_given=False)).faults
    assert fault.found == "1 patient: patient a: a2 (test) and a1 (train)"
    assert fault.expected == "no patient in both test and train of the data set's own split"
    assert (fault.code, fault.severity, fault.policy, fault.stops) == ("patient-on-two-sides", "error", True, True)
    assert "learns from no case of a patient who is tested" in fault.action
    (given,) = find(cohort_of(NAMES, patients=PATIENTS, folds=[LEAKING])).faults
    assert "who is tested" not in given.action, "a run uses folds as they are given"


def test_find__more_patients_than_are_shown() -> None:
    names = [f"{patient:02d}_{scan}" for patient in range(15) for scan in "ab"]
    fold = Fold(train=tuple(names[::2]), validation=tuple(names[1::2]))
    (fault,) = find(cohort_of(names, patients={name: name[:2] for name in names}, folds=[fold])).faults
    assert len(fault.cases) == 30 and fault.found.endswith("patient 09: 09_a (train) and 09_b (validation); and 5 more")


@pytest.mark.parametrize("column", ["study_id", "StudyInstanceUID", "accession_number", "scan_id"])
def test_find__a_study_on_two_sides(column: str) -> None:
    groups = {"a1": {column: "7"}, "a2": {column: "7"}, "b1": {column: "8"}, "b2": {column: "9"}}
    (fault,) = find(cohort_of(NAMES, groups=groups, folds=[LEAKING])).faults
    assert (fault.code, fault.cases) == ("scan-on-two-sides", ("a1", "a2"))
    patients = {"a1": "a", "a2": "a"}
    (fault,) = find(cohort_of(NAMES, patients=patients, groups=groups, folds=[LEAKING])).faults
    assert fault.code == "patient-on-two-sides"


def test_find__nobody_on_two_sides_of_two_folds() -> None:
    folds = [SOUND, Fold(train=SOUND.validation, validation=SOUND.train)]
    assert find(cohort_of(NAMES, patients=PATIENTS, folds=folds)).faults == ()


def test_find__what_is_no_study() -> None:
    for groups in ({name: {"scan_id": "0"} for name in NAMES}, {name: {"scanner": "x"} for name in ("a1", "a2")}):
        assert find(cohort_of(NAMES, groups=groups, folds=[LEAKING])).faults == ()


def test_find__the_same_image_on_two_sides() -> None:
    (fault,) = find(cohort_of(NAMES, hashes={"a1": "same", "b2": "same"}, folds=[LEAKING])).faults
    assert (fault.code, fault.severity, fault.policy) == ("image-on-two-sides", "error", True)
    assert fault.cases == ("a1", "b2")
    sides = {"b2": "test"}
    fold = Fold(train=("a1", "b1", "c1"), validation=("a2",))
    assert find(cohort_of(NAMES, hashes={"a1": "same", "b2": "same"}, folds=[fold], sides=sides)).faults == ()
