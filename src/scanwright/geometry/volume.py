"""Voxels on a grid."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike

from scanwright.errors import GeometryError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.types import Array, Bools, Shape3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Volume:
    """Voxels (C, I, J, K) and the grid that they lie on. A picture has K = 1; a label map has C = 1.

    notes: what a reader had to decide ("no orientation in the file; axes taken as R, A, S"), a sentence each, of an image a
    `Doubt`.
    outline: (I, J, K) bool, which of the voxels are looked at, where somebody has said so.
    Raises GeometryError if the last three axes, or those of the outline, are not the grid's shape, or there is no channel.
    """

    voxels: Array
    grid: Grid
    notes: tuple[str, ...] = ()
    outline: Bools | None = None

    def __post_init__(self) -> None:
        if self.voxels.ndim != 4 or self.voxels.shape[1:] != self.grid.shape or not self.voxels.shape[0]:
            expected = f"(C, {', '.join(map(str, self.grid.shape))})"
            raise GeometryError(
                "voxels do not fill their grid", expected=f"shape {expected}", found=f"shape {self.voxels.shape}"
            )
        if self.outline is not None and self.outline.shape != self.grid.shape:
            raise GeometryError("an outline of another image", expected=self.grid.shape, found=self.outline.shape)

    @property
    def channels(self) -> int:
        """How many values each voxel has: 1 for grey, 3 for colour, more for several sequences."""
        return int(self.voxels.shape[0])

    @property
    def shape(self) -> Shape3:
        """Voxel counts along i, j, k."""
        return self.grid.shape

    def astype(self, dtype: DTypeLike) -> "Volume":
        """The same volume in another number type, as NumPy casts: values may be cut. Writers check, this does not."""
        return replace(self, voxels=self.voxels.astype(dtype, copy=False))

    def with_voxels(self, voxels: Array) -> "Volume":
        """Other voxels on the same grid. A (I, J, K) array becomes one channel."""
        return replace(self, voxels=voxels[None] if voxels.ndim == 3 else voxels)

    def reoriented(self, turn: Reorientation) -> "Volume":
        """The same volume in another axis order: voxels a view, every voxel at its place."""
        outline = None if self.outline is None else turn.apply(self.outline)
        return replace(self, voxels=turn.apply(self.voxels), grid=turn.grid(self.grid), outline=outline)

    def __repr__(self) -> str:
        channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
        return f"Volume {str(self.grid).removeprefix('Grid ')}, {channels}, {np.dtype(self.voxels.dtype).name}"
