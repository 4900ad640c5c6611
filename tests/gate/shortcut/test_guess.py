"""A small model's AUC: right on what is planted, and honest on nothing."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scanwright.gate.shortcut.guess import MAX_PATIENTS, MIN_EACH, encode, guess


def noise(seed: int, patients: int, columns: int = 6) -> dict[str, list]:
    rng = np.random.default_rng(seed)
    return {f"x{k}": rng.normal(size=patients).tolist() for k in range(columns)}


def halves(patients: int) -> list[bool]:
    return [number % 2 == 0 for number in range(patients)]


def test_guess__nothing_to_tell():
    """120 draws of noise: the mean is 0.5 and not below, and at most a twentieth of the intervals lie above it."""
    found = [guess(noise(seed, 40), halves(40)) for seed in range(120)]
    assert np.mean([one.auc for one in found]) == pytest.approx(0.5, abs=0.035)
    assert sum(one.low > 0.5 for one in found) <= 6
    assert sum(one.low <= 0.5 <= one.high for one in found) >= 0.9 * 120


def test_guess__nothing_to_tell_of_a_rare_answer():
    rare = [number < 12 for number in range(120)]
    found = [guess(noise(seed, 120), rare) for seed in range(60)]
    assert np.mean([one.auc for one in found]) == pytest.approx(0.5, abs=0.05)
    assert sum(one.low > 0.5 for one in found) <= 4


def test_guess__a_single_number_is_ranked_as_by_itself():
    """The out-of-fold AUC of one telling number is near the number's own."""
    rng = np.random.default_rng(0)
    yes = rng.random(400) < 0.5
    numbers = rng.normal(size=400) + 1.5 * yes
    found = guess({"x": numbers.tolist()}, yes.tolist())
    assert found.auc == pytest.approx(roc_auc_score(yes, numbers), abs=0.03)
    assert found.low < roc_auc_score(yes, numbers) < found.high


def test_guess__a_value_in_the_middle():
    """All positive images are 512 wide, the others anything around it: no straight line tells it."""
    rng = np.random.default_rng(1)
    yes = halves(60)
    widths = [512.0 if one else float(rng.choice([400, 480, 600, 700])) for one in yes]
    assert guess({"width": widths}, yes).low > 0.8


def test_guess__words_and_what_is_missing():
    yes = halves(60)
    assert guess({"format": ["png" if one else "jpg" for one in yes]}, yes).low > 0.8
    assert guess({"date": [None if one else float(k) for k, one in enumerate(yes)]}, yes).low > 0.8


def test_guess__more_features_than_patients():
    rng = np.random.default_rng(2)
    yes = halves(50)
    features = {**noise(3, 50, 200), **{f"y{k}": (rng.normal(size=50) + 3 * np.array(yes)).tolist() for k in range(20)}}
    assert guess(features, yes).low > 0.5


def test_guess__scale_of_a_number_does_not_matter():
    features = noise(4, 40, 3)
    stretched = {name: [np.exp(3 * value) for value in values] for name, values in features.items()}
    assert guess(stretched, halves(40)) == guess(features, halves(40))


def test_guess__wider_for_many_comparisons():
    one, many = (guess(noise(5, 60), halves(60), comparisons=number) for number in (1, 40))
    assert one.auc == many.auc and many.low < one.low and many.high > one.high


def test_guess__too_few_or_nothing_that_varies():
    few = [number < MIN_EACH - 1 for number in range(60)]
    assert guess(noise(0, 60), few) is None
    assert guess({"x": [1.0] * 60, "y": ["a"] * 60, "z": [None] * 60}, halves(60)) is None
    assert guess({}, halves(60)) is None


def test_guess__a_sample_of_many_patients_keeps_the_rare_answer():
    patients = 4 * MAX_PATIENTS
    rare = [number % 40 == 0 for number in range(patients)]
    found = guess(noise(6, patients, 2), rare)
    assert found.positives == patients // 40
    assert found.positives + found.negatives == MAX_PATIENTS


def test_encode__each_feature_weighs_the_same():
    rng = np.random.default_rng(7)
    one = encode({"x": rng.normal(size=50).tolist()})
    many = encode({"w": rng.choice(list("abcd"), 50).tolist()})
    assert (one**2).sum() == pytest.approx(50) == (many**2).sum()
    assert np.abs(one.mean(axis=0)).max() < 1e-12
