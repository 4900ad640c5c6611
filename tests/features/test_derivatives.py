import numpy as np
import pytest
from scipy import ndimage

from scanwright.features.derivatives import gaussian_derivatives


@pytest.mark.parametrize("scale", [1.0, 8.0])
@pytest.mark.parametrize("shape", [(32, 32, 32), (40, 24), (1, 9)], ids=["3-D", "2-D", "one row"])
def test_gaussian_derivatives__are_those_of_scipy(shape: tuple[int, ...], scale: float) -> None:
    array = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    array.flat[: array.size // 3] = 0.25
    wanted = [(0,) * len(shape), (1, *(0,) * (len(shape) - 1)), (*(0,) * (len(shape) - 1), 2)]
    for orders, found in zip(wanted, gaussian_derivatives(array, scale, wanted), strict=True):
        assert found.dtype == np.float32 and found.shape == shape
        assert found == pytest.approx(ndimage.gaussian_filter(array, scale, order=orders), rel=1e-6, abs=1e-9)
