"""What the gate keeps of one case's label: where its parts lie and end, how they meet, what its edges look like.

A part is a label value of some region. Axes are the patient's (X, Y, Z towards R, A, S), whatever the file's; of a picture,
X runs to its left and Y to its top.

Costs some 15 ms of one core for a crop of 40 x 50 x 36 voxels and 0.2 to 0.5 s for 256 x 256 x 200; leaves 27 kB of two parts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scanwright.dataset.cases import Case
from scanwright.dataset.measures import box_of
from scanwright.dataset.task import Task
from scanwright.gate.labels.edges import edge_profiles
from scanwright.gate.labels.view import LabelView, part_values, parts_of, view
from scanwright.geometry.volume import Volume
from scanwright.types import Bools, Floats, Ints, Shape3, Triple

MOST_PIECES = 20  # of one part whose distance from its largest is measured; the largest ones
MOST_POINTS = 2000  # of the largest piece between which and another one the distance is measured


@dataclass(frozen=True, slots=True)
class Touch:
    """A part that reaches a face of the image: axis 0 to 2, at its upper end or its lower one.

    share: area of the part's section there over its largest section across the same axis, in (0, 1].
    """

    axis: int
    upper: bool
    share: float


@dataclass(frozen=True, slots=True)
class Island:
    """A piece of a part apart from its largest piece (26-connected).

    share: of the part's voxels. gap: from its centre to the nearest voxel of the largest piece, over the diagonal of the box
    around that piece.
    """

    share: float
    gap: float


@dataclass(frozen=True, slots=True)
class Part:
    """One label value in one case, at least a voxel of it.

    voxels: in the file. place: centre as shares of the image along X, Y, Z, in [0, 1]. centre: the same within the box around
    all parts. volume_share: of all parts. brightness: median of the image, in standard deviations from the median of the
    label and its surroundings. touches: faces of the image that it reaches, axes of one voxel left out. islands: from the
    farthest.
    """

    voxels: int
    place: Triple
    centre: Triple
    volume_share: float
    brightness: float
    touches: tuple[Touch, ...]
    islands: tuple[Island, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelShape:
    """One case's label in numbers.

    parts: by their place in `part_values`; those that the case lacks are absent. steps: where two parts (or one and none)
    that do not follow each other meet along an axis: how often at once, and how often by way of one or two voxels of those
    between them, as at the edges of an image that was interpolated.
    edges: `edge_profiles`. step: file voxels along X, Y, Z that one voxel of these stands for. faces: what the lower and
    upper ends of X, Y, Z are called.
    """

    parts: dict[int, Part]
    steps: tuple[int, int]
    edges: Floats
    step: Shape3
    faces: tuple[tuple[str, str], ...]

    def move_text(self, move: Triple) -> str:
        """A move by voxels along X, Y, Z in words: "+0.1 / -1.0 / +0.0 voxels at least (right / anterior / superior)".

        Of a picture in its own directions, to the right and down; across its slices only where it lies off there as well.
        """
        unit, by_way = "voxels", [(upper, step) for (_, upper), step in zip(self.faces, move, strict=True)]
        if self.faces == IN_PICTURE:
            unit, by_way = "pixels", [("right", -move[0]), ("down", -move[1])]
            by_way += [("to the last slice", move[2])] if move[2] else []
        steps = " / ".join(f"{step:+.1f}" for _, step in by_way)
        return f"{steps} {unit} at least ({' / '.join(way for way, _ in by_way)})"


IN_PATIENT = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))
IN_PICTURE = (("right", "left"), ("lower", "upper"), ("first", "last"))


def glance(case: Case, image: Volume, label: Volume | None, task: Task) -> LabelShape | None:
    """Look at one case's label. None where there is none, it is empty, or the task is no segmentation."""
    if label is None or task.kind != "segmentation":
        return None
    parts = parts_of(label, task)
    seen = view(image, parts)
    if seen is None:
        return None
    num_parts = len(part_values(task))
    return LabelShape(
        parts=dict(_parts(parts, seen)),
        steps=_steps(parts),
        edges=edge_profiles(seen, num_parts),
        step=seen.step,
        faces=IN_PICTURE if image.grid.unit == "px" else IN_PATIENT,
    )


def _parts(parts: Ints, seen: LabelView) -> Iterator[tuple[int, Part]]:
    """Each part with its place among `part_values`; those too thin to be seen in the coarse view are left out."""
    start, shape = box_of(parts > 0)
    counts = np.bincount(parts.ravel(order="K"))
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        coarse = seen.parts == number
        if box is None or not coarse.any():
            continue
        middle = (np.argwhere(coarse).mean(axis=0) + 0.5) * seen.step + seen.start
        yield (
            number - 1,
            Part(
                voxels=int(counts[number]),
                place=_triple(middle / parts.shape),
                centre=_triple((middle - start) / shape),
                volume_share=float(counts[number] / counts[1:].sum()),
                brightness=float(np.median(seen.image[coarse])),
                touches=tuple(_touches(parts, number, box, coarse, seen.step)),
                islands=_islands(coarse, seen.spacing),
            ),
        )


def _touches(parts: Ints, number: int, box: tuple[slice, ...], coarse: Bools, step: Shape3) -> Iterator[Touch]:
    """The faces of the image that a part's bounding box reaches, and how large its section is there."""
    for axis, size in enumerate(parts.shape):
        across = tuple(other for other in range(3) if other != axis)
        for upper, reaches in ((False, box[axis].start == 0), (True, box[axis].stop == size)):
            if size > 1 and reaches:
                area = np.count_nonzero(np.take(parts, size - 1 if upper else 0, axis) == number)
                largest = coarse.sum(axis=across).max() * step[across[0]] * step[across[1]]
                yield Touch(axis, upper, min(1.0, float(area / largest)))


def _islands(coarse: Bools, spacing: Triple) -> tuple[Island, ...]:
    """The pieces of a part besides the largest one, from the farthest; the 20 largest are looked at."""
    pieces, number = ndimage.label(coarse, structure=np.ones((3, 3, 3), bool))
    if number < 2:
        return ()
    sizes = np.bincount(pieces.ravel())[1:]
    order = np.argsort(-sizes, kind="stable")[: MOST_PIECES + 1]
    main = np.argwhere(pieces == order[0] + 1) * spacing
    diagonal = float(np.linalg.norm(np.ptp(main, axis=0) + spacing))
    main = main[:: max(1, len(main) // MOST_POINTS)]
    centres = np.array(ndimage.center_of_mass(coarse, pieces, order[1:] + 1)) * spacing
    gaps = np.linalg.norm(centres[:, None] - main, axis=-1).min(axis=1) / diagonal
    found = [Island(float(sizes[piece] / sizes.sum()), float(gap)) for piece, gap in zip(order[1:], gaps, strict=True)]
    return tuple(sorted(found, key=lambda island: (-island.gap, -island.share)))


def _steps(parts: Ints) -> tuple[int, int]:
    """LabelShape.steps of (X, Y, Z) parts, 0 for none."""
    start, shape = box_of(parts > 0)
    around = tuple(slice(max(0, begin - 1), begin + size + 1) for begin, size in zip(start, shape, strict=True))
    at_once = by_way = 0
    for axis in range(3):
        along = np.moveaxis(parts[around], axis, 0)
        before, after = along[:-1], along[1:]
        at_once += int(np.count_nonzero(np.maximum(before, after) - np.minimum(before, after) > 1))
        for thick in (1, 2):
            low, high, inner, last = (
                along[place:][: max(0, len(along) - thick - 1)] for place in (0, thick + 1, 1, thick)
            )
            between = (inner == last) & (((low < inner) & (inner < high)) | ((low > inner) & (inner > high)))
            by_way += int(np.count_nonzero(between))
    return at_once, by_way


def _triple(values: Floats) -> Triple:
    x, y, z = values.tolist()
    return x, y, z
