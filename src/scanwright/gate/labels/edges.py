"""What an image looks like along the edges of its label, at the label's place and at places near to it.

A label that is drawn where the anatomy is has the same profile of grey values across its edges as its fellows have: dark
outside and bright inside at the top, the reverse at the front … One that lies a voxel off has not. The profile is taken at
the label's own place and as if the label were moved, so that the cohort itself shows what a misplaced label looks like
(placement.py learns from that).
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from scanwright.gate.labels.view import LabelView
from scanwright.types import Array, Bools, Floats, Ints

REACH = 4  # voxels on both sides of an edge
NEAR, FAR = 1, 4  # voxels that the label is moved by
MOST_FACES = 2000  # of one direction of one part; evenly spread ones of more
LEAST_FACES = 5
WITH_SECTORS = 4  # parts; of more, edges are not told apart by where on the part they are
MOST_PARTS = 24  # whose edges are looked at

MOVES: tuple[tuple[int, int, int], ...] = (
    (0, 0, 0),
    *((-NEAR, 0, 0), (NEAR, 0, 0), (0, -NEAR, 0), (0, NEAR, 0), (0, 0, -NEAR), (0, 0, NEAR)),
    *((-FAR, 0, 0), (FAR, 0, 0), (0, -FAR, 0), (0, FAR, 0), (0, 0, -FAR), (0, 0, FAR)),
    *((3, 3, 0), (-3, 3, 0), (3, -3, 3), (-3, -3, -3)),
)
"""By how many voxels along X, Y, Z the label is moved; the first is its own place."""


def edge_profiles(view: LabelView, num_parts: int) -> Floats:
    """(moves, features) float16: grey value and gradient across the edges of each part, for each of MOVES.

    A feature is the mean over the faces between a part's voxel and its neighbour along one direction (and, of few parts, in
    one quarter of these faces) at one of 2 REACH distances. nan where there are fewer than 5 such faces; 0 moves along an
    axis of one voxel. The image goes on as it ends. The number of features depends on the number of parts and on which axes
    have one voxel only.
    """
    pad = tuple((REACH + FAR, REACH + FAR) if size > 1 else (0, 0) for size in view.parts.shape)
    grey = np.ascontiguousarray(np.pad(view.image, pad, mode="edge"))
    flat = np.stack([grey.ravel(), _steepness(grey).ravel()], axis=-1)
    strides = np.array(grey.strides) // grey.itemsize
    moves = np.array(MOVES) @ np.where(np.array(view.parts.shape) > 1, strides, 0)
    found = []
    for axis, faces in _groups_of_faces(view.parts, min(num_parts, MOST_PARTS), sectors=num_parts <= WITH_SECTORS):
        if len(faces) < LEAST_FACES:
            found.append(np.full((len(MOVES), 4 * REACH), np.nan))
            continue
        across = np.arange(1 - REACH, REACH + 1) * strides[axis]
        starts = (faces + [before for before, _ in pad]) @ strides
        around = starts[:, None] + (moves[:, None] + across).ravel()
        found.append(flat[around].mean(axis=0).reshape(len(MOVES), -1))
    return np.concatenate([np.zeros((len(MOVES), 0)), *found], axis=1).astype(np.float16)


def _steepness(grey: Floats) -> Floats:
    """Length of the gradient, over its standard deviation; 0 of a constant image."""
    axes = [axis for axis, size in enumerate(grey.shape) if size > 1]
    steep = np.sqrt(sum((np.gradient(grey, axis=axis) ** 2 for axis in axes), np.zeros_like(grey)))
    return np.asarray(steep / max(float(steep.std()), 1e-6), np.float32)


def _groups_of_faces(parts: Ints, num_parts: int, *, sectors: bool) -> Iterator[tuple[int, Ints]]:
    """For each part, axis, direction and quarter: the axis, and (faces, 3) indices of the voxel before each face."""
    axes = [axis for axis, size in enumerate(parts.shape) if size > 1]
    for number, axis in product(range(1, num_parts + 1), axes):
        inside = parts == number
        before, after = _halves(inside, axis)
        for edge in (before & ~after, ~before & after):
            faces = np.argwhere(edge)
            faces = faces[:: max(1, len(faces) // MOST_FACES)]
            if not sectors:
                yield axis, faces
                continue
            across = [other for other in axes if other != axis]
            yield from ((axis, some) for some in _quarters(faces, across))


def _halves(inside: Bools, axis: int) -> tuple[Bools, Bools]:
    """A mask less its last and less its first voxel along an axis: each voxel and the next one."""
    along = np.moveaxis(inside, axis, 0)
    return np.moveaxis(along[:-1], 0, axis), np.moveaxis(along[1:], 0, axis)


def _quarters(faces: Ints, across: list[int]) -> list[Array]:
    """Faces parted at their median along each of the other axes: four groups in a volume, two in a picture."""
    code = np.zeros(len(faces), int)
    for bit, axis in enumerate(across):
        middle = np.median(faces[:, axis]) if len(faces) else 0
        code |= (faces[:, axis] > middle).astype(int) << bit
    return [faces[code == sector] for sector in range(1 << len(across))]
