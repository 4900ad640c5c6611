"""Boxes of whole images: windows, views and networks put together."""

import numpy as np
import pytest
import torch
from torch import nn

from scanwright.inference import boxes as of_boxes
from scanwright.inference.boxes import (
    Detections,
    joined,
    mirrored,
    most_probable,
    predict_boxes,
    put_together,
    responsible,
)


class Bright(nn.Module):
    """Finds each bright voxel of a picture as a box of 5 x 5 around it, as sure as it is bright."""

    def forward(self, image_NCDHW):
        rows = []
        for image in image_NCDHW:
            d, h, w = (part.double() + 0.5 for part in torch.nonzero(torch.ones_like(image[0]), as_tuple=True))
            middle = torch.stack([d, h, w], dim=1)
            half = torch.tensor([0.5, 2.5, 2.5])
            rows.append(torch.cat([image[0].flatten()[:, None], middle - half, middle + half, middle], dim=1))
        return [torch.stack(rows).float()]


class Problem:
    outputs = 1

    def probabilities(self, found):
        return found.float()


def engine(plan_of, *networks, patch=(1, 16, 16), mirror=(False, False, False)):
    return plan_of(networks, patch, mirror)


@pytest.fixture
def made():
    from types import SimpleNamespace

    from scanwright.inference.predict import Engine

    def make(networks, patch, mirror):
        plan = SimpleNamespace(
            batch=SimpleNamespace(patch=patch),
            inference=SimpleNamespace(step_share=0.5, mirror=mirror, dropout_passes=0),
            training=SimpleNamespace(precision="float32", channels_last=False),
        )
        return Engine(list(networks), plan, Problem(), torch.device("cpu"))

    return make


def picture(shape=(40, 40), points=()):
    image = np.zeros((1, 1, *shape), dtype=np.float32)
    for y, x, value in points:
        image[0, 0, y, x] = value
    return image


class Everywhere(nn.Module):
    """Finds a box two voxels an edge round the middle of each slice, whatever is to be seen."""

    def forward(self, image_NCDHW):
        slices, height, width = image_NCDHW.shape[2:]
        middle = torch.tensor([[d + 0.5, height / 2, width / 2] for d in range(slices)])
        found = torch.cat([torch.full((slices, 1), 0.9), middle - 1, middle + 1, middle], dim=1)
        return [found[None].repeat(len(image_NCDHW), 1, 1)]


def test_predict__one_slice_is_told_once_by_a_network_of_volumes(made):
    found = predict_boxes(engine(made, Everywhere(), patch=(9, 16, 16)), np.zeros((1, 1, 16, 16), dtype=np.float32))
    assert found.boxes.tolist() == [[[0, 7, 7], [1, 9, 9]]]  # 9 in the grown image, of which one lies in the slice


def test_predict__what_lies_in_repeated_edges_alone_is_not_there(made):
    found = predict_boxes(engine(made, Everywhere(), patch=(9, 16, 16)), np.zeros((1, 5, 16, 16), dtype=np.float32))
    assert found.boxes[:, 0, 0].min() >= 0 and found.boxes[:, 1, 0].max() <= 5
    assert ((found.boxes[:, 1] - found.boxes[:, 0]) >= 1).all()  # none is cut down to nothing


POINTS = [(5, 7, 0.9), (20, 20, 0.8), (21, 33, 0.6), (39, 0, 0.7)]


@pytest.mark.parametrize("mirror", [(False, False, False), (False, True, True)])
@pytest.mark.parametrize("shape", [(40, 40), (16, 16), (9, 50)])
def test_predict__every_box_once_and_at_its_place_whatever_the_windows(made, shape, mirror):
    points = [(y, x, value) for y, x, value in POINTS if y < shape[0] and x < shape[1]]
    found = predict_boxes(engine(made, Bright(), mirror=mirror), picture(shape, points))
    assert len(found) == len(points)
    for place, (y, x, value) in enumerate(sorted(points, key=lambda one: -one[2])):
        assert found.scores[place] == pytest.approx(value, abs=1e-5)
        whole = np.array([[0, y - 2, x - 2], [1, y + 3, x + 3]])
        assert np.allclose(found.boxes[place], whole.clip(0, (1, *shape)), atol=1e-4)


def test_predict__what_one_of_two_networks_sees_counts_half(made):
    class Blind(nn.Module):
        def forward(self, image_NCDHW):
            return [Bright()(torch.zeros_like(image_NCDHW))[0]]

    found = predict_boxes(engine(made, Bright(), Blind()), picture(points=[(5, 7, 0.8)]))
    assert len(found) == 1 and found.scores[0] == pytest.approx(0.4, abs=1e-5)


def test_responsible__windows_share_the_axis_and_both_answer_for_its_seams():
    starts = [0, 8, 16, 24]
    parts = [responsible(starts, start, 16, 40) for start in starts]
    assert parts[0][0] == -np.inf and parts[-1][1] == np.inf
    assert [high - of_boxes.MARGIN for _, high in parts[:-1]] == [12, 20, 28]
    assert [low + of_boxes.MARGIN for low, _ in parts[1:]] == [12, 20, 28]


def test_most_probable__of_all_classes_and_thinned():
    found = torch.zeros(3, 2 + 9)
    found[0, :2], found[0, 2:8] = torch.tensor([0.9, 0.3]), torch.tensor([0.0, 0, 0, 1, 4, 4])
    found[1, :2], found[1, 2:8] = torch.tensor([0.8, 0.005]), torch.tensor([0.0, 0, 0, 1, 4, 4.2])
    found[2, :2], found[2, 2:8] = torch.tensor([0.0, 0.5]), torch.tensor([0.0, 9, 9, 1, 12, 12])
    kept = most_probable(found)
    assert kept.codes.tolist() == [0, 1, 1] and np.allclose(kept.scores, [0.9, 0.5, 0.3])


def test_mirrored__back_where_it_was():
    one = Detections(np.array([[[0.0, 1, 2], [1, 3, 6]]]), np.array([0.5]), np.array([0]))
    back = mirrored(one, (3, 4), (1, 10, 20))
    assert np.allclose(back.boxes, [[[0, 7, 14], [1, 9, 18]]])
    assert np.allclose(mirrored(back, (3, 4), (1, 10, 20)).boxes, one.boxes)


def test_put_together__nothing_from_nothing_and_at_most_so_many():
    assert len(put_together([joined([])])) == 0 and len(put_together([joined([]), joined([])])) == 0
    many = of_boxes.MOST_KEPT + 20
    starts = np.arange(many)[:, None, None] * np.array([0.0, 10, 10]) + np.array([[[0.0, 0, 0], [1, 5, 5]]])
    codes = np.where(np.arange(many) < 10, 1, 0)
    found = put_together([Detections(starts, np.linspace(0.1, 0.9, many), codes)])
    assert np.bincount(found.codes).tolist() == [of_boxes.MOST_KEPT, 10] and found.scores[0] == pytest.approx(0.9)
    assert (np.diff(found.scores) <= 0).all()
