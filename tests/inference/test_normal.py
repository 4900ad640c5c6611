"""What several models of what is normal say of an image, and where."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from normal_samples import plan
from scanwright.inference.normal import between, predict_normal
from scanwright.network.normal import NormalModel

SHAPE = (1, 24, 24)


class Told(NormalModel):
    """Says of every image the same: by how much one place, and the whole, exceed the limit."""

    def __init__(self, place: float, whole: float) -> None:
        super().__init__(plan())
        self.place, self.whole = place, whole

    def looked_at(self, image_NCDHW):
        places = torch.full((1, 1, 6, 6), -3.0)
        places[0, 0, 2, 4] = self.place
        return places, torch.tensor([self.whole])


def asked(*models):
    engine = SimpleNamespace(
        device=torch.device("cpu"),
        networks=models,
        problem=SimpleNamespace(probabilities=lambda logits: logits.float().softmax(1)),
    )
    placement = SimpleNamespace(shape=SHAPE, box_shape=SHAPE, back=lambda own: own.transpose(2, 1, 0))
    return predict_normal(engine, np.zeros((1, *SHAPE), np.float32), placement)


@pytest.mark.parametrize(("places", "abnormal"), [((0.1,), True), ((6.0, -1.0, -1.0), True), ((2.0, -3.0), False)])
def test_predict__the_map_and_the_decision_are_of_one_mean(places, abnormal):
    chances, excess = asked(*(Told(place, -1.0) for place in places))
    assert bool(chances[1] > 0.5) == bool((excess > 0).any()) == abnormal
    assert (excess.shape == SHAPE[::-1] and excess.max() == pytest.approx(np.mean(places), abs=1e-5)) or not abnormal
    assert excess[18, 10, 0] == excess.max()


def test_predict__unusual_as_a_whole():
    chances, excess = asked(Told(-2.0, 1.5), Told(-2.0, 0.5))
    assert chances[1] == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-6) and excess.max() < 0


def test_between__a_peak_beyond_the_limit_is_kept():
    cells = torch.tensor([[[[[-1.0, 0.4, -1.0]]]]])
    fine = between(cells, (1, 1, 9))[0, 0, 0, 0]
    assert fine[3:6].tolist() == pytest.approx([0.4] * 3) and (fine[:3] < 0).all() and (fine[6:] < 0).all()
    assert torch.equal(between(-cells.abs(), (1, 1, 3)), -cells.abs())
