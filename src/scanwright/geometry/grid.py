"""The grid of a volume: how many voxels, where they are, and in which unit. An immutable value.

>>> Grid.from_spacing((256, 256, 40), (0.9, 0.9, 3.0))
Grid 256 x 256 x 40, 0.9 x 0.9 x 3 mm, RAS, origin (0, 0, 0)
"""

import operator
from dataclasses import dataclass
from math import prod

import numpy as np

from scanwright.errors import GeometryError
from scanwright.geometry.affine import (
    Affine,
    axis_codes,
    checked_affine,
    corner_distance,
    spacing_of,
    to_indices,
    to_points,
)
from scanwright.types import Array, Floats, Shape3, Triple, Unit


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Grid:
    """Voxel counts along i, j, k; the affine from index to RAS+ (float64, read-only); and the unit of both.

    Raises GeometryError on a shape that is not three positive whole numbers, a unit other than "mm" or "px", or an
    affine that `checked_affine` refuses (not finite, singular, another last row).
    """

    shape: Shape3
    affine: Affine
    unit: Unit = "mm"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checked_shape(self.shape))
        object.__setattr__(self, "affine", checked_affine(self.affine))
        if self.unit not in ("mm", "px"):
            raise GeometryError("unknown unit of a grid", expected="mm or px", found=self.unit)

    @classmethod
    def from_spacing(cls, shape: Shape3, spacing: Triple, *, unit: Unit = "mm") -> "Grid":
        """A grid whose axes run to R, A, S, with the first voxel's centre at the origin."""
        return cls(shape, np.diag((*spacing, 1.0)), unit)

    @classmethod
    def of_pixels(cls, width: int, height: int) -> "Grid":
        """The grid of a picture: i is the column, j the row, one slice, unit "px"; what ITK's identity is in RAS."""
        return cls((width, height, 1), np.diag((-1.0, -1.0, 1.0, 1.0)), "px")

    @property
    def spacing(self) -> Triple:
        """Distance between voxel centres along i, j, k, in `unit`."""
        return spacing_of(self.affine)

    @property
    def origin_xyz(self) -> Triple:
        """Centre of voxel (0, 0, 0)."""
        x, y, z = self.affine[:3, 3].tolist()
        return x, y, z

    @property
    def orientation(self) -> str:
        """Where i, j, k grow to, each the closest of the six directions: "RAS", "LPS", …"""
        return axis_codes(self.affine)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in cubed units (mm³); right for sheared grids too."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def num_voxels(self) -> int:
        """How many voxels the grid has."""
        return prod(self.shape)

    @property
    def extent(self) -> Triple:
        """Edge lengths from outer face to outer face along i, j, k, in `unit`."""
        i, j, k = (size * step for size, step in zip(self.shape, self.spacing, strict=True))
        return i, j, k

    def same_space(self, other: "Grid", *, tolerance: float = 1e-3) -> bool:
        """Whether both grids have the same shape and unit, and put every voxel at the same place.

        tolerance: largest distance between the two places of a voxel, in voxels of the finest axis.
        """
        if self.shape != other.shape or self.unit != other.unit:
            return False
        return corner_distance(self.affine, other.affine, self.shape) <= tolerance

    def crop(self, start: Shape3, stop: Shape3) -> "Grid":
        """The grid of `voxels[:, start:stop]`. Negative starts and stops past the end pad. Needs start < stop."""
        shape = _checked_shape(tuple(b - a for a, b in zip(start, stop, strict=True)))
        return Grid(shape, self._moved(start, (1.0, 1.0, 1.0)), self.unit)

    def resized(self, shape: Shape3) -> "Grid":
        """The grid of another shape over the same extent: outer faces stay, voxels change size."""
        steps = tuple(old / new for old, new in zip(self.shape, _checked_shape(shape), strict=True))
        return Grid(shape, self._moved(tuple(0.5 * step - 0.5 for step in steps), steps), self.unit)

    def points(self, indices_ijk: Array) -> Floats:
        """Patient-space points of (fractional) indices, (..., 3) to (..., 3)."""
        return to_points(self.affine, indices_ijk)

    def indices(self, points_xyz: Array) -> Floats:
        """Fractional indices of patient-space points, (..., 3) to (..., 3)."""
        return to_indices(self.affine, points_xyz)

    def _moved(self, first: tuple[float, ...], steps: tuple[float, ...]) -> Affine:
        """The affine of a grid whose voxel 0 lies at index `first` of this one, and voxel 1 `steps` further."""
        inner = np.diag((*steps, 1.0))
        inner[:3, 3] = first
        return np.asarray(self.affine @ inner)

    def __eq__(self, other: object) -> bool:
        """Exact equality of shape, affine and unit. For two files of one patient ask `same_space`."""
        if not isinstance(other, Grid):
            return NotImplemented
        return self.shape == other.shape and self.unit == other.unit and np.array_equal(self.affine, other.affine)

    def __hash__(self) -> int:
        return hash((self.shape, self.unit, tuple(self.affine.ravel().tolist())))

    def __reduce__(self) -> tuple[type["Grid"], tuple[Shape3, Affine, Unit]]:
        return Grid, (self.shape, self.affine, self.unit)  # through the constructor, so that the copy is read-only too

    def __repr__(self) -> str:
        sizes = " x ".join(map(str, self.shape))
        steps = " x ".join(f"{step:.4g}" for step in self.spacing)
        origin = ", ".join(f"{value + 0.0:.4g}" for value in self.origin_xyz)
        return f"Grid {sizes}, {steps} {self.unit}, {self.orientation}, origin ({origin})"


def _checked_shape(shape: tuple[int, ...]) -> Shape3:
    try:
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        sizes = ()
    if len(sizes) != 3 or min(sizes) < 1:
        raise GeometryError("a grid has three axes with at least one voxel each", found=f"shape {shape}")
    return sizes[0], sizes[1], sizes[2]
