"""Pictures without text that resemble scans: what text is planted on, and what a detector must stay silent about.

Every kind is a function of a generator and a shape (Y, X) to float32 in [0, 1]. No pixel comes from a patient.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, map_coordinates

from scanwright.types import Array

Shape = tuple[int, int]


def smooth(rng: np.random.Generator, shape: Shape, *, cells: float) -> Array:
    """A smooth random field in [0, 1], with about so many bumps along an edge."""
    coarse = rng.random((max(2, round(cells)) + 1, max(2, round(cells)) + 1)).astype(np.float32)
    field = np.asarray(Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC))
    scaled: Array = (field - field.min()) / max(1e-6, float(np.ptp(field)))
    return scaled


def coordinates(shape: Shape) -> tuple[Array, Array]:
    """y and x of every pixel, each from -1 to 1."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return y.astype(np.float32), x.astype(np.float32)


def ellipse(rng: np.random.Generator, shape: Shape, *, reach: float = 0.9) -> Array:
    """A filled ellipse somewhere, with a wavy rim: 1 inside, 0 outside."""
    y, x = coordinates(shape)
    cy, cx = rng.uniform(-reach, reach, 2)
    ry, rx = np.exp(rng.uniform(np.log(0.04), np.log(0.7), 2))
    turn = rng.uniform(0, np.pi)
    u, v = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn), (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
    wave = 1 + rng.uniform(0, 0.25) * (smooth(rng, shape, cells=4) - 0.5)
    inside: Array = (u / rx) ** 2 + (v / ry) ** 2 < wave
    return inside.astype(np.float32)


def ultrasound(rng: np.random.Generator, shape: Shape) -> Array:
    """Speckle over layers and dark or bright ellipses, with shadows; often a fan or a frame with black around."""
    y, _ = coordinates(shape)
    depth = (y + 1) / 2 + 0.15 * (smooth(rng, shape, cells=float(rng.integers(2, 6))) - 0.5)
    layers: Array = np.interp(depth, np.sort(rng.random(8)), rng.uniform(0.1, 0.9, 8)).astype(np.float32)
    echo: Array = 0.6 * layers + 0.4 * smooth(rng, shape, cells=float(rng.integers(3, 20)))
    for _ in range(rng.integers(0, 5)):
        inside = gaussian_filter(ellipse(rng, shape), rng.uniform(0.5, 3))
        echo = echo * (1 - inside) + inside * rng.uniform(0, 1)
    echo = echo * (1 - 0.6 * rng.random() * (smooth(rng, (1, shape[1]), cells=6) > 0.7))
    grain = rng.rayleigh(0.8, shape).astype(np.float32)
    grain = gaussian_filter(grain, (rng.uniform(0.3, 1.6), rng.uniform(0.5, 3.5)))
    strength = rng.uniform(0.2, 1.3)
    image = np.clip(echo * (1 + strength * (grain / grain.mean() - 1)), 0, None) ** rng.uniform(0.5, 1.6)
    image = np.clip(image / max(1e-6, np.quantile(image, 0.995)) * rng.uniform(0.5, 1), 0, 1)
    if rng.random() < 0.2:
        image = np.clip(with_wire(rng, image), 0, 1)
    return framed(rng, image) if rng.random() < 0.6 else image


def framed(rng: np.random.Generator, image: Array) -> Array:
    """A picture cut to a fan or a rectangle, even brightness (mostly black) around it."""
    y, x = coordinates(image.shape)
    around = float(rng.choice([0, 0, 0, 0.05, 0.15, 1, rng.random()]))
    if rng.random() < 0.5:
        apex, spread = rng.uniform(-2.5, -1), rng.uniform(0.3, 1.2)
        radius, angle = np.hypot(y - apex, x), np.arctan2(x, y - apex)
        first = rng.uniform(0.02, 1) * (-1 - apex) + 0.05
        inside = (np.abs(angle) < spread) & (radius > first) & (radius < rng.uniform(1.5, 2.2) - apex - 0.5)
    else:
        low, high = rng.uniform(-1.3, -0.5, 2), rng.uniform(0.5, 1.3, 2)
        inside = (y > low[0]) & (y < high[0]) & (x > low[1]) & (x < high[1])
    return np.where(inside, image, around).astype(np.float32)


def radiograph(rng: np.random.Generator, shape: Shape) -> Array:
    """A smooth body with rib-like bands, bright organs and wires; noise; often a black or white border of the field."""
    y, x = coordinates(shape)
    image = 0.25 + 0.5 * smooth(rng, shape, cells=3) + 0.15 * smooth(rng, shape, cells=10)
    curve = rng.uniform(-1, 1) * x**2 + rng.uniform(-0.6, 0.6) * x
    if rng.random() < 0.7:
        phase = (y + curve) * rng.uniform(4, 14) + rng.uniform(0, 6)
        image += rng.uniform(0.03, 0.2) * np.clip(np.sin(phase) * rng.uniform(1, 4), -1, 1)
    for _ in range(rng.integers(0, 4)):
        image += rng.uniform(-0.3, 0.3) * gaussian_filter(ellipse(rng, shape), rng.uniform(1, 12))
    for _ in range(rng.integers(0, 3)):
        image = with_wire(rng, image)
    for _ in range(int(rng.integers(1, 5)) if rng.random() < 0.2 else 0):
        image = with_clip(rng, image)
    image += rng.normal(0, rng.uniform(0, 0.05), shape) + rng.uniform(0, 0.05) * (smooth(rng, shape, cells=60) - 0.5)
    image = gaussian_filter(image, rng.uniform(0, 1.2))
    if rng.random() < 0.4:
        image = framed(rng, image)
    made: Array = np.clip(image if rng.random() < 0.8 else 1 - image, 0, 1)
    return made


def with_wire(rng: np.random.Generator, image: Array) -> Array:
    """A curved line (wire, catheter, hair, vessel), a screw or a disc of metal: not marks of a scanner."""
    height, width = image.shape
    picture = Image.new("L", (width * 2, height * 2))
    draw = ImageDraw.Draw(picture)
    if rng.random() < 0.7:
        knots = np.cumsum(rng.normal(0, 0.4, (4, 2)), 0) + rng.random(2)
        at = np.linspace(0, 3, 40)
        points = [np.interp(at, range(4), knots[:, k]) for k in (0, 1)]
        curve = np.stack([gaussian_filter(line, 3) for line in points], 1) * (width * 2, height * 2)
        draw.line([tuple(point) for point in curve], fill=255, width=int(rng.integers(1, 10)), joint="curve")
    else:
        cx, cy, r = rng.random() * width * 2, rng.random() * height * 2, rng.uniform(3, 30)
        draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=None if rng.random() < 0.4 else 255, outline=255, width=3)
    ink = np.asarray(picture.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    made: Array = image + ink * rng.uniform(-0.5, 0.7)
    return made


def with_clip(rng: np.random.Generator, image: Array) -> Array:
    """A small bent loop with a disc, blurred: an electrode's clip, a clasp, a calcification; no letter."""
    height, width = image.shape
    side = rng.uniform(8, 26)
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    centre = rng.random(2) * (width, height)
    knots = centre + rng.normal(0, side / 2, (int(rng.integers(3, 6)), 2))
    at = np.linspace(0, len(knots), 40)
    curve = [np.interp(at, range(len(knots) + 1), [*knots[:, k], knots[0, k]]) for k in (0, 1)]
    smoothed = np.stack([gaussian_filter(line, 2, mode="wrap") for line in curve], 1)
    draw.line([tuple(point) for point in smoothed], fill=255, width=int(rng.integers(1, 4)))
    r = rng.uniform(1, side / 4)
    draw.ellipse([*(centre - r), *(centre + r)], fill=int(rng.integers(0, 256)))
    ink = gaussian_filter(np.asarray(picture, np.float32) / 255, rng.uniform(0.6, 1.6))
    made: Array = image + ink * rng.uniform(0.2, 0.9)
    return made


def slices(rng: np.random.Generator, shape: Shape) -> Array:
    """A body on black with organs of even brightness and sharp rims, as in CT and MR; noise and a slow gradient."""
    y, x = coordinates(shape)
    body = ((x / rng.uniform(0.6, 1.2)) ** 2 + (y / rng.uniform(0.5, 1.2)) ** 2 < 1).astype(np.float32)
    image = body * rng.uniform(0.2, 0.7)
    for _ in range(rng.integers(3, 14)):
        inside = ellipse(rng, shape) * body
        image = np.where(inside > 0, rng.uniform(0, 1), image)
    image = gaussian_filter(image, rng.uniform(0.4, 2)) * (1 - 0.4 * rng.random() * smooth(rng, shape, cells=2))
    made: Array = np.clip(image + rng.normal(0, rng.uniform(0, 0.08), shape), 0, 1)
    return made


def cells(rng: np.random.Generator, shape: Shape) -> Array:
    """Many discs and rings on an even ground, as under a microscope; bright or dark specks."""
    scale = float(rng.uniform(4, 30))
    picture = Image.new("L", shape[::-1], int(rng.integers(0, 255)))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(np.clip(0.5 * shape[0] * shape[1] / scale**2 * rng.random(), 2, 150))):
        cx, cy, r = rng.random() * shape[1], rng.random() * shape[0], scale * rng.uniform(0.3, 1.2)
        value = int(rng.integers(0, 255))
        rim = int(np.clip(value + rng.normal(0, 40), 0, 255))
        draw.ellipse(
            [cx - r, cy - r * rng.uniform(0.6, 1.4), cx + r, cy + r],
            fill=value,
            outline=rim,
            width=int(rng.integers(1, 4)),
        )
    for _ in range(int(rng.integers(0, 12))):
        cx, cy, r, value = rng.random() * shape[1], rng.random() * shape[0], rng.uniform(1.5, 5), int(rng.integers(256))
        draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=value, outline=255 - value)
    image = gaussian_filter(np.asarray(picture, np.float32) / 255, rng.uniform(0.5, 2))
    image = image * rng.uniform(0.3, 1) + rng.random() * 0.3 * smooth(rng, shape, cells=8)
    made: Array = np.clip(image + rng.normal(0, rng.uniform(0, 0.06), shape), 0, 1)
    return made


def texture(rng: np.random.Generator, shape: Shape) -> Array:
    """Noise of some coarseness, warped stripes, or a grid: strokes that are no letters."""
    image: Array = gaussian_filter(rng.normal(0, 1, shape).astype(np.float32), np.exp(rng.uniform(-1, 1.6, 2)))
    kind = rng.integers(4)
    if kind == 1:
        y, x = coordinates(shape)
        turn, waves = rng.uniform(0, np.pi), rng.uniform(4, 40)
        image = np.sin((x * np.cos(turn) + y * np.sin(turn)) * waves + 6 * smooth(rng, shape, cells=4)) + 0.5 * image
    elif kind == 2:
        step, pen = int(rng.integers(8, 60)), int(rng.integers(1, 4))
        image *= 0.2
        image[::step, :] += 1
        image[:, ::step] += 1
        if pen > 1:
            image = gaussian_filter(image, pen / 3)
    elif kind == 3:
        image = np.abs(image) ** rng.uniform(1.5, 4)
    low, high = np.quantile(image, (0.005, 0.995))
    span = rng.uniform(0.2, 1)
    made: Array = np.clip((image - low) / max(1e-6, high - low), 0, 1) * span + rng.uniform(0, 1 - span)
    return made


def plain(rng: np.random.Generator, shape: Shape) -> Array:
    """Even brightness with little noise and perhaps a step or a ramp: the margins of a secondary capture."""
    image: Array = np.full(shape, float(rng.choice([0, 0, 1, rng.random()])), np.float32)
    if rng.random() < 0.5:
        x0, y0 = int(rng.random() * shape[1]), int(rng.random() * shape[0])
        image[y0:, x0:] = rng.random()
    if rng.random() < 0.2:
        image = image * 0.5 + 0.5 * coordinates(shape)[int(rng.integers(2))]
    made: Array = np.clip(image + rng.normal(0, 0.02 * rng.random() ** 2, shape), 0, 1)
    return made


def warped(rng: np.random.Generator, image: Array) -> Array:
    """The picture bent smoothly by a few pixels."""
    shape = image.shape
    shift = [12 * (smooth(rng, shape, cells=4) - 0.5) for _ in range(2)]
    grid = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    bent: Array = map_coordinates(
        image, [axis + by for axis, by in zip(grid, shift, strict=True)], order=1, mode="nearest"
    )
    return bent


BACKGROUNDS: dict[str, tuple[Callable[[np.random.Generator, Shape], Array], float]] = {
    "ultrasound": (ultrasound, 0.34),
    "radiograph": (radiograph, 0.26),
    "slices": (slices, 0.12),
    "cells": (cells, 0.08),
    "texture": (texture, 0.08),
    "plain": (plain, 0.12),
}
"""What is drawn, and how often."""


def draw_background(rng: np.random.Generator, shape: Shape) -> Array:
    """A picture of one of the kinds; some of them bent, inverted, or of little contrast."""
    names = list(BACKGROUNDS)
    name = str(rng.choice(names, p=[BACKGROUNDS[name][1] for name in names]))
    image = BACKGROUNDS[name][0](rng, shape)
    if rng.random() < 0.15:
        image = warped(rng, image)
    if rng.random() < 0.1:
        image = 1 - image
    span = rng.uniform(0.3, 1) if rng.random() < 0.4 else 1.0
    made: Array = image * span + rng.uniform(0, 1 - span) * (rng.random() < 0.5)
    return made.astype(np.float32)
