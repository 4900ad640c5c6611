"""Values dropped at random while a network answers, so that one network gives several opinions (Monte-Carlo dropout).

What is dropped is a function of the number of the pass, and not of what was asked before: the same image has the same answer,
and all windows of an image are seen by the same thinned network. Source: Gal and Ghahramani 2016, ICML, PMLR 48:1050.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from scanwright.network.dropout import SeededDropout

PASSES_FROM = 1 << 32
"""The first of the numbers by which passes draw: no training takes as many steps, so none of them draws what these draw."""


def drops(network: nn.Module) -> bool:
    """Whether a network has dropout that drops anything, and so can be asked several times."""
    return any(isinstance(part, SeededDropout) and part.share > 0 for part in network.modules())


def passes_of(network: nn.Module, wanted: int) -> list[int | None]:
    """The passes of a network: numbers of draws, or one pass with nothing dropped where none are wanted or nothing drops."""
    return [*range(wanted)] if wanted and drops(network) else [None]


@contextlib.contextmanager
def dropping(network: nn.Module, number: int | None) -> Iterator[None]:
    """The network with the draw of this number; as it is for None. Afterwards it is as it was."""
    parts = [] if number is None else [part for part in network.modules() if isinstance(part, SeededDropout)]
    before = [(part.training, part.calls) for part in parts]
    try:
        for part in parts:
            part.training, part.calls = True, torch.tensor(PASSES_FROM + (number or 0))
        yield
    finally:
        for part, (training, calls) in zip(parts, before, strict=True):
            part.training, part.calls = training, calls
