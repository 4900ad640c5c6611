"""DetectorPlan: a network that finds boxes, without anchors: an encoder, a feature pyramid, and heads on some of its levels."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Literal, Self

from pydantic import Field, model_validator

from scanwright.dataset.task import Frozen
from scanwright.plan.counts import Counts, OddCounts, Positive
from scanwright.plan.encoder_plan import TITLES
from scanwright.types import Shape3, three

Family = Literal["resnet", "densenet", "convnext", "efficientnet"]


def steps_of(strides: Sequence[Shape3]) -> tuple[Shape3, ...]:
    """Voxels of input per cell at the end of each stage, each axis, fine to coarse.

    >>> steps_of([(1, 2, 2), (2, 2, 2)])
    ((1, 2, 2), (2, 4, 4))
    """
    return tuple(accumulate(strides, lambda have, more: three([a * b for a, b in zip(have, more, strict=True)])))


class DetectorPlan(Frozen):
    """An encoder stage by stage from fine to coarse, and what reads its maps.

    widths, strides, kernels, blocks, growth: of the encoder, as `EncoderPlan` has them. levels: the stages, counted from 0,
    fine to coarse, whose maps of the pyramid are searched; boxes are found on each, small ones on fine maps. neck: channels of
    the pyramid and the heads. out_channels: classes, each a probability of its own.
    """

    family: Family
    dims: Literal[2, 3]
    in_channels: Positive
    out_channels: Positive
    widths: tuple[Positive, ...] = Field(min_length=1)
    strides: tuple[Counts, ...]
    kernels: tuple[OddCounts, ...]
    blocks: tuple[Positive, ...]
    growth: Positive | None = None
    levels: tuple[int, ...] = Field(min_length=1)
    neck: Positive

    @property
    def title(self) -> str:
        """What such a network is called."""
        return f"{TITLES[self.family]} with a feature pyramid"

    @property
    def steps(self) -> tuple[Shape3, ...]:
        """Voxels of input per cell of each stage's map, each axis, fine to coarse."""
        return steps_of(self.strides)

    @property
    def stride(self) -> Shape3:
        """Voxels of input per cell of the coarsest map, each axis: the least size of an image."""
        return self.steps[-1]

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if len({len(self.widths), len(self.strides), len(self.kernels), len(self.blocks)}) != 1:
            raise ValueError("widths, strides, kernels and blocks need one entry a stage each")
        if self.dims == 2 and any(triple[0] != 1 for triple in (*self.strides, *self.kernels)):
            raise ValueError("in 2 dimensions the first of every stride and kernel is 1")
        if (self.family == "densenet") is not (self.growth is not None):
            raise ValueError("a DenseNet, and no other family, needs growth")
        if list(self.levels) != sorted(set(self.levels)) or not 0 <= self.levels[0] <= self.levels[-1] < len(
            self.widths
        ):
            raise ValueError(f"levels are stages from 0 to {len(self.widths) - 1}, from fine to coarse")
        return self

    def num_points(self, shape: Shape3) -> int:
        """At how many places an image of this shape is asked for boxes."""
        return sum(
            prod(-(-length // step) for length, step in zip(shape, self.steps[level], strict=True))
            for level in self.levels
        )
