"""Probabilities that mean what they say: a map from a network's probabilities to calibrated ones, as plain numbers.

temperature    exclusive classes: log-probabilities are divided by one number, and the best class stays the best
               (Guo et al. 2017, ICML 1321)
platt          a positive class, or each label: its log-odds times a slope, plus an offset (Platt 1999, Advances in Large
               Margin Classifiers 61); the order of cases stays
vector         exclusive classes: each log-probability times a slope of its own, plus an offset (Guo et al. 2017); of two
               classes this is beta calibration (Kull et al. 2017, AISTATS 623)
isotonic       a positive class, each label, or each class against the rest: steps that never fall (Zadrozny & Elkan 2002,
               KDD 694), straight lines between them; the order of cases stays but for ties
none           probabilities as they are
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from scipy.special import expit, log_softmax, logit, softmax

from scanwright.errors import UsageError
from scanwright.types import JSON, Floats

Kind = Literal["none", "temperature", "platt", "vector", "isotonic"]
Knots: TypeAlias = tuple[tuple[float, float], ...]
"""A function that never falls, as points (from, to) with straight lines between them; level beyond the first and the last."""
LEAST = 1e-7
"""Probabilities nearer to 0 or 1 than this are taken as this near: float32 networks say 0 and 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """slopes and offsets: one for the positive class or one for each label; of a temperature T the slope 1 / T and no offset.

    slopes are above 0. Slope 1 and offset 0 change nothing. knots: of an isotonic one, for the positive class, or for each
    class or label, in place of slopes. exclusive: its classes exclude each other, and rows are made to sum to 1 again.
    """

    kind: Kind
    slopes: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    knots: tuple[Knots, ...] = ()
    exclusive: bool = False

    @property
    def keeps_best(self) -> bool:
        """Whether the most probable of several exclusive classes stays the most probable."""
        return self.kind in ("none", "temperature")

    def to_json(self) -> dict[str, JSON]:
        """Plain data; knots only where there are some."""
        told: dict[str, JSON] = {"kind": self.kind, "slopes": list(self.slopes), "offsets": list(self.offsets)}
        if self.knots:
            told |= {"knots": [[list(pair) for pair in one] for one in self.knots], "exclusive": self.exclusive}
        return told


def calibration_from_json(data: Mapping[str, Any]) -> Calibration:
    """What `to_json` gave. Raises KeyError, TypeError or ValueError for what is none."""
    if data["kind"] not in get_args(Kind):
        raise ValueError(f"no calibration is called {data['kind']}")
    return Calibration(
        kind=data["kind"],
        slopes=tuple(float(value) for value in data["slopes"]),
        offsets=tuple(float(value) for value in data["offsets"]),
        knots=tuple(tuple((float(x), float(y)) for x, y in one) for one in data.get("knots", ())),
        exclusive=bool(data.get("exclusive", False)),
    )


def calibrate(probabilities: Floats, calibration: Calibration) -> Floats:
    """Calibrated probabilities (N, K) from a network's (N, K). Rows of exclusive classes go on summing to 1.

    Platt and isotonic of one function: (N, 2), of which the second column is the positive class; of K: a column each.
    Raises UsageError if the columns do not fit.
    """
    if calibration.kind == "none":
        return np.asarray(probabilities, np.float64)
    chances = np.clip(np.asarray(probabilities, np.float64), LEAST, 1 - LEAST)
    columns = chances.shape[1]
    if calibration.kind == "temperature":
        scaled: Floats = softmax(calibration.slopes[0] * log_softmax(np.log(chances), axis=1), axis=1)
        return scaled
    _require_columns(calibration, columns)
    if calibration.kind == "vector":
        logs = log_softmax(np.log(chances), axis=1)
        weighed: Floats = softmax(np.array(calibration.slopes) * logs + np.array(calibration.offsets), axis=1)
        return weighed
    number = len(calibration.knots or calibration.slopes)
    moved = np.stack(
        [_moved(chances[:, place], calibration, k) for k, place in enumerate(range(columns - number, columns))], axis=1
    )
    if number < columns:
        return np.concatenate([1 - moved, moved], axis=1)
    return moved / moved.sum(axis=1, keepdims=True) if calibration.exclusive else moved


def _moved(chances: Floats, calibration: Calibration, k: int) -> Floats:
    """Probabilities (N,) of one class by its own function."""
    if calibration.kind == "isotonic":
        from_, to = np.array(calibration.knots[k]).T
        return np.asarray(np.interp(chances, from_, to), np.float64)
    moved: Floats = expit(calibration.slopes[k] * logit(chances) + calibration.offsets[k])
    return moved


def _require_columns(calibration: Calibration, columns: int) -> None:
    number = len(calibration.knots if calibration.kind == "isotonic" else calibration.slopes)
    fits = number == columns or (number == 1 and columns == 2 and calibration.kind != "vector")
    if not fits or (calibration.kind != "isotonic" and len(calibration.offsets) != number):
        raise UsageError("a calibration of other classes", expected=f"{number} labels", found=f"{columns} columns")
