"""The headline in draws of patients: as the measure itself of rows that are repeated as often."""

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from classified_samples import made_answers
from detected_samples import made_case
from scanwright.evaluation.boxes.detection_measures import measure_detections
from scanwright.evaluation.boxes.matched import match_cases
from scanwright.evaluation.classes.classification import measure_answers
from scanwright.evaluation.numbers.regression import measure_numbers
from scanwright.evaluation.summaries.headlines import aurocs_drawn, means_drawn, numbers_drawn, precisions_drawn


def draws_of(patients, *, seed=0):
    return np.random.default_rng(seed).multinomial(patients, np.full(patients, 1 / patients), size=5).astype(float)


def test_means__repeat_cases():
    scores, patients, counts = (
        [0.2, None, 0.8, 0.6],
        ["a", "a", "b", "c"],
        np.array([[1.0, 1, 1], [2, 0, 1], [0, 0, 0]]),
    )
    assert means_drawn(scores, patients, counts) == pytest.approx([1.6 / 3, 1.0 / 3, np.nan], nan_ok=True)


@pytest.mark.parametrize("digits", [None, 1])
def test_aurocs__repeat_cases(digits):
    answers = made_answers(60, digits=digits, cases_each=2)
    counts = draws_of(30)
    for row, found in zip(counts, aurocs_drawn(answers, counts), strict=True):
        often = np.repeat(np.arange(60), row[answers.owners].astype(int))
        assert found == pytest.approx(roc_auc_score(answers.truth[often], answers.probabilities[often, 1]))
    assert np.isnan(aurocs_drawn(answers, np.zeros((1, 30)))[0])


@pytest.mark.parametrize(("classes", "choice"), [(2, "one"), (4, "one"), (3, "several")])
def test_aurocs__of_every_patient_once_are_the_headline(classes, choice):
    answers = made_answers(80, classes, choice=choice)
    overall, _ = measure_answers(answers, samples=0)
    assert aurocs_drawn(answers, np.ones((1, 80)))[0] == pytest.approx(overall["auroc"].value)


def test_numbers__repeat_cases():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(40, 1))
    predicted, patients, counts = truth + rng.normal(0, 0.3, truth.shape), list(range(40)), draws_of(40)
    for row, found in zip(counts, numbers_drawn(predicted, truth, patients, counts, metric="r2"), strict=True):
        often = np.repeat(np.arange(40), row.astype(int))
        assert found == pytest.approx(r2_score(truth[often], predicted[often]))
    overall, _ = measure_numbers(predicted, truth, patients, samples=0)
    once = np.ones((1, 40))
    assert numbers_drawn(predicted, truth, patients, once, metric="mae")[0] == pytest.approx(overall["mae"].value)
    assert np.isnan(numbers_drawn(predicted, truth, patients, once, metric="of one's own")).all()


def test_precisions__of_every_patient_once_are_the_headline():
    rng = np.random.default_rng(0)
    matched = match_cases([made_case(number, rng) for number in range(12)], num_classes=2)
    overall, _ = measure_detections(matched, num_classes=2, samples=0)
    patients = len({one.patient for one in matched})
    assert precisions_drawn(matched, np.ones((1, patients)), num_classes=2)[0] == pytest.approx(overall["map50"].value)
    twice = precisions_drawn(matched, np.full((1, patients), 2.0), num_classes=2)[0]
    assert twice == pytest.approx(overall["map50"].value)
