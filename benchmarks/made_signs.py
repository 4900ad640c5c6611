"""The ink of marks that are no text: calipers, dotted lines, arrows, rulers and small logos, each drawn at random.

Every function takes a generator and gives ink (Y, X), float32 in [0, 1].
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import maximum_filter

from scanwright.types import Array


def covered(ink: Array) -> Array:
    """The ink with what lies within five pixels of it along rows and columns: what a box around a mark is to cover."""
    return grown(ink, 5) > 0.3


def grown(ink: Array, by: int) -> Array:
    """The ink's maximum over squares that reach so many pixels to each side."""
    widest: Array = maximum_filter(ink, 2 * by + 1, mode="constant")
    return widest


def _sketch(size: tuple[int, int], smooth: bool) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    scale = 3 if smooth else 1
    picture = Image.new("L", (size[0] * scale, size[1] * scale))
    return picture, ImageDraw.Draw(picture), scale


def _finished(picture: Image.Image, scale: int) -> Array:
    small = (
        picture
        if scale == 1
        else picture.resize((picture.width // scale, picture.height // scale), Image.Resampling.BOX)
    )
    return np.asarray(small, np.float32) / 255


def _strokes(rng: np.random.Generator, ends: Sequence[tuple[float, float, float, float]], side: int, pen: int) -> Array:
    picture, draw, scale = _sketch((side, side), bool(rng.random() < 0.6))
    for x0, y0, x1, y1 in ends:
        draw.line([x0 * scale, y0 * scale, x1 * scale, y1 * scale], fill=255, width=pen * scale)
    return _finished(picture, scale)


def _plus(rng: np.random.Generator) -> Array:
    side, pen = int(rng.integers(7, 26)), int(rng.integers(1, 3))
    middle, gap = side / 2, float(rng.choice([0, 0, 0, side / 6]))
    arms = [(0, middle, middle - gap, middle), (middle + gap, middle, side, middle)]
    return _strokes(rng, [*arms, *((y0, x0, y1, x1) for x0, y0, x1, y1 in arms)], side + 1, pen)


def _cross(rng: np.random.Generator) -> Array:
    side, pen = int(rng.integers(7, 22)), int(rng.integers(1, 3))
    return _strokes(rng, [(0, 0, side, side), (0, side, side, 0)], side + 1, pen)


def _dots(rng: np.random.Generator) -> Array:
    length, angle, step = rng.uniform(30, 150), rng.uniform(0, np.pi), rng.uniform(3.5, 9)
    dot = int(rng.integers(1, 3)) if step < 6 else int(rng.integers(1, 4))
    dx, dy = abs(np.cos(angle)) * length, abs(np.sin(angle)) * length
    ink = np.zeros((int(dy) + 5, int(dx) + 5), np.float32)
    for at in np.arange(0, length, step) / length:
        x, y = int(at * dx), int(at * dy)
        ink[y : y + dot, x : x + dot] = 1
    return ink if rng.random() < 0.5 else ink[:, ::-1]


def _calipers(rng: np.random.Generator) -> Array:
    """Two crosses with a dotted line between them."""
    line = np.pad(_dots(rng), 14)
    rows, columns = np.nonzero(line > 0.3)
    end = _plus(rng) if rng.random() < 0.6 else _cross(rng)
    half = end.shape[0] // 2
    for place in (rows * 0 + columns).argmin(), columns.argmax():
        y, x = max(0, rows[place] - half), max(0, columns[place] - half)
        part = line[y : y + end.shape[0], x : x + end.shape[1]]
        np.maximum(part, end[: part.shape[0], : part.shape[1]], out=part)
    return line


def _arrow(rng: np.random.Generator) -> Array:
    length, angle, pen = rng.uniform(14, 60), rng.uniform(0, 2 * np.pi), int(rng.integers(1, 5))
    side = int(length) + 16
    picture, draw, scale = _sketch((side, side), True)
    way = np.array([np.cos(angle), np.sin(angle)])
    aside = np.array([-way[1], way[0]])
    tip, tail = side / 2 + way * length / 2, side / 2 - way * length / 2
    head = rng.uniform(5, 6 + length / 4)
    wing = [tip - way * head + sign * aside * head * rng.uniform(0.4, 0.8) for sign in (1, -1)]
    draw.line([*(tail * scale), *((tip - way * 3) * scale)], fill=255, width=pen * scale)
    corners = [tuple(point * scale) for point in (wing[0], tip, wing[1])]
    if rng.random() < 0.7:
        draw.polygon(corners, fill=255)
    else:
        draw.line(corners, fill=255, width=pen * scale)
    return _finished(picture, scale)


def _head(rng: np.random.Generator) -> Array:
    """An arrow's head alone: a filled triangle."""
    side, angle = int(rng.integers(7, 24)), rng.choice(8) * np.pi / 4 + rng.uniform(0, 0.3)
    picture, draw, scale = _sketch((side + 2, side + 2), True)
    turns = angle + np.array([0, 2.5, -2.5])
    points = (side / 2 + 1 + side / 2 * np.stack([np.cos(turns), np.sin(turns)], 1)) * scale
    draw.polygon([tuple(point) for point in points], fill=255)
    return _finished(picture, scale)


def _ruler(rng: np.random.Generator) -> Array:
    """Ticks at even distances, each fifth perhaps longer, along a line or without one."""
    step, count, long = int(rng.integers(5, 22)), int(rng.integers(4, 14)), int(rng.integers(2, 9))
    ink = np.zeros((long + int(rng.integers(0, 6)) + 1, step * count + 2), np.float32)
    for tick in range(count):
        tall = ink.shape[0] if tick % 5 == 0 else long
        ink[:tall, tick * step : tick * step + int(rng.integers(1, 3))] = 1
    if rng.random() < 0.4:
        ink[0] = 1
    return np.rot90(ink, int(rng.integers(4)))


def _sign(rng: np.random.Generator) -> Array:
    """A small logo: ring, disc, square or shield with something inside."""
    side = int(rng.integers(14, 44))
    picture, draw, scale = _sketch((side, side), True)
    edge = [scale, scale, (side - 1) * scale, (side - 1) * scale]
    shape = [draw.ellipse, draw.rectangle, draw.ellipse][int(rng.integers(3))]
    filled = rng.random() < 0.4
    shape(edge, fill=255 if filled else None, outline=255, width=int(rng.integers(1, 4)) * scale)
    for _ in range(int(rng.integers(1, 4))):
        points = rng.uniform(side * 0.25, side * 0.75, 4) * scale
        draw.line([*points], fill=0 if filled else 255, width=int(rng.integers(1, 4)) * scale)
    return _finished(picture, scale)


SIGNS: dict[str, Callable[[np.random.Generator], Array]] = {
    "plus": _plus,
    "cross": _cross,
    "dots": _dots,
    "calipers": _calipers,
    "arrow": _arrow,
    "head": _head,
    "ruler": _ruler,
    "sign": _sign,
}
