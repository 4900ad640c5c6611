"""Which cell of a detector learns which box."""

import pytest
import torch

from cells_and_boxes import around, cells, flat
from scanwright.training.assign import BEST, assign, overlaps


def test_overlaps__as_by_hand():
    one, other = flat((0, 0, 4, 4)), flat((2, 0, 6, 4))
    assert float(overlaps(one, other)) == pytest.approx(8 / 24)
    assert float(overlaps(one, flat((5, 5, 6, 6)))) == 0 and float(overlaps(one, one)) == pytest.approx(1)
    assert float(overlaps(flat((3, 3, 3, 9)), one)) == 0


def test_assign__the_cells_that_fit_best_learn_and_their_target_is_how_well():
    centres = cells()
    boxes = flat((8, 8, 24, 24))
    corners = around(centres, torch.tensor([0.5, 8.0, 8.0]))
    logits = torch.zeros(len(centres), 2)
    found = assign(logits, corners, centres, boxes, torch.tensor([1]), ignored_M=torch.tensor([False]))
    learning = found.owner >= 0
    assert 0 < int(learning.sum()) <= BEST and bool(found.counted.all())
    inside = ((centres[:, 1:] > 8) & (centres[:, 1:] < 24)).all(dim=1)
    assert bool(inside[learning].all())
    best = overlaps(boxes, corners).max()
    assert float(found.targets[:, 1].max()) == pytest.approx(float(best)) and float(found.targets[:, 0].max()) == 0
    assert bool((found.targets[~learning] == 0).all())


def test_assign__a_cell_in_two_boxes_learns_the_one_that_it_overlaps_more():
    centres = cells()
    boxes = flat((0, 0, 16, 16), (8, 0, 24, 16))
    corners = around(centres, torch.tensor([0.5, 8.0, 8.0]))
    found = assign(
        torch.zeros(len(centres), 1),
        corners,
        centres,
        boxes,
        torch.tensor([0, 0]),
        ignored_M=torch.zeros(2, dtype=torch.bool),
    )
    fit = overlaps(boxes[:, None], corners[None])
    for cell in torch.nonzero(found.owner >= 0).flatten().tolist():
        other = 1 - int(found.owner[cell])
        inside_other = bool(((centres[cell] > boxes[other, 0]) & (centres[cell] < boxes[other, 1])).all())
        assert not inside_other or fit[found.owner[cell], cell] >= fit[other, cell] - 1e-6
    assert set(found.owner.tolist()) == {-1, 0, 1}


def test_assign__a_box_between_all_places_is_learned_by_the_nearest():
    centres = cells()
    boxes = flat((3.2, 3.2, 4.8, 4.8))
    corners = around(centres, torch.tensor([0.5, 1.0, 1.0]))
    found = assign(
        torch.zeros(len(centres), 1), corners, centres, boxes, torch.tensor([0]), ignored_M=torch.tensor([False])
    )
    (cell,) = torch.nonzero(found.owner == 0).flatten().tolist()
    assert centres[cell, 1:].tolist() == [2.0, 2.0]  # the first of four that are as near


def test_assign__ignored_boxes_are_not_learned_and_absence_does_not_count_there():
    centres = cells()
    boxes = flat((0, 0, 16, 16))
    corners = around(centres, torch.tensor([0.5, 8.0, 8.0]))
    found = assign(
        torch.zeros(len(centres), 1), corners, centres, boxes, torch.tensor([255]), ignored_M=torch.tensor([True])
    )
    inside = ((centres[:, 1:] > 0) & (centres[:, 1:] < 16)).all(dim=1)
    assert bool((found.owner == -1).all()) and torch.equal(found.counted, ~inside)


def test_assign__without_a_box_nothing_is_learned():
    centres = cells()
    none = torch.zeros(0, 2, 3)
    found = assign(
        torch.zeros(len(centres), 1), around(centres, 2.0), centres, none, torch.zeros(0).long(),
        ignored_M=torch.zeros(0, dtype=torch.bool),
    )  # fmt: skip
    assert bool((found.owner == -1).all()) and bool(found.counted.all()) and float(found.targets.sum()) == 0
