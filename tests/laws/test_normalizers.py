"""What holds for every normaliser, of today and of tomorrow."""

from itertools import permutations, product

import numpy as np
import pytest

from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.geometry.volume import Volume
from scanwright.plan.plan import ChannelNormalization, PreprocessPlan
from scanwright.transform.normalize import NORMALIZERS
from scanwright.transform.preprocess import to_network

PLANS = {
    name: ChannelNormalization(scheme=name, low=-50, high=150, mean=50, std=25)  # type: ignore[arg-type]
    for name in NORMALIZERS
}
CENTRE = 50.0
"""What the planned numbers above call the middle."""

every = pytest.mark.parametrize("name", NORMALIZERS)


def noise(shape: tuple[int, int, int] = (5, 8, 9)) -> np.ndarray:
    return np.random.default_rng(0).normal(50, 30, shape).astype(np.float32)


@every
def test_shape_type_and_input_are_kept(name: str) -> None:
    channel = noise()
    before = channel.copy()
    made = NORMALIZERS[name](channel, PLANS[name])
    assert made.shape == channel.shape and made.dtype == np.float32 and np.isfinite(made).all()
    assert np.array_equal(channel, before)


@every
@pytest.mark.parametrize("value", [0.0, CENTRE, -1e-3, 255.0, 1e6, -3e38])
def test_a_constant_stays_constant_and_finite(name: str, value: float) -> None:
    made = NORMALIZERS[name](np.full((3, 4, 5), value, dtype=np.float32), PLANS[name])
    assert np.isfinite(made).all() and np.unique(made).size == 1


@pytest.mark.parametrize("name", sorted(set(NORMALIZERS) - {"none"}))
def test_the_middle_becomes_zero(name: str) -> None:
    assert not NORMALIZERS[name](np.full((3, 4, 5), CENTRE, dtype=np.float32), PLANS[name]).any()


@every
def test_grey_values_keep_their_order(name: str) -> None:
    channel = np.abs(noise())
    made = NORMALIZERS[name](channel, PLANS[name]).ravel()[channel.ravel().argsort()]
    assert (np.diff(made) >= 0).all()


@pytest.mark.parametrize("name", ["zscore", "zscore_nonzero", "percentile"])
def test_those_that_measure_each_case_do_not_know_its_unit(name: str) -> None:
    channel = noise()
    made, other = (NORMALIZERS[name](values, PLANS[name]) for values in (channel, channel * 37.5))
    assert np.abs(made - other).max() < 1e-4
    assert abs(float(made.mean())) < 1e-5 and float(made.std()) == pytest.approx(1, abs=1e-4)


@every
def test_all_48_axis_orders_give_the_same_bits(name: str) -> None:
    voxels = np.where(noise()[None] > 30, noise()[None], 0)
    volume = Volume(voxels.astype(np.float32), Grid.from_spacing((5, 8, 9), (2.0, 1.1, 0.9)))
    plan = PreprocessPlan(
        axes=(0, 2, 1),
        spacing=(2.0, 1.0, 1.0),
        long_side=None,
        crop_to_nonzero=True,
        normalization=(PLANS[name],),
        image_order=3,
    )
    expected, _ = to_network(volume, plan)
    for order, flip in product(permutations(range(3)), product((False, True), repeat=3)):
        turned, _ = to_network(volume.reoriented(Reorientation(order, flip)), plan)
        assert np.array_equal(turned, expected)
