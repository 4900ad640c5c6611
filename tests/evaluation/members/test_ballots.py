"""Ballots score any weighting as scikit-learn, or a full count of voxels, would."""

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.evaluation.members import ballots
from scanwright.evaluation.members.ballots import (
    ClassBallots,
    LabelBallots,
    NumberBallots,
    RowBallots,
    decided,
    voxel_votes,
)

WEIGHTS = [np.array(one, dtype=float) for one in ([1, 0, 0], [1, 1, 1], [0, 3, 1])]


def classified(truth: np.ndarray) -> list[ClassifiedCase]:
    return [
        ClassifiedCase(case=f"c{k}", patient=f"p{k}", probabilities=(0.5, 0.5), truth=int(one), decision=0)
        for k, one in enumerate(truth)
    ]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_classes__area_of_the_weighted_mean(weights):
    rng = np.random.default_rng(0)
    truth = np.arange(40) % 2
    second = np.clip(0.5 + 0.1 * truth + rng.normal(0, 0.2, (3, 40)), 0, 1)
    held = ClassBallots(np.stack([1 - second, second], axis=-1), classified(truth), "one")
    places = np.arange(5, 35)
    wanted = roc_auc_score(truth[places], (weights @ second / weights.sum())[places])
    assert held.score(weights, places) == pytest.approx(wanted) and (held.num_members, held.num_cases) == (3, 40)


def test_classes__one_class_alone_is_not_defined():
    held = ClassBallots(np.full((2, 6, 2), 0.5), classified(np.zeros(6)), "one")
    assert held.score(np.ones(2), np.arange(6)) is None


@pytest.mark.parametrize("weights", WEIGHTS)
def test_numbers__share_of_variance_of_the_weighted_mean(weights):
    rng = np.random.default_rng(1)
    truth = rng.normal(50, 10, (30, 1))
    values = truth[None] + rng.normal(0, 4, (3, 30, 1))
    held, places = NumberBallots(values, truth), np.arange(20)
    pooled = np.tensordot(weights / weights.sum(), values, axes=1)
    assert held.score(weights, places) == pytest.approx(r2_score(truth[places], pooled[places]))


def maps(exclusive: bool, *, seed: int, members: int = 3, shape=(6, 7, 5), regions: int = 2):
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 2, (regions + exclusive, *shape))
    logits = shared + rng.normal(0, 0.8, (members, *shared.shape))
    if exclusive:
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        values = shared.argmax(axis=0)
        truth = np.stack([values == k for k in range(1, regions + 1)])
    else:
        chances, truth = 1 / (1 + np.exp(-logits)), shared > 0.3
    return chances.astype(np.float32), truth


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_voxels__disputed_ones_alone_give_the_dice_of_all(exclusive, weights):
    """An independent count over every voxel of the weighted mean."""
    for seed in range(5):
        chances, truth = maps(exclusive, seed=seed)
        valid = np.random.default_rng(seed).random(truth.shape[1:]) > 0.1
        votes = voxel_votes(list(chances), truth, exclusive=exclusive, valid=valid, judged=np.ones(2, bool))
        told = decided(np.tensordot(weights / weights.sum(), chances, axes=1), exclusive=exclusive)
        wanted = [
            2 * (told[k] & truth[k] & valid).sum() / ((told[k] & valid).sum() + (truth[k] & valid).sum())
            for k in (0, 1)
        ]
        assert votes.dice(weights) == pytest.approx(np.mean(wanted), abs=4e-3)  # in float16 a voxel may cross one half
        assert votes.chances.shape[2] < valid.sum(), "most voxels are not disputed"


def test_voxels__regions_nobody_looked_for_or_has_do_not_count():
    chances, truth = maps(False, seed=3)
    truth[1] = False
    nothing = np.stack([chances[:, 0], np.zeros_like(chances[:, 1])], axis=1)
    judged = np.array([True, True])
    alone = voxel_votes(list(nothing), truth, exclusive=False, valid=np.ones(truth.shape[1:], bool), judged=judged)
    first = alone.dice(np.ones(3))
    told = nothing.mean(axis=0)[0] > 0.5
    assert first == pytest.approx(2 * (told & truth[0]).sum() / (told.sum() + truth[0].sum()), abs=2e-3)
    never = voxel_votes(list(chances), truth, exclusive=False, valid=np.ones(truth.shape[1:], bool), judged=~judged)
    assert never.dice(np.ones(3)) is None
    assert LabelBallots([never, alone]).score(np.ones(3), np.array([0, 1])) == first


def test_voxels__of_many_disputed_ones_some_stand_for_all(monkeypatch):
    chances, truth = maps(True, seed=4, shape=(30, 30, 30))
    given = {"exclusive": True, "valid": np.ones(truth.shape[1:], bool), "judged": np.ones(2, bool)}
    every = voxel_votes(list(chances), truth, **given)
    monkeypatch.setattr(ballots, "MOST_VOXELS", 800)
    some = voxel_votes(list(chances), truth, **given)
    assert some.chances.shape[2] == 800 and some.scale > 1
    assert some.dice(np.ones(3)) == pytest.approx(every.dice(np.ones(3)), abs=0.01)


def test_rows__are_pooled_and_measured():
    held = RowBallots(2, 3, lambda weights, place: float(weights.sum()) * place, lambda rows: sum(rows))
    assert held.score(np.array([1.0, 2.0]), np.array([1, 2])) == 9.0 and held.num_members == 2 and held.num_cases == 3
