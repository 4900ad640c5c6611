"""Loops of frames whose class is in their order alone: a disc that brightens fast and fades slowly, or the other way round.

Every loop of one class, read backwards, could be one of the other: its frames in any other order say nothing. Each begins
anywhere in its period, on a disc of any place and size, in noise, as NIfTI volumes whose third axis is time.
"""

from pathlib import Path

import numpy as np

from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import write_volume
from scanwright.runtime import generator
from scanwright.types import Array

FRAMES, SIDE, PERIOD, RISE = 16, 24, 8, 2
CLASSES = ("rises fast", "fades fast")


def loop(seed: int, *, fast_rise: bool) -> Array:
    """(SIDE, SIDE, FRAMES) int16."""
    rng = generator(seed, int(fast_rise))
    phase = (np.arange(FRAMES) + rng.uniform(0, PERIOD)) % PERIOD
    wave = np.where(phase < RISE, phase / RISE, 1 - (phase - RISE) / (PERIOD - RISE))
    wave = wave if fast_rise else wave[::-1]
    middle, radius = rng.uniform(8, SIDE - 8, 2), rng.uniform(3, 6)
    away = np.hypot(*(np.indices((SIDE, SIDE)) - middle[:, None, None]))
    shown = np.clip(radius - away + 0.5, 0, 1)[..., None] * wave
    found: Array = np.rint(1000 * shown + rng.normal(0, 150, (SIDE, SIDE, FRAMES)) + 200).astype(np.int16)
    return found


def write_loops(root: Path, *, each: int, seed: int = 0) -> Path:
    """A folder a class, `each` loops in it."""
    for name in CLASSES:
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(each):
            voxels = loop(seed * 100_000 + number, fast_rise=name == CLASSES[0])
            grid = Grid((SIDE, SIDE, FRAMES), np.diag([1.0, 1.0, 2.0, 1.0]))
            write_volume(folder / f"{name.replace(' ', '_')}_{number:03d}.nii.gz", Volume(voxels[None], grid))
    return root
