"""Boxes along the axes of an image: how large they are, how far they overlap, what encloses a mask.

A box is (2, 3): its start and its end corner, in voxel-edge coordinates of the image's axes i, j, k. The first voxel's outer
corner is 0 and the last voxel's is n, so the box of the voxels 2 to 4 goes from 2 to 5 and is 3 long. A picture is a volume of
one slice, k from 0 to 1, and the volume of its boxes is their area. Boxes of one image are float64 (N, 2, 3). A box whose end
is not past its start along some axis is degenerate: it has volume 0 and overlaps nothing.
"""

import numpy as np
from scipy import ndimage

from scanwright.errors import GeometryError
from scanwright.types import Bools, Floats, Ints, Shape3

TOUCHING = np.ones((3, 3, 3), np.bool_)  # by faces, edges or corners


def as_boxes(corners: object) -> Floats:
    """Corners as float64 (N, 2, 3); nothing at all is (0, 2, 3).

    Raises GeometryError for another shape, or a corner that is not finite.
    """
    boxes = np.asarray(corners, np.float64)
    boxes = boxes.reshape(0, 2, 3) if boxes.size == 0 else boxes
    if boxes.ndim != 3 or boxes.shape[1:] != (2, 3):
        raise GeometryError("a box is a start and an end corner of three coordinates", found=boxes.shape)
    if not np.isfinite(boxes).all():
        raise GeometryError("a corner of a box is not finite")
    return boxes


def sizes(boxes_N23: Floats) -> Floats:
    """Edge lengths (N, 3) in voxels along i, j and k, 0 where the end is not past the start."""
    lengths: Floats = np.maximum(boxes_N23[:, 1] - boxes_N23[:, 0], 0.0)
    return lengths


def volumes(boxes_N23: Floats) -> Floats:
    """Volumes (N,) in voxels; of boxes of a picture, their areas in pixels."""
    found: Floats = sizes(boxes_N23).prod(axis=1)
    return found


def centres(boxes_N23: Floats) -> Floats:
    """Half-way between both corners, (N, 3), in voxel-edge coordinates."""
    found: Floats = boxes_N23.mean(axis=1)
    return found


def intersections(a_N23: Floats, b_M23: Floats) -> Floats:
    """Volume (N, M) in voxels that each box of one set shares with each of another. Takes three such arrays."""
    shared = np.ones((len(a_N23), len(b_M23)))
    for axis in range(3):
        lengths = np.minimum(a_N23[:, None, 1, axis], b_M23[None, :, 1, axis])
        lengths -= np.maximum(a_N23[:, None, 0, axis], b_M23[None, :, 0, axis])
        shared *= np.maximum(lengths, 0.0, out=lengths)
    return shared


def iou_matrix(a_N23: Floats, b_M23: Floats) -> Floats:
    """Shared volume over the volume of both together, (N, M), in [0, 1]. A degenerate box has 0 with every box."""
    shared = intersections(a_N23, b_M23)
    union = volumes(a_N23)[:, None] + volumes(b_M23)[None]
    union -= shared
    return np.divide(shared, union, out=shared, where=shared > 0)


def share_inside(a_N23: Floats, b_M23: Floats) -> Floats:
    """Share (N, M) of the volume of each box of `a` that lies inside each box of `b`, in [0, 1]; 0 for a degenerate box.

    COCO takes this for IoU where `b` is a crowd: a box of one of many is small beside it, and yet right.
    """
    shared = intersections(a_N23, b_M23)
    return np.divide(shared, volumes(a_N23)[:, None], out=shared, where=shared > 0)


def holds_centre(a_N23: Floats, b_M23: Floats) -> Bools:
    """Whether the centre of each box of `a` lies inside each box of `b` or on its border, (N, M)."""
    middle = centres(a_N23)[:, None]
    inside = (b_M23[None, :, 0] <= middle) & (middle <= b_M23[None, :, 1])
    return np.asarray(inside.all(axis=-1))


def centre_in_ellipsoid(a_N23: Floats, b_M23: Floats) -> Bools:
    """Whether the centre of each box of `a` lies inside the ellipsoid that fills each box of `b`, (N, M). A box of `b` without
    extent along an axis has none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (centres(a_N23)[:, None] - centres(b_M23)[None]) / (sizes(b_M23) / 2)[None]
    return np.asarray((away**2).sum(axis=-1) < 1)


def clip(boxes_N23: Floats, shape: Shape3) -> Floats:
    """The part of each box inside an image of a shape (I, J, K). A box outside of it becomes degenerate."""
    inside: Floats = np.clip(boxes_N23, 0.0, np.asarray(shape, np.float64))
    return inside


def box_of_mask(mask_IJK: Bools) -> Floats | None:
    """The smallest box (2, 3) around all that is set; None for an empty mask."""
    ends = []
    for axis in range(3):
        there = np.flatnonzero(mask_IJK.any(axis=tuple({0, 1, 2} - {axis})))
        if not len(there):
            return None
        ends.append((there[0], there[-1] + 1))
    return np.array(ends, np.float64).T


def boxes_of_components(labels_IJK: Ints | Bools) -> tuple[Floats, Ints]:
    """The box of each connected part of each value of a label map: boxes (N, 2, 3) and the value of each (N,).

    Voxels are connected by faces, edges or corners. 0 is background. Values ascend; parts of one come as SciPy counts them.
    """
    labels_IJK = labels_IJK.view(np.uint8) if labels_IJK.dtype == np.bool_ else labels_IJK
    boxes: list[Floats] = []
    values: list[int] = []
    for value, around in enumerate(ndimage.find_objects(labels_IJK), start=1):
        if around is None:
            continue
        parts, _ = ndimage.label(labels_IJK[around] == value, TOUCHING)
        first = np.array([place.start for place in around], np.float64)
        found = [
            [[place.start for place in part], [place.stop for place in part]] for part in ndimage.find_objects(parts)
        ]
        boxes.append(np.array(found, np.float64) + first)
        values += [value] * len(found)
    return (np.concatenate(boxes) if boxes else np.zeros((0, 2, 3))), np.array(values, np.int64)
