"""Average precision and recall: by hand, against pycocotools, and weights against copies of the images."""

from dataclasses import replace

import numpy as np
import pytest

from detected_samples import boxes_at, coco_of, made_cases
from scanwright.evaluation.boxes.box_sizes import COCO_SIZES, diameter_groups
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.detection_precision import RankedBoxes, in_blocks
from scanwright.evaluation.boxes.matched import BY_HALVES, match_cases
from scanwright.evaluation.intervals.bootstrap import draw_counts


def ranked_of(rows, *, num_classes=2, code=0, size=0, sizes=None, **words) -> RankedBoxes:
    cases = match_cases(rows, num_classes=num_classes, sizes=sizes)
    return RankedBoxes.of(cases, np.arange(len(rows)), code=code, size=size, **words)


def precision_and_recall(rows, **words) -> tuple[np.ndarray, np.ndarray]:
    ranked = ranked_of(rows, **words)
    once = np.ones((1, len(rows)))
    return ranked.average_precision(once)[0], ranked.recall(once)[0]


def picture(found, scores, true, name="a") -> DetectedCase:
    return DetectedCase(
        case=name, patient=name, found=boxes_at(found), scores=np.array(scores, float), codes=np.zeros(len(found), int),
        true=boxes_at(true), true_codes=np.zeros(len(true), int), ignored=np.zeros(len(true), bool),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_precision__agrees_with_pycocotools(seed):
    """Ties of scores and of IoUs, crowds, more than 100 boxes, images with nothing, a class that never occurs."""
    pytest.importorskip("pycocotools")
    options = {
        "num_classes": 3,
        "whole": seed % 2 == 1,
        "digits": [None, 2, 1][seed % 3],
        "ignored": [0.0, 0.4][seed // 2 % 2],
        "absent": (2,) if seed % 5 == 0 else (),
        "true_mean": [4, 0.6][seed % 4 == 3],
        "false_mean": [4, 400][seed % 7 == 0],
    }
    rows = made_cases(12, seed=seed, **options)
    peer = coco_of(rows, 3).eval
    for code in range(3):
        for size in range(4):
            precision, recall = precision_and_recall(rows, num_classes=3, code=code, size=size, sizes=COCO_SIZES)
            at_levels = peer["precision"][:, :, code, size, 2]
            expected = np.where(at_levels[:, 0] < 0, np.nan, at_levels.mean(axis=1))
            assert precision == pytest.approx(expected, abs=1e-9, nan_ok=True)
            recalls = peer["recall"][:, code, size]
            assert recall == pytest.approx(
                np.where(recalls[0] < 0, np.nan, recalls.mean(axis=0)), abs=1e-9, nan_ok=True
            )
    there = [(~row.ignored & (row.true_codes == 2)).any() for row in rows]
    assert np.isnan(precision_and_recall(rows, num_classes=3, code=2)[0]).all() == (not any(there))
    assert any(there) or seed in (0, 3, 5, 10, 11, 15)


def test_precision__by_hand():
    """Hit, false, hit of three: precision 1 up to a recall of 1/3 (34 levels), then 2/3 up to 2/3 (33 levels), then 0."""
    true = [(0, 0, 10, 10), (20, 20, 30, 30), (40, 40, 50, 50)]
    rows = [picture([true[0], (70, 70, 80, 80), true[1]], [0.9, 0.8, 0.7], true)]
    precision, recall = precision_and_recall(rows, num_classes=1)
    assert precision == pytest.approx(np.full(10, (34 + 33 * 2 / 3) / 101))
    assert recall == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_precision__of_volumes_looks_at_all_three_axes():
    box = np.array([[[0, 0, 0], [10, 10, 10]]], float)
    moved = box + np.array([0, 0, 2])  # IoU 8 / 12
    row = replace(picture([], [], []), true=box, true_codes=np.zeros(1, int), ignored=np.zeros(1, bool),
                  found=moved, scores=np.ones(1), codes=np.zeros(1, int), spacing=(0.5, 0.5, 1.0), unit="mm")  # fmt: skip
    precision, _ = precision_and_recall([row], num_classes=1)
    assert precision.tolist() == [1.0] * 4 + [0.0] * 6  # 0.5 to 0.65
    sizes = diameter_groups(6, 15)  # the cube root of 5 * 5 * 10 mm is 6.3 mm
    by_size = [precision_and_recall([row], num_classes=1, size=size, sizes=sizes)[0][0] for size in (1, 2, 3)]
    assert np.isnan(by_size[0]) and by_size[1] == 1 and np.isnan(by_size[2])


def test_precision__nothing_found_is_zero_and_nothing_there_is_not_defined():
    missed, wrong = picture([], [], [(0, 0, 1, 1)]), picture([(0, 0, 1, 1)], [0.5], [])
    for rows, expected in (([missed], 0.0), ([wrong], np.nan), ([missed, wrong], 0.0)):
        precision, recall = precision_and_recall(rows, num_classes=1)
        assert precision == pytest.approx([expected] * 10, nan_ok=True)
        assert recall == pytest.approx([expected] * 3, nan_ok=True)


@pytest.mark.parametrize("seed", range(6))
def test_weights__are_copies_of_the_images(seed):
    rows = made_cases(10, seed=seed, ignored=0.2)
    counts = np.random.default_rng(seed).integers(0, 4, 10)
    copies = [row for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    for size in range(3):
        ranked = ranked_of(rows, size=size, sizes=COCO_SIZES)
        precision, recall = precision_and_recall(copies, size=size, sizes=COCO_SIZES)
        drawn = ranked.average_precision(counts[None] * 1.0)[0]
        assert drawn == pytest.approx(precision, rel=1e-14, nan_ok=True)  # but for the order of sums
        assert ranked.recall(counts[None] * 1.0)[0] == pytest.approx(recall, nan_ok=True)


def test_weights__many_draws_at_once_are_each_by_itself():
    ranked = ranked_of(made_cases(15, ignored=0.2))
    draws = next(draw_counts(15, seed=0, samples=40))
    single = [ranked.average_precision(row[None])[0] for row in draws]
    assert np.array_equal(ranked.average_precision(draws), np.array(single))
    assert np.array_equal(ranked.average_precision(draws, limits=slice(1)), np.array(single)[:, :1])


def test_stray__without_weight_changes_nothing_and_with_weight_is_found_by_halves():
    true = [(0, 0, 10, 10), (20, 20, 30, 30)]
    rows = [picture(true, [0.9, 0.8], true, name) for name in "ab"]
    ranked = ranked_of(rows, num_classes=1, strays=(BY_HALVES,))
    alone = np.array([[1.0, 1, 0], [0, 0, 1]])
    assert ranked.recall(alone)[:, 2].tolist() == [1.0, 0.5]
    precision = ranked.average_precision(alone)
    assert precision[0].tolist() == [1.0] * 10
    assert precision[1] == pytest.approx(
        np.full(10, 51 / 101 / 2)
    )  # 1 false and 1 hit of 2: precision 1/2 up to recall 1/2
    both = ranked.average_precision(np.array([[1.0, 1, 1]]))[0, 0]
    assert both == pytest.approx(84 / 101 * 5 / 6)  # 1 false, 5 hits of 6


def test_blocks__hold_every_draw_once():
    draws = [np.arange(14.0).reshape(7, 2), np.zeros((0, 2)), np.ones((1, 2))]
    blocks = list(in_blocks(draws, entries=1_500_000))
    assert [len(block) for block in blocks] == [2, 2, 2, 1, 1]
    assert np.array_equal(np.concatenate(blocks), np.concatenate(draws))
