"""Agreement of several opinions against Dice pair by pair, and as an engine hears them."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

import fakes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.opinions import Opinions
from scanwright.inference.predict import Engine
from scanwright.inference.with_evidence import predict_with_evidence
from scanwright.network.build import build
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import to_network

REGIONS = {1: (1,), 2: (2,)}


def heard(opinions: list[torch.Tensor], *, exclusive: bool = False) -> Opinions:
    one = Opinions((1, 2), exclusive)
    for opinion in opinions:
        one.hear(opinion)
    one.close()
    return one


@pytest.mark.parametrize("number", [2, 3, 5])
def test_agreement_is_the_dice_of_all_pairs_together(number: int) -> None:
    opinions = list(torch.rand((number, 2, 3, 4, 5, 6), generator=torch.Generator().manual_seed(number)))
    found = heard(opinions).agreement
    for place, output in enumerate((1, 2)):
        masks = [one[:, output].numpy() > 0.5 for one in opinions]
        both = sum(2 * (a & b).sum() for a, b in combinations(masks, 2))
        each = sum(a.sum() + b.sum() for a, b in combinations(masks, 2))
        assert found[place] == pytest.approx(both / each)


def test_one_opinion_agrees_with_nobody() -> None:
    assert np.isnan(heard([torch.ones(1, 3, 2, 2, 2)]).agreement).all()
    assert np.isnan(heard([torch.zeros(1, 3, 2, 2, 2)] * 2).agreement).all(), "no opinion holds the region"
    assert heard([torch.ones(1, 3, 2, 2, 2)] * 3).agreement.tolist() == [1, 1]


def test_an_engine_hears_each_network_and_each_view() -> None:
    plan = fakes.plan(patch=(8, 16, 16))
    problem = Segmentation(fakes.task())
    networks = []
    for seed in range(2):
        torch.manual_seed(seed)
        networks.append(build(plan.network).eval())
    image = Volume(
        np.random.default_rng(0).normal(size=(1, 16, 16, 8)).astype(np.float32), Grid((16, 16, 8), np.eye(4))
    )

    def told(*of: torch.nn.Module, mirror: tuple[bool, bool, bool] = (False, False, False)) -> np.ndarray:
        mirrored = plan.model_copy(update={"inference": plan.inference.model_copy(update={"mirror": mirror})})
        engine = Engine(of, mirrored, problem, torch.device("cpu"))
        return predict_with_evidence(engine, image, regions=REGIONS, exclusive=True).evidence.agreement

    assert np.isnan(told(networks[0])).all()
    assert told(networks[0], networks[0])[0] in (1.0, pytest.approx(np.nan, nan_ok=True))
    both = told(*networks)
    assert np.isnan(both).any() or ((both >= 0) & (both <= 1)).all()
    views = told(networks[0], mirror=(True, False, False))
    window = torch.from_numpy(to_network(image, plan.preprocess)[0][None])
    with torch.no_grad():
        chances = problem.probabilities(networks[0](window)[0])
        turned = problem.probabilities(networks[0](window.flip(2))[0]).flip(2)
    assert views == pytest.approx(heard([chances, turned], exclusive=True).agreement, nan_ok=True)


def test_a_listener_changes_no_answer() -> None:
    torch.manual_seed(0)
    plan = fakes.plan(patch=(8, 16, 16))
    engine = Engine([build(plan.network).eval()] * 2, plan, Segmentation(fakes.task()), torch.device("cpu"))
    window = torch.rand(1, 1, 8, 16, 16)
    assert torch.equal(engine.windows(window), replace(engine, opinions=Opinions((1, 2))).windows(window))
