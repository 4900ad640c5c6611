"""Voxel sizes and fields of view that are unlike those of the training."""

import numpy as np
import pytest

from scanwright.dataset.acquired import Acquired
from scanwright.dataset.facts import Spread
from scanwright.errors import IntegrityError
from scanwright.geometry.grid import Grid


def spread(low, high):
    return {"min": low, "p10": low, "median": low, "p90": high, "max": high}


def reference(*, spacing=((1, 1), (1, 1), (2, 3)), extent=((180, 200), (180, 200), (90, 120)), shape=None, unit="mm"):
    shape = shape or ((180, 200), (180, 200), (40, 60))
    parts = {"spacing": spacing, "extent": extent, "shape": shape}
    return {name: [spread(*ends) for ends in part] for name, part in parts.items()} | {"unit": unit}


def known(**changes):
    return Acquired.of_reference(reference(**changes), where="a")


def codes(doubts):
    return [doubt.code for doubt in doubts]


def test_grid__like_those_of_the_training():
    grid = Grid.from_spacing((190, 190, 50), (1.0, 1.0, 2.2))
    assert known().border(grid) == []


@pytest.mark.parametrize(
    ("spacing", "border", "outside"),
    [((1.2, 1.2, 2.0), 0, 0), ((1.3, 1.0, 2.0), 1, 0), ((2.1, 1.0, 2.0), 2, 1), ((1.0, 1.0, 6.1), 2, 1)],
)
def test_grid__of_other_voxels(spacing, border, outside):
    shape = tuple(round(length / edge) for length, edge in zip((190, 190, 100), spacing, strict=True))
    grid = Grid.from_spacing(shape, spacing)
    assert codes(known().border(grid)).count("other-voxels") == min(border, 1)
    assert codes(known().outside(grid)).count("other-voxels") == outside


def test_grid__of_another_field_of_view_says_which_axis():
    grid = Grid.from_spacing((190, 190, 200), (1.0, 1.0, 2.0))
    (doubt,) = known().outside(grid)
    assert str(doubt) == "a field of view of 400 mm feet to head, 90 to 120 mm in training"
    assert doubt.values["axis"].code == "axis-feet-to-head"


def test_grid__axes_of_the_body_count_and_not_those_of_the_file():
    affine = np.array([[0, 0, 1.0, 0], [1.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    assert known().border(Grid((190, 50, 190), affine)) == []


def test_grid__single_slices_have_no_thickness_to_judge():
    flat = known(shape=((180, 200), (180, 200), (1, 1)), extent=((180, 200), (180, 200), (1, 1)))
    assert flat.border(Grid.from_spacing((190, 190, 30), (1.0, 1.0, 9.0))) == []


def test_pictures__other_sizes_are_on_the_border_alone():
    ends = ((300, 500), (250, 400), (1, 1))
    pixels = known(unit="px", spacing=((1, 1), (1, 1), (1, 1)), extent=ends, shape=ends)
    small, odd = _picture(28, 28), _picture(500, 100)
    assert codes(pixels.border(small)) == ["other-pixels"]
    assert codes(pixels.border(odd)) == ["other-proportions"]
    assert pixels.border(_picture(400, 300)) == []
    assert pixels.outside(small) == pixels.outside(odd) == []


def _picture(width, height):
    return Grid((width, height, 1), np.diag((-1.0, -1.0, 1.0, 1.0)), "px")


def test_units__that_cannot_be_compared_say_nothing():
    assert known().border(_picture(28, 28)) == []


def test_reference__absent_or_of_another_form():
    assert Acquired.of_reference(None, where="a") is None
    assert Acquired.of_reference({"channels": []}, where="a") is None
    with pytest.raises(IntegrityError, match="do not fit"):
        Acquired.of_reference({**reference(), "unit": "inch"}, where="a")
    assert known().spacing[2] == Spread(**spread(2, 3))
