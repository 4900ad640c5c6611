"""Masks of two owners that share a voxel."""

import numpy as np

from scanwright.io.shared import share_a_voxel


def mask(*places, size=6):
    found = np.zeros(size, bool)
    found[list(places)] = True
    return found


def test_share_a_voxel():
    assert share_a_voxel([("a", mask(0, 1)), ("b", mask(1))])
    assert share_a_voxel([("a", mask(0)), ("a", mask(1)), ("b", mask(0))]), "all masks of an owner count"
    assert not share_a_voxel([("a", mask(0, 1)), ("b", mask(2)), ("a", mask(1, 3))])
    assert not share_a_voxel([])
    assert not share_a_voxel([("a", mask(0))])


def test_share_a_voxel__another_shape_is_left_out():
    assert not share_a_voxel([("a", mask(0)), ("b", mask(0, size=4))])


def test_share_a_voxel__no_more_are_read_than_needed():
    def masks():
        yield from (("a", mask(0)), ("b", mask(0)))
        raise AssertionError("read on")

    assert share_a_voxel(masks())
