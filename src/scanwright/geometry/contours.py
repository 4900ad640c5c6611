"""Planar polygons to a mask and a mask back to polygons, in the index coordinates of one slice (I, J).

Index (i, j) is a voxel's centre; the voxel reaches half an index further on each side. A polygon is (n, 2) and closes
itself: the first point need not be repeated.

    fill             a voxel is in if its centre is. Even-odd over all polygons of the slice, so that a hole may be an
                     inner contour, an exclusive-or or a keyhole, drawn either way round
    trace            the outer faces of the voxels: filling gives the mask again, and the area is the voxels' area
    trace_keyholed   the same without holes: each is joined to what surrounds it

Source: even-odd scan conversion as in Foley, van Dam et al., Computer Graphics, section 3.6; keyholes as in DICOM PS3.3
section C.8.8.6.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.errors import GeometryError
from scanwright.types import Bools, Floats, Ints

Rule = Literal["xor", "union"]
CROSSINGS_AT_ONCE = 1 << 22  # bounds memory at a few hundred MB, however many points a file has
FAR = 1e15  # indices: beyond that, differences of neighbouring ones are lost
QUARTER = 0.25  # keyholes run between rows of centres, where no reader's rounding reaches a voxel

_Hung = dict[int, list[tuple[float, Floats]]]


def fill(polygons: Sequence[Floats], shape: tuple[int, int], *, rule: Rule = "xor") -> Bools:
    """The voxels of an (I, J) slice whose centre is inside, as booleans.

    rule: "xor" takes a centre that is inside an odd number of polygons (or of windings of one); "union" one that is
    inside any. A centre on an edge belongs to the side of larger i, and on an edge along i to the side of larger j:
    polygons that adjoin along edges with the same end points have no voxel in common and leave none out. What lies beyond
    the slice is clipped. Polygons of fewer than three points fill nothing.
    Raises GeometryError if a polygon is not (n, 2), not finite or beyond 1e15.
    """
    result = np.zeros(shape, np.bool_)
    if rule == "union":
        for polygon in polygons:
            result |= fill([polygon], shape)
        return result
    edges = [_edges(polygon) for polygon in polygons]
    if not edges:
        return result
    low, high = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    at_once = max(1, CROSSINGS_AT_ONCE // max(shape[1], 1))
    for start in range(0, len(low), at_once):
        _toggle(result, low[start : start + at_once], high[start : start + at_once])
    return result


def trace(mask_IJ: Bools) -> list[Floats]:
    """The boundary of a mask along voxel faces: polygons (n, 2) whose points are the corners, at halves of an index.

    A polygon surrounds voxels joined by faces, from i towards j, or a hole in them, the other way round. Voxels that
    touch at a corner only get two polygons; a hole that touches the outside at a corner is part of the outer polygon,
    which visits that corner twice. Sorted by first corner. An empty mask gives none.
    """
    corners = _corners_of(mask_IJ)
    return [corners.points(loop) for loop in corners.loops()]


def trace_keyholed(mask_IJ: Bools) -> list[Floats]:
    """The boundary as `trace` gives it, but each hole joined to what surrounds it by a channel of no width.

    The channel runs along i through voxels of the mask, a quarter of an index beside their centres. No two polygons
    overlap, so that readers which combine polygons by exclusive-or and by union get the same mask.
    """
    corners = _corners_of(mask_IJ)
    loops = corners.loops()
    holes = sorted((loop for loop in loops if not corners.inside[loop[0]]), key=lambda loop: -int(corners.u[loop[0]]))
    hung: _Hung = {}
    # A hole hangs on something further left: from right to left each is complete before it is hung.
    for loop, (corner, left) in zip(holes, _bridges(mask_IJ, corners, [loop[0] for loop in holes]), strict=True):
        height = float(corners.v[loop[0]]) - 0.5 + QUARTER
        channel = np.array([(left, height), (corners.u[loop[0]] - 0.5, height)])
        around = np.roll(corners.points(loop, hung), -1, axis=0)  # the channel ends between first and second corner
        hung.setdefault(corner, []).append((height, np.concatenate([channel, around, channel[::-1]])))
    return [corners.points(loop, hung) for loop in loops if corners.inside[loop[0]]]


def _edges(polygon: Floats) -> tuple[Floats, Floats]:
    """The ends of a polygon's edges, (n, 2) each, the one with smaller j first: an edge has one slope in both directions."""
    points = np.asarray(polygon, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise GeometryError("a polygon is a list of points (i, j)", expected="shape (n, 2)", found=str(points.shape))
    if not (np.abs(points) < FAR).all():
        raise GeometryError("a polygon has points that are not finite or too far away", expected=f"below {FAR:g}")
    points = points if len(points) >= 3 else points[:0]
    following = np.roll(points, -1, axis=0)
    swap = points[:, 1:] > following[:, 1:]
    return np.where(swap, following, points), np.where(swap, points, following)


def _toggle(result: Bools, low: Floats, high: Floats) -> None:
    """Turn over, in place, every voxel once for each edge that lies at or below it along i in its row."""
    rows, columns = _crossings(low, high, result.shape[1])
    first = np.ceil(np.clip(columns, 0, result.shape[0])).astype(np.intp)
    keep = first < result.shape[0]
    rows, first = rows[keep], first[keep]
    if not len(rows):
        return
    bottom, left = int(rows.min()), int(first.min())
    height, width = int(rows.max()) + 1 - bottom, int(first.max()) + 1 - left
    counts = np.bincount((first - left) * height + rows - bottom, minlength=width * height)
    parity = np.bitwise_xor.accumulate((counts & 1).astype(np.bool_).reshape(width, height), axis=0)
    result[left : left + width, bottom : bottom + height] ^= parity
    # these edges alone may not close: the others are beyond the slice, or their turn comes later
    result[left + width :, bottom : bottom + height] ^= parity[-1]


def _crossings(low: Floats, high: Floats, num_rows: int) -> tuple[Ints, Floats]:
    """Where edges cross the rows j = 0, 1, …: the row, and the position along i. The lower end counts, the upper not."""
    first = np.ceil(np.clip(low[:, 1], 0, num_rows)).astype(np.intp)
    stop = np.ceil(np.clip(high[:, 1], 0, num_rows)).astype(np.intp)
    counts = stop - first
    edge = np.repeat(np.arange(len(low)), counts)
    rows = np.arange(len(edge)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    steps = high - low
    slopes = np.divide(steps[:, 0], steps[:, 1], out=np.zeros(len(low)), where=steps[:, 1] > 0)
    return rows, low[edge, 0] + (rows - low[edge, 1]) * slopes[edge]


@dataclass(frozen=True, slots=True)
class _Corners:
    """The corners of a mask's boundary, sorted by (u, v); corner (u, v) lies at index (u - 0.5, v - 0.5).

    inside: whether the odd voxel of the four around the corner is in the mask. along_i, along_j: the corner at the other
    end of the side that runs along i, and along j.
    """

    u: Ints
    v: Ints
    inside: Bools
    along_i: Ints
    along_j: Ints

    def loops(self) -> list[list[int]]:
        """Closed walks over all corners, each from its first, the mask to the left (seen with i right and j up)."""
        along_i, along_j, inside = self.along_i.tolist(), self.along_j.tolist(), self.inside.tolist()
        seen = bytearray(len(inside))
        loops = []
        for first in range(len(inside)):
            if seen[first]:
                continue
            # the first corner is a lower left one: round voxels the walk sets out along i, round a hole along j
            there, on = (along_i, along_j) if inside[first] else (along_j, along_i)
            loop: list[int] = []
            corner = first
            while not seen[corner]:
                turn = there[corner]
                loop += (corner, turn)
                seen[corner] = seen[turn] = 1
                corner = on[turn]
            loops.append(loop)
        return loops

    def points(self, loop: list[int], hung: _Hung | None = None) -> Floats:
        """The positions of a walk's corners, with the paths that hang on the sides that begin at them."""
        positions = np.stack([self.u[loop], self.v[loop]], axis=1) - 0.5
        places = [place for place, corner in enumerate(loop) if hung and corner in hung]
        if not hung or not places:
            return positions
        pieces, done = [], 0
        for place in places:
            pieces.append(positions[done : place + 1])
            pieces += [path for _, path in sorted(hung[loop[place]], key=lambda one: -one[0])]  # such sides run down
            done = place + 1
        return np.concatenate([*pieces, positions[done:]])


def _corners_of(mask_IJ: Bools) -> _Corners:
    """All corners. Where two voxels touch at a corner only there are two, one of each voxel."""
    if mask_IJ.ndim != 2 or mask_IJ.dtype != np.bool_:
        kind = f"{mask_IJ.dtype} {mask_IJ.shape}"
        raise GeometryError("a slice of a mask is a plane of booleans", expected="bool (I, J)", found=kind)
    around: Ints = np.pad(mask_IJ, 1).view(np.uint8)
    codes = around[:-1, :-1] | around[:-1, 1:] << 1 | around[1:, :-1] << 2 | around[1:, 1:] << 3
    places_u, places_v = np.nonzero(_IS_CORNER[codes])
    codes = codes[places_u, places_v]
    found = [_in_quadrant(quadrant, codes, places_u, places_v) for quadrant in range(4)]
    u, v, di, dj, inside = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((v, u))
    u, v, di, dj, inside = u[order], v[order], di[order], dj[order], inside[order]
    return _Corners(u, v, inside.astype(np.bool_), _partners(np.lexsort((di, u, v))), _partners(np.lexsort((dj, v, u))))


def _in_quadrant(quadrant: int, codes: Ints, places_u: Ints, places_v: Ints) -> tuple[Ints, ...]:
    """The corners of the voxels in one quadrant: u, v, whether that is the higher side along i and j, 1 if in the mask."""
    here: Bools = _IS_ODD[quadrant][codes]
    higher_i, higher_j = divmod(quadrant, 2)
    inside = codes[here] >> quadrant & 1
    return places_u[here], places_v[here], np.full(len(inside), higher_i), np.full(len(inside), higher_j), inside


def _odd_ones(quadrant: int) -> Bools:
    """For the 16 patterns of four voxels round a corner: whether the one in this quadrant makes it a corner.

    It differs from both that share a face with it; where two touch at the corner only, those in the mask count.
    """
    across, over, beyond = quadrant ^ 2, quadrant ^ 1, quadrant ^ 3
    patterns = [[code >> place & 1 for place in (quadrant, across, over, beyond)] for code in range(16)]
    return np.array([own != a and own != b and (own or own != far) for own, a, b, far in patterns], dtype=np.bool_)


_IS_ODD = tuple(_odd_ones(quadrant) for quadrant in range(4))  # quadrant = 2 * higher i + higher j
_IS_CORNER: Bools = np.any(_IS_ODD, axis=0)


def _partners(order: Ints) -> Ints:
    """The other end of each side, where corners in this order are its two ends in turn."""
    partners = np.empty(len(order), np.intp)
    partners[order[0::2]], partners[order[1::2]] = order[1::2], order[0::2]
    return partners


def _bridges(mask_IJ: Bools, corners: _Corners, firsts: list[int]) -> list[tuple[int, float]]:
    """For each hole's first corner: what its channel meets to the left, as the upper corner of that side, and where (i)."""
    if not firsts:
        return []
    outside = np.where(mask_IJ, -1, np.arange(mask_IJ.shape[0])[:, None])
    last_outside = np.maximum.accumulate(outside, axis=0)
    u, v = corners.u[firsts], corners.v[firsts]
    met = last_outside[u - 1, v] + 1
    # of the sides along j in that column, the one that covers this row is the last that begins at or below it
    lower = np.flatnonzero(corners.v < corners.v[corners.along_j])
    stride = mask_IJ.shape[1] + 2
    keys = corners.u[lower] * stride + corners.v[lower]
    sides = lower[np.searchsorted(keys, met * stride + v, side="right") - 1]
    return list(zip(corners.along_j[sides].tolist(), (met - 0.5).tolist(), strict=True))
