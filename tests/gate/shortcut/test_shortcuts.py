"""What is planted is found and named; clean cohorts are left in peace."""

import json
import random

import numpy as np
import pytest

from made_cohorts import made_cohort
from scanwright.dataset.cases import Dataset
from scanwright.gate.cohort import Cohort
from scanwright.gate.comparison.effects import number_by_group
from scanwright.gate.shortcut.shortcuts import LIMIT, find

MOSTLY = np.random.default_rng(0)


def mostly(drawn) -> bool:
    """Four of five sick patients, none of the others."""
    return drawn["sick"] and MOSTLY.random() < 0.8


def width(drawn):
    if drawn["sick"]:
        drawn["traits"]["size"]["voxels x"] = 512.0


def size_of_file(drawn):
    drawn["traits"]["file"]["bytes"] *= 3 if drawn["sick"] else 1


def format_of_file(drawn):
    drawn["traits"]["file"]["format"] = ".jpg" if mostly(drawn) else ".png"


def corner(drawn):
    drawn["traits"]["border"]["corner 2 mean"] += 60 if mostly(drawn) else 0


def site(drawn):
    drawn["site"] = "A" if mostly(drawn) else "B" if not drawn["sick"] else drawn["site"]


def day(drawn):
    drawn["traits"]["date"] = {"changed": float(MOSTLY.integers(1000, 1300) + 200 * drawn["sick"])}


PLANTED = {
    "size": width,
    "file": size_of_file,
    "border": corner,
    "place": site,
    "date": day,
}


@pytest.mark.parametrize("patients", [60, 200])
@pytest.mark.parametrize("family", PLANTED)
def test_find__planted(family, patients):
    hunt = find(*made_cohort(patients, 7, plant=PLANTED[family]))
    assert {trail.family for trail in hunt.trails if trail.is_shortcut} == {family}
    (fault,) = hunt.faults
    assert (fault.code, fault.severity, fault.policy) == ("shortcut", "warning", True)
    assert 0.5 < fault.numbers["low"] < fault.numbers["auc"] < fault.numbers["high"] <= 1
    assert fault.numbers["limit"] == LIMIT and "sick with AUC" in fault.found


def test_find__format_alone():
    hunt = find(*made_cohort(80, 3, plant=format_of_file))
    assert [trail.family for trail in hunt.trails if trail.is_shortcut] == ["file"]


def test_find__burned_in_marks():
    cohort, glances = made_cohort(80, 4)
    marks = {case.id: 2 for case in cohort.cases if case.target.names == ("sick",)}
    assert [fault.found.split(" alone")[0] for fault in find(cohort, glances, marks=marks).faults] == [
        "burned-in marks"
    ]
    everywhere = {case.id: 2 for case in cohort.cases}
    assert not find(cohort, glances, marks=everywhere).faults


def test_find__clean_cohorts():
    """30 cohorts with scans by ones and threes and rare answers: at most two with an interval that excludes 0.5."""
    excluded = faults = 0
    for seed in range(30):
        patients, each, share = ((40, 3, 0.5), (60, 1, 0.3), (120, 1, 0.15))[seed % 3]
        hunt = find(*made_cohort(patients, seed, each=each, share=share))
        excluded += any(not trail.guess.low <= 0.5 <= trail.guess.high for trail in hunt.trails)
        faults += len(hunt.faults)
    assert excluded <= 3 and faults <= 1


def test_find__many_scans_of_a_patient_are_no_evidence():
    """Twelve sick and twelve healthy patients, 20 scans each: what is the patient's own does not tell the answer."""
    hunts = [find(*made_cohort(24, seed, each=20)) for seed in range(5)]
    assert not any(hunt.faults for hunt in hunts)
    assert all(trail.guess.positives + trail.guess.negatives <= 24 for hunt in hunts for trail in hunt.trails)


def test_find__the_same_for_any_order_of_the_cases():
    cohort, glances = made_cohort(60, 8, each=2, plant=width)
    shuffled = list(cohort.cases)
    random.Random(0).shuffle(shuffled)
    dataset = Dataset(**{**dict(cohort.dataset), "cases": tuple(shuffled)})
    other = Cohort(dataset=dataset, facts=cohort.facts)
    assert find(other, dict(reversed(glances.items()))) == find(cohort, glances)


def test_find__test_cases_are_not_asked():
    def in_test(drawn):
        if drawn["test"] and drawn["sick"]:
            drawn["traits"]["size"]["voxels x"] = 512.0

    hunt = find(*made_cohort(150, 9, test=0.4, plant=in_test))
    assert not hunt.faults and all(trail.guess.positives < 60 for trail in hunt.trails)


def test_find__numbers_that_begin_again_in_every_class_are_no_trait():
    def by_class(drawn):
        drawn["traits"]["name"]["number"] = drawn["traits"]["name"]["number"] // 2 + 100 * drawn["sick"]

    def apart(drawn):
        drawn["traits"]["name"]["number"] += 1000 * drawn["sick"]

    assert "name" not in {trail.family for trail in find(*made_cohort(100, 1, plant=by_class)).trails}
    (fault,) = find(*made_cohort(100, 1, plant=apart)).faults
    assert fault.severity == "note" and "name" in fault.found


def test_find__files_that_were_copied_within_a_day():
    def copied(drawn):
        drawn["traits"]["date"] = {"changed": 20000.0 + drawn["sick"]}

    assert "date" not in {trail.family for trail in find(*made_cohort(100, 1, plant=copied)).trails}


def test_find__nothing_to_ask_or_to_look_at():
    cohort, glances = made_cohort(12, 0)
    assert find(cohort, glances).trails == ()
    cohort, _ = made_cohort(60, 0)
    assert {trail.family for trail in find(cohort, {}).trails} <= {"place"}


def test_find__some_cases_without_a_glance():
    cohort, glances = made_cohort(120, 2, plant=width)
    half = {case: found for number, (case, found) in enumerate(glances.items()) if number % 2}
    (trail,) = [trail for trail in find(cohort, half).trails if trail.is_shortcut]
    assert trail.family == "size" and trail.guess.positives + trail.guess.negatives == 60


def test_hunt__json_is_plain():
    hunt = find(*made_cohort(60, 7, plant=width))
    told = json.loads(json.dumps(hunt.to_json(), allow_nan=False))["trails"]
    assert told[0]["family"] == "size" and told[0]["is_shortcut"] and len(told) == len(hunt.trails)


def test_limit__is_cliffs_medium_delta():
    """Of numbers with a delta of 2 LIMIT - 1 = 0.33 an effect counts as medium; just under it as small."""
    assert pytest.approx(0.33) == 2 * LIMIT - 1
    ones = [1.0] * 67 + [0.0] * 33
    assert number_by_group([0.5] * 100 + [2 * one for one in ones], ["a"] * 100 + ["b"] * 100).size == "medium"
