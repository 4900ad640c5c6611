"""A model of what is normal fitted to images, and its limit calibrated on images that it was not fitted to.

Two looks at each image. In the first the sums are taken of which means and covariances are made, for each inner fold apart; in
the second each image is held against the model of the other folds, and what it strays at most is noted. Of these numbers come
the centre and spread of what is usual, and the limit: a conformal quantile, so that a new normal image exceeds it with at most
the probability that was planned, if it is exchangeable with those here.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scanwright.errors import InputError
from scanwright.features.folds import deal
from scanwright.network.normal import NormalModel, distances, most_unusual
from scanwright.plan.normal_plan import NormalPlan

INNER = 5
LEAST = 10
"""Normal images of a fold: of fewer nothing could be said of what is usual."""
STEADY = 1e-6
"""Of the mean variance, added to each: a feature that never varies would divide by nothing."""

See = Callable[[int], Tensor]
"""A prepared image (C, D, H, W) by its place among the cases."""


@dataclass(slots=True)
class Sums:
    """Of the features of some images: their number, for each place their sum, for each block their products' sum."""

    count: int
    first: Tensor
    second: Tensor

    def __add__(self, other: "Sums") -> "Sums":
        """Of both."""
        return Sums(self.count + other.count, self.first + other.first, self.second + other.second)

    @classmethod
    def none(cls, plan: NormalPlan) -> "Sums":
        """Of no image."""
        features = plan.features
        return cls(
            0,
            torch.zeros((features, *plan.cells), dtype=torch.float64),
            torch.zeros((prod(plan.blocks), features, features), dtype=torch.float64),
        )


def fit_normal(
    plan: NormalPlan, see: See, owners: Sequence[str], *, seed: int, beat: Callable[[], None] = lambda: None
) -> NormalModel:
    """The model of the images that `see` gives, one for each of `owners`: whose it is, so that no patient's image is held
    against a model of another image of the same patient.

    beat: called after each look. Raises InputError for fewer than LEAST images, or of fewer than INNER patients.
    """
    count = len(owners)
    if count < LEAST or len(set(owners)) < INNER:
        raise InputError(
            "too few normal images to learn what is normal",
            expected=f"at least {LEAST} images of {INNER} patients in every fold's training part",
            found=f"{count} of {len(set(owners))} in one",
            hint="Add normal images. More folds leave each more to learn from.",
        )
    home = np.zeros(count, dtype=np.int64)
    for fold, (_, judged) in enumerate(deal(np.zeros(count, dtype=np.int64), owners, folds=INNER, seed=seed)):
        home[judged] = fold
    model = NormalModel(plan).eval()
    parts = [Sums.none(plan) for _ in range(INNER)]
    with torch.no_grad():
        for place in range(count):
            parts[home[place]] = parts[home[place]] + _sums(model.seen(see(place)[None])[0].double(), plan)
            beat()
        whole = sum(parts, Sums.none(plan))
        others = [_gaussians(_without(whole, part), plan) for part in parts]
        unusual = []
        for place in range(count):
            mean, whiten = others[home[place]]
            unusual.append(most_unusual(distances(model.seen(see(place)[None]), mean, whiten, block=plan.block))[0])
            beat()
        model.mean, model.whiten = _gaussians(whole, plan)
        _calibrate(model, torch.stack(unusual))
    return model


def conformal_limit(scores: Tensor, *, alarms: float) -> Tensor:
    """The least of scores (N,) that one more of their kind exceeds with a probability of at most `alarms`; where so few cannot
    promise that, the largest.

    >>> [float(conformal_limit(torch.arange(1.0, end), alarms=0.05)) for end in (20, 40, 4)]
    [19.0, 38.0, 3.0]
    """
    rank = math.ceil((len(scores) + 1) * (1 - alarms))
    return scores.sort().values[min(rank, len(scores)) - 1]


def _calibrate(model: NormalModel, unusual_N2: Tensor) -> None:
    """Centre, spread and limit, of what normal images reach at most, in places and in the mean (N, 2)."""
    model.center = unusual_N2.mean(0)
    model.spread = unusual_N2.std(0).clamp_min(1e-6)
    scores = ((unusual_N2 - model.center) / model.spread).amax(1)
    model.limit = conformal_limit(scores, alarms=model.plan.false_alarms)


def _sums(seen_F: Tensor, plan: NormalPlan) -> Sums:
    """Of one image's features (F, *cells)."""
    samples = _by_block(seen_F, plan)
    return Sums(1, seen_F, samples @ samples.transpose(1, 2))


def _by_block(values_F: Tensor, plan: NormalPlan) -> Tensor:
    """(blocks, F, cells of each): features (F, *cells) by block; zeros where an axis ends within one."""
    missing = [blocks * plan.block - cells for blocks, cells in zip(plan.blocks, plan.cells, strict=True)]
    d, h, w = missing
    padded = functional.pad(values_F, (0, w, 0, h, 0, d))
    apart = padded
    for axis in (1, 2, 3):
        apart = apart.unfold(axis, plan.block, plan.block)
    return apart.flatten(4).flatten(1, 3).movedim(0, 1)


def _without(whole: Sums, part: Sums) -> Sums:
    return Sums(whole.count - part.count, whole.first - part.first, whole.second - part.second)


def _gaussians(sums: Sums, plan: NormalPlan) -> tuple[Tensor, Tensor]:
    """Mean (F, *cells) and whitening (*blocks, F, F), float32."""
    mean = sums.first / sums.count
    middles = _by_block(mean, plan)
    cells = _by_block(torch.ones_like(mean[:1]), plan).sum((1, 2))
    scatter = sums.second - sums.count * middles @ middles.transpose(1, 2)
    covariance = scatter / ((sums.count - 1) * cells)[:, None, None]
    variance = torch.diagonal(covariance, dim1=1, dim2=2)
    overall = (variance * (cells / cells.sum())[:, None]).sum(0)
    steady = overall.clamp_min(0) + STEADY * overall.mean() + 1e-12
    mixed = (1 - plan.shrink) * covariance + plan.shrink * torch.diag(steady)
    lower = torch.linalg.cholesky(mixed)
    whiten = torch.linalg.solve_triangular(lower, torch.eye(plan.features, dtype=lower.dtype), upper=False)
    return mean.float(), whiten.float().reshape(*plan.blocks, plan.features, plan.features)
