"""Blocks of final probabilities to labels at the case's own resolution, as they come.

An output voxel is made as soon as the inputs that its linear interpolation reaches are there. What later outputs still
reach is carried: some slices from one row of blocks to the next, some lines from one block to the next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.geometry.lines import Line, sample_axis
from scanwright.geometry.slabs import rows_reached
from scanwright.inference.evidence import Look, tempered
from scanwright.inference.sums import Block
from scanwright.protocols import Problem
from scanwright.types import Array, Floats, Shape3

DECODED_BYTES = 16 << 20
"""One output's probabilities that are interpolated and decoded in one go."""


@dataclass(slots=True)
class Advance:
    """How far one axis has come: of `size` inputs, first to done are at hand; of `length` outputs, `written` are made."""

    size: int
    length: int
    first: int = 0
    done: int = 0
    written: int = 0

    @property
    def stop(self) -> int:
        """How many outputs can be made of what is there."""
        return last_complete_row(self.size, self.length, self.done)

    @property
    def needed(self) -> int:
        """The first input that outputs from `stop` on reach; `done` if none of those that are there."""
        if self.stop == self.length:
            return self.done
        first, _ = rows_reached(self.size, self.length, self.stop, self.stop + 1)
        return min(self.done, first)  # where outputs are coarser, the next one may begin beyond what is there

    def move(self) -> None:
        """Note that all that could be made has been made, and that only what is needed is kept."""
        self.first, self.written = self.needed, self.stop


class Assembly:
    """Labels (D, H, W) of `box` for a network image of `size` whose blocks come in order.

    watched: outputs of which the largest probability of each voxel is kept beside its label, in `sure`, uint8 of 255ths.
    slopes: by which their log-odds are multiplied before (`evidence.tempered`). look: sees all probabilities as they pass.
    """

    def __init__(
        self,
        problem: Problem,
        size: Shape3,
        box: Shape3,
        *,
        watched: Sequence[int] = (),
        slopes: Mapping[int, float] | None = None,
        look: Look | None = None,
    ) -> None:
        self.problem, self.size, self.box, self.watched = problem, size, box, frozenset(watched)
        self.slopes, self.look = slopes or {}, look
        self.labels: Array | None = None
        self.sure: Array | None = np.zeros(box, dtype=np.uint8) if self.watched else None
        self.rows, self.lines = Advance(size[0], box[0]), Advance(size[1], box[1])
        self.carried_rows: Array | None = None  # of all lines
        self.next_rows: Array | None = None
        self.carried_lines: Array | None = None  # of this row of blocks

    @property
    def complete(self) -> bool:
        """Whether every label is there."""
        return self.rows.written == self.box[0]

    def add(self, block: Block) -> None:
        """Take the next block, and make what labels it completes."""
        values = block.values.numpy()
        if block.line == 0:
            self._begin(values)
        part = self._with_carried(values, slice(block.line, block.line + values.shape[2]))
        self.lines.done += values.shape[2]
        if self.rows.stop > self.rows.written and self.lines.stop > self.lines.written:
            self._decode(part)
        needed, first = self.lines.needed, self.lines.first
        self.carried_lines = part[:, :, needed - first :].copy() if needed < self.lines.done else None
        self.lines.move()
        if self.lines.done == self.lines.size:
            self.rows.move()
            self.carried_rows, self.next_rows = self.next_rows, None

    def _begin(self, values: Array) -> None:
        """Begin a row of blocks."""
        self.rows.done += values.shape[1]
        self.lines = Advance(self.size[1], self.box[1])
        carried = self.rows.done - self.rows.needed
        shape = (values.shape[0], carried, *self.size[1:])
        self.next_rows = np.empty(shape, dtype=values.dtype) if carried else None

    def _with_carried(self, values: Array, lines: slice) -> Array:
        """A block with the rows and lines before it that outputs still reach; notes what the next row of blocks needs."""
        if self.carried_rows is not None:
            values = np.concatenate([self.carried_rows[:, :, lines], values], axis=1)
        if self.next_rows is not None:
            self.next_rows[:, :, lines] = values[:, self.rows.needed - self.rows.first :]
        return values if self.carried_lines is None else np.concatenate([self.carried_lines, values], axis=2)

    def _decode(self, part: Array) -> None:
        """Labels of the outputs that are complete now, some rows at a time."""
        low, high = self.lines.written, self.lines.stop
        chunk = max(1, DECODED_BYTES // (4 * (high - low) * self.box[2]))
        for start in range(self.rows.written, self.rows.stop, chunk):
            stop = min(start + chunk, self.rows.stop)
            classes = (self._resized(one[None], start, stop)[0] for one in part)
            place = slice(start, stop), slice(low, high)
            seen = self._watch(classes, place) if self.watched or self.look else classes
            answer = self.problem.decode(seen)
            self.labels = np.zeros(self.box, dtype=answer.dtype) if self.labels is None else self.labels
            self.labels[start:stop, low:high] = answer

    def _watch(self, classes: Iterable[Floats], place: tuple[slice, slice]) -> Iterator[Floats]:
        """The outputs as they come; those that are watched leave their probability behind."""
        for index, chances in enumerate(classes):
            if self.sure is not None and index in self.watched:
                told = tempered(chances, self.slopes.get(index, 1.0))
                np.maximum(self.sure[place], np.round(told * 255).astype(np.uint8), out=self.sure[place])
            if self.look is not None:
                self.look.see(index, chances, *place)
            yield chances

    def _resized(self, part: Array, start: int, stop: int) -> Floats:
        """Output rows start to stop, of the lines that are complete now, by linear interpolation; float32."""
        firsts = self.rows.first, self.lines.first, 0
        outputs = (start, stop), (self.lines.written, self.lines.stop), (0, self.box[2])
        for axis, (first, (low, high)) in enumerate(zip(firsts, outputs, strict=True)):
            line = Line.resizing(self.size[axis], self.box[axis])
            shifted = Line(line.scale, line.offset - first)
            part = sample_axis(part, axis + 1, shifted, order=1, start=low, stop=high)
        return np.ascontiguousarray(part, dtype=np.float32)


def last_complete_row(size: int, length: int, done: int) -> int:
    """How many of `length` output rows can be interpolated once the first `done` of `size` input rows are known."""
    if done >= size:
        return length
    low, high = 0, length
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if rows_reached(size, length, middle - 1, middle)[1] <= done else (low, middle - 1)
    return low
