"""4x4 affine matrices as pure functions: arrays in, arrays out.

An affine maps a voxel index (i, j, k, 1) to a point (x, y, z, 1) in RAS+ patient space: millimetres, or pixels for an
image without a physical scale. Index 0 is the centre of the first voxel, so its outer face lies at index -0.5.
"""

from itertools import permutations, product

import numpy as np
from numpy.typing import ArrayLike

from scanwright.errors import GeometryError
from scanwright.types import Floats, Shape3, Triple

Affine = Floats  # (4, 4) float64

# Below this ratio of the column triple product to the product of the spacings, three axes lie in one plane for all that
# float32 headers can tell.
MIN_TRIPLE_PRODUCT = 1e-4


def checked_affine(affine: ArrayLike) -> Affine:
    """A read-only float64 copy of a 4x4 affine.

    Raises GeometryError if the shape is not (4, 4), a value is not finite, the last row is not (0, 0, 0, 1), an axis is
    zero, or the three lie in one plane.
    """
    matrix = np.array(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise GeometryError("an affine must be a 4x4 matrix", expected="shape (4, 4)", found=f"shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise GeometryError("the affine has values that are not finite", found=as_text(matrix))
    if not np.array_equal(matrix[3], (0, 0, 0, 1)):
        raise GeometryError("the last row of an affine must be 0 0 0 1", found=" ".join(f"{v:g}" for v in matrix[3]))
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if lengths.min() <= 0 or not np.isfinite(lengths).all():
        raise GeometryError("a voxel must have a size along every axis", found=f"spacing {as_text(lengths)}")
    if abs(np.linalg.det(matrix[:3, :3] / lengths)) < MIN_TRIPLE_PRODUCT:
        raise GeometryError("the affine is singular: its axes lie in one plane", found=as_text(matrix))
    matrix.setflags(write=False)
    return matrix


def as_text(matrix: ArrayLike) -> str:
    """A vector or matrix on one line, four significant digits: "1 0 0; 0 1 0"."""
    rows = np.atleast_2d(np.asarray(matrix, dtype=float))
    return "; ".join(" ".join(f"{value:.4g}" for value in row) for row in rows)


def spacing_of(affine: Affine) -> Triple:
    """Distance between voxel centres along i, j and k: the lengths of the columns."""
    x, y, z = np.sqrt((affine[:3, :3] ** 2).sum(axis=0)).tolist()
    return x, y, z


def directions_of(affine: Affine) -> Floats:
    """Unit vectors of the index axes as columns, (3, 3)."""
    return np.asarray(affine[:3, :3] / np.asarray(spacing_of(affine)))


def is_rigid(affine: Affine, *, tolerance: float = 1e-4) -> bool:
    """Whether the axes are at right angles, so that spacing, a rotation or reflection, and an origin say everything.

    tolerance: largest cosine between two axes.
    """
    directions = directions_of(affine)
    return bool(np.abs(directions.T @ directions - np.eye(3)).max() <= tolerance)


def to_points(affine: Affine, indices_ijk: ArrayLike) -> Floats:
    """Points in patient space for indices of shape (..., 3); same shape."""
    return np.asarray(np.asarray(indices_ijk, dtype=np.float64) @ affine[:3, :3].T + affine[:3, 3])


def to_indices(affine: Affine, points_xyz: ArrayLike) -> Floats:
    """Fractional indices for points of shape (..., 3); same shape. The inverse of `to_points`."""
    offsets = np.asarray(points_xyz, dtype=np.float64) - affine[:3, 3]
    return np.linalg.solve(affine[:3, :3], offsets.reshape(-1, 3).T).T.reshape(offsets.shape)


def corner_indices(shape: Shape3) -> Floats:
    """Indices of the eight corner voxels, (8, 3). Fewer are distinct where an axis has one voxel."""
    return np.array(list(product(*((0, size - 1) for size in shape))), dtype=np.float64)


def corner_distance(first: Affine, second: Affine, shape: Shape3) -> float:
    """How far apart two affines put a voxel, at the worst corner, in voxels of the first's finest axis."""
    corners = corner_indices(shape)
    gaps = np.linalg.norm(to_points(first, corners) - to_points(second, corners), axis=1)
    return float(gaps.max()) / min(spacing_of(first))


def flip_lps_ras(affine: Affine) -> Affine:
    """The same grid with x and y pointing the other way: LPS+ (ITK, DICOM) to RAS+ and back. Its own inverse."""
    return np.diag((-1.0, -1.0, 1.0, 1.0)) @ affine


def closest_axes(affine: Affine) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which index axis runs closest to R, to A and to S, and whether it runs the other way.

    Returns (order, flip): index axis `order[a]` belongs to patient axis a, and is reversed where `flip[a]`. Of the six
    assignments the one with the largest sum of |cosine| is taken. A tie (45 degrees) goes to the one whose turned axes
    come last in dictionary order: a rule about patient space alone, so that a volume stored in another axis order gets
    the same answer.
    """
    cosines = directions_of(affine)
    candidates = []
    for order in permutations(range(3)):
        turned = cosines[:, order] * np.where(np.diag(cosines[:, order]) < 0, -1.0, 1.0)
        key = (round(float(np.trace(turned)), 6), tuple(np.round(turned, 6).ravel() + 0.0))
        candidates.append((key, order))
    i, j, k = max(candidates)[1]
    return (i, j, k), (bool(cosines[0, i] < 0), bool(cosines[1, j] < 0), bool(cosines[2, k] < 0))


def axis_codes(affine: Affine) -> str:
    """Where i, j and k grow to, as three letters of R/L, A/P, S/I, each the closest: "RAS", "LPS", "SRA"."""
    order, flip = closest_axes(affine)
    letters = [""] * 3
    for patient_axis, (index_axis, reverse) in enumerate(zip(order, flip, strict=True)):
        letters[index_axis] = ("RL", "AP", "SI")[patient_axis][reverse]
    return "".join(letters)
