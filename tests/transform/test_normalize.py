from collections.abc import Callable

import numpy as np
import pytest

from scanwright.plan.plan import ChannelNormalization
from scanwright.transform.normalize import (
    clip_to_foreground,
    fixed_range,
    percentile,
    standardize,
    unchanged,
    zscore,
    zscore_nonzero,
)

CT = ChannelNormalization(scheme="ct", low=-100, high=300, mean=50, std=25)


def channel(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def of(scheme: str, **numbers: float) -> ChannelNormalization:
    return ChannelNormalization(scheme=scheme, **numbers)  # type: ignore[arg-type]


def test_clip_to_foreground__by_hand() -> None:
    found = clip_to_foreground(channel(-1000, -100, 50, 75, 300, 3000), CT)
    assert found.ravel().tolist() == [-6, -6, 0, 1, 10, 10]
    assert found.dtype == np.float32


def test_clip_to_foreground__hounsfield_units_mean_the_same_in_every_scan() -> None:
    small = clip_to_foreground(channel(0, 100), CT)
    large = clip_to_foreground(channel(0, 100, 3000, -1000), CT)
    assert small.ravel().tolist() == large.ravel()[:2].tolist()


def test_zscore__by_hand() -> None:
    assert zscore(channel(1, 3, 5, 7), of("zscore")).ravel() == pytest.approx(np.array([-3, -1, 1, 3]) / np.sqrt(5))


def test_zscore_nonzero__zeros_stay_and_count_for_nothing() -> None:
    found = zscore_nonzero(channel(0, 0, 0, 2, 4, 0), of("zscore_nonzero")).ravel()
    assert found.tolist() == [0, 0, 0, -1, 1, 0]
    assert not zscore_nonzero(channel(0, 0), of("zscore_nonzero")).any()


def test_percentile__burned_in_text_does_not_move_the_rest() -> None:
    rng = np.random.default_rng(0)
    picture = rng.normal(100, 10, (1, 100, 100)).astype(np.float32)
    marked = picture.copy()
    marked[0, 0, :30] = 255

    def moved(normalize: Callable[[np.ndarray, ChannelNormalization], np.ndarray]) -> float:
        """Median change of the pixels that carry no text."""
        plan = of("none")
        return float(np.median(np.abs(normalize(marked, plan) - normalize(picture, plan))[0, 1:]))

    assert moved(percentile) < 0.03 < 0.04 < moved(zscore)


def test_fixed_range__by_hand() -> None:
    found = fixed_range(channel(0, 127.5, 255), of("range", low=0, high=255))
    assert found.ravel() == pytest.approx([-2, 0, 2])
    assert fixed_range(channel(65535), of("range", low=0, high=65535)).ravel() == pytest.approx([2])


def test_unchanged__is_the_same_array() -> None:
    values = channel(1, 2)
    assert unchanged(values, of("none")) is values


def test_standardize__without_spread_gives_zeros() -> None:
    assert not standardize(channel(5, 5), mean=5, spread=0).any()


@pytest.mark.parametrize("value", [1e-30, 0.1, 1e9, -3e38])
def test_zscore__a_constant_of_any_size_gives_zeros(value: float) -> None:
    assert not zscore(np.full((3, 50, 7), value, dtype=np.float32), of("zscore")).any()
