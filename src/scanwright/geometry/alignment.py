"""How well a pose aligns two images at one resolution, which way is up, and the climb to the top.

A pose is six numbers, all in millimetres: a turn about the body's centre (a rotation vector times the body's radius, so
that a step of one moves the body's points by as much as a shift of one) and a shift.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.spatial.transform import Rotation

from scanwright.geometry.affine import Affine, to_points
from scanwright.geometry.field import Field
from scanwright.geometry.mutual_information import (
    joint_histogram,
    normalised_mutual_information,
    slope,
    windows_of,
)
from scanwright.geometry.pyramid import Level
from scanwright.runtime import generator
from scanwright.types import Bools, Floats, Ints

Pose = Floats  # (6,) float64


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Points of the fixed image: where they are (N, 3), and their bin (N,)."""

    points_xyz: Floats
    bins: Ints

    @classmethod
    def of(cls, level: Level, *, most: int, key: int) -> "Sample":
        """Up to `most` points of the body and its margin, each at a place of its own within its voxel.

        Off the grid on purpose: where grids coincide, interpolation does not smooth, and mutual information has false
        peaks (Pluim et al., Computer Vision and Image Understanding 77:211, 2000). The same key gives the same points.
        """
        rng = generator(key, most)
        voxels = np.argwhere(level.body_IJK)
        if len(voxels) > most:
            voxels = voxels[np.sort(rng.permutation(len(voxels))[:most])]
        else:
            voxels = np.repeat(voxels, min(most // len(voxels), 8), axis=0)
        points = level.grid.points(voxels + rng.uniform(-0.5, 0.5, voxels.shape))
        values = level.field().at(points)[0][:, 0]
        return cls(points, np.rint(values).astype(np.int64))

    def part(self, chosen: Bools) -> "Sample":
        """The chosen points (a mask of N)."""
        return Sample(self.points_xyz[chosen], self.bins[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What poses are measured by: the centre of the body (3,), its radius (root mean square), and some of its points."""

    centre_xyz: Floats
    radius_mm: float
    points_xyz: Floats

    @classmethod
    def of(cls, points_xyz: Floats) -> "Frame":
        """The frame of a body's points (N, 3), at least one."""
        centre = points_xyz.mean(axis=0)
        radius = float(np.sqrt(((points_xyz - centre) ** 2).sum(axis=1).mean()))
        return cls(centre, max(radius, 1.0), points_xyz[:: max(1, len(points_xyz) // 200)])

    def pose(self, turn: Sequence[float], shift_mm: Floats) -> Pose:
        """The pose of a rotation vector in radians and a shift."""
        return np.concatenate((np.multiply(turn, self.radius_mm), shift_mm))

    def moved(self, points_xyz: Floats, pose: Pose) -> Floats:
        """Where a pose brings points (N, 3) of the sampled image's space in the other's."""
        return to_points(self.affine(pose), points_xyz)

    def affine(self, pose: Pose) -> Affine:
        """The 4x4 matrix of a pose."""
        affine = np.eye(4)
        affine[:3, :3] = Rotation.from_rotvec(pose[:3] / self.radius_mm).as_matrix()
        affine[:3, 3] = self.centre_xyz + pose[3:] - affine[:3, :3] @ self.centre_xyz
        return affine

    def distance(self, first: Pose, second: Pose) -> float:
        """How far apart two poses put the body's points, mean in mm."""
        return float(
            np.linalg.norm(self.moved(self.points_xyz, first) - self.moved(self.points_xyz, second), axis=1).mean()
        )


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Two images at one resolution, ready to be compared at any pose.

    pull: the power of the overlap that the measure is multiplied by; 0 leaves it out.
    """

    sample: Sample
    field: Field
    frame: Frame
    pull: float = 0.0

    def histogram(self, pose: Pose) -> Floats:
        """The joint histogram at a pose: rows the sample's bins, columns the other image's; points outside count 0."""
        found, _ = self.field.at(self.frame.moved(self.sample.points_xyz, pose))
        return joint_histogram(self.sample.bins, windows_of(found[:, 0]), found[:, 1])

    def score(self, pose: Pose) -> float:
        """The measure that is maximised: (normalised mutual information - 1) times the overlap to the power of `pull`."""
        histogram = self.histogram(pose)
        overlap = float(histogram.sum()) / len(self.sample.bins)
        return (normalised_mutual_information(histogram) - 1) * float(overlap**self.pull)

    def slopes(self, pose: Pose) -> tuple[float, Pose]:
        """The score, and its derivative by the six numbers of the pose."""
        points, radius = self.frame.moved(self.sample.points_xyz, pose), self.frame.radius_mm
        found, slopes = self.field.at(points)
        windows = windows_of(found[:, 0])
        histogram = joint_histogram(self.sample.bins, windows, found[:, 1])
        overlap = max(float(histogram.sum()) / len(points), 1 / len(points))
        gain, factor = normalised_mutual_information(histogram) - 1, overlap**self.pull
        gains = factor * slope(histogram)[self.sample.bins[:, None], windows.first[:, None] + np.arange(4)]
        by_value = np.einsum("nb,nb->n", gains, windows.slopes) * found[:, 1]
        by_weight = np.einsum("nb,nb->n", gains, windows.weights) + gain * self.pull * factor / overlap / len(points)
        by_point = (slopes[:, :, 0] * by_value + slopes[:, :, 1] * by_weight).T
        arms = points - self.frame.centre_xyz - pose[3:]
        turn = _turn_slopes(pose[:3] / radius).T @ np.cross(arms, by_point).sum(axis=0) / radius
        return gain * factor, np.concatenate((turn, by_point.sum(axis=0)))

    def climb(self, pose: Pose, *, steps: int, scale_mm: float) -> tuple[float, Pose]:
        """The nearest top from a pose by L-BFGS: its score and pose. `scale_mm`: the size of a first step."""

        def downhill(numbers: Pose) -> tuple[float, Pose]:
            value, slopes = self.slopes(pose + numbers * scale_mm)
            return -100 * value, -100 * scale_mm * slopes

        found = optimize.minimize(
            downhill, np.zeros(6), jac=True, method="L-BFGS-B", options={"maxiter": steps, "ftol": 1e-7, "gtol": 1e-4}
        )
        return -float(found.fun) / 100, pose + found.x * scale_mm


def _turn_slopes(vector: Floats) -> Floats:
    """The left Jacobian of the rotation group (3, 3): how a change of the rotation vector turns what is turned already."""
    angle = float(np.linalg.norm(vector))
    cross = np.array(((0, -vector[2], vector[1]), (vector[2], 0, -vector[0]), (-vector[1], vector[0], 0)))
    if angle < 1e-6:
        return np.asarray(np.eye(3) + cross / 2)
    return np.asarray(
        np.eye(3) + (1 - np.cos(angle)) / angle**2 * cross + (angle - np.sin(angle)) / angle**3 * cross @ cross
    )
