"""Rigid registration: where the points of one volume lie in another of the same patient, whatever their modalities.

    found = register_rigid(ct, mr)
    found.checked()                   # refuses what is not to be trusted
    mr_on_ct = found.bring(mr, ct.grid)

Normalised mutual information of the tones is maximised over six numbers, coarse to fine, from many starts: the patient
spaces as they are, centres of the bodies and of the fields of view on each other, each turned, and shifts around. The
smaller image is sampled inside the larger, whichever is fixed, and the search is drawn to overlap: without the two, false
peaks with little overlap won in 10 of 11 poses of a CT with an MR or PET of the same leg. The same input gives the same bits.

How far to trust the answer is measured, not assumed: each half of the body is registered by itself, from a displaced start,
and how far those answers lie from the whole's is `spread_mm`. Anatomy that is not rigid, or not the same, disagrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

from scanwright.errors import GeometryError
from scanwright.geometry.affine import Affine, to_points
from scanwright.geometry.alignment import Alignment, Frame, Pose, Sample
from scanwright.geometry.grid import Grid
from scanwright.geometry.lines import Order
from scanwright.geometry.mutual_information import mutual_information
from scanwright.geometry.pyramid import Level, levels_of
from scanwright.geometry.resample import onto_grid
from scanwright.geometry.volume import Volume
from scanwright.types import Floats, Triple

FINEST_MM = 2.0
VOXELS_ACROSS = 30  # the finest step divides the smaller image's radius at least so often: small crops need finer steps
MOST_VOXELS = 8e6  # at the finest step: about 100 MB for each image
SAMPLES = (6_000, 12_000, 30_000)  # points looked at, coarse to fine
CLIMBERS = 8  # starts that climb at the coarsest step, of 300 to 450 that are looked at
KEPT = (3, 1, 1)  # tops that are followed to the next step
CLIMB_STEPS = 40
TURNS = np.deg2rad(
    (-20.0, 0.0, 20.0)
)  # about each axis: a turn of up to 30 degrees lies within about 17 of one of them
SHIFTS = (-0.6, -0.3, 0.0, 0.3, 0.6)  # of the body's radius, along each axis
FARTHEST_LAST = 0.15  # of the body's radius: how far the last climb may move it
START_SHARE = 0.1  # of the body's radius: how far from the answer, and how far turned, a half starts

# Measured spreads: 30 pairs made from one body 0.3 to 2.4 mm (their true error 0.1 to 1.4 mm); CT with PET of a leg 2.6 to
# 4.2, CT with MR 4.6 to 5.7, MR with PET 4.5 to 8.5 (it contradicts the other two by 9 mm); 36 pairs of two bodies from 6.8.
TOLERATED_MM = 6.0
TOLERATED_SHARE = 0.1  # of the body's radius: where it is smaller (crops), the tolerance is
LEAST_QUALITY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registration:
    """Where one image lies in another, and how far to trust it.

    affine: 4x4, read-only; maps a point of the fixed image's patient space (RAS+ mm) to the moving image's. Rigid.
    centre_xyz: centre of the fixed image's body, RAS+ mm; `translation_mm` is said of it.
    overlap: share of the fixed image's body (with 8 mm of air around) that the moving image covers, 0 to 1.
    mutual_information: of the two images' tones in 32 bins at the optimum, in nats.
    spread_mm: how far the poses that halves of the body (left, right, back, front, lower, upper) find alone, each from two
        displaced starts, move their points from where the whole's pose puts them: mean over a half, median of the twelve.
    quality: 1 / (1 + (spread / tolerated)²), where 6 mm are tolerated, or a tenth of the body's radius if that is less.
        1: the halves agree exactly; 0.5 (LEAST_QUALITY): they differ by what is tolerated.
    """

    affine: Affine
    centre_xyz: Floats
    overlap: float
    mutual_information: float
    spread_mm: float
    quality: float

    @property
    def rotation_degrees(self) -> float:
        """The angle of the turn, 0 to 180, about one axis."""
        return float(np.rad2deg(Rotation.from_matrix(self.affine[:3, :3]).magnitude()))

    @property
    def turn_degrees(self) -> Triple:
        """The turn as a vector: its axis (right-hand rule, RAS+) times its angle."""
        x, y, z = np.rad2deg(Rotation.from_matrix(self.affine[:3, :3]).as_rotvec()).tolist()
        return x, y, z

    @property
    def translation_mm(self) -> Triple:
        """How far the centre of the fixed image's body lies from its counterpart in the moving image's space, RAS+."""
        x, y, z = (to_points(self.affine, self.centre_xyz) - self.centre_xyz).tolist()
        return x, y, z

    def checked(self, *, least_quality: float = LEAST_QUALITY) -> "Registration":
        """Itself. Raises GeometryError if `quality` is below `least_quality`."""
        if self.quality < least_quality:
            raise GeometryError(
                "the two images could not be aligned: halves of the body do not agree on how",
                expected=f"quality of at least {least_quality:.2f}",
                found=f"{self.quality:.2f}: the halves differ by {self.spread_mm:.1f} mm",
                hint="Check that both show the same part of the same patient, or give images that are aligned already.",
            )
        return self

    def bring(self, moving: Volume, grid: Grid, *, order: Order = 3, fill: float = 0.0) -> Volume:
        """The moving volume (or another on its grid's space: a label map with order 0) on a grid of the fixed space."""
        placed = Grid(moving.grid.shape, np.linalg.inv(self.affine) @ moving.grid.affine, moving.grid.unit)
        return onto_grid(Volume(moving.voxels, placed, moving.notes), grid, order=order, fill=fill)


def register_rigid(fixed: Volume, moving: Volume) -> Registration:
    """Find the rigid motion that aligns two one-channel volumes in millimetres. Seconds; a few hundred MB at most.

    Up to about 30 degrees and a body's radius from the best of the starts. Values that are not finite are looked at as
    missing. An answer always comes back where both images have something to align: ask its `quality`, or `checked()`.
    Two patients with like anatomy can be aligned well: the quality says how sure the pose is, not whose body it is.

    Raises GeometryError on several channels, pixels instead of millimetres, fewer than 4 slices along an axis, nothing
    finite, or one value everywhere.
    """
    steps = _steps(fixed.grid, moving.grid)
    fixed_levels = levels_of(fixed, name="fixed image", steps_mm=steps)
    moving_levels = levels_of(moving, name="moving image", steps_mm=steps)
    swapped = fixed.grid.num_voxels * fixed.grid.voxel_volume > moving.grid.num_voxels * moving.grid.voxel_volume
    sampled, searched = (moving_levels, fixed_levels) if swapped else (fixed_levels, moving_levels)
    frame = Frame.of(sampled[0].body_points())
    starts = _starts(sampled[0], searched[0], frame)
    middle, finest, pose = _search(sampled, searched, frame, starts)
    affine = frame.affine(pose)
    affine = np.linalg.inv(affine) if swapped else affine
    affine.setflags(write=False)
    spread = _spread(middle, pose)
    tolerated = min(TOLERATED_MM, TOLERATED_SHARE * frame.radius_mm)
    points = fixed_levels[0].body_points()
    return Registration(
        affine=affine,
        centre_xyz=points.mean(axis=0),
        overlap=float(moving_levels[0].field().at(to_points(affine, points))[0][:, 1].mean()),
        mutual_information=mutual_information(finest.histogram(pose)),
        spread_mm=spread,
        quality=1 / (1 + (spread / tolerated) ** 2),
    )


def _steps(first: Grid, second: Grid) -> Triple:
    """Three working resolutions in mm, coarse to fine, each half the one before."""
    radius = min(float(np.linalg.norm(grid.extent)) / 12**0.5 for grid in (first, second))
    most = max(grid.num_voxels * grid.voxel_volume for grid in (first, second))
    finest = max(min(FINEST_MM, radius / VOXELS_ACROSS), (most / MOST_VOXELS) ** (1 / 3))
    return 4 * finest, 2 * finest, finest


def _starts(sampled: Level, searched: Level, frame: Frame) -> list[Pose]:
    """Poses to begin from: three ways to lay the images on each other, each with 27 turns, two with 125 shifts."""
    bodies = searched.body_points().mean(axis=0) - frame.centre_xyz
    fields = _middle(searched.grid) - _middle(sampled.grid)
    turns = [frame.pose(turn, shift) for shift in (np.zeros(3), bodies, fields) for turn in product(TURNS, repeat=3)]
    around = [
        frame.pose((0, 0, 0), shift + frame.radius_mm * np.array(step))
        for shift in (bodies, fields)
        for step in product(SHIFTS, repeat=3)
    ]
    return turns + around


def _search(
    sampled: Sequence[Level], searched: Sequence[Level], frame: Frame, poses: list[Pose]
) -> tuple[Alignment, Alignment, Pose]:
    """Coarse to fine from many starts. Returns the middle and the finest alignment, and the pose."""
    alignments: list[Alignment] = []
    for number, (here, there) in enumerate(zip(sampled, searched, strict=True)):
        sample = Sample.of(here, most=SAMPLES[number], key=number)
        last = number == len(sampled) - 1
        # the search is drawn to overlap; the last climb is not, for it would pull a partial overlap off its place
        alignment = Alignment(sample, there.field(), frame, pull=0.0 if last else 1.0)
        alignments.append(alignment)
        step = min(here.grid.spacing)
        if number == 0:
            few = Alignment(sample.part(np.arange(len(sample.bins)) % 3 == 0), alignment.field, frame, pull=1.0)
            ranked = [(few.score(pose), pose) for pose in poses]
            poses = _distinct(ranked, frame, apart_mm=0.25 * frame.radius_mm, most=CLIMBERS)
        tops = [alignment.climb(pose, steps=CLIMB_STEPS, scale_mm=step) for pose in poses]
        if last and frame.distance(tops[0][1], poses[0]) > FARTHEST_LAST * frame.radius_mm:
            break  # it climbed away, mostly out of the overlap: what was found with more in view stands
        poses = _distinct(tops, frame, apart_mm=step, most=KEPT[number])
    return alignments[1], alignments[2], poses[0]


def _distinct(ranked: list[tuple[float, Pose]], frame: Frame, *, apart_mm: float, most: int) -> list[Pose]:
    """The best poses that lie apart from each other, best first; of equal ones the earlier."""
    chosen: list[Pose] = []
    for _, pose in sorted(ranked, key=lambda item: -item[0]):
        if all(frame.distance(pose, other) > apart_mm for other in chosen):
            chosen.append(pose)
        if len(chosen) == most:
            break
    return chosen


def _spread(alignment: Alignment, pose: Pose) -> float:
    """How far the poses that halves of the body find lie from the whole's, in mm: mean over a half, median of twelve."""
    frame, points = alignment.frame, alignment.sample.points_xyz
    offsets = points - np.median(points, axis=0)
    distances = []
    for axis, side, way in product(range(3), (-1, 1), (-1, 1)):
        part = Alignment(alignment.sample.part(side * offsets[:, axis] > 0), alignment.field, frame)
        start = pose.copy()
        start[3 + axis] += way * START_SHARE * frame.radius_mm
        start[(axis + 1) % 3] += way * side * START_SHARE * frame.radius_mm
        _, found = part.climb(start, steps=CLIMB_STEPS, scale_mm=START_SHARE * frame.radius_mm / 4)
        moved, kept = (frame.moved(part.sample.points_xyz, each) for each in (found, pose))
        distances.append(float(np.linalg.norm(moved - kept, axis=1).mean()))
    return float(np.median(distances))


def _middle(grid: Grid) -> Floats:
    """Centre of the field of view."""
    return grid.points((np.array(grid.shape) - 1) / 2)
