"""Implicit shapes: signed distances in mm (negative inside), and how much of a voxel a shape covers.

A shape is a function of points (3, …) to distances (…). Distances are exact for spheres and tubes, and right to first
order at the surface of an ellipsoid (Quilez's bound), which is all that partial volume needs. They are combined with
np.minimum (union), np.maximum (cut) and `blend` (union with a rounded seam).
"""

from itertools import pairwise

import numpy as np

from scanwright.types import Floats, Triple


def ellipsoid(
    points_xyz: Floats, *, centre: Triple, radii: Triple, tilt: Triple = (0.0, 0.0, 0.0), power: float = 2.0
) -> Floats:
    """Distance to a superquadric: power 2 is an ellipsoid, larger is boxier. tilt: degrees about x, y, z."""
    local = points_xyz - _column(centre, points_xyz.ndim)
    if any(tilt):
        local = np.tensordot(rotation(*tilt).T, local, axes=(1, 0))
    ratio = np.abs(local) / _column(radii, points_xyz.ndim)
    reach = (ratio**power).sum(axis=0) ** (1 / power)
    slope = np.sqrt(((ratio ** (power - 1) / _column(radii, points_xyz.ndim)) ** 2).sum(axis=0)) / np.maximum(
        reach, 1e-3
    ) ** (power - 1)
    return np.asarray((reach - 1) / np.maximum(slope, 1 / max(radii)))


def column(
    points_xyz: Floats, *, centre: tuple[float, float], radii: tuple[float, float], power: float = 2.0
) -> Floats:
    """Distance to an endless upright column with a superelliptic section; centre and radii along x and y."""
    flat = np.concatenate([points_xyz[:2], np.zeros_like(points_xyz[:1])])
    return ellipsoid(flat, centre=(*centre, 0.0), radii=(*radii, max(radii)), power=power)


def tube(points_xyz: Floats, *, path: tuple[Triple, ...], radius: tuple[float, ...]) -> Floats:
    """Distance to a tube along a polyline; a radius for each corner, linear in between."""
    found = None
    for (start, end), (r0, r1) in zip(pairwise(path), pairwise(radius), strict=True):
        along = np.subtract(end, start).astype(np.float32)
        offset = points_xyz - _column(start, points_xyz.ndim)
        share = np.clip(np.tensordot(along, offset, axes=(0, 0)) / float(along @ along), 0, 1)
        nearest = offset - share * _column(tuple(along), points_xyz.ndim)
        part = np.sqrt((nearest**2).sum(axis=0)) - (r0 + (r1 - r0) * share)
        found = part if found is None else blend(found, part, width=3.0)
    return np.asarray(found)


def blend(a: Floats, b: Floats, *, width: float) -> Floats:
    """The union of two shapes, its seam rounded over `width` mm (Quilez's polynomial smooth minimum)."""
    seam = np.maximum(width - np.abs(a - b), 0) / width
    return np.asarray(np.minimum(a, b) - seam * seam * width / 4)


def coverage(distance: Floats, *, voxel_mm: float) -> Floats:
    """The share of a voxel inside a shape, in [0, 1]: exact for a flat surface along an axis of a cubic voxel."""
    return np.asarray(np.clip(0.5 - distance / voxel_mm, 0, 1), np.float32)


def rotation(about_x: float, about_y: float, about_z: float) -> Floats:
    """The rotation matrix (3, 3) of three angles in degrees, applied about x, then y, then z; float32."""
    (sx, sy, sz), (cx, cy, cz) = (f(np.deg2rad((about_x, about_y, about_z))) for f in (np.sin, np.cos))
    first = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    second = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    third = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(third @ second @ first, np.float32)


def _column(values: tuple[float, ...], ndim: int) -> Floats:
    return np.asarray(values, np.float32).reshape(-1, *([1] * (ndim - 1)))
