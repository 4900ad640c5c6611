"""From judged cases to metrics.json and cases.csv."""

import csv
import io
import json

import numpy as np
import pytest

from scanwright.errors import UsageError
from scanwright.evaluation.cases.judged import (
    ClassifiedCase,
    MeasuredCase,
    answers_of,
    classified_to_csv,
    measured_to_csv,
)
from scanwright.evaluation.classes.classification import measure_answers
from scanwright.evaluation.summaries.summary import summarise_classification, summarise_regression
from summary_keys import OF_CASES


def classified(num_cases: int, *, seed: int = 0) -> list[ClassifiedCase]:
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(num_cases):
        truth, chance = k % 2, float(rng.beta(2, 2))
        chance = float(np.clip(chance + 0.3 * (truth - 0.5), 0.01, 0.99))
        groups = {"site": "A" if k % 3 else "B"} if k % 5 else {}
        rows.append(
            ClassifiedCase(
                case=f"c{k}", patient=f"P{k}", fold=k % 2, groups=groups, truth=truth, decision=int(chance > 0.5),
                probabilities=(1 - chance, chance),
            )
        )  # fmt: skip
    return rows


def measured(num_cases: int) -> list[MeasuredCase]:
    rng = np.random.default_rng(0)
    return [
        MeasuredCase(
            case=f"c{k}", patient=f"P{k}", fold=k % 2, truth=(float(k), None if k == 0 else 2.0 * k),
            predicted=(k + rng.normal(), 2 * k + rng.normal()),
        )
        for k in range(num_cases)
    ]  # fmt: skip


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_classification__shape_of_metrics_json():
    rows, test = classified(60), classified(20, seed=1)
    found = summarise_classification(rows, classes=["benign", "malignant"], choice="one", samples=200, test=test)
    assert list(found) == [
        "problem",
        "primary",
        *OF_CASES,
        "test",
    ]
    assert (found["problem"], found["primary"], found["cases"], found["patients"]) == (
        "classification",
        "auroc",
        60,
        60,
    )
    assert list(found["by_class"]) == ["benign", "malignant"]
    assert set(found["by_group"]["site"]) == {"(not stated)", "A", "B"}
    assert set(found["by_fold"]) == {"0", "1"}
    assert list(found["test"]) == [
        *OF_CASES,
    ]
    for measures in (found["overall"], *found["by_class"].values(), found["by_fold"]["0"], found["test"]["overall"]):
        assert all(list(value) == ["mean", "ci95", "n", "n_defined"] for value in measures.values())
    json.dumps(found, allow_nan=False)


def test_classification__numbers_are_those_of_their_cases():
    rows = classified(60)
    found = summarise_classification(rows, classes=["benign", "malignant"], choice="one", samples=200)
    overall, by_class = measure_answers(answers_of(rows, choice="one"), samples=200)
    assert found["overall"] == {name: estimate.as_json() for name, estimate in overall.items()}
    assert found["by_class"]["benign"]["f1"] == by_class[0]["f1"].as_json()
    chosen = [row for row in rows if row.groups.get("site") == "B"]
    group, _ = measure_answers(answers_of(chosen, choice="one"), samples=200)
    assert found["by_group"]["site"]["B"]["auroc"] == group["auroc"].as_json()
    fold = found["by_fold"]["1"]["accuracy"]
    assert fold["ci95"] is None and fold["mean"] == np.mean([r.truth == r.decision for r in rows if r.fold == 1])


def test_classification__all_negative_fold_is_not_defined_and_not_zero():
    rows = [row for row in classified(40) if row.fold == 0 or row.truth == 1]
    assert {row.truth for row in rows if row.fold == 0} == {0}
    found = summarise_classification(rows, classes=["no", "yes"], choice="one", samples=100)
    assert found["by_fold"]["0"]["auroc"] == {"mean": None, "ci95": None, "n": 20, "n_defined": 0}
    assert found["by_fold"]["0"]["sensitivity"]["mean"] is None
    json.dumps(found, allow_nan=False)


def test_labels__truth_that_is_not_known():
    rows = [
        ClassifiedCase(
            case=f"c{k}", patient=f"P{k}", truth=(k % 2 == 0, None if k < 4 else k % 3 == 0), decision=(k % 2 == 0, False),
            probabilities=(0.2 + 0.5 * (k % 2 == 0), 0.3),
        )
        for k in range(12)
    ]  # fmt: skip
    answers = answers_of(rows, choice="several")
    assert answers.known.sum(axis=0).tolist() == [12, 8]
    found = summarise_classification(rows, classes=["oedema", "mass"], choice="several", samples=100)
    assert found["by_class"]["oedema"]["auroc"]["mean"] == 1.0
    assert found["by_class"]["mass"]["accuracy"]["n"] == 8
    first = table(classified_to_csv(rows, classes=["oedema", "mass"]))[0]
    assert (first["truth[oedema]"], first["decision[oedema]"], first["truth[mass]"]) == ("1", "1", "")
    assert first["probability[mass]"] == "0.3"


def test_classification__csv():
    rows = classified(8)
    found = table(classified_to_csv(rows, classes=["benign", "malignant"]))
    assert list(found[0]) == [
        "case", "patient", "fold", "site", "truth", "decision", "probability[benign]", "probability[malignant]",
    ]  # fmt: skip
    assert (found[1]["truth"], found[1]["fold"], found[0]["site"]) == ("malignant", "1", "")
    for row, line in zip(rows, found, strict=True):
        assert float(line["probability[malignant]"]) == pytest.approx(row.probabilities[1])
        assert (line["decision"] == "malignant") == (row.decision == 1)


def test_regression__shape_and_units():
    found = summarise_regression(measured(30), quantities=["age", "volume"], units=["years", "ml"], samples=200)
    assert list(found) == [
        "problem",
        "primary",
        "units",
        *OF_CASES,
    ]
    assert found["units"] == {"age": "years", "volume": "ml"}
    assert found["overall"]["mae"]["mean"] is None and found["overall"]["r2"]["mean"] > 0.9
    assert found["by_class"]["volume"]["mae"]["n_defined"] == 29
    assert set(found["by_fold"]) == {"0", "1"} and found["by_fold"]["0"]["r2"]["ci95"] is None
    json.dumps(found, allow_nan=False)


def test_regression__csv():
    rows = measured(3)
    found = table(measured_to_csv(rows, quantities=["age", "volume"]))
    assert found[0]["truth[volume]"] == found[0]["error[volume]"] == ""
    assert float(found[2]["error[age]"]) == pytest.approx(rows[2].predicted[0] - 2.0)


def test_wrong_arguments():
    rows = classified(10)
    with pytest.raises(UsageError, match="nothing to summarise"):
        summarise_classification([], classes=["a", "b"], choice="one")
    with pytest.raises(UsageError, match="by this measure"):
        summarise_classification(rows, classes=["a", "b"], choice="one", primary="dice", samples=0)
    with pytest.raises(UsageError, match="probability for each class"):
        summarise_classification(rows, classes=["a", "b", "c"], choice="one", samples=0)
    with pytest.raises(UsageError, match="several labels"):
        summarise_classification(rows, classes=["a", "b"], choice="several", samples=0)
    with pytest.raises(UsageError, match="each quantity"):
        summarise_regression(measured(5), quantities=["age"], samples=0)
