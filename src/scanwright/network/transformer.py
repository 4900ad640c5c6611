"""A vision transformer for images of one fixed size, in 2-D and 3-D: patches become tokens that look at each other.

For data sets of many thousand cases: a transformer has to learn what a convolution is born with.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from scanwright.errors import InputError
from scanwright.network.blocks import CONVOLUTION

WIDENING = 4
"""Features inside the two linear layers of a block, in multiples of the width."""
SPREAD = 0.02
"""Standard deviation of position embeddings and linear weights at the start (as in the source)."""


class VisionTransformer(nn.Module):
    """Patch embedding, learned positions, `layers` blocks, a last norm; the tokens are given back as a feature map.

    forward: (N, inputs, *image) to (N, channels, *image / patch). No class token: whoever pools takes the mean.
    Raises InputError for an image of another size.
    Source: Dosovitskiy et al. 2021, ICLR; the mean in place of a class token, Zhai et al. 2022, CVPR.
    """

    def __init__(
        self, dims: int, inputs: int, *, image: Sequence[int], patch: Sequence[int], width: int, layers: int, heads: int
    ) -> None:
        super().__init__()
        self.image = tuple(image)
        self.channels = width
        cells = prod(length // edge for length, edge in zip(image, patch, strict=True))
        self.embed = CONVOLUTION[dims](inputs, width, tuple(patch), stride=tuple(patch))
        self.position = nn.Parameter(torch.empty(1, cells, width))
        self.blocks = nn.Sequential(*[_TransformerBlock(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.position, std=SPREAD)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=SPREAD)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Image to feature map, see the class."""
        size = tuple(image.shape[2:])
        if size != self.image:
            raise InputError("a vision transformer takes images of one size", expected=self.image, found=size)
        grid: Tensor = self.embed(image)  # (N, width, *cells)
        tokens: Tensor = grid.flatten(2).transpose(1, 2) + self.position  # (N, cells, width)
        tokens = self.norm(self.blocks(tokens))
        return tokens.transpose(1, 2).reshape(grid.shape)


class _TransformerBlock(nn.Module):
    """(N, cells, width) to the same: every token reads from all others, then changes by itself; norms come first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.read = nn.Linear(width, 3 * width)
        self.write = nn.Linear(width, width)
        self.change = nn.Sequential(nn.Linear(width, WIDENING * width), nn.GELU(), nn.Linear(WIDENING * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self._attend(self.norms[0](tokens))
        changed: Tensor = tokens + self.change(self.norms[1](tokens))
        return changed

    def _attend(self, tokens: Tensor) -> Tensor:
        batch, cells, width = tokens.shape
        split = self.read(tokens).reshape(batch, cells, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)  # (N, heads, cells, width / heads)
        heard = functional.scaled_dot_product_attention(query, key, value)
        written: Tensor = self.write(heard.transpose(1, 2).reshape(batch, cells, width))
        return written
