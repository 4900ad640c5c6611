"""What is gathered while probabilities pass: sums, a sample of voxels at their places, and calibrated sureness."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy

import fakes
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import IDENTITY
from scanwright.geometry.volume import Volume
from scanwright.inference.evidence import (
    LEAST,
    NEAR,
    NUM_FAR,
    NUM_NEAR,
    SIZE,
    Look,
    own_places,
    region_borders,
    tempered,
)
from scanwright.inference.predict import Engine, probability_blocks
from scanwright.inference.with_evidence import predict_with_evidence
from scanwright.network.build import build
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import Placement, to_network

SHAPE = (6, 30, 24)


def seen_in(parts: list[int], chances: np.ndarray, *, sampled: bool = True) -> Look:
    """A look that was given the rows up to each of these places, one part after the other."""
    look, shape = Look(outputs=(1,), sampled=sampled), chances.shape
    look.begin(Placement(Grid(shape, np.eye(4)), IDENTITY, (0, 0, 0), shape, shape))
    start = 0
    for stop in parts:
        look.see(0, 1 - chances[start:stop], slice(start, stop), slice(0, chances.shape[1]))
        look.see(1, chances[start:stop], slice(start, stop), slice(0, chances.shape[1]))
        start = stop
    return look


def probabilities(seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(SHAPE) ** 6).astype(np.float32)


def test_sums_are_those_of_the_whole_and_the_entropy_is_scipys() -> None:
    chances = probabilities()
    (sums,) = seen_in([2, 5, 6], chances).sums
    near, mask = chances[chances >= NEAR].astype(float), chances > 0.5
    bits = entropy(np.stack([near, 1 - near]), base=2, axis=0).sum()
    assert sums == pytest.approx([chances[mask].sum(), mask.sum(), chances.sum(), bits], rel=1e-5)


def test_a_probability_that_is_rounded_above_one_is_one() -> None:
    """As the mean over windows and views may be, in float32."""
    chances = probabilities()
    chances[0, :3] = np.nextafter(np.float32(1), np.float32(2))
    with np.errstate(invalid="raise"):
        seen = seen_in([6], chances)
    assert np.isfinite(seen.sums).all() and max(drawn[2].max() for drawn in seen.drawn.values()) == 1


def test_the_sample_does_not_hang_on_how_rows_come() -> None:
    chances = probabilities()
    one, other = seen_in([6], chances), seen_in([1, 4, 6], chances)
    for name in ((0, True), (0, False)):
        assert set(one.drawn[name][1].tolist()) == set(other.drawn[name][1].tolist())
    for near, most in ((True, NUM_NEAR), (False, NUM_FAR)):
        _, where, chance = one.drawn[0, near]
        assert len(where) == min(most, int(((chances >= NEAR) == near).sum()))
        assert np.array_equal(chances.ravel()[where], chance) and ((chance >= NEAR) == near).all()


def test_the_sample_is_fair() -> None:
    """Its mean is that of all voxels near the region, within what chance gives."""
    chances = (np.random.default_rng(1).random((8, 100, 100)) * 0.99 + 0.01).astype(np.float32)
    _, where, chance = seen_in([8], chances).drawn[0, True]
    assert len(np.unique(where)) == NUM_NEAR
    assert abs(chance.mean() - chances.mean()) < 4 * chances.std() / np.sqrt(NUM_NEAR)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_places_lie_where_back_puts_them(flips: tuple[int, ...], order: tuple[int, ...]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.diag(flips)[:, list(order)]
    image = np.zeros((1, 7, 8, 9), np.float32)
    image[0, 2:6, 1:7, 3:8] = 1 + np.random.default_rng(0).random((4, 6, 5))
    plan = fakes.plan()
    plan = plan.model_copy(update={"preprocess": plan.preprocess.model_copy(update={"crop_to_nonzero": True})})
    _, placement = to_network(Volume(image, Grid((7, 8, 9), affine)), plan.preprocess)
    size = int(np.prod(placement.box_shape))
    marks = np.arange(1, size + 1).reshape(placement.box_shape)
    assert np.array_equal(placement.back(marks).ravel()[own_places(np.arange(size), placement)], np.arange(1, size + 1))


def test_tempered_keeps_one_half_and_divides_log_odds() -> None:
    assert tempered(np.array([0.5, 0.0, 1.0]), 0.5)[0] == 0.5
    told = tempered(np.array([0.9, 0.2]), 0.5)
    assert np.log(told / (1 - told)) == pytest.approx(np.log([9, 0.25]) / 2)
    assert np.isfinite(tempered(np.array([0.0, 1.0]), 20.0)).all() and tempered(np.array([LEAST]), 1.0)[0] == LEAST


def test_border_voxels() -> None:
    labels = np.zeros((7, 7, 7), np.uint8)
    assert region_borders(labels, [(1,), (9,)]).tolist() == [0, 0]
    labels[1:6, 1:6, 1:6] = 1
    labels[3, 3, 3] = 2
    assert region_borders(labels, [(1,), (2,), (1, 2)]).tolist() == [125 - 27 + 6, 1, 125 - 27]
    flat = np.ones((5, 5, 1), np.uint8)
    assert region_borders(flat, [(1,)]).tolist() == [0], "beyond the image's border is nothing"
    flat[0] = 0
    assert region_borders(flat, [(1,)]).tolist() == [5]


def test_an_answer_with_evidence_is_the_answer_without() -> None:
    torch.manual_seed(0)
    task = fakes.task()
    problem, plan = Segmentation(task), fakes.plan()
    engine = Engine([build(plan.network).eval()], plan, problem, torch.device("cpu"))
    image = Volume(
        np.random.default_rng(0).normal(size=(1, 16, 16, 8)).astype(np.float32), Grid((16, 16, 8), np.eye(4))
    )
    told = predict_with_evidence(engine, image, regions={1: (1,), 2: (2,)}, exclusive=True, watched=[2], sampled=True)
    prepared, _ = to_network(image, plan.preprocess)
    (chances,) = [block.values.numpy().copy() for block in probability_blocks(engine, prepared)]  # a single window
    for region, output in enumerate((1, 2)):
        mask = chances.argmax(0) == output
        expected = [chances[output][mask].sum(), mask.sum(), chances[output].sum()]
        assert told.evidence.sums[region, :3] == pytest.approx(expected, rel=1e-4), "the grids are one"
        assert told.evidence.sums[region, SIZE] == (told.labels.voxels == output).sum()
    sample = told.evidence.sample
    assert sample is not None and set(np.unique(sample.region)) <= {0, 1}
    surer = predict_with_evidence(
        engine, image, regions={1: (1,), 2: (2,)}, exclusive=True, watched=[2], slopes={2: 3.0}
    )
    assert np.array_equal(surer.labels.voxels, told.labels.voxels), "no mask changes"
    plain = told.sure.astype(float) / 255
    assert np.abs(surer.sure / 255 - tempered(plain, 3.0)).max() < 0.01
    finding = sample.region == 1
    assert np.abs(plain.ravel()[sample.voxel[finding]] - sample.chance[finding]).max() <= 0.5 / 255 + 1e-6


def test_regions_that_overlap_are_answered_each_by_itself() -> None:
    chances = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)
    look = Look(outputs=(0, 1), exclusive=False)
    look.begin(Placement(Grid(SHAPE, np.eye(4)), IDENTITY, (0, 0, 0), SHAPE, SHAPE))
    for output in (0, 1):
        look.see(output, chances[output], slice(0, SHAPE[0]), slice(0, SHAPE[1]))
        mask = chances[output] > 0.5
        assert look.sums[output, :2] == pytest.approx([chances[output][mask].sum(), mask.sum()], rel=1e-5)


def test_exclusive_regions_share_no_voxel_even_where_none_is_more_probable_than_not() -> None:
    chances = np.random.default_rng(0).random((3, *SHAPE)).astype(np.float32)
    chances /= chances.sum(0)
    look = Look(outputs=(1, 2))
    look.begin(Placement(Grid(SHAPE, np.eye(4)), IDENTITY, (0, 0, 0), SHAPE, SHAPE))
    for start, stop in ((0, 2), (2, 6)):
        for output in range(3):
            look.see(output, chances[output, start:stop], slice(start, stop), slice(0, SHAPE[1]))
    best = chances.argmax(0)
    for region, output in enumerate((1, 2)):
        mask = best == output
        assert look.sums[region, :2] == pytest.approx([chances[output][mask].sum(), mask.sum()], rel=1e-5)
