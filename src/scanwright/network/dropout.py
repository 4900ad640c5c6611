"""Dropout whose random numbers are a function of a seed and of how often it was called, and so survive a resumed run."""

import torch
from torch import Tensor, nn

from scanwright.runtime import generator

DROPOUT = 2
"""Key of these random numbers, beside 0 and 1 of the batches."""


class SeededDropout(nn.Module):
    """While training, sets a share of the values to 0 and scales the others so that the mean stays.

    The number of calls is a buffer and is saved with the weights: a resumed run draws what an undisturbed one would have
    drawn, and nobody else's random numbers move. Source: Srivastava et al. 2014, J Mach Learn Res 15:1929.
    """

    calls: Tensor

    def __init__(self, share: float, *, seed: int) -> None:
        super().__init__()
        self.share = share
        self.seed = seed
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, values: Tensor) -> Tensor:
        """The same shape and dtype; the values as they are outside training or with a share of 0."""
        if not self.training or self.share == 0:
            return values
        drawn = generator(self.seed, DROPOUT, int(self.calls)).random(tuple(values.shape), dtype="float32")
        self.calls += 1
        kept = torch.from_numpy(drawn >= self.share).to(values.device)
        return values * kept / (1 - self.share)
