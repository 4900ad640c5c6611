"""The expected Dice: 1 where a model is certain, what sampling gives elsewhere, nothing where nothing is found."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from scanwright.inference import confidence
from scanwright.inference.confidence import expected_dice, region_sums


@dataclass
class Block:
    values: torch.Tensor


def sums_of(probabilities, monkeypatch, *, regions):
    """Sums over (K, D, H, W) probabilities, handed over as two blocks."""
    whole = torch.from_numpy(probabilities)
    blocks = [Block(whole[:, :1]), Block(whole[:, 1:])]
    monkeypatch.setattr(confidence, "probability_blocks", lambda engine, image: iter(blocks))
    return region_sums(None, None, regions=regions)


def test_certain__is_one_and_nothing_found_is_none(monkeypatch):
    p = np.zeros((3, 4, 5, 6), np.float32)
    p[0], p[1, :2] = 1.0, 1.0
    p[0, :2] = 0.0
    assert expected_dice(sums_of(p, monkeypatch, regions=2)) == [1.0, None]


def test_background__is_no_region(monkeypatch):
    p = np.random.default_rng(0).random((3, 4, 5, 6)).astype(np.float32)
    with_background = sums_of(p, monkeypatch, regions=2)
    assert np.allclose(with_background, sums_of(p[1:], monkeypatch, regions=2))


@pytest.mark.parametrize("seed", range(5))
def test_expected__is_the_dice_of_drawn_truths(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.4, 0.6, (1, 8, 12, 12)).astype(np.float32)
    (expected,) = expected_dice(sums_of(p, monkeypatch, regions=1))
    mask = p > 0.5
    truths = rng.random((400, *p.shape)) < p
    overlap = (truths & mask).sum(axis=(1, 2, 3, 4))
    dice = 2 * overlap / (truths.sum(axis=(1, 2, 3, 4)) + mask.sum())
    assert expected == pytest.approx(dice.mean(), abs=0.01)


def test_less_certain__is_less(monkeypatch):
    found = []
    for sure in (0.99, 0.9, 0.7, 0.55):
        p = np.full((1, 2, 8, 8), 1 - sure, np.float32)
        p[:, :, 2:6, 2:6] = sure
        found += expected_dice(sums_of(p, monkeypatch, regions=1))
    assert found == sorted(found, reverse=True) and found[0] > 0.95
