"""Local features that nobody learned: against SciPy, and by hand."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from scanwright.network.filters import block_means, blurred, local_features
from scanwright.plan.normal_plan import features_each


def image(shape, seed=0):
    """(1, 1, D, H, W) of noise."""
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 1, *shape)))


@pytest.mark.parametrize("shape", [(1, 20, 30), (12, 20, 17)], ids=["picture", "volume"])
@pytest.mark.parametrize("width", [0.8, 2.0])
def test_blurred__as_scipy_does(shape, width):
    found = blurred(image(shape), width)[0, 0].numpy()
    axes = tuple(axis for axis, length in enumerate(shape) if length > 1)
    radius = max(1, round(3 * width))
    theirs = image(shape)[0, 0].numpy()
    for axis in axes:
        theirs = ndimage.gaussian_filter1d(theirs, width, axis=axis, mode="nearest", radius=radius)
    np.testing.assert_allclose(found, theirs, atol=1e-12)


def test_blurred__nothing_by_a_width_of_0():
    assert torch.equal(blurred(image((1, 4, 4)), 0.0), image((1, 4, 4)))


def test_local_features__of_a_slope():
    ramp = 3.0 * torch.arange(40.0).expand(1, 1, 1, 40, 40)  # along W, 3 a pixel
    grey, across, along, steep, curved, uneven = local_features(ramp, [2.0])[0, :, 0, 20, 20].tolist()
    assert grey == pytest.approx(60.0)
    assert (across, along, steep) == pytest.approx((0.0, 6.0, 6.0))  # times the scale
    assert curved == pytest.approx(0.0, abs=1e-4)
    assert uneven == pytest.approx(3 * 2, rel=0.03)  # the deviation of 3 x over a Gaussian of width 2


@pytest.mark.parametrize("shape", [(1, 16, 18), (9, 16, 18)])
def test_local_features__as_many_as_the_plan_counts(shape):
    two = image(shape).expand(1, 2, *shape)
    assert local_features(two, [1.0, 2.0]).shape == (1, features_each(shape) * 2 * 2, *shape)


def test_block_means__of_what_is_there_at_the_end():
    values = torch.arange(5.0).reshape(1, 1, 1, 1, 5)
    assert block_means(values, (1, 1, 2)).flatten().tolist() == [0.5, 2.5, 4.0]
