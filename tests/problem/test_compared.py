"""Every kind of problem: judged cases kept and read back, and the measures by which models are compared."""

import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, mean_absolute_error, r2_score, roc_auc_score

from judged_samples import TASKS, rows_of
from scanwright.errors import InputError
from scanwright.evaluation.comparing.contrast import all_values
from scanwright.evaluation.summaries.kept_rows import read_rows, same_truth
from scanwright.problem.known import problem_of


@pytest.mark.parametrize("kind", TASKS)
def test_rows__are_kept_whole(kind):
    problem, rows = problem_of(TASKS[kind]), rows_of(kind)
    kept = json.loads(json.dumps([problem.kept(row) for row in rows]))
    back = read_rows(kept, problem.row_of, where="here")
    assert problem.table(back) == problem.table(rows)
    assert same_truth(rows, back, problem.truths) == []
    assert [row.groups for row in back] == [row.groups for row in rows]
    summaries = [problem.summary(one, [], seed=0, yardstick=1.0)["overall"] for one in (rows, back)]
    for name, one in summaries[0].items():
        assert summaries[1][name]["mean"] == (None if one["mean"] is None else pytest.approx(one["mean"], rel=1e-9)), (
            name
        )


@pytest.mark.parametrize("kind", TASKS)
def test_rows__that_are_none(kind):
    problem = problem_of(TASKS[kind])
    for data in ({}, [{}], [{"case": "a"}], [3], 7, None, [{"case": "a", "patient": "b", "fold": "x", "groups": {}}]):
        if data:
            with pytest.raises(InputError, match="cannot be read"):
                read_rows(data, problem.row_of, where="here")


@pytest.mark.parametrize("kind", TASKS)
def test_measures__of_the_summary(kind):
    """Each measure over all parts has the value that metrics.json has under its name."""
    problem, rows = problem_of(TASKS[kind]), rows_of(kind)
    found = problem.measurable({"a": rows, "b": rows_of(kind, noise=2.0, seed=1)})
    summary = problem.summary(rows, [], seed=0, yardstick=1.0)
    one = {**summary["overall"], **summary.get("findings", {}).get("overall", {})}
    compared = 0
    for measure in found.measures:
        if kind == "several" and measure.metric == "accuracy":
            continue  # of labels the mean over cases here, over labels there
        if not measure.part and measure.metric in one and one[measure.metric]["n_defined"]:
            value = all_values(measure)["a"]
            if measure.metric not in ("false_positives", "sensitivity") or kind != "detection":
                assert value == pytest.approx(one[measure.metric]["mean"], rel=1e-5), measure.metric
                compared += 1
    assert compared and found.measures[0].part == ""
    assert found.cases == tuple(row.case for row in rows)


@pytest.mark.parametrize("kind", TASKS)
def test_measures__tell_a_worse_model(kind):
    problem = problem_of(TASKS[kind])
    rows = {"good": rows_of(kind, number=60, noise=0.3), "poor": rows_of(kind, number=60, noise=6.0, seed=2)}
    first = problem.measurable(rows).measures[0]
    one = first.pair("good", "poor", level=0.95, seed=0, samples=400)
    assert next(iter(one.p.values())) < 0.05
    assert (one.value > 0) == (first.better == "higher")


def test_classes__against_scikit_learn():
    rows = rows_of("classification", number=60)
    truth, told = np.array([row.truth for row in rows]), np.array([row.decision for row in rows])
    chance = np.array([row.probabilities[1] for row in rows])
    found = {
        one.metric: all_values(one)["a"] for one in problem_of(TASKS["classification"]).measurable({"a": rows}).measures
    }
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, chance))
    assert found["brier"] == pytest.approx(brier_score_loss(truth, chance))
    grades = rows_of("grades", number=60)
    truth, told = ([getattr(row, name) for row in grades] for name in ("truth", "decision"))
    found = {
        one.metric: all_values(one)["a"]
        for one in problem_of(TASKS["grades"]).measurable({"a": grades}).measures
        if not one.part
    }
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, told))


def test_numbers__against_scikit_learn():
    rows = rows_of("quantities", number=40)
    truth, told = (np.array([getattr(row, name) for row in rows]) for name in ("truth", "predicted"))
    found = {
        (one.metric, one.part): all_values(one)["a"]
        for one in problem_of(TASKS["quantities"]).measurable({"a": rows}).measures
    }
    assert found["r2", ""] == pytest.approx(r2_score(truth, told))
    assert found["mae", "age"] == pytest.approx(mean_absolute_error(truth[:, 1], told[:, 1]))
