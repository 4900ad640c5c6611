"""Findings of two studies."""

import numpy as np
import pytest
from hypothesis import given, strategies

from scanwright.findings.follow_up import follow_up
from scanwright.findings.table import FindingRow


def finding(number, center, longest, *, kind="lesion", cut=False, size=None):
    return FindingRow(
        number=number, kind=kind, size=size or longest**3 / 2000, longest=longest, perpendicular=longest / 2, slice_index=0,
        center=center, mean=0, deviation=0, low=0, high=0,
        shares={}, region="", share_of_region=None, confidence=None, touches=(), cut=cut,
    )  # fmt: skip


def one_to_one(then, now, **more):
    return follow_up([finding(1, (0, 0, 0), now)], [finding(1, (0, 0, 0), then)], np.ones((1, 1)), **more)


def told(rows):
    """Change, and the numbers of now and before: one, None for none, a tuple of several."""
    return [(row.change, numbers(row.now), numbers(row.before)) for row in rows]


def numbers(found):
    several = tuple(one.number for one in found)
    return several if len(several) > 1 else (several[0] if several else None)


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


@pytest.mark.parametrize(
    ("then", "now", "change"),
    [(4.5, 9.4, "grown"), (10, 12, "grown"), (10, 11.9, "stable"), (10, 7.1, "stable"), (10, 7, "shrunk")],
)
def test_follow_up__a_small_one_grows_by_the_same_share_as_a_large_one(then, now, change):
    """A nodule that doubles is not stable because it gained less than the 5 mm that RECIST asks of a sum of diameters."""
    (row,) = one_to_one(then, now, voxels=(0.7, 0.7))
    assert row.change == change and row.growth == pytest.approx(now / then - 1) and not row.by_volume
    assert row.gain == pytest.approx(now - then) and row.is_little is (change == "grown")


def test_follow_up__growth_of_five_mm_is_not_little():
    (row,) = one_to_one(20, 25)
    assert row.change == "grown" and not row.is_little


@pytest.mark.parametrize(
    ("times", "thick", "change"),
    [
        (1.74, 1.0, "grown"),
        (1.72, 1.0, "stable"),
        (0.34, 1.0, "shrunk"),
        (0.35, 1.0, "stable"),
        (1.74, 5.0, "within error"),
        (1.72, 5.0, "stable"),
    ],
)
def test_follow_up__a_volume_may_grow_where_the_longest_diameter_does_not(times, thick, change):
    """A ball of a fifth more in diameter has 73 % more volume, if slices are thin enough to tell."""
    rows = [finding(1, (0, 0, 0), 20, size=size) for size in (4 * times, 4)]
    (row,) = follow_up(rows[:1], rows[1:], voxels=(1, 1), longest_edges=(thick, thick))
    assert (row.change, row.by_volume) == (change, change != "stable")
    assert row.error == (2 * thick if row.by_volume else 2)
    assert row.size_growth == (None if change == "within error" else pytest.approx(times - 1))


def test_follow_up__growth_of_one_measure_goes_before_shrinking_of_the_other():
    (row,) = follow_up([finding(1, (0, 0, 0), 12, size=9)], [finding(1, (0, 0, 0), 20, size=4)])
    assert (row.change, row.by_volume) == ("grown", True)


@given(
    then=strategies.floats(3, 60),
    times=strategies.floats(0.2, 5),
    volume=strategies.floats(0.1, 100),
    voxel=strategies.floats(0, 5),
)
def test_follow_up__stable_is_what_changes_in_neither_measure(then, times, volume, voxel):
    before, now = finding(1, (0, 0, 0), then), finding(1, (0, 0, 0), then * times, size=volume * then**3 / 2000)
    (row,) = follow_up([now], [before], np.ones((1, 1)), voxels=(voxel, voxel), longest_edges=(voxel, voxel))
    grows, shrinks = max(times, np.cbrt(volume)), min(times, np.cbrt(volume))
    if row.change == "stable":
        assert shrinks > 0.7 - 1e-9 and grows < 1.2 + 1e-9
    if then * (times - 1) > 2 * voxel + 1e-9 and times > 1.2 + 1e-9:
        assert row.change == "grown"


def test_follow_up__a_finding_nearby_is_another_one():
    before = [finding(1, (0, 0, 0), 20)]
    now = [finding(1, (15, 0, 0), 20), finding(2, (3, 0, 0), 20)]
    assert told(follow_up(now, before)) == [("new", 1, None), ("stable", 2, 1)]
    assert told(follow_up(now, before, np.array([[30.0], [0.0]]))) == [("split", (1, 2), 1)]  # as the voxels have it


def test_follow_up__findings_that_merge_are_measured_against_their_sum():
    """Two of 9 mm become one of 25: neither is gone, and by RECIST 1.1 (4.3.2) 25 stands against 18."""
    before = [finding(1, (44, 50, 0), 9), finding(2, (56, 50, 0), 9), finding(3, (90, 50, 0), 9)]
    now = [finding(1, (50, 50, 0), 25), finding(2, (90, 50, 0), 9)]
    for overlap in (None, np.array([[80.0, 60, 0], [0, 0, 50]])):
        rows = follow_up(now, before, overlap)
        assert told(rows) == [("merged", 1, (1, 2)), ("stable", 2, 3)]
        assert rows[0].growth == pytest.approx(25 / 18 - 1) and rows[0].longest_before == 18
        assert rows[0].size_growth == pytest.approx(25**3 / (2 * 9**3) - 1)


def test_follow_up__parts_of_what_has_split_are_added_up():
    before = [finding(1, (50, 50, 0), 25)]
    now = [finding(1, (44, 50, 0), 9), finding(2, (56, 50, 0), 9), finding(3, (99, 50, 0), 8)]
    for overlap in (None, np.array([[80.0], [60], [0]])):
        rows = follow_up(now, before, overlap)
        assert told(rows) == [("split", (1, 2), 1), ("new", 3, None)]
        assert rows[0].growth == pytest.approx(18 / 25 - 1) and rows[0].longest == 18


def test_follow_up__overlap_decides_before_nearness():
    """A third finding close to one that has merged is no partner of it."""
    before = [finding(1, (44, 50, 0), 9), finding(2, (56, 50, 0), 9)]
    now = [finding(1, (50, 50, 0), 25), finding(2, (63, 50, 0), 6)]
    assert told(follow_up(now, before, np.array([[80.0, 60], [0, 0]]))) == [("merged", 1, (1, 2)), ("new", 2, None)]


def test_follow_up__where_the_other_study_does_not_reach_nothing_is_new_or_resolved():
    now, before = [finding(1, (0, 0, 0), 9), finding(2, (0, 0, 90), 9)], [finding(1, (0, 0, 50), 9)]
    assert told(follow_up(now, before, covered=([True, False], [False]))) == [
        ("new", 1, None),
        ("not covered before", 2, None),
        ("not covered now", None, 1),
    ]


@pytest.mark.parametrize("cut", [(True, False), (False, True)])
def test_follow_up__of_what_the_border_cuts_no_growth_is_told(cut):
    rows = [finding(1, (0, 0, 0), longest, cut=one) for longest, one in zip((40, 20), cut, strict=True)]
    (row,) = follow_up(rows[:1], rows[1:])
    assert (row.change, row.growth, row.size_growth, row.longest_before) == ("cut", None, None, 20)
    whole = finding(2, (2, 0, 0), 9)
    (row,) = follow_up([*rows[:1], whole], rows[1:])
    assert (row.change, row.growth) == ("split", None)


@pytest.mark.parametrize(("voxels", "change"), [((4.6, 4.1), "within error"), ((0.8, 0.8), "grown"), ((0, 0), "grown")])
def test_follow_up__no_growth_below_what_voxels_tell(voxels, change):
    """14.8 to 20.7 mm at voxels of 4.6 and 4.1: each is known to a voxel, 5.9 mm more to 8.7."""
    (row,) = follow_up([finding(1, (0, 0, 0), 20.7)], [finding(1, (0, 0, 0), 14.8)], voxels=voxels)
    assert (row.change, row.error) == (change, pytest.approx(sum(voxels)))
    assert (row.growth is None) is (row.size_growth is None) is (change == "within error")
    (row,) = follow_up([finding(1, (0, 0, 0), 14.0)], [finding(1, (0, 0, 0), 20.7)], voxels=voxels)
    assert row.change == change.replace("grown", "shrunk")
    (row,) = follow_up([finding(1, (0, 0, 0), 30.0)], [finding(1, (0, 0, 0), 14.8)], voxels=voxels)
    assert row.change == "grown"


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


def test_diameters_in_two_planes__are_not_compared():
    """One and the same finding was grown by 61 %, measured in sagittal slices after axial ones."""
    here = (0.0, 0.0, 0.0)
    now, before = [finding(1, here, 47.3, size=12.24)], [finding(1, here, 29.4, size=12.24)]
    (one,) = follow_up(now, before, in_one_plane=False)
    assert (one.change, one.growth, one.size_growth) == ("stable", None, 0.0)
    (one,) = follow_up([finding(1, here, 29.4, size=24.5)], before, in_one_plane=False)
    assert (one.change, one.by_volume, one.gain) == ("grown", True, None)
    assert follow_up(now, before)[0].change == "grown"


def test_diameters_in_two_planes__the_error_is_that_of_the_volumes():
    """22.8 mm after 14.8 was within "± 3.5 mm", of diameters that were not compared."""
    now, before = [finding(1, (0.0, 0.0, 0.0), 22.8, size=2.6)], [finding(1, (0.0, 0.0, 0.0), 14.8, size=0.93)]
    (one,) = follow_up(now, before, voxels=(1.5, 2.0), longest_edges=(3.0, 6.0), in_one_plane=False)
    assert (one.change, one.by_volume, one.error, one.growth) == ("within error", True, 9.0, None)
