"""The AUC and its interval: by hand, against scikit-learn, and by simulation."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from scanwright.errors import UsageError
from scanwright.evaluation.classes.ranking import (
    MIN_EACH,
    auroc,
    influence,
    interval_around,
    placements,
    standard_error,
)


def study(positives: int, negatives: int, true: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores of which the AUC is `true` in the long run."""
    rng = np.random.default_rng(seed)
    shift = norm.ppf(true) * np.sqrt(2)
    positive = np.arange(positives + negatives) < positives
    return rng.normal(size=len(positive)) + shift * positive, positive


def test_auroc__by_hand():
    """Of six pairs the positive case wins four, ties one and loses one."""
    found = auroc([3, 1, 0, 1, 2], [True, True, False, False, False])
    assert found.value == pytest.approx((3 + 1.5) / 6)
    assert (found.positives, found.negatives, found.interval) == (2, 3, None)


@pytest.mark.parametrize("seed", range(20))
def test_auroc__agrees_with_scikit_learn_on_ties_too(seed):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 6, 50), rng.random(50) < 0.3
    assert auroc(scores, positive).value == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_auroc__not_defined_without_both_classes():
    assert auroc([1, 2], [True, True]).value is None
    assert auroc([], []).value is None


def test_auroc__other_direction_is_the_complement():
    scores, positive = study(12, 20, 0.8, 0)
    one, other = auroc(scores, positive), auroc(-scores, positive)
    assert one.value == pytest.approx(1 - other.value)
    assert one.interval == pytest.approx((1 - other.interval[1], 1 - other.interval[0]))


def test_auroc__only_the_order_of_scores_counts():
    scores, positive = study(12, 20, 0.8, 1)
    assert auroc(np.exp(scores), positive) == auroc(scores, positive)


def test_auroc__wrong_arguments():
    with pytest.raises(UsageError, match="same cases"):
        auroc([1, 2], [True])
    with pytest.raises(UsageError, match="not finite"):
        auroc([1, float("nan")], [True, False])


def test_placements__mean_is_the_auc_of_both_classes():
    scores, positive = study(9, 15, 0.7, 2)
    placed = placements(scores, positive)
    by_pairs = np.mean([a > b for a, b in itertools.product(scores[positive], scores[~positive])])
    assert placed[positive].mean() == pytest.approx(by_pairs) == placed[~positive].mean()


def test_interval__near_delongs_for_many_cases():
    scores, positive = study(300, 500, 0.75, 3)
    placed = placements(scores, positive)
    error = np.sqrt(placed[positive].var(ddof=1) / 300 + placed[~positive].var(ddof=1) / 500)
    found = auroc(scores, positive)
    low, high = found.interval
    assert (low, high) == pytest.approx((found.value - 1.96 * error, found.value + 1.96 * error), abs=0.003)


@pytest.mark.parametrize(("positives", "negatives"), [(5, 5), (10, 100), (20, 20)])
@pytest.mark.parametrize("true", [0.5, 0.7, 0.9, 0.97])
def test_interval__holds_the_true_auc_as_often_as_stated(positives, negatives, true):
    """400 studies: at least 92 % of them; far more near 1, where a few cases cannot say how near."""
    held = 0
    for seed in range(400):
        low, high = auroc(*study(positives, negatives, true, seed)).interval
        held += low <= true <= high
    assert held >= 0.92 * 400


def test_interval__perfect_ranking_of_few_is_no_proof():
    widths = []
    for each in (5, 20, 100):
        found = auroc([*range(2 * each)], [number >= each for number in range(2 * each)])
        assert found.value == 1 and found.interval[1] == 1
        widths.append(1 - found.interval[0])
    assert 0.15 < widths[0] < 0.5 and widths[0] > widths[1] > widths[2] > 0.005


def test_interval__repeats_of_a_patient_are_not_evidence():
    scores, positive = study(15, 25, 0.75, 4)
    once = auroc(scores, positive)
    tenfold = auroc(np.repeat(scores, 10), np.repeat(positive, 10), np.repeat(np.arange(40), 10).tolist())
    assert tenfold.value == pytest.approx(once.value)
    assert tenfold.interval == pytest.approx(once.interval)
    assert auroc(np.repeat(scores, 10), np.repeat(positive, 10)).interval[0] > once.interval[0] + 0.05


def test_interval__names_of_patients_do_not_matter():
    scores, positive = study(10, 10, 0.7, 5)
    assert auroc(scores, positive, [f"P{k // 2}" for k in range(20)]) == auroc(
        scores, positive, [(k // 2, "x") for k in range(20)]
    )


def test_interval__none_of_fewer_than_five_patients_of_a_class():
    scores, positive = study(MIN_EACH - 1, 50, 0.7, 6)
    assert auroc(scores, positive).interval is None
    assert auroc(*study(MIN_EACH, 50, 0.7, 6)).interval is not None


def test_interval_around__stays_in_range_and_widens_with_the_level():
    for value in (0.0, 0.01, 0.5, 0.99, 1.0):
        low, high = interval_around(value, 0.2, fewest=5, level=0.95)
        wide = interval_around(value, 0.2, fewest=5, level=0.999)
        assert 0 <= wide[0] <= low <= value <= high <= wide[1] <= 1


def test_influence__its_length_is_the_standard_error():
    scores, positive = study(30, 40, 0.8, 7)
    placed, owners = placements(scores, positive), np.arange(70) // 2
    moved = influence(placed, positive, owners, num_patients=35)
    assert np.linalg.norm(moved) == pytest.approx(standard_error(placed, positive, owners))
    further = influence(placed, positive, owners, num_patients=50)
    assert np.linalg.norm(further) == pytest.approx(np.linalg.norm(moved)) and further.shape == (52,)


def test_influence__one_case_a_patient_is_delongs_variance():
    """With the two chance patients taken away again."""
    scores, positive = study(30, 40, 0.8, 8)
    placed = placements(scores, positive)
    moved = influence(placed, positive, np.arange(70), num_patients=70)[:-2]
    expected = placed[positive].var(ddof=1) / 30 + placed[~positive].var(ddof=1) / 40
    assert float(moved @ moved) == pytest.approx(expected)
