"""AUROC and average precision of several classes: the error of their mean, and how often its interval holds the truth."""

import numpy as np
import pytest

from classified_samples import made_answers
from scanwright.evaluation.classes.discrimination import auroc_contrast, discrimination_measures
from scanwright.evaluation.classes.ranking import auroc


def test_contrast__error_of_a_mean_is_that_of_the_resampled_mean():
    answers = made_answers(150, 3, skill=0.7)
    weights = np.full(3, 1 / 3)
    value, error = auroc_contrast([answers.view(k) for k in range(3)], weights, 150)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(400):
        chosen = rng.integers(150, size=150)
        again = [auroc(answers.probabilities[chosen, k], answers.truth[chosen] == k).value for k in range(3)]
        drawn.append(np.mean(again))
    assert value == pytest.approx(
        np.mean([auroc(answers.view(k).scores, answers.view(k).positive).value for k in range(3)])
    )
    assert error == pytest.approx(np.std(drawn), rel=0.12)


def test_contrast__of_a_view_with_itself_is_nothing():
    view = made_answers(60).view(1)
    value, error = auroc_contrast([view, view], np.array([1.0, -1.0]), 60)
    assert value == pytest.approx(0, abs=1e-12) and error == pytest.approx(0, abs=1e-12)


def test_means__hold_the_truth_about_as_often_as_stated():
    """150 studies of 60 cases; the truth from 50,000."""
    true, _ = discrimination_measures(made_answers(50_000, 3, seed=999), seed=0, samples=0)
    held = {name: 0 for name in true}
    for seed in range(150):
        found, _ = discrimination_measures(made_answers(60, 3, seed=seed), seed=seed, samples=300)
        for name, estimate in found.items():
            held[name] += estimate.interval[0] <= true[name].value <= estimate.interval[1]
    assert all(number / 150 >= 0.9 for number in held.values()), held
