"""Rows of a detection, and the table of them."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from detected_samples import boxes_at, made_cases
from scanwright.errors import UsageError
from scanwright.evaluation.boxes.box_matching import HitRule
from scanwright.evaluation.boxes.detected import (
    BoxCounts,
    DetectedCase,
    count_boxes,
    detected_rows_to_csv,
    thresholds_by_class,
)

TRUE = [(0, 0, 10, 10), (20, 20, 30, 30), (40, 40, 60, 60)]


def row(**words) -> DetectedCase:
    """Of class 0: a hit, a second box of the same, a false one, one in a crowd, and a miss. Of class 1: a false one."""
    found = [(0, 0, 10, 9), (0, 0, 10, 10), (70, 70, 80, 80), (45, 45, 50, 50), (20, 20, 30, 30)]
    return DetectedCase(
        **{"case": "c", "patient": "p", "groups": {"site": "A"}} | words,
        found=boxes_at(found), scores=np.array([0.9, 0.6, 0.5, 0.4, 0.8]), codes=np.array([0, 0, 0, 0, 1]),
        true=boxes_at(TRUE), true_codes=np.zeros(3, int), ignored=np.array([False, False, True]),
    )  # fmt: skip


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_counts__by_hand():
    assert count_boxes(row(), 0, threshold=0.0) == BoxCounts(true=2, found=4, hits=1, misses=1, false_positives=2)
    assert count_boxes(row(), 0, threshold=0.6) == BoxCounts(true=2, found=2, hits=1, misses=1, false_positives=1)
    assert count_boxes(row(), 0, threshold=0.95) == BoxCounts(true=2, found=0, hits=0, misses=2, false_positives=0)
    assert count_boxes(row(), 1, threshold=0.5) == BoxCounts(true=0, found=1, hits=0, misses=0, false_positives=1)
    strict = count_boxes(row(), 0, threshold=0.0, rule=HitRule(iou=0.95))
    assert (strict.hits, strict.false_positives) == (1, 2)  # the second box now


def test_csv__a_line_a_case():
    rows = [row(fold=1), row(case="d", fold=0, groups={})]
    found = table(detected_rows_to_csv(rows, classes=["nodule", "cyst"], thresholds=[0.45, None]))
    assert list(found[0]) == [
        "case", "patient", "fold", "site",
        *(f"{word}[{name}]" for name in ("nodule", "cyst") for word in ("true", "found", "hits", "misses", "false_positives")),
    ]  # fmt: skip
    assert [found[0][name] for name in ("case", "patient", "fold", "site")] == ["c", "p", "1", "A"]
    assert [found[0][f"{word}[nodule]"] for word in ("true", "found", "hits", "misses", "false_positives")] == list(
        "23112"
    )
    assert (found[1]["site"], found[0]["true[cyst]"], found[0]["found[cyst]"]) == ("", "0", "")


def test_csv__thresholds_of_each_fold_or_of_the_rows():
    rows = [row(fold=0), row(fold=1), row(fold=None)]
    by_fold = {0: [0.95, 0.0], 1: [0.55, None], None: [0.0, 0.9]}
    found = table(detected_rows_to_csv(rows, classes=["a", "b"], thresholds=by_fold))
    assert [one["found[a]"] for one in found] == ["0", "2", "4"]
    assert [one["found[b]"] for one in found] == ["1", "0", "0"]  # fold 1 has no threshold: no box counts
    held = [
        replace(one, thresholds=limits)
        for one, limits in zip(rows, ((0.95, 0.0), (0.55, 1.0), (0.0, 0.9)), strict=True)
    ]
    assert table(detected_rows_to_csv(held, classes=["a", "b"])) == found
    assert table(detected_rows_to_csv(rows, classes=["a", "b"]))[0]["hits[a]"] == ""


def test_thresholds__that_do_not_fit():
    rows = [row(fold=0)]
    assert thresholds_by_class(rows, None, 2) == [None, None]
    with pytest.raises(UsageError, match="cases of this fold"):
        thresholds_by_class(rows, {1: [0.5, 0.5]}, 2)
    for given in ([0.5], {0: [0.5, 0.5, 0.5]}):
        with pytest.raises(UsageError, match="each class needs"):
            thresholds_by_class(rows, given, 2)


def test_rows__that_make_no_sense():
    good = row()
    with pytest.raises(UsageError, match="what belongs to it"):
        replace(good, scores=np.ones(2))
    with pytest.raises(UsageError, match="what belongs to it"):
        replace(good, true=np.zeros((3, 4)))
    for bad in (1.5, np.nan, -0.1):
        with pytest.raises(UsageError, match="in \\[0, 1\\]"):
            replace(good, scores=np.array([0.5, 0.5, 0.5, 0.5, bad]))
    with pytest.raises(UsageError, match="of no class"):
        detected_rows_to_csv(made_cases(4, num_classes=3), classes=["a", "b"], thresholds=[0, 0])
    assert detected_rows_to_csv([], classes=["a"], thresholds=[0.5]).startswith("case,patient,fold,true[a]")
