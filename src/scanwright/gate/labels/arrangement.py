"""Labels whose parts are the wrong way round: left and right swapped, upside down, or numbered in another order.

Each part of a label has a place in the image, a place among the others, a volume and a brightness. A case whose parts are
unlike those of its fellows, and like them again once they are mirrored or renumbered, is mirrored or renumbered. A cohort in
which left and right cases are mixed has a wide spread along that axis, and a mirrored case does not stand out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from scanwright.gate.labels.shape import LabelShape, Part
from scanwright.gate.outliers import LEAST_CASES, NORMAL
from scanwright.types import Floats

Kind = Literal["mirrored", "renumbered"]
FLOORS = np.array([0.03, 0.03, 0.03, 0.05, 0.05, 0.05, 0.15, 0.15])
"""Least spreads of place and centre (shares), volume (natural logarithm of the share) and brightness (deviations)."""
BRIGHTNESS = 7  # its place among the features
PLACES = ((0, 3), (1, 4), (2, 5))  # of the features that say where along X, Y, Z a part lies
FARTHEST = 6.0  # spreads that one feature counts at most: one wild number is no other arrangement
LEAST_GAIN = 40.0  # squared spreads that the other arrangement must be better by, and
LEAST_RATIO = 3.0  # how many times better


@dataclass(frozen=True, slots=True)
class Misarranged:
    """A case that fits its fellows far better in another arrangement.

    axis: of the mirror image, 0 to 2; None where parts are renumbered. order: for each part that the case has, which part it
    is among its fellows. cost, better: squared distance from the cohort, in its spreads and summed over the parts that change,
    as it is and rearranged; of a mirror image without brightness, as the image need not be mirrored too.
    """

    kind: Kind
    axis: int | None
    order: tuple[tuple[int, int], ...]
    cost: float
    better: float

    @property
    def gain(self) -> float:
        """By how much the other arrangement fits better."""
        return self.cost - self.better


def misarranged(shapes: Mapping[str, LabelShape]) -> dict[str, Misarranged]:
    """The cases whose parts fit those of the others far better mirrored along one axis, or renumbered. Needs 8 cases."""
    features = {name: {place: _features(part) for place, part in shape.parts.items()} for name, shape in shapes.items()}
    usual = _usual(list(features.values()))
    found = {}
    for name in sorted(features) if usual else ():
        best = max(_rearranged(features[name], usual), key=lambda one: one.gain, default=None)
        if best is not None and best.gain >= LEAST_GAIN and best.cost >= LEAST_RATIO * best.better:
            found[name] = best
    return found


def _features(part: Part) -> Floats:
    return np.array([*part.place, *part.centre, np.log(part.volume_share), part.brightness])


def _usual(features: Sequence[Mapping[int, Floats]]) -> dict[int, tuple[Floats, Floats]]:
    """Median and robust standard deviation of each part's features, of parts that 8 cases have."""
    held: dict[int, list[Floats]] = {}
    for one in features:
        for place, values in one.items():
            held.setdefault(place, []).append(values)
    usual = {}
    for place, rows in sorted(held.items()):
        if len(rows) >= LEAST_CASES:
            values = np.stack(rows)
            middle = np.median(values, axis=0)
            usual[place] = middle, np.maximum(NORMAL * np.median(np.abs(values - middle), axis=0), FLOORS)
    return usual


def _rearranged(own: Mapping[int, Floats], usual: Mapping[int, tuple[Floats, Floats]]) -> Iterator[Misarranged]:
    """Every other arrangement of one case's parts that is thought of: three mirror images and the best numbering."""
    held = [place for place in sorted(own) if place in usual]
    if not held:
        return
    features = np.stack([own[place] for place in held])
    shaped = [(middle[:BRIGHTNESS], spread[:BRIGHTNESS]) for middle, spread in (usual[place] for place in held)]
    upright = float(np.trace(_costs(features[:, :BRIGHTNESS], shaped)))
    same = tuple((place, place) for place in held)
    for axis, columns in enumerate(PLACES):
        mirrored = features[:, :BRIGHTNESS].copy()
        mirrored[:, columns] = 1 - mirrored[:, columns]
        yield Misarranged("mirrored", axis, same, upright, float(np.trace(_costs(mirrored, shaped))))
    places = list(usual)
    costs = _costs(features, list(usual.values()))
    rows, columns = linear_sum_assignment(costs)
    order = tuple((held[row], places[column]) for row, column in zip(rows, columns, strict=True))
    other = [(row, column) for row, column in zip(rows, columns, strict=True) if held[row] != places[column]]
    if other:
        cost = float(sum(costs[row, places.index(held[row])] for row, _ in other))
        yield Misarranged("renumbered", None, order, cost, float(sum(costs[row, column] for row, column in other)))


def _costs(features: Floats, usual: Sequence[tuple[Floats, Floats]]) -> Floats:
    """(parts of the case, usual parts): squared distances in spreads, summed over features."""
    middles, spreads = (np.stack(values) for values in zip(*usual, strict=True))
    apart = (features[:, None] - middles) / spreads
    return np.asarray((np.minimum(np.abs(apart), FARTHEST) ** 2).sum(axis=-1))
