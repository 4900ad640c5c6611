"""A detector without anchors, in 2-D and 3-D: an encoder, a feature pyramid, and two heads that all its levels share.

At each cell of each level one head says how probable each class is there, the other how far it is from the cell's centre to
the six faces of the box that the cell lies in. In 2-D the D slices are folded into N for the network, and a box is one slice
thick.

Source: Tian et al. 2019, ICCV (FCOS: points and distances); Lin et al. 2017, CVPR (feature pyramid).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from scanwright.network.blocks import CONVOLUTION, convolution, initialize, norm
from scanwright.network.encoder import ENCODERS
from scanwright.plan.detector_plan import DetectorPlan

RARE = -4.0
"""What every class's logit begins at: nearly every cell is background, and at first the loss would be of these alone."""
REACH = 2.0
"""Cells from a centre to a face that a head begins with."""
PLACES = 9
"""Numbers that follow the classes in an output: the corners of a box, start and end, and the centre of its cell."""


class Detector(nn.Module):
    """forward: image (N, in_channels, D, H, W), any size from the plan's stride up, to a list with one tensor (N, P, K + 9).

    P: the cells of all levels, fine to coarse. Of each: K logits of classes; the corners of its box, start (D, H, W) and end,
    and the centre of the cell, all in voxels of the input, whose outer corner is 0. Corners may lie outside the image.
    """

    def __init__(self, plan: DetectorPlan) -> None:
        super().__init__()
        self.dims, self.levels = plan.dims, plan.levels
        self.steps = [plan.steps[level] for level in plan.levels]
        growth = {} if plan.growth is None else {"growth": plan.growth}
        self.encoder = ENCODERS[plan.family](
            plan.dims,
            plan.in_channels,
            widths=plan.widths,
            strides=[self._spatial(stride) for stride in plan.strides],
            kernels=[self._spatial(kernel) for kernel in plan.kernels],
            blocks=plan.blocks,
            **growth,
        )
        whole = CONVOLUTION[plan.dims]
        searched = range(plan.levels[0], len(plan.widths))
        self.lateral = nn.ModuleList(whole(self.encoder.widths[level], plan.neck, 1) for level in searched)
        kernels = [self._spatial(plan.kernels[level]) for level in plan.levels]
        self.smooth = nn.ModuleList(_layer(plan.dims, plan.neck, kernel) for kernel in kernels)
        towers = [nn.Sequential(*(_layer(plan.dims, plan.neck, (3,) * plan.dims) for _ in range(2))) for _ in range(2)]
        self.of_class, self.of_box = towers
        self.classes = whole(plan.neck, plan.out_channels, 1)
        self.faces = whole(plan.neck, 2 * plan.dims, 1)
        self.scales = nn.Parameter(torch.ones(len(plan.levels)))
        initialize(self)
        for head, start in ((self.classes, RARE), (self.faces, 1.0)):
            nn.init.normal_(head.get_parameter("weight"), std=0.01)
            nn.init.constant_(head.get_parameter("bias"), start)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        """Image to what is found in each cell, see the class."""
        batch, channels, slices, height, width = image_NCDHW.shape
        image = image_NCDHW
        if self.dims == 2:
            image = image_NCDHW.transpose(1, 2).reshape(batch * slices, channels, height, width)
        found = [self._search(level, features) for level, features in enumerate(self._pyramid(image))]
        if self.dims == 3:
            return [torch.cat(found, dim=1)]
        return [torch.cat([_of_slices(one, batch, slices) for one in found], dim=1)]

    def _pyramid(self, image: Tensor) -> list[Tensor]:
        """Maps of the levels that are searched, fine to coarse: each coarse one is added to what is finer."""
        maps = self.encoder.maps(image)[self.levels[0] :]
        joined: list[Tensor] = []
        for lateral, features in zip(reversed(self.lateral), reversed(maps), strict=True):
            own = lateral(features)
            joined.append(own + functional.interpolate(joined[-1], size=own.shape[2:]) if joined else own)
        fine_first = joined[::-1]
        return [
            smooth(fine_first[level - self.levels[0]]) for smooth, level in zip(self.smooth, self.levels, strict=True)
        ]

    def _search(self, level: int, features: Tensor) -> Tensor:
        """(N, cells, K + 9) of one level. In 2-D each slice is an image, and D is left at 0 to 1."""
        logits = self.classes(self.of_class(features)).flatten(2).transpose(1, 2).float()
        step = torch.tensor(self._spatial(self.steps[level]), dtype=torch.float32, device=features.device)
        raw = self.faces(self.of_box(features)).flatten(2).transpose(1, 2).float()
        reach = functional.softplus(raw * self.scales[level].float()) * REACH * step.repeat(2)
        axes = [
            torch.arange(length, dtype=torch.float32, device=features.device) + 0.5 for length in features.shape[2:]
        ]
        centres = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2) * step
        start, end = centres - reach[..., : self.dims], centres + reach[..., self.dims :]
        places = [start, end, centres.expand_as(start)]
        if self.dims == 2:
            places = [
                functional.pad(part, (1, 0), value=value) for part, value in zip(places, (0.0, 1.0, 0.5), strict=True)
            ]
        return torch.cat([logits, *places], dim=2)

    def _spatial(self, triple: Sequence[int]) -> tuple[int, ...]:
        return tuple(triple[3 - self.dims :])


def _layer(dims: int, channels: int, kernel: Sequence[int]) -> nn.Sequential:
    return nn.Sequential(
        convolution(dims, channels, channels, kernel=kernel, stride=(1,) * dims), norm(channels), nn.LeakyReLU(0.01)
    )


def _of_slices(found: Tensor, batch: int, slices: int) -> Tensor:
    """(N * D, cells, K + 9) of slices to (N, D * cells, K + 9) of their images, each slice at its place along D."""
    if slices == 1:
        return found
    apart = found.reshape(batch, slices, *found.shape[1:])
    depth = torch.zeros_like(apart)
    for column in (-9, -6, -3):
        depth[..., column] = torch.arange(slices, dtype=found.dtype, device=found.device)[None, :, None]
    return (apart + depth).flatten(1, 2)
