"""Which tables hold boxes, a row each, and which of their columns say where.

x0 y0 (z0) x1 y1 (z1)     corners in voxels; also xmin … xmax, x_min … x_max, x1 … x2
x y (z) width height (depth)     the first corner, called so or as above, and lengths, also w h (d); as RSNA's tables have them
coordX coordY coordZ diameter_mm     a centre in mm of the patient's space and a diameter, as LUNA16 has them
"""

from dataclasses import dataclass
from itertools import product

from scanwright.dataset.layouts.delimited import Table

CLASS_COLUMNS = ("class", "class_name", "category", "label", "finding", "finding_name", "type")
CORNERS = (("{}0", "{}1"), ("{}min", "{}max"), ("{}_min", "{}_max"), ("{}1", "{}2"))
FIRST = ("{}", *(start for start, _ in CORNERS))
LENGTHS = (("width", "height", "depth"), ("w", "h", "d"))
CENTRE = ("coordx", "coordy", "coordz")
DIAMETER = "diameter_mm"


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxColumns:
    """Columns of a table of boxes. starts, ends: of the corners, along x, y and perhaps z; () where it has centres. by_length:
    whether ends hold lengths instead.

    name: of what is in the box; None where no column says it.
    """

    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    name: str | None = None
    by_length: bool = False

    @property
    def by_centre(self) -> bool:
        """Whether boxes are told by a centre and a diameter."""
        return not self.starts

    @property
    def places(self) -> tuple[str, ...]:
        """The columns that say where a box is."""
        return (*CENTRE, DIAMETER) if self.by_centre else (*self.starts, *self.ends)


def box_columns(table: Table) -> BoxColumns | None:
    """The columns of a table of boxes; None if it is none."""
    name = table.column(CLASS_COLUMNS)
    if {*CENTRE, DIAMETER} <= set(table.columns):
        return BoxColumns(name=name)
    for start, end in CORNERS:
        axes = [axis for axis in "xyz" if {start.format(axis), end.format(axis)} <= set(table.columns)]
        if axes[:2] == ["x", "y"]:
            starts, ends = (tuple(word.format(axis) for axis in axes) for word in (start, end))
            return BoxColumns(starts=starts, ends=ends, name=name)
    for first, lengths in product(FIRST, LENGTHS):
        pairs = [(first.format(axis), length) for axis, length in zip("xyz", lengths, strict=True)]
        there = [set(pair) <= set(table.columns) for pair in pairs]
        if there[0] and there[1]:
            starts, ends = zip(*pairs[: 3 if there[2] else 2], strict=True)
            return BoxColumns(starts=starts, ends=ends, name=name, by_length=True)
    return None


def lacking(table: Table) -> tuple[list[str], list[str]] | None:
    """The columns of corners that a table has and those that it lacks, if it lacks one or two of the four in some way to call
    them; None if it holds boxes, or nothing like them.
    """
    if box_columns(table) is not None:
        return None
    for start, end in CORNERS:
        wanted = [word.format(axis) for word in (start, end) for axis in "xy"]
        there = [name for name in wanted if name in table.columns]
        if len(there) in (2, 3):
            return there, [name for name in wanted if name not in there]
    return None
