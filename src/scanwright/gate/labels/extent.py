"""Where labels end: cut by the image's border, reaching it, or in pieces far from the rest.

Each is held against the cohort: a spine reaches both ends of every abdominal scan, and metastases lie far apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scanwright.gate.labels.shape import Island, LabelShape, Touch
from scanwright.gate.outliers import LEAST_CASES

LEAST_SECTION = 0.4  # of the largest one: a part whose section at the border is that large goes on beyond it
LARGEST_ISLAND = 0.1  # of the part's voxels
LEAST_GAP = 0.15  # of the diagonal of the largest piece
USUAL_END, USUAL_ISLAND = 0.15, 0.1  # shares of the cases that may have one before it is what the cohort is like


@dataclass(frozen=True, slots=True)
class AtBorder:
    """A part of one case that reaches a face of the image; is_cut: with a section as large as inside. is_usual: many do."""

    case: str
    part: int
    touch: Touch
    is_cut: bool
    is_usual: bool


@dataclass(frozen=True, slots=True)
class Astray:
    """A small piece of a part far from the rest of it."""

    case: str
    part: int
    island: Island


def at_border(shapes: Mapping[str, LabelShape]) -> tuple[AtBorder, ...]:
    """All parts that reach a face of the image, by case, the largest section first. Needs 8 cases.

    Usual where more than 15 in a hundred of the cases with the part reach that face with it (or, if cut, are cut there).
    """
    if len(shapes) < LEAST_CASES:
        return ()
    reached = [
        (name, place, touch)
        for name in sorted(shapes)
        for place, part in sorted(shapes[name].parts.items())
        for touch in sorted(part.touches, key=lambda touch: -touch.share)
    ]
    return tuple(
        AtBorder(name, place, touch, touch.share >= LEAST_SECTION, _is_usual(shapes, place, touch))
        for name, place, touch in reached
    )


def _is_usual(shapes: Mapping[str, LabelShape], place: int, touch: Touch) -> bool:
    held = [shape.parts[place] for shape in shapes.values() if place in shape.parts]
    least = LEAST_SECTION if touch.share >= LEAST_SECTION else 0.0
    ends = [{(one.axis, one.upper) for one in part.touches if one.share >= least} for part in held]
    return sum((touch.axis, touch.upper) in reached for reached in ends) > max(1, USUAL_END * len(held))


def far_islands(shapes: Mapping[str, LabelShape]) -> tuple[Astray, ...]:
    """Small pieces far from the rest, of parts of which at most one case in ten has any such; the farthest one of each.

    Needs 8 cases that have the part.
    """
    found = []
    for place in sorted({place for shape in shapes.values() for place in shape.parts}):
        held = {name: shape.parts[place] for name, shape in sorted(shapes.items()) if place in shape.parts}
        far = {
            name: next((one for one in part.islands if one.gap >= LEAST_GAP and one.share <= LARGEST_ISLAND), None)
            for name, part in held.items()
        }
        those = [Astray(name, place, island) for name, island in far.items() if island is not None]
        if len(held) >= LEAST_CASES and len(those) <= max(1, USUAL_ISLAND * len(held)):
            found += those
    return tuple(found)
