"""Generated pictures that look alike, and copies of pictures as they turn up in data sets: for benchmarks of duplicates.

A third are like chest radiographs, a third like ultrasound, a third are clouds: all within a kind have one layout and differ in
the sizes and places of their parts and in texture. Every picture is a function of its number.
"""

import io

import numpy as np
from PIL import Image

from scanwright.runtime import generator
from scanwright.types import Array, Floats

KINDS = 3


def generated(number: int) -> Array:
    """A grey picture (rows, columns), uint8, with edges of 96 to 160 pixels."""
    rng = generator(1, number)
    rows, columns = (int(size) for size in rng.integers(96, 161, 2))
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    paint = (chest, ultrasound, cloud)[number % KINDS]
    picture = paint(rng, y, x)
    low, high = picture.min(), picture.max()
    return np.asarray(np.round(255 * (picture - low) / (high - low)), np.uint8)


def chest(rng: np.random.Generator, y: Floats, x: Floats) -> Floats:
    def near(mean: float, spread: float) -> float:
        return float(rng.normal(mean, spread))

    body = soft(1 - (x / near(0.9, 0.05)) ** 4 - (y / near(1.2, 0.08)) ** 4)
    picture = 0.75 * body
    for side in (-1, 1):
        apart = (x - side * near(0.42, 0.04)) / near(0.28, 0.03)
        picture -= near(0.4, 0.04) * soft(1 - apart**2 - ((y + near(0.1, 0.05)) / near(0.62, 0.06)) ** 2)
    heart = soft(1 - ((x - near(0.12, 0.05)) / near(0.28, 0.04)) ** 2 - ((y - near(0.2, 0.06)) / near(0.3, 0.05)) ** 2)
    ribs = np.cos(near(22, 2) * (y + near(0.25, 0.05) * x**2) + near(0, 3)) * body
    spine = np.exp(-((x / near(0.07, 0.01)) ** 2))
    return np.asarray(picture + 0.3 * heart + 0.06 * ribs + 0.15 * spine + 0.1 * texture(rng, x))


def ultrasound(rng: np.random.Generator, y: Floats, x: Floats) -> Floats:
    depth = (y + 1) / 2
    picture = np.exp(-rng.uniform(1, 3) * depth) * (0.6 + 0.3 * texture(rng, x))
    for _ in range(rng.integers(2, 6)):
        line = rng.uniform(-0.9, 0.9) + 0.1 * np.sin(rng.uniform(1, 4) * x + rng.uniform(0, 6))
        picture += rng.uniform(0.1, 0.4) * np.exp(-(((y - line) / rng.uniform(0.02, 0.08)) ** 2))
    center, radius = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.1, 0.4, 2)
    lesion = soft(1 - ((y - center[0]) / radius[0]) ** 2 - ((x - center[1]) / radius[1]) ** 2)
    return np.asarray((picture * (1 - 0.7 * lesion)) * rng.rayleigh(0.8, x.shape) ** 0.5)


def cloud(rng: np.random.Generator, y: Floats, x: Floats) -> Floats:
    return np.asarray(texture(rng, x) + 0.2 * rng.normal() * x + 0.2 * rng.normal() * y)


def texture(rng: np.random.Generator, like: Floats) -> Floats:
    """Noise of which each octave has half the strength of the one below; standard deviation about 1."""
    total = np.zeros(like.shape)
    rows, columns = like.shape
    for octave in range(2, 7):
        coarse = Image.fromarray(rng.normal(size=(2**octave, 2**octave)).astype(np.float32))
        total += np.asarray(coarse.resize((columns, rows), Image.Resampling.BICUBIC)) / 2 ** (octave - 2)
    return total


def soft(inside: Floats) -> Floats:
    """1 where `inside` is positive, 0 where it is negative, with a soft border."""
    return np.asarray(1 / (1 + np.exp(-np.clip(12 * inside, -40, 40))))


def copied(picture: Array, number: int) -> tuple[Array, tuple[str, ...]]:
    """A copy of a grey picture, uint8, and what was done to it; each of these with a chance of its own.

    Flips, a crop that keeps 0.8 to 1 of each side, gamma or a linear change or inversion of grey levels, resizing to 0.5 to
    1.5, JPEG of quality 30 to 90.
    """
    rng, done = generator(2, number), []
    if rng.random() < 0.5:
        sizes = [max(1, round(size * rng.uniform(0.8, 1))) for size in picture.shape]
        top, left = (int(rng.integers(0, size - kept + 1)) for size, kept in zip(picture.shape, sizes, strict=True))
        picture = picture[top : top + sizes[0], left : left + sizes[1]]
        done.append("crop")
    flip = int(rng.integers(0, 4))
    picture = picture[:: -1 if flip & 1 else 1, :: -1 if flip & 2 else 1]
    done += ["flip"] * (flip > 0)
    picture, tone = toned(rng, picture)
    image = Image.fromarray(picture)
    if rng.random() < 0.5:
        factor = rng.uniform(0.5, 1.5)
        rows, columns = (max(8, round(size * factor)) for size in picture.shape)
        image = image.resize((columns, rows), Image.Resampling.BICUBIC)
        done.append("resize")
    if rng.random() < 0.6:
        stored = io.BytesIO()
        image.save(stored, "JPEG", quality=int(rng.integers(30, 91)))
        image = Image.open(stored)
        done.append("jpeg")
    return np.asarray(image), (*done, *tone)


def toned(rng: np.random.Generator, picture: Array) -> tuple[Array, tuple[str, ...]]:
    """Other grey levels: a gamma of 0.5 to 2, a linear change, an inversion, or none."""
    share, choice = picture / 255, rng.random()
    if choice < 0.3:
        share, word = share ** rng.uniform(0.5, 2), ("gamma",)
    elif choice < 0.6:
        share, word = np.clip(share * rng.uniform(0.6, 1.3) + rng.uniform(-0.1, 0.1), 0, 1), ("linear",)
    elif choice < 0.65:
        share, word = 1 - share, ("invert",)
    else:
        return picture, ()
    return np.round(255 * share).astype(np.uint8), word
