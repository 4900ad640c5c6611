"""Areas of surface elements: what a marching-cubes surface would have between 8 voxel centres (4 pixel centres in 2-D).

A surface element sits at a voxel corner. The voxels that share the corner, inside or outside, give its code: the
voxel at offset (a, b, c) holds bit 7 - (4a + 2b + c), in 2-D (a, b) bit 3 - (2a + b). Codes 0 and all ones are no
surface.

Areas are those of DeepMind's surface-distance (Nikolov et al. 2021, J Med Internet Res 23(7):e26151; Apache-2.0),
which lists the triangles of all 256 codes. They are the same under the 48 turns and mirrors of a cube and under
swapping inside with outside, so 13 codes say everything; the tests compare all 256 with the original.
"""

import itertools
from functools import lru_cache

import numpy as np

from scanwright.types import Array, Bools, Floats

# For one code of each class: its facets by the direction of their normal (signs do not matter to an area), in eighths
# of the facet that spans a voxel: (1, 0, 0): 8 is one whole voxel face.
FACETS: dict[int, dict[int, dict[tuple[int, ...], int]]] = {
    2: {
        0b0001: {(1, 1): 4},
        0b0011: {(1, 0): 8},
        0b0110: {(1, 1): 8},
    },
    3: {
        0b00000001: {(1, 1, 1): 1},
        0b00000011: {(1, 1, 0): 4},
        0b00000110: {(1, 1, 1): 2},
        0b00000111: {(1, 1, 1): 3, (1, 0, 0): 4},
        0b00001111: {(1, 0, 0): 8},
        0b00010110: {(1, 1, 1): 3},
        0b00010111: {(1, 1, 1): 6},
        0b00011000: {(1, 1, 1): 2},
        0b00011001: {(1, 1, 1): 1, (0, 1, 1): 4},
        0b00011011: {(1, 1, 1): 4, (0, 1, 1): 2, (1, 0, 1): 2},
        0b00011110: {(1, 1, 1): 4, (1, 0, 0): 4},
        0b00111100: {(1, 1, 0): 8},
        0b01101001: {(1, 1, 1): 4},
    },
}


def surfel_codes(mask: Bools) -> Array:
    """Code of every voxel corner of a 2-D or 3-D mask: uint8, each axis one longer; beyond the mask is background."""
    padded = np.pad(mask, 1).view(np.uint8)
    codes = np.zeros([size + 1 for size in mask.shape], np.uint8)
    for rank, offset in enumerate(itertools.product((0, 1), repeat=mask.ndim)):
        corner = tuple(slice(start, start + size) for start, size in zip(offset, codes.shape, strict=True))
        codes |= padded[corner] << (2**mask.ndim - 1 - rank)
    return codes


@lru_cache(maxsize=64)
def surfel_areas(spacing: tuple[float, ...]) -> Floats:
    """Area of each code's surface element: 256 values, in 2-D 16 lengths; 0 for the two codes without surface.

    spacing: voxel edges in array-axis order. Its unit squared (2-D: its unit) is that of the result.
    """
    ndim = len(spacing)
    areas = np.zeros(2**2**ndim)
    for code, facets in FACETS[ndim].items():
        for order, flip in itertools.product(
            itertools.permutations(range(ndim)), itertools.product((1, -1), repeat=ndim)
        ):
            turned = _turn(code, order, flip)
            area = sum(_facet_area([normal[axis] for axis in order], spacing) * n / 8 for normal, n in facets.items())
            areas[[turned, len(areas) - 1 - turned]] = area
    areas.flags.writeable = False
    return areas


def _turn(code: int, order: tuple[int, ...], flip: tuple[int, ...]) -> int:
    """The code after its corners' axes are put in another order and then mirrored where flip is -1."""
    ndim = len(order)
    bits = np.array([code >> shift & 1 for shift in reversed(range(2**ndim))]).reshape((2,) * ndim)
    turned = bits.transpose(order)[tuple(slice(None, None, step) for step in flip)]
    return int("".join(map(str, turned.ravel())), 2)


def _facet_area(normal: list[int], spacing: tuple[float, ...]) -> float:
    """Area of a facet with this normal in voxel units, after the axes are stretched to `spacing`."""
    whole = np.prod(spacing)
    return float(np.linalg.norm([part * whole / edge for part, edge in zip(normal, spacing, strict=True)]))
