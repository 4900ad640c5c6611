"""Whether an image is of the kind that a model was made for, by how far it lies from the training cases in several
views.

A view is a set of features of an image, such as its texture, or what a network makes of it (`features.looks`); in each
the training cases are a cloud, and an image has a distance. What is usual is told by cases that were held out: the
logarithm of each distance less their mean, over their deviation, so that views can be held against each other, and the
largest of these is the image's score. One limit on that score keeps the share of usual images that are wrongly told as
beyond it, over all views together: see `limits`. Two limits make three levels: inside, on the border, outside.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.explanation.cloud import Cloud
from scanwright.explanation.limits import Limit, upper_limit
from scanwright.explanation.turned import Turn, turns_of
from scanwright.types import Floats

Level = Literal["inside", "border", "outside"]
LEVELS: tuple[Level, ...] = ("inside", "border", "outside")
LAYOUT, TURNED, GRAIN = "layout", "turned", "grain"
SHARES: Mapping[Level, float] = {"border": 0.05, "outside": 0.02}
"""Of usual images, those that may lie on the border or beyond, and outside.

A smaller share is no safer: of up to 99 held-out cases 1 % is the largest one, and a single odd case among them then lets pass
a third of another kind of image (PneumoniaMNIST given ultrasound: 63 to 87 % declined at 1 % of 175 cases, 100 % at 2 %).
"""
LEAST_SPREAD = 0.05
"""Of log distances: else a view in which held-out cases hardly differ would alarm at a trifle."""
PARTS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How an image looks. views: its features in each, (F,). cells (..., D, H, W): its layout, which may be turned."""

    views: Mapping[str, Floats]
    cells: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Clouds:
    """The training cases in each view. A view without enough of them is left out."""

    of: Mapping[str, Cloud]

    def measure(self, look: Look) -> dict[str, float]:
        """The distance in each view, and by how much the layout fits better when it is turned (`TURNED`)."""
        found = {name: self._distance(name, look.views.get(name)) for name in self.of if name != GRAIN}
        if GRAIN in look.views:
            found[GRAIN] = float(look.views[GRAIN][0])
        if LAYOUT in self.of:
            best = self.best_turn(look)
            found[TURNED] = 1.0 if best is None else best[1]
        return found

    def _distance(self, name: str, features: Floats | None) -> float:
        """Infinite for features of another number: an image with other axes."""
        cloud = self.of[name]
        if features is None or features.shape != cloud.center.shape:
            return float("inf")
        return float(cloud.distances(features)[0])

    def best_turn(self, look: Look) -> tuple[Turn, float] | None:
        """The turn in which the layout fits best, and how many times as well as it does as it is; None if nothing can
        turn.
        """
        cloud, turns = self.of[LAYOUT], turns_of(look.cells.shape[-3:])
        if not turns or look.cells.size != cloud.center.size:
            return None
        every = np.stack([look.cells.ravel(), *(turn.apply(look.cells).ravel() for turn in turns)])
        own, *others = cloud.distances(every)
        place = int(np.argmin(others))
        return turns[place], float(own / max(others[place], 1e-12))


@dataclass(frozen=True, slots=True)
class Judged:
    """level: of an image. beyond: the views in which it lies beyond that level's limit, the farthest first. score: the
    largest over all views, in deviations of held-out cases.
    """

    level: Level
    beyond: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is usual: mean and deviation of log distances of held-out cases in each view. border, outside: limits on the
    score.
    """

    usual: Mapping[str, tuple[float, float]]
    border: Limit
    outside: Limit

    def scores(self, distances: Mapping[str, float]) -> dict[str, float]:
        """By how many deviations each distance lies above the usual one."""
        return {
            name: (_log(distances[name]) - center) / spread
            for name, (center, spread) in self.usual.items()
            if name in distances
        }

    def judge(self, distances: Mapping[str, float]) -> Judged:
        """The level of an image with these distances, and the views that say so."""
        scores = self.scores(distances)
        score = max(scores.values(), default=0.0)
        for level, limit in (("outside", self.outside), ("border", self.border)):
            if limit.is_beyond(score):
                far = [name for name in sorted(scores, key=lambda one: -scores[one]) if limit.is_beyond(scores[name])]
                return Judged("outside" if level == "outside" else "border", tuple(far), score)
        return Judged("inside", (), score)

    def reach(self, view: str, level: Level) -> float | None:
        """The distance in a view up to which an image is not yet of a level."""
        limit = self.outside if level == "outside" else self.border
        center, spread = self.usual[view]
        return None if limit.value is None else float(np.exp(center + spread * limit.value))


def bounds_of(distances: Sequence[Mapping[str, float]]) -> Bounds:
    """What is usual, by the distances of cases that were held out."""
    names = sorted({name for one in distances for name in one})
    usual = {}
    for name in names:
        logs = np.array([_log(one[name]) for one in distances if name in one])
        logs = logs[np.isfinite(logs)]
        if len(logs):
            usual[name] = (float(logs.mean()), float(max(logs.std(), LEAST_SPREAD)))
    found = Bounds(usual, Limit(None, None, "unknown", 0), Limit(None, None, "unknown", 0))
    scores = [max(found.scores(one).values(), default=0.0) for one in distances]
    finite = [score for score in scores if np.isfinite(score)]
    limits = {level: upper_limit(finite, share=share) for level, share in SHARES.items()}
    return Bounds(usual, limits["border"], limits["outside"])


def cross_judged(distances: Sequence[Mapping[str, float]], owners: Sequence[Hashable]) -> list[Judged]:
    """Each held-out case judged by bounds that the others gave. owners: whose each is; cases of one owner are judged
    together.

    No case has a part in its own limit, so that the shares of levels are those to be expected of new cases. [] of one
    owner.
    """
    whose = np.unique([str(one) for one in owners], return_inverse=True)[1]
    parts = min(PARTS, len(set(whose.tolist())))
    if parts < 2:
        return []
    found: list[Judged | None] = [None] * len(distances)
    for part in range(parts):
        own = [place for place in range(len(distances)) if whose[place] % parts == part]
        others = [distances[place] for place in range(len(distances)) if whose[place] % parts != part]
        bounds = bounds_of(others)
        for place in own:
            found[place] = bounds.judge(distances[place])
    return [one for one in found if one is not None]


def _log(distance: float) -> float:
    return float(np.log(max(distance, 1e-12)))
