"""The training cases of a model as the model sees them, so that a new case can be held against them.

Which of them are nearest says what an answer rests on; a case that is far from all of them is one to be doubted. What is
kept has no name in it: numbers that the model makes of an image, and what was known of that image.
"""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from safetensors.numpy import load, save

from scanwright.errors import IntegrityError
from scanwright.explanation.neighbours import Neighbour, distances_to_nearest, nearest_cases
from scanwright.types import Floats, Ints

FAR = 0.99
"""Share of the training cases that have another one nearer to them than a case that is called unlike all of them."""
BLOCK = 512
MOST_CASES = 5000
"""Of more training cases, so many evenly spread over their names."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """features: (N, F) float16 of the training cases. targets: in words, what is known of each. limit: the cosine distance to
    the nearest training case beyond which a case is unlike them; None of fewer than two.
    """

    features: Floats
    targets: tuple[str, ...]
    limit: float | None

    @classmethod
    def of(
        cls,
        features_NF: Floats,
        targets: Sequence[str],
        *,
        owners: Sequence[Hashable] | None = None,
        held_out_MF: Floats | None = None,
    ) -> Self:
        """The training cases, with the limit that their own distances give, and those of cases that were held out.

        owners: whose each is; the nearest case is sought among those of others. held_out_MF: the model knows what it learned
        from better than it will know anything new, so that such cases may be farther.
        """
        kept = np.array(features_NF, dtype=np.float16, order="C")  # as it is written, byte after byte
        whose = np.unique([str(one) for one in owners], return_inverse=True)[1] if owners else np.arange(len(kept))
        nearest = _nearest_distances(kept.astype(np.float32), whose)
        limits = [float(np.quantile(nearest, FAR))] if len(nearest) else []
        if limits and held_out_MF is not None and len(held_out_MF):
            found = distances_to_nearest(kept, held_out_MF)
            limits += [float(np.quantile(found, FAR))] if len(found) else []
        return cls(kept, tuple(targets), max(limits, default=None))

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


def _nearest_distances(features_NF: Floats, owners_N: Ints) -> Floats:
    """Cosine distance of each case to the nearest one of another owner, where both have a direction; (0,) of one owner."""
    lengths = np.linalg.norm(features_NF, axis=1)
    unit, whose = features_NF[lengths > 0] / lengths[lengths > 0, None], owners_N[lengths > 0]
    if len(set(whose.tolist())) < 2:
        return np.zeros(0)
    found = []
    for start in range(0, len(unit), BLOCK):
        cosines = unit[start : start + BLOCK] @ unit.T
        cosines[whose[start : start + BLOCK, None] == whose] = -np.inf
        found.append(1 - cosines.max(axis=1))
    return np.asarray(np.clip(np.concatenate(found), 0.0, 2.0))
