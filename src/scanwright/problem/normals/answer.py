"""The answer of a model of what is normal: how far an image, and each place in it, lies beyond that."""

from dataclasses import dataclass

import numpy as np

from scanwright.dataset.classes import ABNORMAL, NORMAL
from scanwright.findings.regions import Regions
from scanwright.geometry.volume import Volume
from scanwright.types import Bools, Floats

LIMIT = 0.5
"""The score of an image, or a place, that lies at the limit; above it is abnormal."""
AT_LIMIT, PER_SPREAD = 128, 16
"""A map is kept in bytes: this is the threshold, and above it is abnormal; one spread is so many."""


@dataclass(frozen=True, slots=True)
class AnomalyAnswer:
    """chances (2,): one less the score, and the score, as classes have probabilities.

    grades: (1, I, J, K) uint8 on the image's grid, above AT_LIMIT is abnormal. regions: those that what is abnormal lies
    among, None where none are known.
    """

    chances: Floats
    grades: Volume
    regions: Regions | None = None

    @property
    def score(self) -> float:
        """Of the whole image, in [0, 1]: one half at the limit."""
        return float(self.chances[1])

    @property
    def decision(self) -> str:
        """What the image is told as."""
        return ABNORMAL if self.score > LIMIT else NORMAL

    @property
    def mask(self) -> Bools:
        """(I, J, K): where it is abnormal."""
        return np.asarray(self.grades.voxels[0] > AT_LIMIT)

    @property
    def sure(self) -> Floats:
        """(I, J, K) in [0, 1]: one half at the limit, and more the more spreads beyond it."""
        excess = (self.grades.voxels[0].astype(np.float32) - AT_LIMIT) / PER_SPREAD
        return np.asarray(1 / (1 + np.exp(-excess)))

    @property
    def labels(self) -> Volume:
        """1 where it is abnormal."""
        return Volume(self.mask[None].astype(np.uint8), self.grades.grid)
