"""The threshold with the largest F1, against trying every one."""

import numpy as np
import pytest

from detected_samples import boxes_at, made_cases
from scanwright.errors import UsageError
from scanwright.evaluation.boxes.box_matching import HitRule
from scanwright.evaluation.boxes.detected import DetectedCase, count_boxes
from scanwright.evaluation.boxes.detection_operating import (
    DEFAULT_SCORE,
    choose_box_thresholds,
    choose_by_fold,
    f1_of,
    totals_at,
)
from scanwright.evaluation.boxes.matched import match_cases


def counted(rows, code, threshold, rule) -> tuple[int, int, int]:
    found = [count_boxes(row, code, threshold=threshold, rule=rule) for row in rows]
    return sum(c.hits for c in found), sum(c.misses for c in found), sum(c.false_positives for c in found)


def f1_at(rows, code, threshold, rule) -> float:
    hits, misses, false = counted(rows, code, threshold, rule)
    return 2 * hits / (2 * hits + misses + false)


@pytest.mark.parametrize("rule", [HitRule(), HitRule(iou=0.1), HitRule(iou=None)])
@pytest.mark.parametrize("seed", range(4))
def test_choice__no_threshold_is_better(seed, rule):
    rows = made_cases(12, seed=seed, digits=[None, 1][seed % 2], ignored=0.2)
    for code, chosen in enumerate(choose_box_thresholds(rows, num_classes=2, rule=rule)):
        scores = np.unique(np.concatenate([row.scores[row.codes == code] for row in rows]))
        tried = {float(score): f1_at(rows, code, score, rule) for score in scores}
        best = max(tried.values())
        assert chosen.f1 == pytest.approx(best) and 0 < best < 1
        assert f1_at(rows, code, chosen.threshold, rule) == pytest.approx(best)
        highest = max(score for score, f1 in tried.items() if f1 > best - 1e-9)
        assert chosen.threshold <= highest and not ((scores >= chosen.threshold) & (scores < highest)).any()
        hits, misses, false = counted(rows, code, chosen.threshold, rule)
        assert (chosen.sensitivity, chosen.precision) == pytest.approx((hits / (hits + misses), hits / (hits + false)))


def one_class(found, scores, true) -> DetectedCase:
    return DetectedCase(
        case="a", patient="a", found=boxes_at(found), scores=np.array(scores, float), codes=np.zeros(len(found), int),
        true=boxes_at(true), true_codes=np.zeros(len(true), int), ignored=np.zeros(len(true), bool),
    )  # fmt: skip


def test_choice__of_equals_the_higher_half_way_to_the_next():
    true = [(0, 0, 10, 10), (20, 20, 30, 30), (40, 40, 50, 50)]
    far = [(80, 80, 90, 90), (60, 60, 70, 70)]
    rows = [one_class([true[0], *far, true[1]], [0.9, 0.7, 0.6, 0.2], true)]
    assert f1_at(rows, 0, 0.9, HitRule()) == 0.5 and f1_at(rows, 0, 0.2, HitRule()) == pytest.approx(4 / 7)
    rows = [one_class([true[0], far[0], true[1]], [0.8, 0.6, 0.4], true[:2])]
    found = choose_box_thresholds(rows, num_classes=1)[0]
    assert (found.threshold, found.f1) == (DEFAULT_SCORE, pytest.approx(0.8))  # all count: nothing says what would not
    rows = [one_class(true[:2], [0.25, 0.2], true[:2])]
    assert choose_box_thresholds(rows, num_classes=1)[0].threshold == pytest.approx(0.2)
    rows = [one_class([true[0], far[0], far[1], true[1]], [0.8, 0.6, 0.5, 0.4], true[:2])]  # 2/3 either way
    found = choose_box_thresholds(rows, num_classes=1)[0]
    assert (found.threshold, found.f1) == (pytest.approx(0.7), pytest.approx(2 / 3))


def test_choice__nothing_there_nothing_found_or_nothing_right():
    box = [(0, 0, 10, 10)]
    assert choose_box_thresholds([one_class(box, [0.5], [])], num_classes=1) == (None,)
    assert choose_box_thresholds([one_class([], [], box)], num_classes=1) == (None,)
    wrong = choose_box_thresholds([one_class([(50, 50, 60, 60)] * 2, [0.5, 0.3], box)], num_classes=1)[0]
    assert (wrong.threshold, wrong.f1) == (0.4, 0.0)
    with pytest.raises(UsageError, match="no case"):
        choose_box_thresholds([], num_classes=1)


def test_folds__are_chosen_on_the_others():
    rows = [row for fold in range(3) for row in made_cases(6, seed=fold, fold=fold)]
    found = choose_by_fold(rows, num_classes=2)
    assert list(found) == [0, 1, 2, None]
    for fold in found:
        others = [row for row in rows if fold is None or row.fold != fold]
        assert found[fold] == tuple(one.threshold for one in choose_box_thresholds(others, num_classes=2))
    alone = made_cases(6, fold=0)
    assert choose_by_fold(alone, num_classes=2)[None] != (None, None)
    with pytest.raises(UsageError, match="no case"):
        choose_by_fold([], num_classes=2)


def test_totals__are_those_of_each_case():
    rows = made_cases(8, ignored=0.2)
    thresholds = np.linspace(0, 0.9, 8)
    found = totals_at(match_cases(rows, num_classes=2), thresholds.tolist(), code=1)
    expected = [counted([row], 1, threshold, HitRule()) for row, threshold in zip(rows, thresholds, strict=True)]
    assert found.tolist() == [list(one) for one in expected]
    assert f1_of(np.array([[1.0, 1, 2], [0, 0, 3], [0, 0, 0]])) == pytest.approx([0.4, 0, np.nan], nan_ok=True)
