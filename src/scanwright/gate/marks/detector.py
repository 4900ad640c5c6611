"""Text and marks burned into a picture: letters and numbers, calipers, dotted lines, arrows, rulers, small signs.

    detect(picture_YX) -> (Mark(kind="text", start=(0, 0), end=(16, 13), score=0.97), …)

A small network (network.py) says of each cell of 4 x 4 pixels how likely it is written on; touching cells become a box,
and boxes that follow each other on a line become one. The weights come with the package and were trained on generated pictures
(benchmarks/train_marks.py); benchmarks/burned_in.py measures them. What was not drawn for training is not promised:
handwriting, letters turned by other angles than quarters, scripts other than Latin.

Pictures longer than 1024 pixels are shrunk for it, so their letters must be higher in proportion: in a radiograph of 3000
pixels, 24 pixels. A picture with a side under 64 pixels is not judged (no marks).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image
from scipy.ndimage import find_objects, label

from scanwright.gate.marks.network import STRIDE, probability_maps
from scanwright.types import Array

LONGEST = 1024
SHORTEST = 64
SURE = 0.85
"""Some cell of a mark is at least this likely one."""
LIKELY = 0.4
"""All its cells are at least this likely one."""
FEWEST_CELLS = 2.0
"""Probabilities of a mark's cells summed up: less is a speck."""
LINE_GAP = 1.0
"""Words of a line stand apart by at most so many times the line's height."""

MarkKind = Literal["text", "mark"]
Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of text or one mark: from `start` up to `end`, both (x, y) in the picture's pixels, x right, y down.

    score: how likely its likeliest part is written on, in [0, 1]. kind: "text", or "mark" for all else; a lone cross or
    letter may be taken for the other.
    """

    kind: MarkKind
    start: Point
    end: Point
    score: float

    def to_json(self) -> dict[str, Any]:
        """Plain data: kind, [x0, y0, x1, y1], score."""
        return {"kind": self.kind, "box": [*self.start, *self.end], "score": self.score}


def detect(picture_YX: Array, *, sure: float = SURE) -> tuple[Mark, ...]:
    """All marks of a grey picture (rows, columns) of any number type and range, from top to bottom.

    sure: the least score; a higher one finds less and errs less.
    Empty for an even picture and for one with a side under 64 pixels. NaN counts as 0. About 20 ms for 500 x 500 pixels on
    one core.
    """
    height, width = picture_YX.shape
    if min(height, width) < SHORTEST:
        return ()
    shrunk = shrink(picture_YX)
    if shrunk.min() == shrunk.max():
        return ()
    maps = probability_maps(shrunk)
    scale = (width / shrunk.shape[1], height / shrunk.shape[0])
    found = _joined(_pieces(maps, sure))
    marks = [_as_mark(piece, scale, (width, height)) for piece in found]
    return tuple(sorted(marks, key=lambda mark: (mark.start[1], mark.start[0], mark.end)))


def shrink(picture_YX: Array) -> Array:
    """The picture as float32, averaged down until its longer side has 1024 pixels; smaller ones as they are."""
    pixels = np.nan_to_num(np.asarray(picture_YX, np.float32))
    factor = max(pixels.shape) / LONGEST
    if factor <= 1:
        return pixels
    rows, columns = (max(1, round(length / factor)) for length in pixels.shape)
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BOX))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Touching cells: their box in cells, (x0, y0, x1, y1), highest probability, and probable share of text."""

    box: tuple[int, int, int, int]
    score: float
    text: float

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


def _pieces(maps: Array, sure: float) -> list[_Piece]:
    """Groups of touching likely cells that hold a sure one."""
    either, text = maps
    numbers, _ = label(either >= LIKELY, np.ones((3, 3)))
    pieces = []
    for number, place in enumerate(find_objects(numbers), start=1):
        inside = numbers[place] == number
        chances = either[place][inside]
        if chances.max() >= sure and chances.sum() >= FEWEST_CELLS:
            rows, columns = place
            box = (columns.start, rows.start, columns.stop, rows.stop)
            pieces.append(_Piece(box, float(chances.max()), float(np.average(text[place][inside], weights=chances))))
    return pieces


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Pieces of text that follow each other on a line, joined until none does."""
    left = sorted(pieces, key=lambda piece: piece.box)
    done: list[_Piece] = []
    while left:
        piece = left.pop(0)
        twin = next((other for other in left if _same_line(piece, other)), None)
        if twin is None:
            done.append(piece)
        else:
            left.remove(twin)
            left.insert(0, _union(piece, twin))
    return done


def _same_line(one: _Piece, other: _Piece) -> bool:
    if one.text < 0.5 or other.text < 0.5:
        return False
    shared = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    gap = max(one.box[0], other.box[0]) - min(one.box[2], other.box[2])
    alike = min(one.height, other.height) / max(one.height, other.height)
    return (
        alike > 0.5 and shared > 0.5 * min(one.height, other.height) and gap <= LINE_GAP * max(one.height, other.height)
    )


def _union(one: _Piece, other: _Piece) -> _Piece:
    low = [min(pair) for pair in zip(one.box[:2], other.box[:2], strict=True)]
    high = [max(pair) for pair in zip(one.box[2:], other.box[2:], strict=True)]
    return _Piece((low[0], low[1], high[0], high[1]), max(one.score, other.score), (one.text + other.text) / 2)


def _as_mark(piece: _Piece, scale: tuple[float, float], size: Point) -> Mark:
    x0, y0, x1, y1 = (edge * STRIDE * scale[k % 2] for k, edge in enumerate(piece.box))
    kind: MarkKind = "text" if piece.text >= 0.5 else "mark"
    end = (min(size[0], round(x1)), min(size[1], round(y1)))
    return Mark(kind, (int(x0), int(y0)), end, round(piece.score, 4))
