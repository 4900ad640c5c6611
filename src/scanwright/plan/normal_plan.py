"""NormalPlan: what normal images look like, place by place; what lies far from that is abnormal. It is fitted, not trained."""

from math import prod
from typing import Annotated

from pydantic import Field

from scanwright.dataset.task import Frozen
from scanwright.plan.counts import Counts, Positive
from scanwright.types import Shape3

Scale = Annotated[float, Field(gt=0, le=64)]


class NormalPlan(Frozen):
    """Which features of an image are taken, where, and how much that is normal may be called abnormal.

    size: what every image is brought to, in network order, so that one place of it is one place of the body. cell: voxels of
    that, along each axis that has several, which share their features' mean. scales: in voxels, the widths of the filters that
    features are made with. block: cells, along each axis, that share one covariance. shrink: the share of the covariance that
    is taken from its own diagonal over the whole image. false_alarms: share of normal images that may be told as abnormal.
    """

    in_channels: Positive
    out_channels: Positive
    size: Counts
    cell: Positive
    scales: tuple[Scale, ...] = Field(min_length=1)
    block: Positive
    shrink: float = Field(gt=0, le=1)
    false_alarms: float = Field(gt=0, lt=1)

    @property
    def title(self) -> str:
        """What such a model is called."""
        return "model of what is normal"

    @property
    def stride(self) -> Shape3:
        """The least size of an image: any."""
        return (1, 1, 1)

    @property
    def steps(self) -> Shape3:
        """Voxels of `size` per cell along each axis: one along an axis of one slice."""
        d, h, w = (min(self.cell, length) for length in self.size)
        return d, h, w

    @property
    def cells(self) -> Shape3:
        """How many cells there are along each axis."""
        d, h, w = (-(-length // step) for length, step in zip(self.size, self.steps, strict=True))
        return d, h, w

    @property
    def blocks(self) -> Shape3:
        """How many blocks of cells there are along each axis."""
        d, h, w = (-(-cells // self.block) for cells in self.cells)
        return d, h, w

    @property
    def features(self) -> int:
        """Numbers at each place."""
        return features_each(self.size) * len(self.scales) * self.in_channels

    @property
    def values_held(self) -> int:
        """Numbers that such a model consists of."""
        return self.features * prod(self.cells) + self.features**2 * prod(self.blocks)

    @property
    def values_seen(self) -> int:
        """Numbers that are alive while one image is looked at: its features in full, and each cell's share of a covariance."""
        return 3 * self.features * prod(self.size) + self.features**2 * prod(self.cells)


def features_each(size: Shape3) -> int:
    """Features of one channel at one scale: grey value, slope along each axis, how steep, how curved, and how uneven it is."""
    return 4 + sum(length > 1 for length in size)
