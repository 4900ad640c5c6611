"""A table (CSV, TSV) with a row for each case: where its files are, and whose they are.

    image | image_1, image_2 … | names of channels (t1, flair, ct …)     image files; paths relative to the table
    label | mask | seg | segmentation                                    label file; empty: none
    id | case                                                            the case's name; else the first image's stem
    patient | patient_id | subject …                                     cases of one patient are never parted
    split                                                                "test" sets the case apart (sides.py: other words)
    all else                                                             groups, if they are few words that repeat

Every image column is a channel: numbered ones in the order of their numbers (image beside image_2 is the first), then the
others in the order of the table. A channel's name counts only over image files, since "us" may be a country. Where files
stand under any other name, a warning says that they are not used.

DATA may be the table itself, or a folder with exactly one such table in it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault
from scanwright.dataset.declare import Declaration, make_task
from scanwright.dataset.infer import infer_channels, infer_regions
from scanwright.dataset.layouts.listing import resolved, tables_in
from scanwright.dataset.layouts.names import CHANNEL_WORDS
from scanwright.dataset.layouts.pairing import Found, in_declared_order, make_cases
from scanwright.dataset.layouts.sidecar import (
    PATIENT_COLUMNS,
    SPLIT_COLUMNS,
    Table,
    faults_of,
    group_columns,
    read_table,
    side_of,
)
from scanwright.errors import InputError
from scanwright.io.formats import is_image, stem

NAME = "table"
LOOKED_FOR = "a CSV or TSV with columns image and label (paths relative to it)"

ID_COLUMNS = ("id", "case", "case_id", "name")
IMAGE_COLUMNS = ("image", "image_path", "image_file", "img", "scan", "path")
LABEL_COLUMNS = ("label", "mask", "seg", "segmentation", "label_path", "mask_path", "label_file", "mask_file", "target")
NUMBERED = re.compile(r"^(?:image|channel|img)_?(?:path_|file_)?(\d+)$")


def detect(root: Path) -> str | None:
    """Why there is a table of images and labels. Raises InputError if several tables could be it."""
    table = _find_table(root)
    return None if table is None else f"{table.path.name} with {len(table.rows)} rows of image and label files"


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the table. Raises InputError if there is none, two rows are one case or two columns one channel; files that are
    not there become faults.
    """
    table = _find_table(root)
    if table is None:
        raise InputError("no table of images and labels", where=root, expected=LOOKED_FOR)
    _require_one_first(table)
    columns, label = in_declared_order(_image_columns(table), declared.channels), table.column(LABEL_COLUMNS)
    names, numbers = _case_names(table, columns), _numbers(table)
    found = _files(table, names, columns, label)
    cases, faults = make_cases(found, channels=columns)
    cases, unclear = _described(cases, table, names, besides=(*columns, label or ""))
    labels = [case.label for case in cases if case.label is not None]
    folder = table.path.parent
    channel_names = [
        f"channel {number}" if (number := numbers.get(column)) is not None else column for column in columns
    ]
    task = make_task(
        declared,
        name=table.path.stem if root.is_file() else folder.name,
        channels=declared.channels
        or infer_channels([case.images[0] for case in cases], names=channel_names, folder=folder.name),
        regions=infer_regions(labels) if declared.regions is None else (),
        source="label values",
        where=folder,
    )
    patient = table.column(PATIENT_COLUMNS)
    known = {} if patient is None else {"patients_from": f"column {patient} of {table.path.name}"}
    return Dataset(
        root=folder,
        layout=NAME,
        stated=f"table {table.path.name}",
        task=task,
        cases=tuple(cases),
        faults=(*faults, *unclear, *_unused(table, besides=[*columns, *([label] if label else [])])),
        **known,
    )


def _find_table(root: Path) -> Table | None:
    """The one table under root (or root itself) whose image and label columns name files that are there."""
    paths = [root] if root.is_file() else tables_in(root)
    fitting = [table for path in paths if (table := _read_or_none(path)) is not None and _names_files(table)]
    if len(fitting) > 1:
        raise InputError(
            "several tables list images and labels",
            where=root,
            expected="one",
            found=", ".join(table.path.name for table in fitting),
            hint="Give the table itself instead of its folder.",
        )
    return fitting[0] if fitting else None


def _read_or_none(path: Path) -> Table | None:
    try:
        return read_table(path)
    except InputError:
        return None


def _names_files(table: Table) -> bool:
    label, images = table.column(LABEL_COLUMNS), _image_columns(table)
    if label is None or not images:
        return False
    return bool(_files_in(table, label)) and any(_files_in(table, image) for image in images)


def _image_columns(table: Table) -> list[str]:
    """Columns with image files in channel order: numbered ones, then the plain one and those with a channel's name."""
    numbers, plain = _numbers(table), _plain_column(table)
    others = (name for name in table.columns if name == plain or (name in CHANNEL_WORDS and _names_images(table, name)))
    return [*sorted(numbers, key=lambda name: numbers[name]), *(name for name in others if name not in numbers)]


def _require_one_first(table: Table) -> None:
    """Raise InputError if image and image_1 (or image_0) could be the same channel."""
    numbers, plain = _numbers(table), _plain_column(table)
    if plain in numbers and min(number for name, number in numbers.items() if name != plain) < 2:
        found = ", ".join(sorted(numbers, key=lambda name: (numbers[name], name)))
        hint = f"Rename the column {plain}: is it a channel of its own, or one of the numbered ones again?"
        raise InputError("two columns could be the first channel", where=table.path, found=found, hint=hint)


def _plain_column(table: Table) -> str | None:
    """The column with image files that is called image, or by another word for it; None if there is none."""
    return next((name for name in IMAGE_COLUMNS if name in table.columns and _names_images(table, name)), None)


def _numbers(table: Table) -> dict[str, int]:
    """The number of each numbered column; 1 for the plain one that stands beside them."""
    numbers = {name: int(match[1]) for name in table.columns if (match := NUMBERED.match(name))}
    plain = _plain_column(table)
    return numbers | {plain: 1} if numbers and plain is not None else numbers


def _names_images(table: Table, column: str) -> bool:
    """Whether a cell of the column has an image's name, be the file there or not."""
    return any(is_image(Path(row[column])) for row in table.rows)


def _unused(table: Table, *, besides: Sequence[str]) -> list[Fault]:
    """A warning for each further column with image files that no column of `besides` names."""
    used = {file for column in besides for file in _files_in(table, column)}
    return [
        Fault(
            code="unused-channel",
            severity="warning",
            file=table.path,
            expected=f"image files in {', '.join(besides)} alone",
            found=f"image files in column {column} too",
            action="Call it image_2, or by a channel's name such as flair, if the model shall see it; else remove it.",
        )
        for column in table.columns
        if column not in besides and _files_in(table, column) - used
    ]


def _files_in(table: Table, column: str) -> set[Path]:
    return {path.resolve() for row in table.rows if (path := _file(row[column], table)) is not None}


def _file(text: str, table: Table) -> Path | None:
    """The image file that a cell names, if it is there."""
    if not text:
        return None
    path = resolved(text, beside=table.path)
    return path if is_image(path) and path.is_file() else None


def _case_names(table: Table, columns: Sequence[str]) -> list[str]:
    """A name for each row: its id column, else the first image's stem, with its folder's name where stems repeat.

    Raises InputError if two rows still have the same name.
    """
    key = table.column(ID_COLUMNS)
    paths = [Path(row[columns[0]].replace("\\", "/")) for row in table.rows]
    names = [row[key] for row in table.rows] if key is not None else [stem(path) for path in paths]
    if key is None and len(set(names)) < len(names):
        names = [f"{path.parent.name}_{stem(path)}" for path in paths]
    names = [name or f"row {number}" for number, name in enumerate(names, start=2)]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        hint = "Give every row its own name in a column id."
        raise InputError("two rows are the same case", where=table.path, found=", ".join(twice[:5]), hint=hint)
    return names


def _files(table: Table, names: Sequence[str], columns: Sequence[str], label: str | None) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for name, row in zip(names, table.rows, strict=True):
        images = {column: path for column in columns if (path := _file(row[column], table))}
        labels = [path] if label is not None and (path := _file(row[label], table)) else []
        promised = resolved(row[columns[0]] or ".", beside=table.path)
        found[name] = Found(images=images, labels=labels, promised=promised)
    return found


def _described(
    cases: Sequence[Case], table: Table, names: Sequence[str], *, besides: Sequence[str]
) -> tuple[list[Case], list[Fault]]:
    """Cases with patient, split and groups of their row, and the faults of these."""
    rows: Mapping[str, dict[str, str]] = dict(zip(names, table.rows, strict=True))
    patient, split = table.column(PATIENT_COLUMNS), table.column(SPLIT_COLUMNS)
    key = table.column(ID_COLUMNS) or ""
    groups = group_columns(table, besides=(*besides, patient or "", split or "", key))
    described = [
        case.model_copy(
            update={
                "patient": (rows[case.id][patient] if patient else "") or case.id,
                "split": side_of([rows[case.id]], split) if split else "train",
                "groups": {name: rows[case.id][name] for name in groups if rows[case.id][name]},
            }
        )
        for case in cases
    ]
    own = {case.id: [rows[case.id]] for case in cases}
    return described, faults_of(cases, own, patient=patient, split=split, table=table.path)
