"""Folders of whole images with an answer each: bright discs on noise, by class folder or in a table of numbers."""

from pathlib import Path

import numpy as np

from made_folders import write_png, write_text
from scanwright.types import Array

SIDE = 24


def disc(seed: int, *, radius: float, value: int = 220) -> Array:
    """(SIDE, SIDE) uint8: noise, and a bright disc somewhere in it."""
    rng = np.random.default_rng(seed)
    image = rng.normal(60, 15, (SIDE, SIDE))
    middle = rng.uniform(9, SIDE - 9, 2)
    away = np.hypot(*(np.indices((SIDE, SIDE)) - middle[:, None, None]))
    return np.where(away <= radius, value, image).clip(0, 255).astype(np.uint8)


def class_folder(
    root: Path, *, each: int = 12, classes: tuple[str, ...] = ("absent", "present"), first: int = 0
) -> Path:
    """A folder a class: the first without a disc, every further one with a larger disc. first: the number of the first draw."""
    for number, name in enumerate(classes):
        for index in range(first, first + each):
            write_png(root / name / f"{name}_{index:02d}.png", disc(1000 * number + index, radius=3.0 * number))
    return root


def number_folder(root: Path, *, cases: int = 24) -> Path:
    """A table of the disc's radius in pixels."""
    rows = ["image,value"]
    for index in range(cases):
        radius = 2.0 + 5.0 * index / (cases - 1)
        write_png(root / "images" / f"c{index:02d}.png", disc(index, radius=radius))
        rows.append(f"images/c{index:02d}.png,{radius:.3f}")
    write_text(root / "cases.csv", "\n".join(rows) + "\n")
    return root
