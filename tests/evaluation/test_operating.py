"""Operating points: against a search of every threshold, and chosen on other folds than judged."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from scanwright.errors import UsageError
from scanwright.evaluation.operating import candidate_thresholds, choose_operating_point, cross_fit


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


def test_cross_fit__a_fold_has_no_say_in_its_own_threshold():
    scores, positive = study(3, digits=9)
    folds = np.arange(40) % 4
    found = cross_fit(scores, positive, folds, rule="sensitivity", target=0.8)
    for fold in range(4):
        here = folds == fold
        chosen = choose_operating_point(scores[~here], positive[~here], rule="sensitivity", target=0.8)
        assert found.thresholds[fold] == chosen.threshold
        assert np.array_equal(found.decisions[here], scores[here] >= chosen.threshold)
        turned = np.where(here, ~positive, positive)
        assert cross_fit(scores, turned, folds, rule="sensitivity", target=0.8).thresholds[fold] == chosen.threshold


def test_cross_fit__is_not_flattered_where_there_is_nothing_to_find():
    """Of scores by chance, the best threshold on the same cases looks better than chance; cross-fitted it does not."""
    flattered, honest = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scores, positive = rng.random(50), np.arange(50) % 2 == 0
        point = choose_operating_point(scores, positive)
        decided = cross_fit(scores, positive, rng.integers(5, size=50)).decisions
        flattered.append(point.sensitivity + point.specificity - 1)
        honest.append(decided[positive].mean() - decided[~positive].mean())
    assert np.mean(flattered) > 0.15 and abs(np.mean(honest)) < 0.05


def test_cross_fit__nothing_to_choose_from():
    scores, positive = np.array([0.4, 0.6, 0.3, 0.8]), np.array([False, True, True, True])
    alone = cross_fit(scores, positive, [0, 0, 0, 0])
    assert alone.thresholds == {0: None} and alone.decisions.tolist() == [False, True, False, True]
    apart = cross_fit(scores, positive, [0, 0, 1, 1])
    assert apart.thresholds[0] is None and apart.thresholds[1] == 0.5  # fold 0 was to learn from positive cases only


@pytest.mark.parametrize(
    ("rule", "target", "words"),
    [("best", None, "no rule"), ("youden", 0.5, "no target"), ("sensitivity", None, "fixed sensitivity"),
     ("specificity", 0.0, "fixed specificity"), ("sensitivity", 1.1, "fixed sensitivity")],
)  # fmt: skip
def test_wrong_rules(rule, target, words):
    with pytest.raises(UsageError, match=words):
        choose_operating_point(np.array([0.1, 0.2]), np.array([True, False]), rule=rule, target=target)
    with pytest.raises(UsageError, match=words):
        cross_fit(np.array([0.1, 0.2]), np.array([True, False]), [0, 1], rule=rule, target=target)


def test_cross_fit__wrong_lengths():
    with pytest.raises(UsageError, match="same cases"):
        cross_fit(np.array([0.1]), np.array([True, False]), [0, 1])
