"""What answers of other models differ by from those of the best one, whatever the kind of problem."""

import numpy as np
import pytest

from scanwright.dataset.task import Channel, Region, Task
from scanwright.evaluation.cases.judged import ClassifiedCase, MeasuredCase
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.problem.classification import Classification
from scanwright.problem.regression import Regression
from scanwright.problem.segmentation import Segmentation

CHANNELS = (Channel(name="X", modality="xray"),)
NUMBER = 40


def classified(noise, *, seed):
    rng = np.random.default_rng(seed)
    truth = np.arange(NUMBER) % 2
    chances = 1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(0, noise, NUMBER))))
    return [
        ClassifiedCase(
            case=f"c{k:02d}", patient=f"p{k}", fold=k % 5, probabilities=(1 - p, p), truth=int(t), decision=int(p > 0.5)
        )
        for k, (t, p) in enumerate(zip(truth, chances.tolist(), strict=True))
    ]


def test_classes__areas_and_accuracies_of_the_same_cases_whatever_their_order():
    task = Task(name="t", kind="classification", classes=("a", "b"), channels=CHANNELS)
    rows = {"good": classified(0.3, seed=0), "poor": classified(5.0, seed=1)[::-1]}
    found = Classification(task).compare(rows, "good", seed=0)
    assert set(found) == {"poor"}
    area, accuracy = found["poor"]
    assert (area.metric, accuracy.metric) == ("auroc", "accuracy") and area.estimate.n == NUMBER
    assert area.estimate.mean < -0.1 and area.estimate.high < 0 and area.p < 0.01
    right = {name: np.mean([row.truth == row.decision for row in of]) for name, of in rows.items()}
    assert accuracy.estimate.mean == pytest.approx(right["poor"] - right["good"])


def measured(error, *, seed):
    rng = np.random.default_rng(seed)
    return [
        MeasuredCase(
            case=f"c{k:02d}",
            patient=f"p{k}",
            fold=k % 5,
            predicted=(k + error * rng.normal(), -k + error * rng.normal()),
            truth=(float(k), None if k == 3 else float(-k)),
        )
        for k in range(NUMBER)
    ]


def test_numbers__mean_errors_of_each_quantity_where_it_is_known():
    task = Task(name="t", kind="regression", quantities=("u", "v"), channels=CHANNELS)
    found = Regression(task).compare({"good": measured(0.1, seed=0), "poor": measured(4, seed=1)}, "good", seed=0)
    first, second = found["poor"]
    assert [(one.metric, one.part, one.estimate.n) for one in (first, second)] == [
        ("mae", "u", NUMBER), ("mae", "v", NUMBER - 1),
    ]  # fmt: skip
    assert first.estimate.mean > 1 and first.estimate.low > 0 and first.p < 0.01


def test_labels__mean_scores_of_cases():
    task = Task(name="t", channels=CHANNELS, regions=(Region(name="r", values=(1,)),))
    rows = {
        name: [
            CaseRow(case=f"c{k:02d}", patient=f"p{k}", fold=0, metrics={"r": {"dice": dice + 0.001 * k}})
            for k in range(12)
        ]
        for name, dice in (("good", 0.9), ("poor", 0.8))
    }
    (one,) = Segmentation(task).compare(rows, "good", seed=0)["poor"]
    assert one.metric == "dice" and one.estimate.mean == pytest.approx(-0.1) and one.p < 0.01
