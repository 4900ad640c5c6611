"""Sets of classes: the quantile by hand, coverage in its band, and an independent way to the same sets."""

import numpy as np
import pytest
from scipy.stats import betabinom, kstest

from scanwright.evaluation.certainty.conformal import (
    Known,
    class_scores,
    conforming,
    cross_fitted_p,
    held_against,
    known_from_json,
    least_cases,
    own_draw,
    sets_of,
)
from scanwright.evaluation.certainty.coverage import coverage_band, share_estimate, shares_of


def drawn(number, classes=4, seed=0, sharpen=1.0):
    """Probabilities (N, K), and codes that are drawn from them as they were before they were sharpened."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (number, classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (rng.random((number, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    said = np.exp(sharpen * logits)
    return said / said.sum(axis=1, keepdims=True), truth


def test_scores__by_hand():
    chances = np.array([0.5, 0.2, 0.3])
    assert class_scores(chances, "lac") == pytest.approx([0.5, 0.8, 0.7])
    drawn_ = own_draw(chances)
    assert class_scores(chances, "aps") == pytest.approx([0.5 * drawn_, 0.8 + 0.2 * drawn_, 0.5 + 0.3 * drawn_])
    assert class_scores(chances, "raps") - class_scores(chances, "aps") == pytest.approx([0, 0.2, 0.1])


def test_own_draw__is_as_good_as_random_and_always_the_same():
    chances, truth = drawn(20_000, seed=5)
    found = own_draw(chances)
    assert kstest(found, "uniform").pvalue > 0.01 and np.array_equal(found, own_draw(chances))
    assert abs(np.corrcoef(found, chances.max(axis=1))[0, 1]) < 0.03
    assert abs(np.corrcoef(found, chances.argmax(axis=1) == truth)[0, 1]) < 0.03


def test_aps__of_two_classes_is_of_use_where_the_model_is_often_wrong():
    """16 % are wrong, as of BreastMNIST: without a random share the set of each case had both classes."""
    rng = np.random.default_rng(6)
    odds = rng.normal(0, 2.2, 4000)
    chance = 1 / (1 + np.exp(-odds))
    truth = (rng.random(4000) < chance).astype(int)
    scores = class_scores(np.stack([1 - chance, chance], axis=1), "aps")
    p = held_against(scores[2000:], Known.of(scores[:2000], truth[:2000], np.zeros(2000, int)))
    inside = p > 0.1
    assert 0.88 < inside[np.arange(2000), truth[2000:]].mean() < 0.92 and inside.sum(axis=1).mean() < 1.6


def test_sets__are_those_of_the_quantile_of_split_conformal():
    """The textbook's way: classes with a score up to the ceil((n + 1) c)-th smallest known one (Angelopoulos & Bates 2023)."""
    chances, truth = drawn(400)
    known, new = slice(0, 150), slice(150, 400)
    for score in ("lac", "aps", "raps"):
        scores = class_scores(chances, score)
        own = np.sort(scores[known][np.arange(150), truth[known]])
        limit = own[int(np.ceil(151 * 0.9)) - 1]
        p = held_against(scores[new], Known.of(scores[known], truth[known], np.zeros(150, int)))
        assert np.array_equal(p > 0.1 + 1e-12, scores[new] <= limit)


@pytest.mark.parametrize("score", ["lac", "aps", "raps"])
@pytest.mark.parametrize("sharpen", [1.0, 4.0])
def test_coverage__lies_in_its_band(score, sharpen):
    """Of 300 draws of known and new cases, whose counts are beta-binomial; of a model that is too sure as well."""
    held, known, new = [], 90, 60
    for seed in range(300):
        chances, truth = drawn(known + new, seed=seed, sharpen=sharpen)
        scores = class_scores(chances, score)
        p = held_against(scores[known:], Known.of(scores[:known], truth[:known], np.zeros(known, int)))
        held.append(int((p > 0.1 + 1e-12)[np.arange(new), truth[known:]].sum()))
    left = int(np.floor(91 * 0.1))
    law = betabinom(new, known + 1 - left, left)
    assert abs(np.mean(held) - law.mean()) < 4 * law.std() / np.sqrt(300)
    assert np.mean(held) > 0.9 * new - 4 * law.std() / np.sqrt(300)
    low, high = coverage_band(known=known, new=new, coverage=0.9)
    outside = np.mean([(one < low * new) | (one > high * new) for one in held])
    assert outside < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_by_class__holds_for_a_class_that_the_model_hardly_knows():
    rng = np.random.default_rng(3)
    truth = (rng.random(3000) < 0.1).astype(int)
    chance = np.clip(rng.normal(0.1 + 0.15 * truth, 0.1), 0.01, 0.99)
    scores = class_scores(np.stack([1 - chance, chance], axis=1), "lac")
    known, new, folds = slice(0, 1500), slice(1500, 3000), np.zeros(1500, int)
    shares = {}
    for by_class in (False, True):
        p = held_against(scores[new], Known.of(scores[known], truth[known], folds, by_class=by_class))
        inside = (p > 0.1)[np.arange(1500), truth[new]]
        shares[by_class] = inside[truth[new] == 1].mean()
    assert shares[False] < 0.5 and 0.83 < shares[True] < 0.97


def test_folds__each_model_is_held_against_its_own_fold():
    known = Known(
        scores=(np.array([0.1, 0.3]), np.array([0.2, 0.9, 0.4])), truths=(np.array([0, 1]), np.array([0, 1, 1]))
    )
    members = np.array([[0.2, 0.8], [0.4, 0.6]])
    assert conforming(members, known) == pytest.approx([(1 + 1 + 2) / 6, (1 + 0 + 1) / 6])
    mean = members.mean(axis=0)[None]  # of other numbers of models the mean, against all
    assert conforming(mean, known) == pytest.approx([(1 + 3) / 6, (1 + 1) / 6])
    assert conforming(np.repeat(mean, 3, axis=0), known) == pytest.approx(conforming(mean, known))


def test_cross_fitted__no_fold_has_a_say_in_its_own():
    chances, truth = drawn(60, seed=1)
    scores, folds = class_scores(chances, "lac"), np.arange(60) % 3
    p = cross_fitted_p(scores, truth, folds)
    lies = np.where(folds == 0, (truth + 1) % 4, truth)
    assert np.array_equal(cross_fitted_p(scores, lies, folds)[folds == 0], p[folds == 0])
    assert not np.array_equal(cross_fitted_p(scores, lies, folds)[folds == 1], p[folds == 1])
    assert (cross_fitted_p(scores, truth, np.zeros(60, int)) == 1).all()  # one fold: nothing is left out


def test_sets__are_never_empty_and_grades_have_no_gap():
    chances = np.array([[0.4, 0.35, 0.25]])
    assert sets_of(np.array([[0.05, 0.02, 0.01]]), 0.9, probabilities=chances).tolist() == [[True, False, False]]
    p = np.array([[0.5, 0.05, 0.3]])
    assert sets_of(p, 0.9, probabilities=chances).tolist() == [[True, False, True]]
    assert sets_of(p, 0.9, probabilities=chances, ordered=True).tolist() == [[True, True, True]]


def test_few_cases__keep_nothing_out():
    assert [least_cases(one) for one in (0.8, 0.9, 0.95)] == [4, 9, 19]
    chances, truth = drawn(9, seed=2)
    scores = class_scores(chances, "lac")
    few = held_against(scores, Known.of(scores[:8], truth[:8], np.zeros(8, int)))
    assert (few > 0.1).all()
    assert coverage_band(known=8, new=10, coverage=0.9) is None and coverage_band(known=99, new=0, coverage=0.9) is None


def test_known__from_plain_data():
    known = known_from_json([[0.1, 0.2], [0.3]], [[0, 1], [1]], by_class=True)
    assert known.cases == 3 and known.by_class
    for scores, truths in ([[[0.1]], [[0, 1]]], [[[float("nan")]], [[0]]], [[], []]):
        with pytest.raises(ValueError, match="score"):
            known_from_json(scores, truths, by_class=False)


def test_band__and_shares():
    low, high = coverage_band(known=99, new=100, coverage=0.9)
    law = betabinom(100, 90, 10)
    assert law.cdf(100 * low - 1) <= 0.025 and law.sf(100 * high) <= 0.025 and 0.8 < low < 0.9 < high < 1
    held = np.array([True] * 9 + [False])
    assert share_estimate(held, range(10)).value == 0.9
    found = shares_of(held, list(range(10)), {"a": [0, 1], "b": [9], "none": []})
    assert (found["a"].value, found["b"].value, found["none"].value) == (1.0, 0.0, None)
