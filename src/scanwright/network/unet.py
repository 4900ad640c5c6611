"""A U-Net in 2-D or 3-D, built from a NetworkPlan. Anisotropic kernels and strides; deep supervision while training.

Takes and gives (N, C, D, H, W). In 2-D the D slices are folded into N, so a stack of slices is a batch and the rest of
the system knows one shape only.

Source: Ronneberger et al. 2015, MICCAI; Çiçek et al. 2016, MICCAI; the choice of strides and kernels is the planner's,
after Isensee et al. 2021, Nat Methods 18:203.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from scanwright.network.blocks import CONVOLUTION, TRANSPOSED, Block, fold_space, initialize, unfold_space
from scanwright.plan.plan import NetworkPlan


class UNet(nn.Module):
    """Encoder and decoder with one skip connection a level.

    forward: image (N, in_channels, D, H, W), each length divisible by the plan's stride, to a list of logits
    (N, out_channels, D, H, W), finest first. While training with deep supervision the list has one entry a decoder
    level, each coarser than the one before by its level's stride; otherwise one entry. A network of a single level has no
    decoder: its one block is followed by the head.
    """

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        self.dims = plan.dims
        self.fold = self._spatial(plan.fold)
        cells = prod(self.fold)
        kernels = [self._spatial(kernel) for kernel in plan.kernels]
        strides = [self._spatial(stride) for stride in plan.strides]
        widths = plan.widths
        inputs = (plan.in_channels * cells, *widths[:-1])
        levels = range(len(widths))

        def block(inputs: int, outputs: int, level: int, stride: Sequence[int]) -> Block:
            return Block(
                plan.dims,
                inputs,
                outputs,
                kernel=kernels[level],
                stride=stride,
                depth=plan.blocks,
                residual=plan.residual,
            )

        once = (1,) * plan.dims
        self.encoder = nn.ModuleList(block(inputs[k], widths[k], k, strides[k]) for k in levels)
        self.upsample = nn.ModuleList(
            TRANSPOSED[plan.dims](widths[k + 1], widths[k], strides[k + 1], stride=strides[k + 1], bias=False)
            for k in levels[:-1]
        )
        self.decoder = nn.ModuleList(block(2 * widths[k], widths[k], k, once) for k in levels[:-1])
        num_heads = max(1, len(self.decoder)) if plan.deep_supervision else 1
        self.heads = nn.ModuleList(
            CONVOLUTION[plan.dims](widths[k], plan.out_channels * cells, 1) for k in range(num_heads)
        )
        initialize(self)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        """Image to logits, see the class."""
        features = fold_space(self._enter(image_NCDHW), self.fold)
        skips: list[Tensor] = []
        for encode in self.encoder:
            features = encode(features)
            skips.append(features)
        outputs = [] if self.decoder else [self.heads[0](features)]
        for level in reversed(range(len(self.decoder))):
            features = self.decoder[level](torch.cat([self.upsample[level](features), skips[level]], dim=1))
            if level == 0 or (self.training and level < len(self.heads)):
                outputs.append(self.heads[level](features))
        return [self._leave(unfold_space(logits, self.fold), image_NCDHW.shape[0]) for logits in reversed(outputs)]

    def _spatial(self, triple: Sequence[int]) -> tuple[int, ...]:
        return tuple(triple[3 - self.dims :])

    def _enter(self, image_NCDHW: Tensor) -> Tensor:
        if self.dims == 3:
            return image_NCDHW
        batch, channels, slices, height, width = image_NCDHW.shape
        return image_NCDHW.transpose(1, 2).reshape(batch * slices, channels, height, width)

    def _leave(self, logits: Tensor, batch: int) -> Tensor:
        if self.dims == 3:
            return logits
        _, channels, height, width = logits.shape
        return logits.reshape(batch, -1, channels, height, width).transpose(1, 2)
