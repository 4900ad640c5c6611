"""The training cases of a model as the model sees them, so that a new case can be held against them.

Which of them are nearest says what an answer rests on; a case that is far from all of them is one to be doubted. What is
kept has no name in it: numbers that the model makes of an image, and what was known of that image.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from safetensors.numpy import load, save

from scanwright.errors import IntegrityError
from scanwright.explanation.neighbours import Neighbour, nearest_cases
from scanwright.types import Floats

FAR = 0.99
"""Share of the training cases that have another one nearer to them than a case that is called unlike all of them."""
BLOCK = 512


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """features: (N, F) float16 of the training cases. targets: in words, what is known of each. limit: the cosine distance to
    the nearest training case beyond which a case is unlike them; None of fewer than two.
    """

    features: Floats
    targets: tuple[str, ...]
    limit: float | None

    @classmethod
    def of(cls, features_NF: Floats, targets: Sequence[str]) -> Self:
        """The training cases, with the limit that their own distances give."""
        kept = np.array(features_NF, dtype=np.float16, order="C")  # as it is written, byte after byte
        nearest = _nearest_distances(kept.astype(np.float32))
        return cls(kept, tuple(targets), float(np.quantile(nearest, FAR)) if len(nearest) else None)

    def nearest(self, features_F: Floats, *, count: int) -> tuple[Neighbour, ...]:
        """The nearest training cases, the nearest first."""
        return nearest_cases(self.features, features_F, count=count)

    def is_unlike(self, neighbours: Sequence[Neighbour]) -> bool:
        """Whether a case with these neighbours is farther from all training cases than they are from each other."""
        return self.limit is not None and bool(neighbours) and neighbours[0].distance > self.limit

    def to_bytes(self) -> bytes:
        """For a package: arrays, and words as bytes of JSON; no pickle."""
        words = json.dumps({"targets": self.targets, "limit": self.limit}, ensure_ascii=False, allow_nan=False)
        return save({"features": self.features, "words": np.frombuffer(words.encode(), dtype=np.uint8).copy()})

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """The same again. Raises IntegrityError if they are not those of one model."""
        try:
            arrays = load(stored)
            words = json.loads(arrays["words"].tobytes())
            found = cls(arrays["features"], tuple(words["targets"]), words["limit"])
        except Exception as error:  # whatever the reader meets in bytes that are not ours
            raise IntegrityError("known cases that cannot be read", found=str(error)[:120]) from error
        if found.features.ndim != 2 or len(found.features) != len(found.targets):
            raise IntegrityError("known cases that do not fit together", found=found.features.shape)
        return found


def _nearest_distances(features_NF: Floats) -> Floats:
    """(N,) cosine distance of each case to the nearest other one, where it has a direction; (0,) of fewer than two."""
    lengths = np.linalg.norm(features_NF, axis=1)
    unit = features_NF[lengths > 0] / lengths[lengths > 0, None]
    if len(unit) < 2:
        return np.zeros(0)
    found = []
    for start in range(0, len(unit), BLOCK):
        cosines = unit[start : start + BLOCK] @ unit.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + start] = -np.inf
        found.append(1 - cosines.max(axis=1))
    return np.asarray(np.clip(np.concatenate(found), 0.0, 2.0))
