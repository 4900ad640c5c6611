"""Matching of found and true boxes: by hand, against the rules written out, and against pycocotools."""

import numpy as np
import pytest

from detected_samples import boxes_at, coco_of, made_cases
from scanwright.errors import UsageError
from scanwright.evaluation.boxes.box_matching import COCO_LIMITS, LUNA16, ClassBoxes, HitRule, match_boxes
from scanwright.evaluation.boxes.box_sizes import COCO_SIZES, SizeGroups, diameter_groups, usual_groups
from scanwright.evaluation.boxes.matched import match_cases

AT_50 = np.array([0.5])


def class_boxes(found, scores, true, ignored=None) -> ClassBoxes:
    true = boxes_at(true)
    flags = np.zeros(len(true), bool) if ignored is None else np.array(ignored, bool)
    return ClassBoxes.of(boxes_at(found), np.array(scores, float), true, flags)


def match_by_the_rules(fit, limit, ignored, outside, found_outside):
    """The rules in words, one box after another: partner, hit and neither of each found box."""
    free, rows = set(range(fit.shape[1])), []
    for m in range(len(fit)):
        fitting = [t for t in sorted(free) if fit[m, t] >= min(limit, 1 - 1e-10)]
        counted = [t for t in fitting if not ignored[t] and not outside[t]]
        choice = counted or fitting
        if not choice:
            rows.append((-1, False, bool(found_outside[m])))
            continue
        best = max(choice, key=lambda t: (fit[m, t], t))
        if not ignored[best]:
            free.discard(best)
        rows.append((best, bool(counted), not counted))
    return rows


@pytest.mark.parametrize("seed", range(40))
def test_match__agrees_with_the_rules_written_out(seed):
    rng = np.random.default_rng(seed)
    fit = np.round(rng.random((rng.integers(0, 12), rng.integers(0, 7))), 1)  # many ties, and values on a limit
    ignored, outside = rng.random(fit.shape[1]) < 0.3, rng.random(fit.shape[1]) < 0.3
    found_outside = rng.random(len(fit)) < 0.4
    limits = np.array([0.3, 0.5, 0.8, 1.0])
    found = match_boxes(fit, limits, ignored_T=ignored, true_outside_T=outside, found_outside_M=found_outside)
    for row, limit in enumerate(limits):
        expected = match_by_the_rules(fit, limit, ignored, outside, found_outside)
        got = zip(found.partners[row].tolist(), found.hit[row].tolist(), found.neither[row].tolist(), strict=True)
        assert list(got) == expected
    assert found.num_true == np.count_nonzero(~ignored & ~outside)


def test_match__best_score_first_and_each_true_box_once():
    boxes = class_boxes([(0, 0, 10, 10), (0, 0, 10, 9), (30, 30, 40, 40)], [0.5, 0.9, 0.8], [(0, 0, 10, 10)])
    assert boxes.scores.tolist() == [0.9, 0.8, 0.5]
    found = match_boxes(boxes.overlaps(), AT_50, ignored_T=boxes.ignored)
    assert found.partners.tolist() == [[0, -1, -1]]  # the better fit comes too late
    assert found.hit.tolist() == [[True, False, False]] and not found.neither.any()


def test_match__a_limit_is_met_by_its_equal():
    boxes = class_boxes([(0, 0, 5, 10)], [0.5], [(0, 0, 10, 10)])
    found = match_boxes(boxes.overlaps(), np.array([0.5, 0.5 + 1e-9]), ignored_T=boxes.ignored)
    assert found.hit.ravel().tolist() == [True, False]


def test_match__a_box_to_be_ignored_takes_many_by_their_share_inside():
    crowd = (0, 0, 100, 100)
    boxes = class_boxes([(0, 0, 5, 5), (95, 95, 105, 105), (10, 10, 20, 20)], [0.9, 0.8, 0.7], [crowd], [True])
    assert boxes.overlaps().ravel().tolist() == [1, 0.25, 1]
    found = match_boxes(boxes.overlaps(), AT_50, ignored_T=boxes.ignored)
    assert found.neither.tolist() == [[True, False, True]] and not found.hit.any() and found.num_true == 0


def test_match__true_boxes_come_before_ignored_ones_that_fit_better():
    boxes = class_boxes([(0, 0, 10, 10)] * 2, [0.9, 0.8], [(0, 0, 10, 10), (0, 0, 10, 8)], [True, False])
    found = match_boxes(boxes.overlaps(), AT_50, ignored_T=boxes.ignored)
    assert found.partners.tolist() == [[1, 0]]
    assert found.hit.tolist() == [[True, False]] and found.neither.tolist() == [[False, True]]


def test_match__nothing_found_or_nothing_there():
    nothing = class_boxes([], [], [(0, 0, 1, 1)])
    assert match_boxes(nothing.overlaps(), COCO_LIMITS, ignored_T=nothing.ignored).hit.shape == (10, 0)
    alone = class_boxes([(0, 0, 1, 1)], [0.4], [])
    found = match_boxes(alone.overlaps(), COCO_LIMITS, ignored_T=alone.ignored)
    assert not found.hit.any() and not found.neither.any() and found.num_true == 0


@pytest.mark.parametrize("seed", range(12))
def test_match__agrees_with_pycocotools_box_by_box(seed):
    pytest.importorskip("pycocotools")
    options = {
        "whole": seed % 2 == 1,
        "digits": [None, 1][seed % 2],
        "ignored": 0.3,
        "false_mean": [6, 160][seed % 6 == 0],
    }
    rows = made_cases(6, seed=seed, **options)
    judge = coco_of(rows, 2)
    matched = match_cases(rows, num_classes=2, sizes=COCO_SIZES)
    places = [(code, size, k) for code in range(2) for size in range(4) for k in range(len(rows))]
    compared = 0
    for peer, (code, size, k) in zip(judge.evalImgs, places, strict=True):
        part = matched[k].classes[code].by_size[size]
        if peer is None:
            assert part.hit.size == 0 and part.num_true == 0
            continue
        took, aside = peer["dtMatches"] > 0, peer["dtIgnore"]
        assert np.array_equal(part.partners >= 0, took)
        assert np.array_equal(part.hit, took & ~aside) and np.array_equal(part.neither, aside)
        assert part.num_true == np.count_nonzero(peer["gtIgnore"] == 0)
        compared += took.size
    assert compared > 1000


def test_rule__centre_takes_the_true_box_it_overlaps_most():
    true = [(0, 0, 100, 100), (40, 40, 60, 60)]
    boxes = class_boxes([(48, 48, 52, 52), (90, 90, 130, 130)], [0.9, 0.8], true)
    rule = HitRule(iou=None)
    found = match_boxes(rule.fit(boxes), np.array([rule.limit]), ignored_T=boxes.ignored)
    assert found.partners.tolist() == [[1, -1]]  # the other one's centre, (110, 110), lies outside
    assert HitRule().fit(boxes).max() < 0.5
    with pytest.raises(UsageError, match="limit of IoU"):
        HitRule(iou=0)


def test_rule__luna16_takes_a_centre_nearer_than_the_radius():
    """A nodule of 10 mm about (20, 20, 20): hits as the distance of centres in mm tells them."""
    true = np.array([[[15.0] * 3, [25.0] * 3]])
    middles = np.random.default_rng(0).uniform(13, 27, size=(400, 3))
    found = np.stack([middles - 2, middles + 2], axis=1)
    boxes = ClassBoxes.of(found, np.linspace(1, 0.5, 400), true, np.zeros(1, bool))
    near = np.linalg.norm(middles - 20, axis=1) < 5
    assert np.array_equal(LUNA16.fit(boxes)[:, 0] >= LUNA16.limit, near) and 0 < near.sum() < 400
    corners = HitRule(iou=None).fit(boxes)[:, 0] >= 0
    assert corners.sum() > near.sum() and not (near & ~corners).any()
    flat = ClassBoxes.of(found, boxes.scores, np.array([[[15.0, 15, 20], [25, 25, 20]]]), boxes.ignored)
    assert (LUNA16.fit(flat) == -1).all()
    with pytest.raises(UsageError, match="by an IoU or by a centre"):
        HitRule(ellipsoid=True)


def test_sizes__areas_of_pictures_and_diameters_of_volumes():
    squares = boxes_at([(0, 0, 32, 32), (0, 0, 33, 32), (0, 0, 97, 96)])
    inside = COCO_SIZES.inside(squares, (1, 1, 1))
    assert inside.tolist() == [[True, False, False], [True, True, False], [False, False, True]]
    cubes = np.array([[[0, 0, 0], [10, 10, 2]], [[0, 0, 0], [20, 20, 4]]], float)  # 5 and 10 mm along each edge
    inside = diameter_groups(6, 15).inside(cubes, (0.5, 0.5, 2.5))
    assert inside.tolist() == [[True, False], [False, True], [False, False]]


def test_sizes__of_pictures_and_of_volumes():
    flat, deep = np.array([[[0.0, 0, 0], [5, 5, 1]]]), np.array([[[0.0, 0, 3], [5, 5, 7]]])
    assert usual_groups([]) == usual_groups([flat, flat]) == COCO_SIZES
    assert usual_groups([flat, deep]) == diameter_groups(10, 30)


@pytest.mark.parametrize(
    ("names", "limits"),
    [(("a",), (1.0,)), (("a", "a"), (1.0,)), (("a", "b", "c"), (2.0, 1.0)), (("a", "b"), (0.0,))],
)
def test_sizes__that_make_no_sense(names, limits):
    with pytest.raises(UsageError, match="sizes"):
        SizeGroups(names=names, limits=limits, by="area")
