"""Losses of boxes."""

import pytest
import torch

from cells_and_boxes import around, cells, flat
from scanwright.training.losses.boxes import BOXES, generalised, parted, varifocal


def rows(boxes, codes):
    return torch.cat([torch.tensor(codes, dtype=torch.float32)[:, None], boxes.flatten(1)], dim=1)[None]


def answer(logits, corners, centres):
    return torch.cat([logits, corners.flatten(1), centres], dim=1)[None]


@pytest.mark.parametrize("name", list(BOXES))
def test_loss__is_small_where_all_is_right_and_grows_with_each_fault(name):
    loss, centres = BOXES[name], cells()
    true = flat((8, 8, 20, 24))  # twelve cells, and all of them may learn it
    inside = ((centres > true[0, 0]) & (centres < true[0, 1])).all(dim=1)
    right = true.expand(len(centres), 2, 3)
    sure = torch.where(inside[:, None], 8.0, -8.0)
    best = float(loss(answer(sure, right, centres), rows(true, [0])))
    assert best < 0.1
    apart = right + torch.tensor([0.0, 6.0, 6.0])
    assert float(loss(answer(sure, apart, centres), rows(true, [0]))) > best + 0.2  # the place is off
    assert float(loss(answer(-sure, right, centres), rows(true, [0]))) > best + 0.5  # alarms outside, and none inside
    silent = torch.full_like(sure, -8.0)
    assert float(loss(answer(silent, right, centres), rows(true, [0]))) > best + 0.5


def test_loss__rows_that_fill_up_and_ignored_boxes_count_for_nothing():
    torch.manual_seed(0)
    centres = cells()
    true = flat((8, 8, 24, 24), (0, 0, 8, 8))
    found = answer(torch.randn(len(centres), 1), around(centres, torch.tensor([0.5, 6.0, 6.0])), centres)
    once = varifocal(found, rows(true[:1], [0]))
    filled = varifocal(found, rows(torch.cat([true[:1], torch.full((2, 2, 3), -1.0)]), [0, -1, -1]))
    assert torch.equal(once, filled)
    ignored = varifocal(found, rows(true, [0, 255]))
    assert float(ignored) < float(once)  # false alarms inside the ignored box are not counted


def test_loss__an_image_without_boxes_counts_its_alarms():
    centres = cells()
    none = torch.full((1, 1, 7), -1.0)
    corners = around(centres, 2.0)
    loud = varifocal(answer(torch.full((len(centres), 1), 3.0), corners, centres), none)
    still = varifocal(answer(torch.full((len(centres), 1), -6.0), corners, centres), none)
    assert float(loud) > 10 > 0.1 > float(still)


def test_loss__its_gradient_brings_boxes_to_their_place():
    centres = cells()
    true = flat((8, 8, 24, 24))
    corners = around(centres, torch.tensor([0.5, 5.0, 5.0])).requires_grad_()
    logits = torch.zeros(len(centres), 1, requires_grad=True)
    optimizer = torch.optim.Adam([corners, logits], lr=0.3)
    for _ in range(150):
        optimizer.zero_grad()
        varifocal(answer(logits, corners, centres), rows(true, [0])).backward()
        optimizer.step()
    best = int(logits.argmax())
    assert torch.allclose(corners[best, :, 1:], true[0, :, 1:], atol=0.5) and float(logits.detach().max()) > 0.5


def test_generalised__knows_how_far_boxes_lie_apart():
    one = flat((0, 0, 2, 2))
    assert float(generalised(one, one)) == pytest.approx(1)
    near, far = float(generalised(one, flat((3, 0, 5, 2)))), float(generalised(one, flat((30, 0, 32, 2))))
    assert -1 < far < near < 0
    assert near == pytest.approx(-(10 - 8) / 10)


def test_parted__takes_an_answer_apart():
    found = torch.arange(2 * 5 * 12, dtype=torch.float32).reshape(2, 5, 12)
    logits, corners, centres = parted(found)
    assert torch.equal(logits, found[..., :3]) and torch.equal(centres, found[..., -3:])
    assert torch.equal(corners[0, 0], found[0, 0, 3:9].reshape(2, 3))
