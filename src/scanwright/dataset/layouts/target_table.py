"""A table of images and what each of them shows or measures: classes or numbers in columns, no label files.

    image | file | filename | id …     an image: a path relative to the table, or a name, with or without suffix, of a file in
                                       one of the folders beside it
    mask | label | segmentation …      perhaps an outline of what the target tells of, where the column names files
    class | diagnosis | grade …        the target (column_targets.py: other words); or the columns in scanwright.json's "target"

Folders that are read by their label maps stay so: beside a dataset.json, or images with masks, such a table is read only where
the declaration asks for classes or numbers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scanwright.dataset.cases import Dataset
from scanwright.dataset.classes import NORMAL_OR_NOT
from scanwright.dataset.declare import Declaration, read_declaration
from scanwright.dataset.infer import infer_channels
from scanwright.dataset.layouts import image_mask
from scanwright.dataset.layouts.box_columns import box_columns
from scanwright.dataset.layouts.column_targets import (
    answered,
    has_grades_alone,
    plain_number_columns,
    target_columns,
    why_no_target,
)
from scanwright.dataset.layouts.datasetjson import FILE_NAME as DATASET_JSON
from scanwright.dataset.layouts.delimited import Table, read_table, why_unreadable
from scanwright.dataset.layouts.listing import folders_in, images_in, resolved, tables_in
from scanwright.dataset.layouts.pairing import Found, in_declared_order, make_cases
from scanwright.dataset.layouts.rows import (
    ID_COLUMNS,
    case_names,
    channel_names,
    described,
    image_columns,
    patients_from,
    require_one_first,
)
from scanwright.dataset.task import Kind, Task
from scanwright.errors import InputError
from scanwright.io.formats import is_image, stem

FILE_COLUMNS = (
    *("file", "filename", "file_name", "filepath", "file_path", "image_name", "image_id", "image_index", "imageid"),
    *("img_path", "img_name", "id_code", *ID_COLUMNS),
)
OUTLINE_COLUMNS = (
    "mask",
    "seg",
    "segmentation",
    "label",
    "mask_path",
    "label_path",
    "mask_file",
    "label_file",
    "outline",
)
DEEPEST = 3  # folders below the table in which images are looked for by name

ByName = Mapping[str, Path]


def detect(root: Path, *, kind: Kind | None = None, grades: bool = False, target: Sequence[str] = ()) -> str | None:
    """Why there is a table of images and targets. kind: what is wanted of it, instead of scanwright.json's "kind".

    grades: a column that is called as grades are will do, as where no layout fits. target: the columns, where scanwright.json
    names none. Raises InputError if several tables could be it.
    """
    declared = declared_for(root, kind)
    declared = declared.model_copy(update={"target": declared.target or tuple(target)})
    if root.is_dir() and ((root / DATASET_JSON).is_file() or image_mask.detect(root)):
        return None
    table = _find_table(root, declared)
    if table is None or (has_grades_alone(table, declared) and not grades):
        return None
    return f"{table.path.name} with {len(table.rows)} rows of images and what they show"


def declared_for(root: Path, kind: Kind | None) -> Declaration:
    """What is declared beside or in a place, with the kind that is asked for."""
    declared = read_declaration(root if root.is_dir() else root.parent)
    return declared if kind is None else declared.model_copy(update={"kind": kind})


def near_misses(root: Path, *, kind: Kind | None = None) -> list[str]:
    """Why tables that list images are no data set all the same, a line each: no target column, or one that says nothing.

    root: a folder, or a table itself. kind: as `detect`.
    """
    declared = declared_for(root, kind)
    return [
        f"{table.path.name} lists images: {why_no_target(table, declared, besides=columns)}"
        for table, columns in _listing(root)
        if not target_columns(table, declared, besides=columns)
    ]


def _listing(root: Path) -> Iterator[tuple[Table, list[str]]]:
    """The tables that name images that are there, under root or root itself, each with the columns that do."""
    for path in [root] if root.is_file() else tables_in(root):
        with suppress(InputError):
            table = read_table(path)
            if columns := _columns(table, images_by_name(path.parent)):
                yield table, columns


def read(root: Path, declared: Declaration, *, name: str, looked_for: str) -> Dataset:
    """Read the table. name, looked_for: of the layout.

    Raises InputError if there is none, two rows are one case or the target columns hold nothing; files that are not there and
    rows without a target become faults.
    """
    table = _find_table(root, declared)
    if table is None:
        broken = why_unreadable([root] if root.is_file() else tables_in(root))
        raise InputError("no table of images and labels", where=root, expected=looked_for, details=broken)
    columns = _columns(table, images_by_name(table.path.parent))
    targets = target_columns(table, declared, besides=columns)
    return _read(table, declared, columns=columns, targets=targets, root=root, name=name)


def read_listed(root: Path, declared: Declaration, *, name: str) -> Dataset:
    """The one table that lists images, read for them alone: its columns of plain numbers are quantities, or there is no target.

    The task of a table without numbers asks what is abnormal, of cases of which nothing is known. name: of the layout.
    Raises InputError if there is no such table, or there are several; else as `read`.
    """
    lists = list(_listing(root))
    if len(lists) != 1:
        found = ", ".join(table.path.name for table, _ in lists) or "none"
        raise InputError("not one table that lists images", where=root, expected="one", found=found)
    ((table, columns),) = lists
    numbers = plain_number_columns(table, besides=columns)
    units = {number: unit for number, unit in declared.units.items() if number in numbers}
    asked = declared.model_copy(update={"kind": "regression", "target": tuple(numbers), "units": units})
    targets = {number: number for number in numbers}
    return _read(table, asked, columns=columns, targets=targets, root=root, name=name)


def _read(
    table: Table,
    declared: Declaration,
    *,
    columns: Sequence[str],
    targets: Mapping[str, str],
    root: Path,
    name: str,
) -> Dataset:
    """The table's images in these columns, with the targets in those; without any where none is given."""
    require_one_first(table)
    beside = images_by_name(table.path.parent)
    columns = in_declared_order(columns, declared.channels)
    names = case_names(table, columns)
    outline = outline_column(table, besides=(*columns, *targets))
    cases, faults = make_cases(_files(table, names, columns, beside, outline), channels=columns)
    cases, unclear = described(cases, table, names, besides=(*columns, *targets, outline or ""))
    folder = table.path.parent
    called = table.path.stem if root.is_file() else folder.name
    channels = declared.channels or infer_channels(
        [case.images[0] for case in cases], names=channel_names(table, columns), folder=folder.name
    )
    read = Dataset(
        root=folder,
        layout=name,
        stated=f"table {table.path.name}",
        task=Task(name=called, kind="anomaly", channels=channels, classes=NORMAL_OR_NOT),
        cases=tuple(cases),
        faults=(*(fault for fault in faults if fault.code != "missing-label"), *unclear),
        **patients_from(table),
    )
    if not targets:
        return read
    rows = {case: [row] for case, row in zip(names, table.rows, strict=True)}
    found = answered(cases, rows, targets, declared, table=table.path)
    return read.model_copy(
        update={
            "stated": f"{read.stated}, targets from {found.stated}",
            "task": found.task(declared, name=called, channels=channels, where=folder),
            "cases": found.cases,
            "faults": (*read.faults, *found.faults),
        }
    )


def _find_table(root: Path, declared: Declaration) -> Table | None:
    """The one table under root, or root itself, that names images that are there and has the target columns.

    One whose target are grades by their column's name gives way to others.
    """
    fitting = []
    for table, columns in _listing(root):
        lists_boxes = declared.kind in (None, "detection") and not declared.target and box_columns(table) is not None
        if not lists_boxes and target_columns(table, declared, besides=columns):
            fitting.append(table)
    fitting = [table for table in fitting if not has_grades_alone(table, declared)] or fitting
    if len(fitting) > 1:
        found = ", ".join(table.path.name for table in fitting)
        hint = "Give the table itself instead of its folder."
        raise InputError("several tables say what images show", where=root, expected="one", found=found, hint=hint)
    return fitting[0] if fitting else None


def images_by_name(folder: Path) -> dict[str, Path]:
    """Images in a folder and up to three levels below, by name and by name without suffix, lower case; ambiguous names not.

    Folders of labels are left out.
    """
    found: dict[str, set[Path]] = defaultdict(set)
    waiting = [(folder, 0)]
    while waiting:
        inner, depth = waiting.pop()
        for path in images_in(inner):
            found[path.name.lower()].add(path)
            found[stem(path).lower()].add(path)
        if depth < DEEPEST:
            waiting += [
                (below, depth + 1) for below in folders_in(inner) if below.name.lower() not in image_mask.LABEL_FOLDERS
            ]
    return {name: next(iter(paths)) for name, paths in found.items() if len(paths) == 1}


def _columns(table: Table, beside: ByName) -> list[str]:
    """Image columns as in `table`, if one of their files is there; else the one whose cells name images beside the table."""
    for columns in (image_columns(table), *([name] for name in FILE_COLUMNS if name in table.columns)):
        rows = [row for row in table.rows if columns and row[columns[0]]]
        there = sum(_image(row[columns[0]], table, beside) is not None for row in rows)
        if there and 2 * there >= len(rows):
            return columns
    return []


def _image(text: str, table: Table, beside: ByName) -> Path | None:
    """The image that a cell names: a path from the table, or a name beside it."""
    if not text or "\0" in text:
        return None
    path = resolved(text, beside=table.path)
    if is_image(path) and path.is_file():
        return path
    return beside.get(Path(text.replace("\\", "/")).name.lower())


def outline_column(table: Table, *, besides: Sequence[str]) -> str | None:
    """The first column called as those of label files are that names a file, a path from the table; None if there is none."""
    called = [name for name in OUTLINE_COLUMNS if name in table.columns and name not in besides]
    return next((name for name in called if any(_image(row[name], table, {}) for row in table.rows)), None)


def _files(
    table: Table, names: Sequence[str], columns: Sequence[str], beside: ByName, outline: str | None
) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for name, row in zip(names, table.rows, strict=True):
        images = {column: path for column in columns if (path := _image(row[column], table, beside))}
        drawn = _image(row[outline], table, {}) if outline is not None else None
        promised = resolved(row[columns[0]] or ".", beside=table.path)
        found[name] = Found(
            images=images,
            labels=[] if drawn is None else [drawn],
            promised=promised,
            listed={column: row[column] for column in columns},
        )
    return found
