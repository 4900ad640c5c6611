"""A table (CSV, TSV) with a row for each box, beside a folder of images, pictures or volumes.

    image | case | image_id …  class  x0 y0 (z0) x1 y1 (z1)    corners in voxels along the axes of the file, z for volumes: the
                                                               first voxel begins at 0, and x1 is where the box ends
    image …  class  x y (z) width height (depth)               the first corner and lengths, likewise
    seriesuid  coordX coordY coordZ  diameter_mm               LUNA16's annotations.csv: the centre and the diameter of a
                                                               nodule, in mm of the patient's space (LPS, as ITK and DICOM)
    patient | split …                                          as in a table of cases

The image is a path from the table, or the name, with or without suffix, of a file below its folder; folders called as those
of masks, or "seg…", are not looked through. Without a column for the class all boxes are of one: the declared one, else
"nodule" of a diameter and "finding" of corners. A box of a diameter goes around the sphere, and is cut at the image's edge.

A row without numbers says of its image that nothing is there. Of corners, an image in no row is not used (a note); a table of
diameters lists what was found in all scans, and one in no row is normal (a note says how many are).

    unreadable-label   error     a cell that is no number, a diameter that is not above 0, no z for a volume; boxes in mm on an
                                 image without a place in space
    reversed-box       error     it ends before it begins
    unnamed-box        error     no class in the column for it
    all others         as boxes.py says

Source: Setio et al. 2017, Med Image Anal 42:1 (LUNA16).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scanwright.dataset.cases import Box, Case, Dataset, Fault
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.ages import said_group
from scanwright.dataset.layouts.box_columns import BoxColumns, box_columns, lacking
from scanwright.dataset.layouts.boxes import (
    SHOWN,
    Drawn,
    make_dataset,
    names_of,
    number_of,
    numbers,
    told,
    unlisted,
    unreadable_label,
)
from scanwright.dataset.layouts.cells import is_empty
from scanwright.dataset.layouts.delimited import Table, read_table, why_unreadable
from scanwright.dataset.layouts.image_mask import LABEL_FOLDERS
from scanwright.dataset.layouts.listing import folders_in, images_in, resolved, tables_in
from scanwright.dataset.layouts.rows import IMAGE_COLUMNS, patients_from
from scanwright.dataset.layouts.sidecar import (
    PATIENT_COLUMNS,
    SPLIT_COLUMNS,
    faults_of,
    group_columns,
    said_patient,
    side_of,
)
from scanwright.dataset.layouts.target_table import FILE_COLUMNS
from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.io.formats import is_image, read_grid, stem

NAME = "box-table"
LOOKED_FOR = (
    "a CSV or TSV with columns image, class, x0, y0, x1, y1 (z0, z1) or x, y, width, height (z, depth), or LUNA16's "
    "annotations.csv, beside the images"
)

NAMING = (*IMAGE_COLUMNS, "seriesuid", "series_uid", *FILE_COLUMNS)
DEEPEST = 4
NODULE, FINDING = "nodule", "finding"
Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _BoxTable:
    """A table of boxes and the images that lie beside it. key: the column that names them. by_name: those whose name, or name
    without suffix, in lower case, no other one has.
    """

    table: Table
    columns: BoxColumns
    key: str
    images: tuple[Path, ...]
    by_name: Mapping[str, Path]

    def image(self, cell: str) -> Path:
        """The image that a cell names; of one that is not there, where it should lie."""
        path = resolved(cell or "-", beside=self.table.path)
        if is_image(path) and path.is_file():
            return path
        return self.by_name.get(Path(cell.replace("\\", "/")).name.lower(), path)


def detect(root: Path) -> str | None:
    """Why there is a table of boxes. Raises InputError if several tables could be it."""
    found = _find(root)
    return None if found is None else f"{found.table.path.name} with {len(found.table.rows)} rows of boxes"


def require_no_near_miss(root: Path, *, sure: bool) -> None:
    """Raise InputError for a table that holds some of the columns of a box and lacks others. root: a folder, or a table itself.
    sure: only where it lacks one of the four; others may be points.
    """
    for path in [root] if root.is_file() else tables_in(root):
        try:
            found = lacking(read_table(path))
        except InputError:
            continue
        if found is not None and (len(found[1]) == 1 or not sure):
            raise InputError(
                "a table with some of the columns of boxes",
                where=path,
                expected="x0, y0, x1, y1, or x, y, width, height, for each box; for volumes z0, z1 or z, depth too",
                found=f"{', '.join(found[0])}, but not {', '.join(found[1])}",
                hint="Complete or rename the columns"
                + (', or say what is wanted with "target" or --task.' if sure else "."),
            )


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the table. Raises InputError if there is none, or no box in it; all else becomes faults."""
    found = _find(root)
    if found is None:
        broken = why_unreadable([root] if root.is_file() else tables_in(root))
        raise InputError("no table of boxes", where=root, expected=LOOKED_FOR, details=broken)
    table, columns = found.table, found.columns
    rows = _rows_by_image(found)
    others = [path for path in found.images if path not in rows]
    if columns.by_centre:
        faults = _normal_by_default(others, table)
        rows |= {path: [] for path in others}
    else:
        faults = unlisted(others, file=table.path, what="image")
    images = sorted(rows)
    names = names_of(images)
    drawn = []
    for name, image in zip(names, images, strict=True):
        one, wrong = _drawn(name, image, rows[image], columns, table=table.path, declared=declared)
        drawn.append(one)
        faults += wrong
    made = make_dataset(
        table.path.parent,
        drawn,
        layout=NAME,
        form=f"table {table.path.name}",
        classes=sorted({box.name for one in drawn for box in one.boxes or ()}),
        declared=declared,
        source=table.path.name,
        faults=faults,
    )
    of_case = {name: rows[image] for name, image in zip(names, images, strict=True)}
    return _described(made, table, of_case, besides=(found.key, columns.name or "", *columns.places))


def _rows_by_image(found: _BoxTable) -> dict[Path, list[Row]]:
    rows: dict[Path, list[Row]] = defaultdict(list)
    for row in found.table.rows:
        rows[found.image(row[found.key])].append(row)
    return dict(rows)


def _find(root: Path) -> _BoxTable | None:
    """The one table under root (or root itself) with columns of boxes whose rows name images that are there."""
    if root.suffix.lower() in (".csv", ".tsv", ".txt") and root.is_file():
        read_table(root)  # what was asked for by name says itself why it is none
    fitting = [one for path in ([root] if root.is_file() else tables_in(root)) if (one := _opened(path)) is not None]
    if len(fitting) > 1:
        raise InputError(
            "several tables list boxes",
            where=root,
            expected="one",
            found=", ".join(one.table.path.name for one in fitting),
            hint="Give the table itself instead of its folder.",
        )
    return fitting[0] if fitting else None


def _opened(path: Path) -> _BoxTable | None:
    try:
        table = read_table(path)
    except InputError:
        return None
    columns = box_columns(table)
    if columns is None or not table.rows:
        return None
    images = tuple(_images_below(path.parent))
    by_name = _by_name(images)
    for key in (name for name in NAMING if name in table.columns):
        found = _BoxTable(table=table, columns=columns, key=key, images=images, by_name=by_name)
        if any(is_image(image) and image.is_file() for image in _rows_by_image(found)):
            return found
    return None


def _images_below(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Images in a folder and below, sorted within each; those in folders of masks are left out."""
    yield from images_in(folder)
    for inner in folders_in(folder) if depth < DEEPEST else ():
        if inner.name.lower() not in LABEL_FOLDERS and not inner.name.lower().startswith("seg"):
            yield from _images_below(inner, depth + 1)


def _by_name(images: Iterable[Path]) -> dict[str, Path]:
    called: dict[str, set[Path]] = defaultdict(set)
    for path in images:
        for name in (path.name, stem(path)):
            called[name.lower()].add(path)
    return {name: next(iter(paths)) for name, paths in called.items() if len(paths) == 1}


def _normal_by_default(images: Sequence[Path], table: Table) -> list[Fault]:
    """A note if images are in no row of a table that lists what was found in all."""
    if not images:
        return []
    return [
        Fault(
            code="normal-by-default",
            severity="note",
            file=table.path,
            expected="a row for each thing that was found",
            found=f"{number_of(len(images), 'image', 'images')} in no row, such as {images[0].name}",
            action="Nothing is taken to be in them; remove those that nobody looked through.",
        )
    ]


def _drawn(
    name: str, image: Path, rows: Sequence[Row], columns: BoxColumns, *, table: Path, declared: Declaration
) -> tuple[Drawn, list[Fault]]:
    """One image with its boxes, and faults of rows that are none. None as boxes where the table cannot be laid on the image."""
    one = Drawn(name=name, image=image, file=table, boxes=None, in_volumes=True)
    rows, grid = [row for row in rows if any(row[column] for column in columns.places)], _grid(image)
    if rows and grid is not None and (why := _why_unfit(grid, columns)):
        shape = " x ".join(map(str, grid.shape))
        return one, [unreadable_label(name, table, expected=why, found=f"an image of {shape} in {grid.unit}")]
    alone = "" if columns.name else _only_class(columns, declared)
    boxes: list[Box] = []
    wrong: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        box = _box(row, alone or row[columns.name or ""], columns, grid)
        if box is None:
            wrong["unreadable-label"].append(", ".join(f"{name} {row[name] or 'empty'}" for name in columns.places))
        elif min(box.lengths) < 0:
            wrong["reversed-box"].append(told(box, flat=len(columns.starts) == 2))
        elif not box.name:
            wrong["unnamed-box"].append(told(box, flat=len(columns.starts) == 2).strip())
        else:
            boxes.append(box)
    return replace(one, boxes=tuple(boxes)), [
        _fault(code, found, name, table, columns) for code, found in wrong.items()
    ]


def _only_class(columns: BoxColumns, declared: Declaration) -> str:
    """What all boxes of a table without a column for it are."""
    if declared.classes is not None and len(declared.classes) == 1:
        return declared.classes[0]
    return NODULE if columns.by_centre else FINDING


def _grid(image: Path) -> Grid | None:
    """The grid of an image; None if it is not there or cannot be read, which others say."""
    try:
        return read_grid(image).grid if is_image(image) else None
    except InputError:
        return None


def _why_unfit(grid: Grid, columns: BoxColumns) -> str:
    """What the table or the image would need for the one to lie on the other; "" if they do."""
    if columns.by_centre and grid.unit == "px":
        return "an image with a place in space, for boxes in mm"
    if not columns.by_centre and len(columns.starts) < 3 and grid.shape[2] > 1:
        return "columns for z in the table, for boxes in a volume"
    return ""


def _box(row: Row, name: str, columns: BoxColumns, grid: Grid | None) -> Box | None:
    """A row's box in voxels; None if a cell is no number. Without a grid a sphere has no place, and is empty."""
    if columns.by_centre:
        read = numbers([_number(row[column]) for column in columns.places], count=4)
        if read is None or read[3] <= 0:
            return None
        start, end = _around_sphere(read[:3], read[3], grid) if grid is not None else ([0.0] * 3, [0.0] * 3)
    else:
        used = 2 if grid is not None and grid.shape[2] == 1 and not _says_slices(row, columns) else len(columns.starts)
        parts = columns.starts[:used], columns.ends[:used]
        ends = [numbers([_number(row[column]) for column in part], count=used) for part in parts]
        if ends[0] is None or ends[1] is None:
            return None
        start, end = [*ends[0], 0.0], [*ends[1], 1.0]
        if columns.by_length:
            end = [begin + length for begin, length in zip(ends[0], ends[1], strict=True)] + [1.0]
    return Box(name=name, start=(start[0], start[1]), end=(end[0], end[1]), slices=(start[2], end[2]))


def _says_slices(row: Row, columns: BoxColumns) -> bool:
    return any(row[column] for column in (*columns.starts[2:], *columns.ends[2:]))


def _around_sphere(centre_lps: Sequence[float], diameter: float, grid: Grid) -> tuple[list[float], list[float]]:
    """The box, in voxels, around a sphere in mm; within the image if its centre is."""
    x, y, z = centre_lps
    middle = grid.indices(np.array([-x, -y, z])) + 0.5
    reach = diameter / 2 * np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1)
    start, end = middle - reach, middle + reach
    if ((middle >= 0) & (middle <= grid.shape)).all():
        start, end = np.maximum(start, 0.0), np.minimum(end, grid.shape)
    return start.tolist(), end.tolist()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _fault(code: str, found: Sequence[str], case: str, table: Path, columns: BoxColumns) -> Fault:
    """One fault for all rows of a case that are wrong in the same way."""
    expected = {
        "unreadable-label": "a number in each" + ", the diameter above 0" * columns.by_centre,
        "reversed-box": f"{', '.join(columns.ends)} above {'0' if columns.by_length else ', '.join(columns.starts)}",
        "unnamed-box": f"a class in column {columns.name}",
    }
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return Fault(
        code=code,
        severity="error",
        case=case,
        file=table,
        expected=expected[code],
        found="; ".join(found[:SHOWN]) + more,
        action="Correct the table, or exclude the case.",
    )


def _described(dataset: Dataset, table: Table, rows: Mapping[str, Sequence[Row]], *, besides: Sequence[str]) -> Dataset:
    """The data set with patient, side and groups from the table; a group is what all rows of each case agree in."""
    patient, split = table.column(PATIENT_COLUMNS), table.column(SPLIT_COLUMNS)
    groups = [
        name
        for name in group_columns(table, besides=(*besides, patient or "", split or ""))
        if all(len({row[name] for row in own}) < 2 for own in rows.values())
    ]

    def first(case: Case, column: str | None) -> str:
        return next((row[column] for row in rows[case.id] if column and not is_empty(row[column])), "")

    cases = tuple(
        case.model_copy(
            update={
                "patient": next((said for row in rows[case.id] if (said := said_patient(row, patient))), case.patient),
                "split": side_of(rows[case.id], split) if split else case.split,
                "groups": {name: said_group(name, value) for name in groups if (value := first(case, name))},
            }
        )
        for case in dataset.cases
    )
    faults = faults_of(cases, rows, patient=patient, split=split, table=table.path)
    return dataset.model_copy(update={"cases": cases, "faults": (*dataset.faults, *faults), **patients_from(table)})
