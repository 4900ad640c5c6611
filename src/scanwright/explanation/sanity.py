"""Whether an explanation depends on what the network learned: the cascading randomisation test.

The network's weights are drawn anew, from the last layer to the first, and the map is made again at each stage. A map that
stays the same although nothing learned is left shows the image (an edge detector does that), not the network.

Two correlations say different things. That of the maps as they are decides. That of their sizes, signs aside, stays about a
half for methods that multiply by the image, such as integrated gradients: zero where the image is zero, whatever the weights.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from scanwright.runtime import generator
from scanwright.types import Array

Explain = Callable[[nn.Module, Tensor], Array]
"""A network and an image (C, D, H, W) to a map (D, H, W)."""

LIMIT = 0.5
"""Rank correlation above which a map has survived the loss of all weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage of the cascade. layer: the layer drawn anew last, on top of all later ones.

    correlation: Spearman's rank correlation of maps before and after, in [-1, 1], mean over images and draws. A map that has
    become the same everywhere has none and is left out; None if that is so of all. size_correlation: of absolute values.
    """

    layer: str
    correlation: float | None
    size_correlation: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sanity:
    """The verdict. stages: from the last layer to the first.

    passed: whether, with every weight drawn anew, the correlation is at most LIMIT in absolute value, or there is none.
    None if no map said anything to begin with, being the same everywhere, or the network has no weights.
    """

    stages: tuple[Stage, ...]
    passed: bool | None


def randomisation_check(
    network: nn.Module, explain: Explain, images: Sequence[Tensor], *, seed: int, stages: int = 8, draws: int = 3
) -> Sanity:
    """Draw copies of the network anew, layer by layer from the last, and see whether the maps of `images` change.

    explain: makes the map; asked twice it must say the same. stages: at most so many maps of an image in a draw, the layers
    being drawn in as many groups. draws: cascades with other weights; chance alone makes a coarse map correlate now and
    then, and not three times. The weights of a draw are a function of (seed, draw, layer); running statistics stay. Layers
    count as last by their order in the network, which is left alone.
    Source: Adebayo et al. 2018, NeurIPS 31 (arXiv:1810.03292).
    """
    before = [explain(network, image) for image in images]
    told = [(image, found) for image, found in zip(images, before, strict=True) if np.ptp(found) > 0]
    correlations: dict[str, list[tuple[float | None, float | None]]] = {}
    for draw in range(draws if told else 0):
        changed = copy.deepcopy(network)
        for layer in _cascade(changed, (seed, draw), stages):
            pairs = [(found, explain(changed, image)) for image, found in told]
            correlations.setdefault(layer, []).extend(
                (rank_correlation(one, other), rank_correlation(np.abs(one), np.abs(other))) for one, other in pairs
            )
    found = tuple(
        Stage(
            layer=layer, correlation=_mean([one for one, _ in both]), size_correlation=_mean([two for _, two in both])
        )
        for layer, both in correlations.items()
    )
    if not found:
        return Sanity(stages=(), passed=None)
    last = found[-1].correlation
    return Sanity(stages=found, passed=last is None or abs(last) <= LIMIT)


def taken_together(found: Sequence[Sanity]) -> Sanity:
    """One verdict of checks of several networks or images, by the mean of what each has at its end.

    stages: that end alone; () where no check says anything.
    """
    ends = [one.stages[-1] for one in found if one.stages]
    if not ends:
        return Sanity(stages=(), passed=None)
    mean = _mean([one.correlation for one in ends])
    end = Stage(layer=ends[0].layer, correlation=mean, size_correlation=_mean([one.size_correlation for one in ends]))
    return Sanity(stages=(end,), passed=mean is None or abs(mean) <= LIMIT)


def rank_correlation(first: Array, second: Array) -> float | None:
    """Spearman's rank correlation of two maps of one shape, ties at their mean rank; None if one has a single value."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(stats.spearmanr(first, second, axis=None).statistic)


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def _cascade(network: nn.Module, key: tuple[int, ...], stages: int) -> Iterator[str]:
    """Draw the layers of a network anew, the last first; name the layer reached at the end of each of `stages` groups."""
    layers = [(name, part) for name, part in network.named_modules() if list(part.parameters(recurse=False))]
    layers.reverse()
    ends = {round(end) - 1 for end in np.linspace(0, len(layers), min(stages, len(layers)) + 1)[1:]}
    for position, (name, part) in enumerate(layers):
        for number, parameter in enumerate(part.parameters(recurse=False)):
            _redraw(parameter, generator(*key, position, number))
        if position in ends:
            yield name


@torch.no_grad()
def _redraw(parameter: Tensor, source: np.random.Generator) -> None:
    """Normal numbers of the same size: kernels around 0, norms and biases (which may be centred on 1) around their mean."""
    values = parameter.detach().double().cpu().numpy()
    mean = values.mean() if values.ndim == 1 and values.size > 1 else 0.0
    spread = np.sqrt(((values - mean) ** 2).mean())
    parameter.copy_(torch.from_numpy(source.normal(mean, spread, values.shape)))
