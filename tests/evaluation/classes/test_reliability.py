"""Calibration error and curve: by hand, and where the truth is known."""

import re
from pathlib import Path

import numpy as np
import pytest

from classified_samples import made_answers
from scanwright.evaluation.classes.reliability import (
    BINS,
    calibration_error,
    calibration_measures,
    equal_mass_bins,
    error_by_chance,
    reliability_curve,
)


def error(chances, positive) -> float:
    return calibration_error(np.asarray(chances, float), np.asarray(positive, bool))


def test_bins__equal_mass_and_ties_together():
    rng = np.random.default_rng(0)
    bins = equal_mass_bins(rng.random(1000))
    assert np.bincount(bins).tolist() == [100] * BINS
    tied = rng.random(100).round(1)
    bins = equal_mass_bins(tied)
    assert all(len(set(bins[tied == value])) == 1 for value in set(tied))
    order = np.argsort(tied)
    assert (np.diff(bins[order]) >= 0).all()


def test_bins__few_cases_have_few():
    assert set(equal_mass_bins(np.linspace(0, 1, 12))) == {0, 1}
    assert equal_mass_bins(np.array([0.3])).tolist() == [0] and len(equal_mass_bins(np.array([]))) == 0


def test_error__by_hand():
    """Two bins of five: 0.2 against 2 of 5, and 0.9 against 3 of 5."""
    chances = [0.2] * 5 + [0.9] * 5
    positive = [1, 1, 0, 0, 0, 1, 1, 1, 0, 0]
    assert error(chances, positive) == pytest.approx((0.2 + 0.3) / 2)


def recipe(p, y) -> float:
    """The error by the lines that docs/concepts/metrics.md gives for it."""
    page = Path(__file__).resolve().parents[3] / "docs" / "concepts" / "metrics.md"
    (lines,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names = {"np": np, "p": np.asarray(p), "y": np.asarray(y)}
    exec(lines, names)
    return float(names["ece"])


@pytest.mark.parametrize("number", [1, 4, 12, 49, 78, 500])
@pytest.mark.parametrize("digits", [None, 1])
def test_error__is_what_the_page_says(number, digits):
    rng = np.random.default_rng(number)
    p = rng.random(number).round(digits) if digits else rng.random(number)
    y = (rng.random(number) < p).astype(int)
    assert error(p, y) == pytest.approx(recipe(p, y), abs=1e-15)


@pytest.mark.parametrize(("choice", "num_classes"), [("one", 2), ("one", 4), ("ordered", 3), ("several", 3)])
def test_measures__are_of_the_probabilities_that_the_page_names(choice, num_classes):
    answers = made_answers(83, num_classes, choice=choice)
    overall, by_class = calibration_measures(answers)
    chances, has = answers.probabilities, answers.indicators
    each = [recipe(chances[:, k], has[:, k]) for k in range(num_classes)]
    assert [found["ece"].value for found in by_class] == pytest.approx(each)
    highest = recipe(chances.max(axis=1), chances.argmax(axis=1) == answers.truth) if choice != "several" else None
    expected = each[1] if num_classes == 2 else np.mean(each) if choice == "several" else highest
    assert overall["ece"].value == pytest.approx(expected)


def test_error__near_zero_for_right_probabilities_and_the_excess_for_wrong_ones():
    rng = np.random.default_rng(1)
    true = rng.random(50_000)
    positive = (rng.random(50_000) < true).astype(int)
    assert error(true, positive) < 0.01
    assert error(np.clip(true, 0.2, 0.7) + 0.3, (rng.random(50_000) < np.clip(true, 0.2, 0.7)).astype(int)) == (
        pytest.approx(0.3, abs=0.01)
    )


def test_error__of_several_classes_is_that_of_the_highest_probability():
    answers = made_answers(500, 3)
    found = calibration_measures(answers)[0]["ece"].value
    right = answers.probabilities.argmax(axis=1) == answers.truth
    assert found == pytest.approx(error(answers.probabilities.max(axis=1), right.astype(int)))


def test_error_by_chance__is_what_a_calibrated_model_shows():
    """Of 200 calibrated models of 80 cases, the error is the stated one in the mean, and under the limit in 95 %."""
    seen, stated = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        chances = rng.random(80)
        seen.append(error(chances, rng.random(80) < chances))
        stated.append(error_by_chance(chances, seed=seed, samples=300))
    mean, limit = np.mean(stated, axis=0)
    assert np.mean(seen) == pytest.approx(mean, rel=0.05)
    assert 0.91 <= np.mean([s <= high for s, (_, high) in zip(seen, stated, strict=True)]) <= 0.99
    assert limit > mean and error_by_chance(np.array([])) is None


def test_error_by_chance__shrinks_with_cases_and_passes_a_faulty_model():
    chances = np.linspace(0.05, 0.95, 2000)
    assert error_by_chance(chances)[1] < 0.5 * error_by_chance(chances[::20])[1]
    assert error(chances, np.linspace(0, 1, 2000) > 0.5) > 3 * error_by_chance(chances)[1]


def test_curve__bins_hold_every_case_and_their_own_shares():
    answers = made_answers(200)
    view = answers.view(1)
    curve = reliability_curve(view.scores, view.positive, answers.owners.tolist())
    assert sum(found.cases for found in curve) == 200 and len(curve) == BINS
    assert sum(found.cases * found.observed for found in curve) == pytest.approx(view.positive.sum())
    assert sum(found.cases * found.predicted for found in curve) == pytest.approx(view.scores.sum())
    assert sum(found.cases * abs(found.observed - found.predicted) for found in curve) / 200 == pytest.approx(
        error(view.scores, answers.truth)
    )
    for found in curve:
        low, high = found.interval
        assert 0 <= low <= found.observed <= high <= 1


def test_curve__one_class_only_and_few_patients():
    curve = reliability_curve(np.full(10, 0.4), np.zeros(10, bool), [0] * 10)
    assert [(found.observed, found.cases, found.interval) for found in curve] == [(0.0, 10, None)]
    assert reliability_curve(np.array([]), np.array([], bool), []) == []
