"""Operating points: against a search of every threshold."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from scanwright.errors import UsageError
from scanwright.evaluation.operating import candidate_thresholds, choose_operating_point


def study(seed: int, num_cases: int = 40, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(num_cases) < 0.4
    positive[:2] = True, False
    return np.clip(rng.normal(0.4 + 0.2 * positive, 0.2), 0, 1).round(digits), positive


def rates(scores, positive, threshold) -> tuple[float, float]:
    decided = scores >= threshold
    return decided[positive].mean(), (~decided[~positive]).mean()


@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize("seed", range(20))
def test_choose__best_of_every_threshold(seed, digits):
    scores, positive = study(seed, digits=digits)
    every = [rates(scores, positive, t) for t in candidate_thresholds(scores)]
    _, tpr, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert sorted({sensitivity for sensitivity, _ in every}) == pytest.approx(sorted(set(tpr)))
    youden = choose_operating_point(scores, positive)
    assert youden.sensitivity + youden.specificity == pytest.approx(max(a + b for a, b in every))
    sensitive = choose_operating_point(scores, positive, rule="sensitivity", target=0.9)
    assert sensitive.specificity == pytest.approx(max(b for a, b in every if a >= 0.9))
    specific = choose_operating_point(scores, positive, rule="specificity", target=0.9)
    assert specific.sensitivity == pytest.approx(max(a for a, b in every if b >= 0.9))
    for point in (youden, sensitive, specific):
        assert (point.sensitivity, point.specificity) == pytest.approx(rates(scores, positive, point.threshold))


def test_choose__half_way_between_scores():
    point = choose_operating_point(np.array([0.1, 0.2, 0.6, 0.9]), np.array([False, False, True, True]))
    assert (point.threshold, point.sensitivity, point.specificity) == (0.4, 1.0, 1.0)


def test_choose__of_equal_ones_the_most_sensitive():
    point = choose_operating_point(np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True]))
    assert (point.threshold, point.sensitivity, point.specificity) == (pytest.approx(0.15), 1.0, 0.5)


def test_choose__targets_that_only_an_end_reaches():
    scores, positive = np.array([0.2, 0.7, 0.7, 1.0]), np.array([True, False, True, False])
    assert choose_operating_point(scores, positive, rule="sensitivity", target=1.0).specificity == 0.0
    nothing = choose_operating_point(scores, positive, rule="specificity", target=1.0)
    assert (nothing.sensitivity, nothing.specificity) == (0.0, 1.0) and nothing.threshold > 1


def test_choose__neighbouring_floats_are_parted():
    low = 0.3
    high = np.nextafter(low, 1)
    point = choose_operating_point(np.array([low, high]), np.array([False, True]))
    assert (point.sensitivity, point.specificity) == (1.0, 1.0)


def test_choose__none_without_both_classes():
    assert choose_operating_point(np.array([0.1, 0.2]), np.array([True, True])) is None
    assert choose_operating_point(np.array([]), np.array([], bool)) is None


@pytest.mark.parametrize(
    ("rule", "target", "words"),
    [("best", None, "no rule"), ("youden", 0.5, "no target"), ("sensitivity", None, "fixed sensitivity"),
     ("specificity", 0.0, "fixed specificity"), ("sensitivity", 1.1, "fixed sensitivity")],
)  # fmt: skip
def test_wrong_rules(rule, target, words):
    with pytest.raises(UsageError, match=words):
        choose_operating_point(np.array([0.1, 0.2]), np.array([True, False]), rule=rule, target=target)
