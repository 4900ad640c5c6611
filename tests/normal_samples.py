"""Pictures of noise on a fixed pattern, and what may be wrong with them; plans of models of what is normal."""

import numpy as np
from PIL import Image

from scanwright.plan.normal_plan import NormalPlan

SIDE = 32
SPOT = (slice(10, 17), slice(18, 25))
"""Rows and columns of what is wrong."""


def plan(**values):
    """A small plan."""
    given = {
        "in_channels": 1,
        "out_channels": 2,
        "size": (1, SIDE, SIDE),
        "cell": 2,
        "scales": (1.0, 2.0),
        "block": 4,
        "shrink": 0.1,
        "false_alarms": 0.05,
    }
    return NormalPlan(**(given | values))


def picture(seed, *, spot=0.0):
    """(SIDE, SIDE): bright above and dark below, with noise; spot: what is added where something is wrong."""
    rng = np.random.default_rng(seed)
    pixels = 120 - 2.0 * np.arange(SIDE)[:, None] + rng.normal(0, 8, (SIDE, SIDE)) + rng.normal(0, 4)
    pixels[SPOT] += spot
    return pixels


def write_picture(file, seed, *, spot=0.0):
    """The same as PNG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, spot=spot).clip(0, 255).astype(np.uint8)).save(file)


def write_mask(file, *, spot, anatomy=0):
    """A mask of where something is wrong, if anything is. anatomy: the value of what is no abnormality, on the lower half."""
    file.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[SIDE // 2 :] = anatomy
    if spot:
        mask[SPOT] = 255
    Image.fromarray(mask).save(file)


def masked_pictures(folder, *, normal=30, abnormal=6, spot=60.0, anatomy=False):
    """images/ and masks/; the abnormal ones come last. anatomy: whether masks tell it too. Returns the folder."""
    if anatomy:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scanwright.json").write_text('{"regions": {"lower half": 100, "lesion": 255}}')
    for number in range(normal + abnormal):
        wrong = spot if number >= normal else 0.0
        write_picture(folder / "images" / f"p{number:02d}.png", number, spot=wrong)
        write_mask(folder / "masks" / f"p{number:02d}.png", spot=wrong, anatomy=100 * anatomy)
    return folder
