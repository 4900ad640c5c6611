"""A network that answers a whole image, built from an EncoderPlan: encoder, pooling, joining of slices, head.

Takes (N, C, D, H, W), as the U-Net does. In 2-D the D slices are folded into N for the encoder and joined afterwards, so one
class serves single pictures (D is 1), volumes read slice by slice, and cine loops; in 3-D the encoder sees the volume.

A slice reaches the join as the mean of its feature map: what changes from frame to frame is seen, where it lies is not.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from scanwright.network.blocks import initialize
from scanwright.network.dropout import SeededDropout
from scanwright.network.encoder import ENCODERS, Encoder
from scanwright.network.join import AttentionJoin, make_join
from scanwright.network.transformer import VisionTransformer
from scanwright.plan.encoder_plan import EncoderPlan

LAST_MAP = "encoder"
"""The module whose output is the last map that knows places, by its name in the network: what Grad-CAM looks at."""


class WholeImage(nn.Module):
    """forward: image (N, in_channels, D, H, W) to a list with one tensor (N, out_channels), raw values of a linear head.

    Any size from the plan's stride up; a "vit" takes its one size and raises InputError for another. All images of a batch
    have the same D. seed: of the dropout.
    """

    def __init__(self, plan: EncoderPlan, *, seed: int = 0) -> None:
        super().__init__()
        self.dims = plan.dims
        self.encoder = _encoder(plan)
        self.num_features = self.encoder.channels
        self.join = make_join(plan.join, self.num_features, hidden=plan.hidden, bidirectional=plan.bidirectional)
        self.dropout = SeededDropout(plan.dropout, seed=seed)
        self.head = nn.Linear(self.num_features, plan.out_channels)
        initialize(self.encoder)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        """Image to answer, see the class."""
        return [self.answer(self.feature_map(image_NCDHW))]

    def feature_map(self, image_NCDHW: Tensor) -> Tensor:
        """The last map that still knows places: (N, num_features, D', H', W'), in 2-D with D' the number of slices."""
        if self.dims == 3:
            volume: Tensor = self.encoder(image_NCDHW)
            return volume
        batch, channels, slices, height, width = image_NCDHW.shape
        folded = image_NCDHW.transpose(1, 2).reshape(batch * slices, channels, height, width)
        maps: Tensor = self.encoder(folded)
        return maps.reshape(batch, slices, *maps.shape[1:]).transpose(1, 2)

    def answer(self, map_NFDHW: Tensor) -> Tensor:
        """From a feature map on: (N, out_channels). What saliency methods differentiate, e.g. Grad-CAM."""
        answer: Tensor = self.head(self.dropout(self._pooled(map_NFDHW)))
        return answer

    def features(self, image_NCDHW: Tensor) -> Tensor:
        """(N, num_features): what the head reads, for other models, nearest cases and embeddings."""
        return self._pooled(self.feature_map(image_NCDHW))

    def slice_weights(self, image_NCDHW: Tensor) -> Tensor | None:
        """(N, D) with sum 1: how much each slice counts under attention; null for a network that joins otherwise."""
        if not isinstance(self.join, AttentionJoin):
            return None
        return self.join.weights(_slices(self.feature_map(image_NCDHW)))

    def _pooled(self, map_NFDHW: Tensor) -> Tensor:
        if self.dims == 3:
            return map_NFDHW.flatten(2).mean(2)
        pooled: Tensor = self.join(_slices(map_NFDHW))
        return pooled


def _slices(map_NFDHW: Tensor) -> Tensor:
    """Features of each slice, (N, D, F)."""
    return map_NFDHW.mean((3, 4)).transpose(1, 2)


def _encoder(plan: EncoderPlan) -> Encoder | VisionTransformer:
    def spatial(triple: Sequence[int]) -> tuple[int, ...]:
        return tuple(triple[3 - plan.dims :])

    if plan.image is not None and plan.attention_heads is not None:
        return VisionTransformer(
            plan.dims,
            plan.in_channels,
            image=spatial(plan.image),
            patch=spatial(plan.strides[0]),
            width=plan.widths[0],
            layers=plan.blocks[0],
            heads=plan.attention_heads,
        )
    growth = {} if plan.growth is None else {"growth": plan.growth}
    return ENCODERS[plan.family](
        plan.dims,
        plan.in_channels,
        widths=plan.widths,
        strides=[spatial(stride) for stride in plan.strides],
        kernels=[spatial(kernel) for kernel in plan.kernels],
        blocks=plan.blocks,
        **growth,
    )
