"""FROC against counting at every threshold, one box after another."""

import numpy as np
import pytest

from detected_samples import boxes_at, made_cases
from scanwright.evaluation.boxes.box_matching import HitRule
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.froc import RATES, RankedLesions, froc_curve
from scanwright.evaluation.boxes.matched import match_cases

CENTRE = HitRule(iou=None)


def finds(box: np.ndarray, true: np.ndarray, rule: HitRule, ignored: bool) -> bool:
    shared = np.prod(np.maximum(np.minimum(box[1], true[1]) - np.maximum(box[0], true[0]), 0))
    size, other = np.prod(box[1] - box[0]), np.prod(true[1] - true[0])
    if rule.iou is not None:
        return shared > 0 and shared / (size if ignored else size + other - shared) >= rule.iou
    middle = (box[0] + box[1]) / 2
    return bool((true[0] <= middle).all() and (middle <= true[1]).all())


def count_at(rows: list[DetectedCase], code: int, threshold: float, rule: HitRule) -> tuple[float, float]:
    """False positives in the mean scan and sensitivity, by looking at every pair of boxes."""
    hits = total = false = 0
    for row in rows:
        true = [(b, bool(i)) for b, c, i in zip(row.true, row.true_codes, row.ignored, strict=True) if c == code]
        found = [b for b, c, s in zip(row.found, row.codes, row.scores, strict=True) if c == code and s >= threshold]
        total += sum(not ignored for _, ignored in true)
        hits += sum(not ignored and any(finds(b, t, rule, False) for b in found) for t, ignored in true)
        false += sum(not any(finds(b, t, rule, ignored) for t, ignored in true) for b in found)
    return false / len(rows), hits / total


def plain_froc(rows: list[DetectedCase], code: int, rule: HitRule, rates=RATES) -> list[float]:
    scores = np.unique(np.concatenate([row.scores for row in rows])).tolist()
    points = [count_at(rows, code, threshold, rule) for threshold in [*scores, 2.0]]
    return [max(sensitivity for false, sensitivity in points if false <= rate) for rate in rates]


@pytest.mark.parametrize("rule", [HitRule(iou=0.1), HitRule(), CENTRE])
@pytest.mark.parametrize("seed", range(4))
def test_sensitivities__agree_with_counting(seed, rule):
    options = {"digits": [None, 1][seed % 2], "ignored": [0, 0.3][seed // 2], "volume": seed == 3, "false_mean": 6}
    rows = made_cases(9, seed=seed, **options)
    cases = match_cases(rows, num_classes=2, rule=rule)
    for code in range(2):
        curve = froc_curve(cases, code=code)
        expected = plain_froc(rows, code, rule)
        assert curve.at == pytest.approx(expected)
        assert curve.score == pytest.approx(np.mean(expected))
        for rate, sensitivity, threshold in list(zip(curve.rates, curve.sensitivity, curve.thresholds, strict=True))[
            1:
        ]:
            assert (rate, sensitivity) == pytest.approx(count_at(rows, code, threshold, rule))
    assert 0 < curve.score < 1


def test_curve__begins_above_all_scores_and_rises():
    curve = froc_curve(match_cases(made_cases(10, seed=5), num_classes=2), code=0)
    assert (curve.rates[0], curve.sensitivity[0], curve.thresholds[0]) == (0, 0, np.inf)
    assert (np.diff(curve.rates) >= 0).all() and (np.diff(curve.sensitivity) >= 0).all()
    assert (np.diff(curve.thresholds) < 0).all()


def picture(name: str, found, scores, true, ignored=None) -> DetectedCase:
    return DetectedCase(
        case=name, patient=name, found=boxes_at(found), scores=np.array(scores, float), codes=np.zeros(len(found), int),
        true=boxes_at(true), true_codes=np.zeros(len(true), int),
        ignored=np.zeros(len(true), bool) if ignored is None else np.array(ignored),
    )  # fmt: skip


def test_rules__found_twice_two_at_once_and_ignored():
    twice = picture("a", [(0, 0, 10, 10), (0, 0, 9, 10)], [0.6, 0.9], [(0, 0, 10, 10)])
    both = picture("b", [(0, 0, 10, 10)], [0.8], [(0, 0, 10, 6), (0, 4, 10, 10)])
    aside = picture("c", [(1, 1, 3, 3), (50, 50, 60, 60)], [0.7, 0.5], [(0, 0, 20, 20)], [True])
    cases = match_cases([twice, both, aside], num_classes=1)
    ranked = RankedLesions.of(cases, np.arange(3), code=0)
    assert ranked.lesion_scores.tolist() == [0.9, 0.8, 0.8]
    assert ranked.false_scores.tolist() == [0.5]
    curve = froc_curve(cases, code=0)
    assert curve.at == (1.0,) * 7 and curve.rates.tolist() == [0, 0, 0, pytest.approx(1 / 3)]


def test_sensitivity__scans_with_nothing_to_find_count():
    hit = picture("a", [(0, 0, 10, 10)], [0.4], [(0, 0, 10, 10)])
    wrong = picture("b", [(0, 0, 10, 10)], [0.5], [])
    empty = [picture(f"e{k}", [], [], []) for k in range(6)]
    two = froc_curve(match_cases([hit, wrong], num_classes=1), code=0)
    eight = froc_curve(match_cases([hit, wrong, *empty], num_classes=1), code=0)
    assert two.at == (0, 0, 1, 1, 1, 1, 1) and eight.at == (1,) * 7  # one in two scans, one in eight


def test_sensitivity__nothing_to_find_is_not_defined_and_nothing_found_is_zero():
    wrong = picture("b", [(0, 0, 10, 10)], [0.5], [])
    assert froc_curve(match_cases([wrong], num_classes=1), code=0) is None
    missed = picture("c", [], [], [(0, 0, 10, 10)])
    assert froc_curve(match_cases([missed], num_classes=1), code=0).score == 0
    ranked = RankedLesions.of(match_cases([wrong, missed], num_classes=1), np.arange(2), code=0)
    assert np.isnan(ranked.sensitivity_at(np.array([[2.0, 0.0]]))).all()


@pytest.mark.parametrize("seed", range(5))
def test_weights__are_copies_of_the_images(seed):
    rows = made_cases(8, seed=seed, digits=[None, 1][seed % 2])
    counts = np.random.default_rng(seed).integers(0, 4, 8)
    copies = [row for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    weighted = RankedLesions.of(match_cases(rows, num_classes=2), np.arange(8), code=0).sensitivity_at(
        counts[None] * 1.0
    )
    assert weighted[0].tolist() == pytest.approx(plain_froc(copies, 0, HitRule()))
