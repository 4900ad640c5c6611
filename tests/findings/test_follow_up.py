"""Findings of two studies."""

import numpy as np
import pytest

from scanwright.findings.follow_up import follow_up
from scanwright.findings.table import FindingRow


def finding(number, center, longest, *, kind="lesion"):
    return FindingRow(
        number=number, kind=kind, size=longest**3 / 2000, longest=longest, perpendicular=longest / 2, slice_index=0,
        center=center, mean=0, deviation=0, low=0, high=0,
        shares={}, region="", share_of_region=None, confidence=None, touches=(), cut=False,
    )  # fmt: skip


def told(rows):
    return [(row.change, row.now and row.now.number, row.before and row.before.number) for row in rows]


def test_follow_up__new_resolved_grown_shrunk_and_stable():
    before = [
        finding(1, (0, 0, 0), 20),
        finding(2, (50, 0, 0), 30),
        finding(3, (0, 60, 0), 10),
        finding(4, (0, 0, 80), 12),
    ]
    now = [
        finding(1, (2, 0, 0), 26),
        finding(2, (50, 1, 0), 18),
        finding(3, (0, 61, 0), 10.5),
        finding(4, (90, 90, 90), 9),
    ]
    rows = follow_up(now, before)
    assert told(rows) == [("grown", 1, 1), ("shrunk", 2, 2), ("stable", 3, 3), ("new", 4, None), ("resolved", None, 4)]
    assert rows[0].growth == pytest.approx(0.3) and rows[0].size_growth == pytest.approx(1.3**3 - 1)
    assert rows[3].growth is None


def test_follow_up__a_fifth_more_of_little_is_no_growth():
    (row,) = follow_up([finding(1, (0, 0, 0), 7.5)], [finding(1, (0, 0, 0), 6)])
    assert row.change == "stable" and row.growth == pytest.approx(0.25)  # 1.5 mm; RECIST asks for 5


def test_follow_up__each_finding_has_one_partner_the_nearest():
    before = [finding(1, (0, 0, 0), 20)]
    now = [finding(1, (6, 0, 0), 20), finding(2, (3, 0, 0), 20)]
    assert told(follow_up(now, before)) == [("new", 1, None), ("stable", 2, 1)]
    overlap = np.array([[30.0], [5.0]])
    assert told(follow_up(now, before, overlap)) == [("stable", 1, 1), ("new", 2, None)]


def test_follow_up__of_another_kind_or_far_away_is_another_finding():
    before = [finding(1, (0, 0, 0), 10, kind="nodule")]
    assert told(follow_up([finding(1, (0, 0, 0), 10, kind="effusion")], before)) == [
        ("new", 1, None),
        ("resolved", None, 1),
    ]
    assert told(follow_up([finding(1, (11, 0, 0), 10, kind="nodule")], before)) == [
        ("new", 1, None),
        ("resolved", None, 1),
    ]
    assert follow_up([], []) == ()
