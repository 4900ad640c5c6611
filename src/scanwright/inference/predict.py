"""A whole image through a network, or several, with memory that follows the image and not the number of classes.

An engine may have members beside it, of other plans (members.py): those that see the same windows are averaged window by
window, here; all others on the image's own grid (pooled_maps.py).

Windows are visited row by row along the first axis, and strip by strip in a row. Voxels that no later window touches are
final: they leave as a block of probabilities (`sums`), are brought to the case's own resolution, become labels (`assemble`),
and are forgotten. What is held is the overlap of two rows of windows and one strip, never the volume times the classes
(which is what exhausts memory elsewhere).
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.inference.assemble import Assembly
from scanwright.inference.dropout import dropping, passes_of
from scanwright.inference.evidence import Look
from scanwright.inference.opinions import Opinions
from scanwright.inference.sums import Axes, Block, RunningSums, spans
from scanwright.inference.windows import plan_windows
from scanwright.plan.plan import Plan
from scanwright.protocols import Problem
from scanwright.training.loop import autocast, network_input
from scanwright.transform.preprocess import Placement
from scanwright.types import Array, Floats, Shape3, three


@dataclass(frozen=True, slots=True)
class Engine:
    """Networks whose probabilities are averaged, the plan that they share, and where they run.

    half: hold the running sums in float16 instead of float32; for many classes on large images.
    beside: engines of further members, each with its own plan and problem. weight: how much this one counts among them.
    opinions: hears what each network says of each window, from each side.
    """

    networks: Sequence[nn.Module]
    plan: Plan
    problem: Problem
    device: torch.device
    half: bool = False
    weight: float = 1.0
    beside: tuple["Engine", ...] = ()
    opinions: Opinions | None = None

    @torch.no_grad()
    def windows(self, image_NCDHW: Tensor) -> Tensor:
        """Mean probabilities of a batch of windows over networks, mirrored views, draws of dropout, and members beside by
        their weights; (N, K, D, H, W) float32.
        """
        mean = self._own_windows(image_NCDHW, self.opinions)
        if self.beside:
            mean.mul_(self.weight)
            for other in self.beside:
                mean.add_(other._own_windows(image_NCDHW, self.opinions), alpha=other.weight)
            mean.div_(self.weight + sum(other.weight for other in self.beside))
        if self.opinions is not None:
            self.opinions.close()
        return mean

    def _own_windows(self, image_NCDHW: Tensor, opinions: Opinions | None) -> Tensor:
        asked = views_of(self)
        total: Tensor | None = None
        for network, axes, number in asked:
            with autocast(self.plan, self.device), dropping(network, number):
                logits = network(network_input(image_NCDHW.flip(axes) if axes else image_NCDHW, self.plan))[0]
            answer = self.problem.probabilities(logits)
            del logits
            answer = answer.flip(axes) if axes else answer
            if opinions is not None:
                opinions.hear(answer)
            total = answer if total is None else total.add_(answer)
            del answer
        assert total is not None
        return total.div_(len(asked))


def sees_alike(one: Engine, other: Engine) -> bool:
    """Whether two members see the same windows: prepared alike, of one size, and as far apart."""
    a, b = one.plan, other.plan
    return (a.preprocess, a.batch.patch, a.inference.step_share) == (
        b.preprocess,
        b.batch.patch,
        b.inference.step_share,
    )


View = tuple[nn.Module, tuple[int, ...], int | None]
"""How an image is seen once: by which network, turned over along which axes, and with which draw of dropout."""


def views_of(engine: Engine) -> list[View]:
    """Every way in which an engine's own networks see an image or a window of it; their number is that of forward passes."""
    plan = engine.plan.inference
    return [
        (network, axes, number)
        for network, axes in itertools.product(engine.networks, mirrored_axes(plan.mirror))
        for number in passes_of(network, plan.dropout_passes)
    ]


def predict_labels(
    engine: Engine, image_CDHW: Floats, placement: Placement, *, progress: Callable[[float], None] | None = None
) -> Array:
    """Labels (I, J, K) on the case's own grid for a preprocessed image. progress: called with the share done."""
    return assembled(engine, image_CDHW, placement, progress=progress)[0]


def assembled(
    engine: Engine,
    image_CDHW: Floats,
    placement: Placement,
    *,
    watched: Sequence[int] = (),
    slopes: Mapping[int, float] | None = None,
    look: Look | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Array, Array | None]:
    """As `predict_labels`, and the largest probability of the watched outputs in each voxel, (I, J, K) uint8 of 255ths; None
    where none is watched. slopes, look: as of `Assembly`.
    """
    assembly = Assembly(engine.problem, placement.shape, placement.box_shape, watched=watched, slopes=slopes, look=look)
    for block in probability_blocks(engine, image_CDHW, progress=progress):
        assembly.add(block)
    assert assembly.labels is not None and assembly.complete
    sure = None if assembly.sure is None else placement.back(assembly.sure)
    return placement.back(assembly.labels), sure


def probability_blocks(
    engine: Engine, image_CDHW: Floats, *, progress: Callable[[float], None] | None = None
) -> Iterator[Block]:
    """Probabilities (K, rows, lines, W), row of blocks after row, together (K, D, H, W); float16 or float32.

    A block's values are a view of the running sums: use them before the next one.
    """
    plan = engine.plan
    assert all(sees_alike(engine, other) for other in engine.beside), "a group of members, see members.groups_of"
    padded, offset = pad_to_patch(image_CDHW, plan.batch.patch)
    axes = plan_windows(three(padded.shape[1:]), plan.batch.patch, step_share=plan.inference.step_share)
    sums = RunningSums(engine.problem.outputs, axes, torch.float16 if engine.half else torch.float32)
    for number, rows in enumerate(spans(axes[0]), start=1):
        for block in sums.row(rows, answers(engine, padded, axes, rows.start)):
            yield from trimmed(block, offset=offset, shape=three(image_CDHW.shape[1:]))
        if progress:
            progress(number / len(axes[0].starts))


def answers(engine: Engine, padded: Floats, axes: Axes, start: int) -> Iterator[Tensor]:
    """Probabilities (K, *patch) of every window of one row, the last axis running fastest."""
    depth, height, width = engine.plan.batch.patch
    corners = list(itertools.product(axes[1].starts, axes[2].starts))
    for batch in batched(corners, engine.plan.inference.batch):
        cut = [padded[:, start : start + depth, h : h + height, w : w + width] for h, w in batch]
        yield from engine.windows(torch.from_numpy(np.stack(cut)).to(engine.device)).cpu()


def trimmed(block: Block, *, offset: Shape3, shape: Shape3) -> Iterator[Block]:
    """The part of a block that is not padding, at its place in the image; nothing if there is none."""
    begins = [place - margin for place, margin in zip((block.row, block.line, 0), offset, strict=True)]
    inside = [
        slice(max(0, -begin), min(have, size - begin))
        for begin, have, size in zip(begins, block.values.shape[1:], shape, strict=True)
    ]
    if all(part.start < part.stop for part in inside):
        rows, lines, _ = inside
        yield Block(begins[0] + rows.start, begins[1] + lines.start, block.values[(slice(None), *inside)])


def pad_to_patch(image_CDHW: Floats, patch: Shape3) -> tuple[Floats, Shape3]:
    """The image grown to at least a patch by repeating its edges, centred, and the offset of the image in it."""
    missing = [max(0, want - have) for want, have in zip(patch, image_CDHW.shape[1:], strict=True)]
    offset = three([gap // 2 for gap in missing])
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
