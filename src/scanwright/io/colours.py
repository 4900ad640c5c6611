"""Masks in colours: a colour is one label value, the same in every file, and can be had back from it.

black, grey, white    0, its level, 255: as in a grey mask, so that files of both kinds fit together
any other colour      COLOURED plus red x 65536, green x 256 and blue: "#ff0000" is 33488896
"""

import re

import numpy as np

from scanwright.types import Array

COLOURED = 1 << 24


def values_of(pixels_HWC: Array) -> Array:
    """Label values (H, W) uint32 of colours (H, W, 3) uint8."""
    red, green, blue = (pixels_HWC[..., channel].astype(np.uint32) for channel in range(3))
    is_grey = (red == green) & (green == blue)
    return np.where(is_grey, red, COLOURED + (red << 16) + (green << 8) + blue)


def colours_of(values: Array) -> Array | None:
    """Colours (…, 3) uint8 of label values; None if a value is that of no colour."""
    is_coloured = values >= COLOURED
    if (values < 0).any() or (values >= 2 * COLOURED).any() or ((values > 255) & ~is_coloured).any():
        return None
    packed = np.where(is_coloured, values - COLOURED, values * 0x010101).astype(np.uint32)
    return np.stack([packed >> 16, packed >> 8, packed], axis=-1).astype(np.uint8)


def value_of(colour: str) -> int | None:
    """The label value of "#rrggbb"; None for any other text.

    >>> value_of("#ff0000"), value_of("#070707"), value_of("red")
    (33488896, 7, None)
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        return None
    return int(values_of(np.array([[list(bytes.fromhex(colour[1:]))]], np.uint8))[0, 0])


def name_of(value: int) -> str:
    """A label value as people write it: "#ff0000" of a colour, else the number.

    >>> name_of(33488896), name_of(7)
    ('#ff0000', '7')
    """
    return f"#{value - COLOURED:06x}" if COLOURED <= value < 2 * COLOURED else str(value)
