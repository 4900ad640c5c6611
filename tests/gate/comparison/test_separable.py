"""Parts of a data set that look different are told apart; parts that were drawn at random are not."""

import json

import pytest

from made_cohorts import made_cohort
from scanwright.dataset.cases import Dataset
from scanwright.gate.cohort import Cohort
from scanwright.gate.comparison.separable import find


def darker(part: str, value: object, by: float):
    """Shift every intensity quantile of the cases of a part."""

    def plant(drawn):
        if drawn[part] == value:
            for number in range(16):
                drawn["traits"]["look"][f"quantile {number}"] -= by

    return plant


def test_find__clean_cohorts():
    """20 cohorts, split and three sites: at most two of them have an interval that excludes 0.5, and one a fault."""
    found = [find(*made_cohort(80, seed, test=0.3)) for seed in range(20)]
    assert {one.column for one in found[0].separations} == {"split", "site"}
    assert sum(any(not one.guess.low <= 0.5 <= one.guess.high for one in each.separations) for each in found) <= 3
    assert sum(bool(each.faults) for each in found) <= 2


def test_find__a_test_split_from_elsewhere():
    found = find(*made_cohort(100, 1, test=0.3, plant=darker("test", True, 5.0)))
    (fault,) = found.faults
    assert (fault.code, fault.severity) == ("split-separable", "warning")
    assert fault.numbers["auc"] > 0.8 and fault.numbers["low"] > 0.5
    assert found.separations[0].group == "train"


def test_find__a_site_with_another_scanner():
    (fault,) = find(*made_cohort(120, 2, plant=darker("site", "B", 6.0))).faults
    assert (fault.code, fault.severity) == ("site-separable", "note")
    assert "site B" in fault.found and fault.numbers["auc"] > 0.8


def test_find__only_places_are_told_apart():
    found = find(*made_cohort(80, 3, plant=darker("sex", "f", 10.0)))
    assert {one.column for one in found.separations} == {"site"} and not found.faults


def test_find__names_and_dates_are_not_looked_at():
    def numbered(drawn):
        drawn["traits"]["name"]["number"] += 1000 * drawn["test"]
        drawn["traits"]["date"] = {"changed": 1000.0 * drawn["test"]}

    assert not find(*made_cohort(100, 4, test=0.4, plant=numbered)).faults


@pytest.mark.parametrize("each", [1, 15])
def test_find__a_patient_counts_once(each):
    found = find(*made_cohort(40, 5, each=each, test=0.4))
    assert not found.faults
    assert all(one.guess.positives + one.guess.negatives <= 40 for one in found.separations)


def test_find__order_does_not_matter_and_json_is_plain():
    cohort, glances = made_cohort(50, 6, each=2, test=0.4)
    dataset = Dataset(**{**dict(cohort.dataset), "cases": cohort.dataset.cases[::-1]})
    found = find(cohort, glances)
    assert find(Cohort(dataset=dataset, facts=cohort.facts), dict(reversed(glances.items()))) == found
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["separations"]


def test_find__nothing_to_tell_apart():
    cohort, glances = made_cohort(8, 7)
    assert find(cohort, glances).separations == () == find(cohort, {}).separations
