"""The shape of a region in one slice. IBSI defines shape for volumes only: of a slice it would measure a slab.

Area and perimeter are those of the marching-squares outline at half height between pixel centres.
"""

import math

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from scanwright.geometry.diameters import diameters
from scanwright.geometry.grid import Grid
from scanwright.types import Bools, Floats

EIGHT = np.ones((3, 3), np.bool_)
CORNER_AREA = 1 / 8
CORNERS = ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))


def planar_shape(mask_IJ: Bools, grid: Grid) -> dict[str, float | None]:
    """Features by name of a mask with at least one pixel, lengths in the grid's unit.

    area, perimeter; circularity: 4 pi area over squared perimeter, 1 for a circle, less for whatever is longer or rougher;
    longest diameter and the longest at right angles to it; major and minor axis: four standard deviations of the pixels
    along their principal directions, and elongation, the minor over the major (None for one line of pixels);
    solidity: area over that of the convex hull of the pixels; tallness: extent along j over extent along i, of a breast
    lesion in ultrasound "taller than wide" when over 1 (Stavros et al. 1995, Radiology 196:123); parts: pieces joined by
    edges or corners.
    """
    step_i, step_j, _ = grid.spacing
    area, perimeter = _outline(mask_IJ, step_i, step_j)
    places = np.argwhere(mask_IJ).astype(np.float64)
    points = places * (step_i, step_j)
    hull = ConvexHull((places[:, None, :] + np.array(CORNERS)).reshape(-1, 2) * (step_i, step_j)).volume
    minor, major = (4 * math.sqrt(max(value, 0.0)) for value in _variances(points))
    across = diameters(mask_IJ[:, :, None], Grid.from_spacing((*mask_IJ.shape, 1), grid.spacing, unit=grid.unit))
    assert across is not None  # the mask is not empty
    extent_i, extent_j = np.ptp(places, axis=0) + 1
    return {
        "shape_area": area,
        "shape_perimeter": perimeter,
        "shape_circularity": 4 * math.pi * area / perimeter**2,
        "shape_longest_diameter": across.longest,
        "shape_perpendicular_diameter": across.perpendicular,
        "shape_major_axis": major,
        "shape_minor_axis": minor,
        "shape_elongation": minor / major if minor > 0 else None,
        "shape_solidity": float(mask_IJ.sum()) * step_i * step_j / float(hull),
        "shape_tallness": float(extent_j * step_j / (extent_i * step_i)),
        "shape_parts": float(ndimage.label(mask_IJ, EIGHT)[1]),
    }


def _outline(mask_IJ: Bools, step_i: float, step_j: float) -> tuple[float, float]:
    """Area and length of the marching-squares outline, cell by cell: of each cell's four corners some are inside."""
    inside = np.pad(mask_IJ, 1)
    first, second = inside[:-1], inside[1:]
    corners = [first[:, :-1], first[:, 1:], second[:, :-1], second[:, 1:]]
    count = np.sum(corners, axis=0)
    crossed = (count == 2) & (corners[0] == corners[3])
    along_j = (count == 2) & (corners[0] == corners[1])  # both corners of one i: the outline runs along j
    singles = np.count_nonzero((count == 1) | (count == 3)) + 2 * np.count_nonzero(crossed)
    straight_j = np.count_nonzero(along_j)
    straight_i = np.count_nonzero((count == 2) & ~crossed & ~along_j)
    length = singles * math.hypot(step_i / 2, step_j / 2) + straight_j * step_j + straight_i * step_i
    whole, lacking = np.count_nonzero(count == 4), np.count_nonzero(count == 3)
    alone = np.count_nonzero(count == 1) + 2 * np.count_nonzero(crossed)
    cells = whole + lacking * (1 - CORNER_AREA) + (straight_i + straight_j) / 2 + alone * CORNER_AREA
    return float(cells * step_i * step_j), float(length)


def _variances(points: Floats) -> Floats:
    """The smaller and the larger principal variance (2,); zeros for one point."""
    return np.linalg.eigvalsh(np.cov(points.T, bias=True)) if len(points) > 1 else np.zeros(2)
