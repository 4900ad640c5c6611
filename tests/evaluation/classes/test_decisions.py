"""Intervals of what a confusion matrix says: how often they hold the truth."""

import numpy as np
import pytest

from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.decisions import counts_by_patient, decision_measures, strays_of


def study(num_cases: int, num_classes: int, right: float, seed: int) -> Answers:
    """Equally frequent classes, of which a share is decided rightly and the rest as any other class."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(num_classes, size=num_cases)
    other = (truth + rng.integers(1, num_classes, size=num_cases)) % num_classes
    decided = np.where(rng.random(num_cases) < right, truth, other)
    return Answers.of(np.eye(num_classes)[decided], truth, decided, range(num_cases))


@pytest.mark.parametrize(("cases", "classes", "right"), [(40, 2, 0.9), (40, 2, 0.97), (60, 4, 0.9), (200, 2, 0.9)])
def test_intervals__hold_the_truth_about_as_often_as_stated(cases, classes, right):
    """200 studies each."""
    true = {"accuracy": right, "balanced_accuracy": right, "mcc": (right - 1 / classes) / (1 - 1 / classes)}
    true |= {"sensitivity": right, "kappa": true["mcc"], "f1": right}
    held: dict[str, list[bool]] = {name: [] for name in true}
    for seed in range(200):
        overall, _ = decision_measures(study(cases, classes, right, seed), seed=seed, samples=400)
        for name, value in true.items():
            if overall[name].interval is not None:
                low, high = overall[name].interval
                held[name].append(low <= value <= high)
    assert all(len(each) > 190 and 0.89 <= np.mean(each) <= 0.995 for each in held.values()), held


def test_strays__half_right_and_light_for_many_classes():
    answers = study(60, 4, 0.9, 0)
    counts = counts_by_patient(answers.truth, answers.decisions, answers.owners, 60, num_classes=4)
    strays = strays_of(counts)
    assert strays.shape == (4, 4, 4) and strays.sum() == pytest.approx(2)
    for k in range(4):
        assert strays[k, k].sum() == pytest.approx(0.5) and strays[k].sum() == pytest.approx(0.5)
        assert strays[k, k, k] == pytest.approx(0.25)


def test_strays__none_of_a_class_that_does_not_occur():
    assert strays_of(np.array([[[1.0, 0], [0, 0]]] * 3))[1].sum() == 0
