"""Probabilities that mean what they say: a map from a network's probabilities to calibrated ones, as plain numbers.

temperature    exclusive classes: log-probabilities are divided by one number, and the best class stays the best
               (Guo et al. 2017, ICML 1321)
platt          a positive class, or each label: its log-odds times a slope, plus an offset (Platt 1999, Advances in Large
               Margin Classifiers 61); the order of cases stays
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, log_softmax, logit, softmax

from scanwright.errors import UsageError
from scanwright.types import Floats

Kind = Literal["temperature", "platt"]
LEAST = 1e-7
"""Probabilities nearer to 0 or 1 than this are taken as this near: float32 networks say 0 and 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """slopes and offsets: one for the positive class or one for each label; of a temperature T the slope 1 / T and no offset.

    slopes are above 0. Slope 1 and offset 0 change nothing.
    """

    kind: Kind
    slopes: tuple[float, ...]
    offsets: tuple[float, ...] = ()


def calibrate(probabilities: Floats, calibration: Calibration) -> Floats:
    """Calibrated probabilities (N, K) from a network's (N, K). Rows of exclusive classes go on summing to 1.

    Platt with one slope: (N, 2), of which the second column is the positive class; with K slopes: a label a column.
    Raises UsageError if the columns do not fit.
    """
    chances = np.clip(np.asarray(probabilities, np.float64), LEAST, 1 - LEAST)
    columns = chances.shape[1]
    if calibration.kind == "temperature":
        scaled: Floats = softmax(calibration.slopes[0] * log_softmax(np.log(chances), axis=1), axis=1)
        return scaled
    slopes, offsets = np.array(calibration.slopes), np.array(calibration.offsets)
    if (
        len(slopes) != len(offsets)
        or len(slopes) not in {columns, columns - 1}
        or (len(slopes) < columns and columns != 2)
    ):
        raise UsageError("a calibration of other classes", expected=f"{len(slopes)} labels", found=f"{columns} columns")
    if len(slopes) == columns:
        labels: Floats = expit(slopes * logit(chances) + offsets)
        return labels
    positive = expit(slopes[0] * logit(chances[:, 1]) + offsets[0])
    return np.stack([1 - positive, positive], axis=1)
