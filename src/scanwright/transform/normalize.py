"""Intensity normalisation: one function a scheme, chosen by the plan from the modality.

Each takes one channel (D, H, W) float32 and its plan, and gives the same shape and type with about zero mean and unit spread.
A constant channel stays constant: zeros from those that measure each case, some finite number from those whose numbers are the
data set's. Sources: "ct" and "zscore" are nnU-Net's (Isensee et al. 2021, Nat Methods 18:203).
"""

from collections.abc import Callable

import numpy as np

from scanwright.plan.plan import ChannelNormalization
from scanwright.types import Floats

SMALLEST_SPREAD = 1e-8


def clip_to_foreground(channel: Floats, plan: ChannelNormalization) -> Floats:
    """CT: clip to the foreground's 0.5 and 99.5 percentiles, then its mean and spread. Hounsfield units mean the same in
    every scan, so the numbers are the data set's, not the case's."""
    return standardize(np.clip(channel, plan.low, plan.high), mean=plan.mean or 0.0, spread=plan.std or 1.0)


def zscore(channel: Floats, plan: ChannelNormalization) -> Floats:
    """Mean and spread of the whole case: MR has no unit."""
    return standardize(channel, mean=_mean(channel), spread=_spread(channel))


def zscore_nonzero(channel: Floats, plan: ChannelNormalization) -> Floats:
    """Mean and spread of the voxels that are not zero, for images whose surroundings were set to zero; zeros stay zero."""
    inside = channel != 0
    if not inside.any():
        return np.zeros_like(channel)
    values = channel[inside]
    scaled = standardize(channel, mean=_mean(values), spread=_spread(values))
    return np.where(inside, scaled, np.float32(0))


def percentile(channel: Floats, plan: ChannelNormalization) -> Floats:
    """Clip each case to its own 0.5 and 99.5 percentiles, then z-score: burned-in white text and black borders count little."""
    low, high = np.percentile(channel, [0.5, 99.5])
    return zscore(np.clip(channel, low, high), plan)


def fixed_range(channel: Floats, plan: ChannelNormalization) -> Floats:
    """Colour: from [low, high] to [-2, 2], the same for every case, so that hues keep their relation."""
    low, high = plan.low or 0.0, plan.high if plan.high is not None else 255.0
    return standardize(channel, mean=(low + high) / 2, spread=(high - low) / 4)


def unchanged(channel: Floats, plan: ChannelNormalization) -> Floats:
    """As it is."""
    return channel


NORMALIZERS: dict[str, Callable[[Floats, ChannelNormalization], Floats]] = {
    "ct": clip_to_foreground,
    "zscore": zscore,
    "zscore_nonzero": zscore_nonzero,
    "percentile": percentile,
    "range": fixed_range,
    "none": unchanged,
}


def standardize(channel: Floats, *, mean: float, spread: float) -> Floats:
    """(channel - mean) / spread as float32; zeros where there is no spread."""
    if spread < SMALLEST_SPREAD:
        return np.zeros(channel.shape, dtype=np.float32)
    return ((channel - np.float32(mean)) / np.float32(spread)).astype(np.float32)


def _mean(values: Floats) -> float:
    return float(values.mean(dtype=np.float64))


def _spread(values: Floats) -> float:
    return float(values.std(dtype=np.float64))
