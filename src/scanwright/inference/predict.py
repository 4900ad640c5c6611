"""A whole image through a network, or several, with memory that follows the image and not the number of classes.

Windows are visited row by row along the first axis. Once a row is done, the slices that no later window touches are final:
they leave as a slab of probabilities, are brought to the case's own resolution, become labels, and are forgotten. What is held
is one row of windows, never the volume times the classes (which is what exhausts memory elsewhere).
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.geometry.slabs import resize_rows, rows_reached
from scanwright.inference.windows import Axis, plan_windows
from scanwright.plan.plan import Plan
from scanwright.protocols import Problem
from scanwright.training.loop import autocast, network_input
from scanwright.transform.preprocess import Placement
from scanwright.types import Array, Floats, Shape3

SLAB_BYTES = 256 << 20
"""Probabilities that are brought to the case's resolution and decoded in one go."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Networks whose probabilities are averaged, the plan that they share, and where they run.

    half: hold the running sums in float16 instead of float32; for many classes on large images.
    """

    networks: Sequence[nn.Module]
    plan: Plan
    problem: Problem
    device: torch.device
    half: bool = False

    @torch.no_grad()
    def windows(self, image_NCDHW: Tensor) -> Tensor:
        """Mean probabilities of a batch of windows over networks and mirrored views; (N, K, D, H, W) float32."""
        views = mirrored_axes(self.plan.inference.mirror)
        total: Tensor | None = None
        for network, axes in itertools.product(self.networks, views):
            with autocast(self.plan, self.device):
                logits = network(network_input(image_NCDHW.flip(axes) if axes else image_NCDHW, self.plan))[0]
            answer = self.problem.probabilities(logits)
            answer = answer.flip(axes) if axes else answer
            total = answer if total is None else total + answer
        assert total is not None
        return total / (len(self.networks) * len(views))


def predict_labels(
    engine: Engine, image_CDHW: Floats, placement: Placement, *, progress: Callable[[float], None] | None = None
) -> Array:
    """Labels (I, J, K) on the case's own grid for a preprocessed image. progress: called with the share done."""
    size, box = placement.shape, placement.box_shape
    labels: Array | None = None
    carried: Array | None = None  # the last rows before this slab that output rows still reach
    first = done = written = 0
    for slab in probability_slabs(engine, image_CDHW, progress=progress):
        rows = slab if carried is None else np.concatenate([carried, slab], axis=1)
        done += slab.shape[1]
        stop = last_complete_row(size[0], box[0], done)
        if stop > written:
            classes = (resize_rows(one[None], size, box, first=first, start=written, stop=stop)[0] for one in rows)
            answer = engine.problem.decode(classes)
            labels = np.zeros(box, dtype=answer.dtype) if labels is None else labels
            labels[written:stop] = answer
            written = stop
        needed = rows_reached(size[0], box[0], written, box[0])[0] if written < box[0] else done
        carried = rows[:, needed - first :].copy() if needed < done else None
        first = needed
    assert labels is not None and written == box[0]
    return placement.back(labels)


def last_complete_row(size: int, length: int, done: int) -> int:
    """How many of `length` output rows can be interpolated once the first `done` of `size` input rows are known."""
    if done >= size:
        return length
    low, high = 0, length
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if rows_reached(size, length, middle - 1, middle)[1] <= done else (low, middle - 1)
    return low


def probability_slabs(
    engine: Engine, image_CDHW: Floats, *, progress: Callable[[float], None] | None = None
) -> Iterator[Array]:
    """Probabilities (K, rows, H, W), slab after slab along the first axis, together (K, D, H, W); float16 or float32."""
    shape, patch = image_CDHW.shape[1:], engine.plan.batch.patch
    padded, offset = pad_to_patch(image_CDHW, patch)
    grown: Shape3 = (padded.shape[1], padded.shape[2], padded.shape[3])
    axes = plan_windows(grown, patch, step_share=engine.plan.inference.step_share)
    dtype = torch.float16 if engine.half else torch.float32
    sums = torch.zeros((engine.problem.outputs, patch[0], *grown[1:]), dtype=dtype)
    weight = torch.from_numpy(np.einsum("d,h,w->dhw", *(axis.weight for axis in axes)))
    starts = (*axes[0].starts, grown[0])
    for row, (start, following) in enumerate(itertools.pairwise(starts)):
        add_row(engine, padded, sums, weight, axes, start)
        if progress:
            progress((row + 1) / len(axes[0].starts))
        final = min(following - start, patch[0])
        slab = normalized(sums[:, :final], axes, start)
        yield from trimmed(slab, start=start, offset=offset, shape=_three(shape))
        for one in sums:  # class by class, so that no second copy of all of them is ever made
            one[: patch[0] - final] = one[final:].clone()
            one[patch[0] - final :] = 0


def add_row(
    engine: Engine, padded: Floats, sums: Tensor, weight: Tensor, axes: tuple[Axis, Axis, Axis], start: int
) -> None:
    """Add every window of one row to the running sums."""
    depth, height, width = engine.plan.batch.patch
    corners = list(itertools.product(axes[1].starts, axes[2].starts))
    for batch in batched(corners, engine.plan.inference.batch):
        cut = [padded[:, start : start + depth, h : h + height, w : w + width] for h, w in batch]
        answer = engine.windows(torch.from_numpy(np.stack(cut)).to(engine.device)).cpu()
        for one, (h, w) in zip(answer, batch, strict=True):
            sums[:, :, h : h + height, w : w + width] += (one * weight).to(sums.dtype)


def normalized(slab: Tensor, axes: tuple[Axis, Axis, Axis], start: int) -> Tensor:
    """Running sums divided by their total weight, in place; the division is a product along each axis."""
    for axis, total in enumerate((axes[0].total[start : start + slab.shape[1]], axes[1].total, axes[2].total)):
        factor = torch.from_numpy(1 / total).to(slab.dtype)
        slab *= factor.view([-1 if k == axis + 1 else 1 for k in range(4)])
    return slab


def trimmed(slab: Tensor, *, start: int, offset: Shape3, shape: Shape3) -> Iterator[Array]:
    """The part of a slab that is not padding, a few rows at a time. Views of the sums: use them before the next one."""
    low = max(0, offset[0] - start)
    high = min(slab.shape[1], offset[0] + shape[0] - start)
    inside = slab[:, :, offset[1] : offset[1] + shape[1], offset[2] : offset[2] + shape[2]]
    rows = max(1, SLAB_BYTES // (inside[:, :1].numel() * slab.element_size()))
    for first in range(low, high, rows):
        yield inside[:, first : min(first + rows, high)].numpy()


def pad_to_patch(image_CDHW: Floats, patch: Shape3) -> tuple[Floats, Shape3]:
    """The image grown to at least a patch by repeating its edges, centred, and the offset of the image in it."""
    missing = [max(0, want - have) for want, have in zip(patch, image_CDHW.shape[1:], strict=True)]
    offset = _three([gap // 2 for gap in missing])
    if not any(missing):
        return image_CDHW, offset
    pads = [(low, gap - low) for low, gap in zip(offset, missing, strict=True)]
    return np.pad(image_CDHW, [(0, 0), *pads], mode="edge"), offset


def mirrored_axes(mirror: tuple[bool, bool, bool]) -> list[tuple[int, ...]]:
    """Every combination of the axes to flip, as axes of (N, C, D, H, W); the first is none."""
    usable = [axis + 2 for axis, wanted in enumerate(mirror) if wanted]
    return [axes for count in range(len(usable) + 1) for axes in itertools.combinations(usable, count)]


def batched(items: Sequence[tuple[int, int]], size: int) -> Iterator[Sequence[tuple[int, int]]]:
    """Items in groups of at most `size` (itertools.batched, which Python 3.11 lacks)."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _three(values: Sequence[int]) -> Shape3:
    return int(values[0]), int(values[1]), int(values[2])
