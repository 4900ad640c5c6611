"""Operating points: against a search of every threshold."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from scanwright.errors import UsageError
from scanwright.evaluation.classes.operating import candidate_thresholds, choose_operating_point


def study(seed: int, num_cases: int = 40, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(num_cases) < 0.4
    positive[:2] = True, False
    return np.clip(rng.normal(0.4 + 0.2 * positive, 0.2), 0, 1).round(digits), positive


def rates(scores, positive, threshold) -> tuple[float, float]:
    decided = scores >= threshold
    return decided[positive].mean(), (~decided[~positive]).mean()


def promised(scores, threshold) -> float:
    """The share of new cases at or above a threshold that n cases promise: k of them under it let k / (n + 1) fall under it,
    and in between by the place in between. All of them under the least, of which nothing smaller can be promised.
    """
    ordered = np.sort(scores)
    if threshold <= ordered[0]:
        return 1.0
    return 1 - float(np.interp(threshold, ordered, np.arange(1, len(scores) + 1))) / (len(scores) + 1)


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
    hits = [promised(scores[positive], t) for t in candidate_thresholds(scores)]
    fit = [b for (a, b), hit in zip(every, hits, strict=True) if a >= 0.9 and hit >= 0.9]
    assert sensitive.specificity == pytest.approx(max(fit))
    specific = choose_operating_point(scores, positive, rule="specificity", target=0.9)
    passes = [promised(-scores[~positive], -t) for t in candidate_thresholds(scores)]
    fit = [a for (a, b), passed in zip(every, passes, strict=True) if b >= 0.9 and passed >= 0.9]
    assert specific.sensitivity == pytest.approx(max(fit))
    for point in (youden, sensitive, specific):
        assert (point.sensitivity, point.specificity) == pytest.approx(rates(scores, positive, point.threshold))


@pytest.mark.parametrize(("rule", "sign"), [("sensitivity", 1), ("specificity", -1)])
@pytest.mark.parametrize("number", [16, 20, 40])
def test_choose__a_target_holds_for_new_cases(rule, sign, number):
    """Of few cases too: the share of the cases of the choice alone gave 0.84 of new ones for a target of 0.9 and 20 cases."""
    rng = np.random.default_rng(7)
    positive = np.arange(number + 200) < number if sign > 0 else np.arange(number + 200) >= number
    new = rng.normal(size=4000)
    reached = []
    for _ in range(400):
        scores = rng.normal(size=number + 200) + 2.0 * positive
        point = choose_operating_point(scores, positive, rule=rule, target=0.9)
        own = new + 2.0 * (sign > 0)
        reached.append((own >= point.threshold).mean() if sign > 0 else (own < point.threshold).mean())
    assert np.mean(reached) == pytest.approx(0.9, abs=0.02)


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
