"""What differs by split, site or age is told with its effect; what does not is left alone."""

import json

import numpy as np
import pytest

from made_cohorts import made_cohort
from made_folders import made_facts, made_task
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.split import Fold, Splits
from scanwright.gate.cohort import Cohort
from scanwright.gate.comparison.distribution import find
from scanwright.gate.comparison.measured import numbers_of, words_of


def rows_of(found, grouping: str) -> dict:
    return {row.measure: row for row in found.rows if row.grouping == grouping}


def test_find__clean_cohorts():
    """30 cohorts with a declared test split, a site, a sex and an age: at most one says that anything differs."""
    told = [find(made_cohort(60, seed, test=0.3)[0]) for seed in range(30)]
    assert sum(bool(found.faults) for found in told) <= 1
    assert all(len(found.rows) > 15 for found in told)


def test_find__brighter_test_images():
    def brighter(drawn):
        drawn["level"] += 25 if drawn["test"] else 0

    found = find(made_cohort(100, 1, test=0.3, plant=brighter)[0])
    (fault,) = found.faults
    assert (fault.code, fault.severity, fault.policy) == ("split-differs", "warning", False)
    assert "US mean" in fault.found and "Cliff's delta" in fault.found
    row = rows_of(found, "split")["US mean"]
    assert row.differs and row.found.effect > 0.474 and row.p < 0.01
    assert row.groups["test"].quartiles[1] - row.groups["train"].quartiles[1] == pytest.approx(25, abs=6)
    assert row.groups["test"].n + row.groups["train"].n == 100


def test_find__columns_against_the_split():
    def old_men(drawn):
        if drawn["test"]:
            drawn["age"], drawn["sex"] = drawn["age"] + 30, "m"

    differing = {row.measure for row in find(made_cohort(150, 2, test=0.3, plant=old_men)[0]).rows if row.differs}
    assert {"age", "sex"} <= differing


def test_find__another_scanner_is_a_note_and_an_answer_by_site_a_warning():
    def dark(drawn):
        drawn["level"] -= 40 if drawn["site"] == "B" else 0

    def sick(drawn):
        drawn["site"] = "A" if drawn["sick"] else "B"

    (note,) = find(made_cohort(100, 3, plant=dark)[0]).faults
    assert (note.code, note.severity) == ("group-differs", "note") and "site" in note.found
    (warning,) = find(made_cohort(100, 3, plant=sick)[0]).faults
    assert warning.severity == "warning" and "class" in warning.found and warning.numbers["effect"] == 1


def test_find__answers_by_anything_but_a_site_are_a_note():
    def women(drawn):
        drawn["sex"] = "f" if drawn["sick"] else "m"

    (note,) = find(made_cohort(100, 3, plant=women)[0]).faults
    assert note.severity == "note" and note.found.startswith("sex")


def test_find__age_by_ranks_and_by_class():
    def aged(drawn):
        drawn["level"] = 2 * drawn["age"]
        drawn["age"] += 30 * drawn["sick"]

    rows = rows_of(find(made_cohort(150, 4, plant=aged)[0]), "age")
    assert rows["class"].found.test == "Mann-Whitney" and rows["class"].differs
    assert rows["US mean"].found.test == "Spearman" and rows["US mean"].groups == {}


def test_find__folds_made_here_are_not_tested():
    cohort, _ = made_cohort(40, 5)
    ids = tuple(case.id for case in cohort.cases)
    ours = Splits(folds=(Fold(train=ids[20:], validation=ids[:20]),), source="made with seed 0")
    assert not rows_of(find(Cohort(dataset=cohort.dataset, facts=cohort.facts, splits=ours)), "split")
    given = Cohort(dataset=cohort.dataset, facts=cohort.facts, splits=ours, is_given=True)
    assert set(rows_of(find(given), "split")["US mean"].groups) == {"train", "validation"}


def test_find__many_scans_of_a_patient_count_once():
    """Ten patients with 40 scans each: what a patient has is no evidence of its site 40 times over."""
    found = [find(made_cohort(20, seed, each=40, test=0.4)[0]) for seed in range(5)]
    assert not any(one.faults for one in found)
    assert all(sum(group.n for group in row.groups.values()) <= 20 for one in found for row in one.rows)


def test_find__p_values_are_corrected_over_the_whole_table():
    found = find(made_cohort(60, 6, test=0.3)[0])
    lowest = min(found.rows, key=lambda row: row.found.p)
    assert lowest.p == pytest.approx(min(1.0, lowest.found.p * len(found.rows)))
    assert all(row.p >= row.found.p for row in found.rows)


def test_find__significant_but_small_is_no_difference():
    def barely(drawn):
        drawn["level"] += 3.5 if drawn["test"] else 0

    row = rows_of(find(made_cohort(3000, 7, test=0.5, plant=barely)[0]), "split")["US mean"]
    assert row.p < 1e-6 and row.found.size == "small" and not row.differs


def test_find__json_is_plain_and_order_does_not_matter():
    cohort, _ = made_cohort(60, 8, each=2, test=0.3)
    told = json.loads(json.dumps(find(cohort).to_json(), allow_nan=False))
    assert {"grouping", "measure", "groups", "test", "p", "p_corrected", "effect", "differs"} == told["rows"][0].keys()
    dataset = Dataset(**{**dict(cohort.dataset), "cases": cohort.dataset.cases[::-1]})
    assert find(Cohort(dataset=dataset, facts=cohort.facts)) == find(cohort)


def test_find__nothing_to_compare():
    cohort, _ = made_cohort(3, 0)
    assert find(cohort).rows == () and find(cohort).faults == ()


def test_measures__in_canonical_order_and_millilitres():
    task = made_task()
    case = Case(id="a", images=("i",), label="l", patient="a")
    facts = made_facts(
        "a", shape=(10, 20, 30), spacing=(3.0, 1.0, 2.0), orientation="SRA", region_voxels={"liver": 500, "tumour": 0}
    )
    dataset = Dataset(root="root", layout="made", stated="", task=task, cases=(case,))
    cohort = Cohort(dataset=dataset, facts={"a": facts})
    numbers = {name: by_case["a"] for name, by_case in numbers_of(cohort).items()}
    assert [numbers[f"voxels {axis}"] for axis in "xyz"] == [20, 30, 10]
    assert [numbers[f"extent {axis} (mm)"] for axis in "xyz"] == [20, 60, 30]
    assert numbers["liver volume (ml)"] == pytest.approx(3.0) and "tumour volume (ml)" not in numbers
    words = {name: by_case["a"] for name, by_case in words_of(cohort).items()}
    assert (words["liver present"], words["tumour present"], words["axis order"]) == ("yes", "no", "SRA")
    assert np.isfinite(list(numbers.values())).all()
