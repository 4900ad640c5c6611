"""Running sums of window answers, held for only what later windows still reach.

Windows come row by row along the first axis, and strip by strip along the second. When a strip is done, the lines that no
later strip reaches are complete for this row of windows, and of those the slices that no later row reaches are final. They
leave as a block. What stays between rows is the overlap of two rows, `kept`; what stays between strips is one strip. So for
windows half a patch apart, half a row of windows is held, and for windows side by side one strip of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from scanwright.inference.windows import Axis

Axes = tuple[Axis, Axis, Axis]

WEIGHTED_BYTES = 4 << 20
"""Of a window's answers, what is weighted and added in one go."""


@dataclass(frozen=True, slots=True)
class Block:
    """Final probabilities (K, rows, lines, W), and where they lie: their first row and line. A view of running sums that
    the next block overwrites."""

    row: int
    line: int
    values: Tensor


@dataclass(frozen=True, slots=True)
class Span:
    """Windows that begin at `start` along one axis, of which `final` voxels are reached by no later one."""

    start: int
    final: int


def spans(axis: Axis) -> Iterator[Span]:
    """The windows of one axis in order; the last is final as a whole."""
    for start, following in pairwise((*axis.starts, len(axis.total))):
        yield Span(start, following - start)


def largest_overlap(axis: Axis) -> int:
    """The most voxels that two neighbouring windows share; 0 if there is one window."""
    return max((len(axis.weight) - (b - a) for a, b in pairwise(axis.starts)), default=0)


class RunningSums:
    """Sums (K, D, H, W) of windows, of which `kept` holds the overlap of two rows and `strip` one strip of windows."""

    def __init__(self, outputs: int, axes: Axes, dtype: torch.dtype) -> None:
        """outputs: K. axes: of the windows. dtype: of the sums, float32 or float16."""
        depth, height, lines, width = len(axes[0].weight), len(axes[1].weight), len(axes[1].total), len(axes[2].total)
        self.axes = axes
        self.weight = torch.from_numpy(np.einsum("d,h,w->dhw", *(axis.weight for axis in axes)))
        self.at_once = max(1, WEIGHTED_BYTES // (4 * self.weight.numel()))
        self.strip = torch.zeros((outputs, depth, height, width), dtype=dtype)
        self.kept = torch.zeros((outputs, largest_overlap(axes[0]), lines, width), dtype=dtype)
        self.reached = 0  # slices of this row that the last one has added to

    def row(self, rows: Span, answers: Iterator[Tensor]) -> Iterator[Block]:
        """Add one row of windows, and give its final blocks, strip after strip.

        answers: (K, *patch) for each window of the row, the last axis running fastest.
        """
        height, fresh = self.strip.shape[2], 0  # lines of the strip that the one before has left
        for lines in spans(self.axes[1]):
            self._enter(lines.start, fresh)
            for start in self.axes[2].starts:
                self._add(next(answers), start)
            yield Block(rows.start, lines.start, self._final(rows, lines))
            self._keep(rows.final, lines)
            fresh = height - lines.final
        self.reached = self.strip.shape[1] - rows.final

    def _enter(self, line: int, fresh: int) -> None:
        """Bring what the row before has left into the lines of the strip from `fresh` on, and zeros below it."""
        height = self.strip.shape[2]
        self.strip[:, : self.reached, fresh:] = self.kept[:, : self.reached, line + fresh : line + height]
        self.strip[:, self.reached :, fresh:] = 0

    def _add(self, answer: Tensor, start: int) -> None:
        """Add one window, some classes at a time: then the copy that is weighted stays small."""
        window = self.strip[..., start : start + self.weight.shape[2]]
        for first in range(0, len(window), self.at_once):
            some = slice(first, first + self.at_once)
            sums = window[some]
            sums += (answer[some] * self.weight).to(sums.dtype)

    def _final(self, rows: Span, lines: Span) -> Tensor:
        """The final part of the strip, divided in place by its total weight, which is a product along each axis."""
        block = self.strip[:, : rows.final, : lines.final]
        ends = (rows.start + rows.final, lines.start + lines.final, block.shape[3])
        for axis, (start, end) in enumerate(zip((rows.start, lines.start, 0), ends, strict=True)):
            factor = torch.from_numpy(1 / self.axes[axis].total[start:end]).to(block.dtype)
            block *= factor.view([-1 if k == axis + 1 else 1 for k in range(4)])
        return block

    def _keep(self, final: int, lines: Span) -> None:
        """Keep for the next row what it reaches of the strip's complete lines, and move the strip on by as many."""
        depth, height, end = self.strip.shape[1], self.strip.shape[2], lines.start + lines.final
        self.kept[:, : depth - final, lines.start : end] = self.strip[:, final:, : lines.final]
        for one in self.strip:  # class by class, so that no second copy of all of them is ever made
            one[:, : height - lines.final] = one[:, lines.final :].clone()
