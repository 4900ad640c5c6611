"""Boxes: by hand, against counted voxels, and suppression and fusion against plain loops over the papers' rules."""

import time

import numpy as np
import pytest
from scipy import ndimage

from scanwright.errors import GeometryError, UsageError
from scanwright.geometry.box_fusion import fuse, suppress
from scanwright.geometry.boxes import (
    as_boxes,
    box_of_mask,
    boxes_of_components,
    centres,
    clip,
    holds_centre,
    iou_matrix,
    share_inside,
    sizes,
    volumes,
)


def random_boxes(count: int, *, seed: int = 0, reach: float = 100, whole: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, reach, (count, 3))
    boxes = np.stack([start, start + rng.uniform(1, 20, (count, 3))], axis=1)
    return np.round(boxes) if whole else boxes


def clusters(num: int, each: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes that lie around `num` places, of three classes, with scores."""
    rng = np.random.default_rng(seed)
    boxes = np.repeat(random_boxes(num, seed=seed, reach=400), each, axis=0)
    boxes = boxes + rng.normal(0, 0.7, boxes.shape)
    return np.sort(boxes, axis=1), rng.random(len(boxes)), np.repeat(rng.integers(3, size=num), each)


def mask_of(box: np.ndarray, shape: tuple[int, int, int] = (40, 40, 40)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(int(a), int(b)) for a, b in box.T)] = True
    return mask


def plain_iou(a: np.ndarray, b: np.ndarray) -> float:
    shared = volume = other = 1.0
    for k in range(3):
        shared *= max(0.0, min(a[1, k], b[1, k]) - max(a[0, k], b[0, k]))
        volume *= a[1, k] - a[0, k]
        other *= b[1, k] - b[0, k]
    return shared / (volume + other - shared)


def test_size__by_hand_and_of_a_picture():
    boxes = as_boxes([[[1, 2, 0], [4, 4, 1]], [[0, 0, 0], [2, 2, 2]], [[3, 3, 3], [2, 5, 5]]])
    assert sizes(boxes).tolist() == [[3, 2, 1], [2, 2, 2], [0, 2, 2]]
    assert volumes(boxes).tolist() == [6, 8, 0]
    assert centres(boxes)[0].tolist() == [2.5, 3, 0.5]


def test_boxes__none_at_all_and_what_are_none():
    none = as_boxes([])
    assert none.shape == (0, 2, 3) and volumes(none).shape == (0,)
    assert iou_matrix(none, random_boxes(3)).shape == (0, 3)
    with pytest.raises(GeometryError, match="start and an end"):
        as_boxes([[1, 2, 3, 4]])
    with pytest.raises(GeometryError, match="not finite"):
        as_boxes([[[0, 0, np.nan], [1, 1, 1]]])


def test_iou__agrees_with_counted_voxels():
    boxes = random_boxes(12, reach=15, whole=True)
    masks = [mask_of(box) for box in boxes]
    expected = [[(a & b).sum() / (a | b).sum() for b in masks] for a in masks]
    inside = [[(a & b).sum() / a.sum() for b in masks] for a in masks]
    assert iou_matrix(boxes, boxes) == pytest.approx(np.array(expected))
    assert share_inside(boxes, boxes) == pytest.approx(np.array(inside))
    assert np.count_nonzero(expected) > 40


def test_iou__degenerate_and_touching_boxes_share_nothing():
    boxes = as_boxes([[[0, 0, 0], [2, 2, 2]], [[2, 0, 0], [4, 2, 2]], [[1, 1, 1], [1, 1, 1]], [[3, 3, 3], [1, 1, 1]]])
    assert iou_matrix(boxes, boxes).tolist() == np.diag([1.0, 1, 0, 0]).tolist()
    assert share_inside(boxes[2:], boxes).max() == 0


def test_centre__inside_or_on_the_border():
    one = as_boxes([[[0, 0, 0], [4, 4, 4]]])
    others = as_boxes([[[2, 2, 2], [6, 6, 6]], [[2.1, 0, 0], [6, 6, 6]], [[0, 0, 0], [1, 1, 1]]])
    assert holds_centre(one, others).tolist() == [[True, False, False]]


def test_clip__to_the_image():
    boxes = as_boxes([[[-3, 2, 0], [5, 50, 1]], [[60, 0, 0], [70, 1, 1]]])
    found = clip(boxes, (10, 20, 1))
    assert found[0].tolist() == [[0, 2, 0], [5, 20, 1]]
    assert volumes(found).tolist() == [90, 0]


def test_mask__box_and_back():
    box = np.array([[2, 5, 1], [9, 6, 30]], float)
    assert np.array_equal(box_of_mask(mask_of(box)), box)
    mask = np.zeros((5, 6, 1), bool)
    assert box_of_mask(mask) is None
    mask[4, 5, 0] = True
    assert box_of_mask(mask).tolist() == [[4, 5, 0], [5, 6, 1]]


def test_components__of_each_value_of_a_label_map():
    labels = np.zeros((10, 10, 4), np.int64)
    labels[0:2, 0:3, 0] = 1
    labels[2, 3, 1] = 1  # touches by a corner alone
    labels[6:9, 1:2, 2:4] = 1
    labels[3, 3, 1] = 3  # beside value 1, and another part
    boxes, values = boxes_of_components(labels)
    assert values.tolist() == [1, 1, 3]
    assert boxes.tolist() == [[[0, 0, 0], [3, 4, 2]], [[6, 1, 2], [9, 2, 4]], [[3, 3, 1], [4, 4, 2]]]
    assert boxes_of_components(np.zeros((3, 3, 3), bool))[0].shape == (0, 2, 3)


def test_components__every_part_has_the_box_of_its_mask():
    labels = (np.random.default_rng(0).random((12, 13, 14)) < 0.08).astype(np.uint8)
    parts, count = ndimage.label(labels, np.ones((3, 3, 3)))
    boxes, values = boxes_of_components(labels == 1)
    assert count > 20 and values.tolist() == [1] * count
    assert np.array_equal(boxes, np.stack([box_of_mask(parts == k) for k in range(1, count + 1)]))


def suppress_plainly(boxes, scores, codes, limit):
    kept = []
    for k in sorted(range(len(boxes)), key=lambda k: (-scores[k], k)):
        if all(codes[k] != codes[j] or plain_iou(boxes[k], boxes[j]) <= limit for j in kept):
            kept.append(k)
    return kept


@pytest.mark.parametrize("seed", range(4))
def test_suppress__agrees_with_plain_loops(seed):
    boxes, scores, codes = clusters(30, 5, seed=seed)
    scores = np.round(scores, [1, 6][seed % 2])  # with ties
    found = suppress(boxes, scores, codes, iou=0.4)
    assert found.tolist() == suppress_plainly(boxes, scores, codes, 0.4)
    assert 30 <= len(found) < 100


def test_suppress__classes_apart_and_an_iou_at_the_limit_stays():
    boxes = as_boxes([[[0, 0, 0], [2, 1, 1]], [[0, 0, 0], [2, 1, 1]], [[0, 0, 0], [1, 1, 1]]])
    assert suppress(boxes, np.array([0.5, 0.9, 0.7]), np.array([0, 1, 0])).tolist() == [1, 2, 0]
    assert suppress(boxes, np.array([0.5, 0.9, 0.7]), np.array([0, 1, 0]), iou=0.49).tolist() == [1, 2]
    assert suppress(as_boxes([]), np.zeros(0), np.zeros(0, int)).tolist() == []
    with pytest.raises(UsageError, match="needs a score"):
        suppress(boxes, np.ones(2), np.zeros(3, int))


def fuse_plainly(boxes, scores, codes, limit, voters):
    """Solovyev et al., section 3, one step after another, with lists."""
    groups: list[list[int]] = []
    fused: list[np.ndarray] = []
    for k in sorted(range(len(boxes)), key=lambda k: (-scores[k], k)):
        overlaps = [
            plain_iou(boxes[k], f) if codes[g[0]] == codes[k] else -1 for f, g in zip(fused, groups, strict=True)
        ]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best < 0 or overlaps[best] <= limit:
            groups.append([k])
            fused.append(boxes[k])
        else:
            groups[best].append(k)
            fused[best] = np.average(boxes[groups[best]], axis=0, weights=scores[groups[best]])
    rows = [
        (scores[g].mean() * min(len(g), voters) / voters, int(codes[g[0]]), f.ravel().tolist())
        for f, g in zip(fused, groups, strict=True)
    ]
    return sorted(rows, key=lambda row: -row[0])


@pytest.mark.parametrize(("seed", "voters"), [(0, 1), (1, 4), (2, 4)])
def test_fuse__agrees_with_plain_loops(seed, voters):
    boxes, scores, codes = clusters(30, 4, seed=seed)
    found = fuse(boxes, scores, codes, iou=0.5, voters=voters)
    expected = fuse_plainly(boxes, scores, codes, 0.5, voters)
    assert found[1] == pytest.approx([row[0] for row in expected])
    assert found[2].tolist() == [row[1] for row in expected]
    assert found[0].reshape(-1, 6) == pytest.approx(np.array([row[2] for row in expected]))
    assert 30 <= len(found[0]) < 120


def test_fuse__by_hand():
    boxes = as_boxes([[[0, 0, 0], [10, 1, 1]], [[2, 0, 0], [12, 1, 1]], [[50, 0, 0], [60, 1, 1]]])
    corners, scores, codes = fuse(boxes, np.array([0.9, 0.3, 0.8]), np.zeros(3, int), voters=2)
    assert corners[0, :, 0] == pytest.approx([0.5, 10.5])  # (0.9 * 0 + 0.3 * 2) / 1.2
    assert scores == pytest.approx([0.6, 0.4]) and codes.tolist() == [0, 0]
    assert np.array_equal(corners[1], boxes[2])


def test_fuse__nothing_zero_scores_and_wrong_arguments():
    corners, scores, codes = fuse(as_boxes([]), np.zeros(0), np.zeros(0, int))
    assert corners.shape == (0, 2, 3) and scores.shape == codes.shape == (0,)
    same = np.repeat(random_boxes(1), 3, axis=0)
    assert fuse(same, np.zeros(3), np.zeros(3, int))[1].tolist() == [0]
    with pytest.raises(UsageError, match="one model at least"):
        fuse(same, np.ones(3), np.zeros(3, int), voters=0)
    with pytest.raises(UsageError, match="weight of a mean"):
        fuse(same, np.array([1, -1, 1]), np.zeros(3, int))


def test_thousands_of_boxes__in_seconds():
    boxes, scores, codes = clusters(1000, 5)
    start = time.process_time()
    suppress(boxes, scores, codes)
    fuse(boxes, scores, codes)
    assert time.process_time() - start < 10
