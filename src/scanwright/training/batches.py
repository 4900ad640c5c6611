"""Batches: which patches step `k` sees, as a pure function of (seed, k).

No worker processes and no queue: a patch is read from a memory-mapped array in about a millisecond and changed together
with the rest of its batch where the network runs. So a resumed run sees exactly what an undisturbed one would have seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from scanwright.plan.plan import Plan
from scanwright.protocols import IGNORE
from scanwright.runtime import generator
from scanwright.transform import intensity, spatial
from scanwright.types import Array, Floats, Ints, Shape3, Triple


@dataclass(frozen=True, slots=True)
class TrainingCase:
    """One preprocessed case: image (C, D, H, W) float32, may be memory-mapped.

    target: codes (D, H, W) uint8 on the image's grid; (T,) float32 numbers of the whole image; or boxes (M, 7) float32, of each
        the code of its class and its corners, start (D, H, W) and end, in voxels of the image, whose outer corner is 0.
    foreground: for each foreground code that occurs, (n, 3) voxel indices drawn from it; empty for whole images.
    """

    case: str
    image: Array
    target: Array
    foreground: Mapping[int, Ints] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draw:
    """The random part of one step: a case for each sample, its patch's centre voxel, and how shapes and grey values change.

    partners, shares: which sample of the batch each is mixed with, and how much of itself stays; None where none is mixed.
    """

    cases: Sequence[TrainingCase]
    centers: Sequence[tuple[int, int, int]]
    warp: spatial.Warp
    tint: intensity.Tint
    partners: Ints | None = None
    shares: Floats | None = None


@dataclass(frozen=True, slots=True)
class Batches:
    """The training cases and how patches are drawn from them. `batch(step)` is deterministic."""

    cases: Sequence[TrainingCase]
    plan: Plan
    seed: int
    device: torch.device

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Image (N, C, D, H, W) float32 and target of one step, changed at random, on the device.

        The target is codes (N, D, H, W) uint8, numbers (N, T), or boxes (N, M, 7).
        """
        return self.apply(self.draw(step))

    def draw(self, step: int) -> Draw:
        """What is decided at random for one step."""
        rng = generator(self.seed, 1, step)
        plan, patch = self.plan, self.plan.batch.patch
        chosen = self._choose_cases(step)
        centers = [
            choose_center(rng, case, plan, fixed=k < self._num_foreground(step)) for k, case in enumerate(chosen)
        ]
        warp = spatial.draw(rng, plan.augment, samples=len(chosen), patch=patch, spacing=self.spacing)
        tint = intensity.draw(rng, plan.augment, samples=len(chosen))
        if not plan.augment.mixup:
            return Draw(chosen, centers, warp, tint)
        shares = rng.beta(plan.augment.mixup, plan.augment.mixup, len(chosen)).astype(np.float32)
        return Draw(chosen, centers, warp, tint, rng.permutation(len(chosen)), shares)

    def apply(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """The batch that was drawn."""
        patch = self.plan.batch.patch
        blocks = [
            cut(case, center, draw.warp.reach(patch)) for case, center in zip(draw.cases, draw.centers, strict=True)
        ]
        image = torch.from_numpy(np.stack([image for image, _ in blocks])).to(self.device)
        target = torch.from_numpy(stacked([target for _, target in blocks])).to(self.device)
        image, target = spatial.apply(draw.warp, image, target, patch=patch)
        image = intensity.apply(draw.tint, image)
        return (image, target) if draw.shares is None else self._mixed(draw, image, target)

    def _mixed(self, draw: Draw, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Each sample with its share, and its partner with the rest. What is not known of one is not known of the mixture."""
        shares = torch.as_tensor(draw.shares, device=self.device)
        partners = torch.as_tensor(draw.partners, device=self.device)
        own, other = shares.view(-1, 1, 1, 1, 1), shares.view(-1, 1)
        return own * image + (1 - own) * image[partners], other * target + (1 - other) * target[partners]

    @property
    def spacing(self) -> Triple:
        """Voxel edges in network order, ones where the plan has no physical scale."""
        return self.plan.preprocess.spacing or (1.0, 1.0, 1.0)

    def _choose_cases(self, step: int) -> list[TrainingCase]:
        """Cases in shuffled rounds, each case once a round, whatever the batch size."""
        size, count = self.plan.batch.size, len(self.cases)
        chosen = []
        for position in range(step * size, (step + 1) * size):
            order = generator(self.seed, 0, position // count).permutation(count)
            chosen.append(self.cases[order[position % count]])
        return chosen

    def _num_foreground(self, step: int) -> int:
        """How many of this step's samples are centred on foreground; fractions are spread over the steps."""
        share = self.plan.batch.foreground_share * self.plan.batch.size
        return int((step + 1) * share) - int(step * share)


def choose_center(rng: np.random.Generator, case: TrainingCase, plan: Plan, *, fixed: bool) -> tuple[int, int, int]:
    """The patch's centre voxel: on a random foreground code's voxel if `fixed`, else anywhere; moved so as to stay inside.

    A case smaller than the patch is centred, but for a shift of up to augment.shift of the patch.
    """
    shape, patch = case.image.shape[1:], plan.batch.patch
    uniform = rng.random(3)
    pick = rng.random(2)
    if fixed and case.foreground:
        codes = sorted(case.foreground)
        points = case.foreground[codes[int(pick[0] * len(codes))]]
        wanted = points[int(pick[1] * len(points))]
    else:
        wanted = (uniform * shape).astype(int)
    center = []
    for length, size, want in zip(shape, patch, wanted, strict=True):
        low, high = size // 2, length - (size - size // 2)
        center.append(length // 2 if high <= low else int(np.clip(want, low, high)))
    if plan.augment.shift:
        moves = rng.uniform(-plan.augment.shift, plan.augment.shift, 3) * patch
        center = [c + round(move) if size > 1 else c for c, move, size in zip(center, moves, patch, strict=True)]
    return center[0], center[1], center[2]


def cut(case: TrainingCase, center: Sequence[int], size: Shape3) -> tuple[Array, Array]:
    """A block around a voxel: image (C, *size) float32 with edges repeated, and its target.

    Of codes that is the same block (*size) with IGNORE outside the case; boxes are told in voxels of the block; numbers of the
    whole image are those of any block.
    """
    start = [c - s // 2 for c, s in zip(center, size, strict=True)]
    inside = tuple(
        slice(max(0, a), max(0, min(a + s, n))) for a, s, n in zip(start, size, case.image.shape[1:], strict=True)
    )
    pad = [(part.start - a, a + s - part.stop) for part, a, s in zip(inside, start, size, strict=True)]
    image = np.asarray(case.image[(slice(None), *inside)], dtype=np.float32)
    target = np.asarray(case.target[inside] if case.target.ndim == 3 else case.target)
    if case.target.ndim == 2:
        target = target - np.array([0, *start, *start], dtype=target.dtype)
    if any(before or after for before, after in pad):
        image = np.pad(image, [(0, 0), *pad], mode="edge")
        target = np.pad(target, pad, constant_values=IGNORE) if target.ndim == 3 else target
    return image, target


def stacked(targets: Sequence[Array]) -> Array:
    """Targets of one batch in one array; of boxes (M, 7) each, those with fewer are filled up with rows of -1."""
    if targets[0].ndim != 2:
        return np.stack(targets)
    most = max(1, *(len(boxes) for boxes in targets))
    return np.stack([np.pad(boxes, ((0, most - len(boxes)), (0, 0)), constant_values=-1) for boxes in targets])
