"""How far opinions of one image agree on its masks: those of several networks, of mirrored views, or of draws of dropout.

Of M masks of a region the agreement is the pairwise Dice of all pairs together, Σ 2 |a ∩ b| / Σ (|a| + |b|). With c of the M
masks in a voxel that is Σ c (c - 1) / ((M - 1) Σ c) over voxels, so that no mask is kept: they are counted as they are made,
window by window. Voxels where windows overlap count as often as they are seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from scanwright.types import Floats


@dataclass(slots=True)
class Opinions:
    """outputs: of the network, those that are regions. exclusive: whether the most probable output is a voxel's answer; else
    a region is where it is more probable than not. hear each opinion on a batch of windows, then `close` the batch.
    """

    outputs: Sequence[int]
    exclusive: bool = True
    number: int = field(init=False, default=0)
    counts: Tensor | None = field(init=False, default=None)
    pairs: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.pairs = np.zeros((len(self.outputs), 2))

    def hear(self, probabilities_NKDHW: Tensor) -> None:
        """One opinion: what one network says of the windows, seen from one side."""
        if self.exclusive:
            best = probabilities_NKDHW.argmax(1)
            masks = torch.stack([best == output for output in self.outputs], 1).to(torch.int16)
        else:
            masks = (probabilities_NKDHW[:, list(self.outputs)] > 0.5).to(torch.int16)
        self.counts = masks if self.counts is None else self.counts + masks
        self.number += 1

    def close(self) -> None:
        """All opinions on these windows were heard."""
        if self.counts is not None and self.number > 1:
            counts = self.counts.movedim(1, 0).flatten(1).to(torch.int64)
            both, each = (counts * (counts - 1)).sum(1), counts.sum(1) * (self.number - 1)
            self.pairs += torch.stack([both, each], 1).cpu().numpy()
        self.counts, self.number = None, 0

    @property
    def agreement(self) -> Floats:
        """(R,) in [0, 1]; NaN of a region that no opinion holds, and where there is one opinion alone."""
        both, each = self.pairs.T
        found: Floats = np.divide(both, each, out=np.full(len(both), np.nan), where=each > 0)
        return found
