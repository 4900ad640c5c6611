"""Which tables hold boxes, a row each, and which of their columns say where.

x0 y0 (z0) x1 y1 (z1)     corners in voxels; also xmin … xmax, x_min … x_max, x1 … x2
coordX coordY coordZ diameter_mm     a centre in mm of the patient's space and a diameter, as LUNA16 has them
"""

from dataclasses import dataclass

from scanwright.dataset.layouts.delimited import Table

CLASS_COLUMNS = ("class", "class_name", "category", "label", "finding", "finding_name", "type")
CORNERS = (("{}0", "{}1"), ("{}min", "{}max"), ("{}_min", "{}_max"), ("{}1", "{}2"))
CENTRE = ("coordx", "coordy", "coordz")
DIAMETER = "diameter_mm"


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxColumns:
    """Columns of a table of boxes. starts, ends: of the corners, along x, y and perhaps z; () where it has centres.

    name: of what is in the box; None where no column says it.
    """

    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    name: str | None = None

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
    return None
