"""Smooth random functions of patient space, and a deformation made of them that never folds.

Everything is a sum of plane waves, given at points and not on a grid: a subject sampled with another spacing or axis
order is the same subject. The deformation follows the usual recipe of phantoms such as XCAT (one template, a smooth map
for each subject); it is weakened until the Jacobian determinant, from the exact derivative, stays above a floor.
"""

from dataclasses import dataclass, replace

import numpy as np

from scanwright.dataset.phantom.shapes import rotation
from scanwright.types import Floats, Triple

JACOBIAN_FLOOR = 0.35  # a volume element may shrink to this share of its size, not further


@dataclass(frozen=True, kw_only=True, eq=False)
class SmoothField:
    """C smooth random functions of one point: sums of M plane waves, standard deviation 1 each times `scale`.

    waves: (M, 3) wave vectors in radians per mm. phases, amplitudes: (C, M). scale: (C,), in the unit of the values.
    """

    waves: Floats
    phases: Floats
    amplitudes: Floats
    scale: Floats

    def __call__(self, points_xyz: Floats) -> Floats:
        """Values (C, …) at points (3, …) in mm, float32."""
        angles = np.tensordot(self.waves, points_xyz, axes=(1, 0))
        cosines, sines = np.cos(angles), np.sin(angles)
        even, odd = self._parts()
        return np.asarray(np.tensordot(even, cosines, axes=(1, 0)) + np.tensordot(odd, sines, axes=(1, 0)))

    def jacobian(self, points_xyz: Floats) -> Floats:
        """Derivatives (C, 3, …) at points (3, …), exact: row c holds d value_c / d (x, y, z)."""
        angles = np.tensordot(self.waves, points_xyz, axes=(1, 0))
        even, odd = self._parts()
        slopes = odd[:, :, None] * self.waves, -even[:, :, None] * self.waves
        return np.asarray(
            np.einsum("cmd,m...->cd...", slopes[0], np.cos(angles))
            + np.einsum("cmd,m...->cd...", slopes[1], np.sin(angles))
        )

    def _parts(self) -> tuple[Floats, Floats]:
        weighted = self.amplitudes * self.scale[:, None]
        return (weighted * np.cos(self.phases)).astype(np.float32), (-weighted * np.sin(self.phases)).astype(np.float32)


def draw_field(
    rng: np.random.Generator, *, scale: tuple[float, ...], wavelength_mm: tuple[float, float], waves: int = 20
) -> SmoothField:
    """A random field with one function for each entry of `scale`, its waves' lengths spread over a range in mm."""
    directions = rng.normal(size=(waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = np.exp(rng.uniform(np.log(wavelength_mm[0]), np.log(wavelength_mm[1]), size=(waves, 1)))
    amplitudes = rng.normal(size=(len(scale), waves))
    amplitudes /= np.sqrt((amplitudes**2).sum(axis=1, keepdims=True) / 2)  # a wave's mean square is a half
    return SmoothField(
        waves=(directions * 2 * np.pi / lengths).astype(np.float32),
        phases=rng.uniform(0, 2 * np.pi, size=(len(scale), waves)),
        amplitudes=amplitudes,
        scale=np.array(scale),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Deformation:
    """A subject's map from patient space to the template: u = turn @ x / size + bend(x), smooth and without folds."""

    turn: Floats  # (3, 3) rotation
    size: Floats  # (3,) the body's size in the template's, along x, y, z
    bend: SmoothField

    def __call__(self, points_xyz: Floats) -> Floats:
        """Template points (3, …) in mm of patient points (3, …) in mm, float32."""
        linear = np.tensordot((self.turn / self.size[:, None]).astype(np.float32), points_xyz, axes=(1, 0))
        return np.asarray(linear + self.bend(points_xyz))

    def determinant(self, points_xyz: Floats) -> Floats:
        """The Jacobian determinant at points (3, …), relative to that of the linear part: 1 without bending."""
        linear = self.turn / self.size[:, None]
        matrices = np.moveaxis(self.bend.jacobian(points_xyz), (0, 1), (-2, -1)) + linear
        return np.asarray(np.linalg.det(matrices) / np.linalg.det(linear))


def draw_deformation(
    rng: np.random.Generator, *, size: Floats, bend_mm: Triple, tilt_degrees: float, extent_mm: Triple
) -> Deformation:
    """A random deformation whose determinant stays above JACOBIAN_FLOOR in a box of half-width `extent_mm`.

    size: the body's mean size along each axis, 1 is the template's; bend_mm: standard deviation of the displacement;
    tilt_degrees: standard deviation of the rotation about each axis. A bend that would fold is made weaker, by fifths.
    """
    turn = rotation(*rng.normal(scale=tilt_degrees, size=3))
    found = Deformation(turn=turn, size=size, bend=draw_field(rng, scale=bend_mm, wavelength_mm=(110.0, 320.0)))
    axes = [np.linspace(-half, half, 17, dtype=np.float32) for half in extent_mm]
    box = np.stack(np.meshgrid(*axes, indexing="ij"))
    while float(found.determinant(box).min()) < JACOBIAN_FLOOR + 0.1:  # only a lattice is looked at: keep a margin
        found = replace(found, bend=replace(found.bend, scale=found.bend.scale * 0.8))
    return found
