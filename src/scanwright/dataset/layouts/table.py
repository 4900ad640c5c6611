"""A table (CSV, TSV) with a row for each case: where its files are, and whose they are.

    image | image_1, image_2 … | names of channels (t1, flair, ct …)     image files; paths relative to the table
    label | mask | seg | segmentation                                    label file; empty: none
    id | case                                                            the case's name; else the first image's stem
    patient | patient_id | subject …                                     cases of one patient are never parted
    split                                                                "test" sets the case apart (sides.py: other words)
    class | diagnosis | grade …                                          what the whole image shows or measures, instead of a
                                                                         label file (target_table.py)
    all else                                                             groups, if they are few words that repeat

Every image column is a channel: numbered ones in the order of their numbers (image beside image_2 is the first), then the
others in the order of the table. A channel's name counts only over image files, since "us" may be a country. Where files
stand under any other name, a warning says that they are not used.

DATA may be the table itself, or a folder with exactly one such table in it.
"""

from collections.abc import Sequence
from pathlib import Path

from scanwright.dataset.cases import Dataset, Fault
from scanwright.dataset.declare import Declaration, make_task
from scanwright.dataset.infer import infer_channels, infer_regions
from scanwright.dataset.layouts import target_table
from scanwright.dataset.layouts.column_targets import is_asked_for
from scanwright.dataset.layouts.delimited import Table, read_table
from scanwright.dataset.layouts.listing import resolved, tables_in
from scanwright.dataset.layouts.pairing import Found, in_declared_order, make_cases
from scanwright.dataset.layouts.rows import (
    case_names,
    channel_names,
    described,
    image_columns,
    patients_from,
    require_one_first,
)
from scanwright.errors import InputError
from scanwright.io.formats import is_image

NAME = "table"
LOOKED_FOR = "a CSV or TSV with columns image and label, or image and class (paths relative to it)"

LABEL_COLUMNS = ("label", "mask", "seg", "segmentation", "label_path", "mask_path", "label_file", "mask_file", "target")


def detect(root: Path) -> str | None:
    """Why there is a table of images and labels. Raises InputError if several tables could be it."""
    table = _find_table(root)
    if table is None:
        return target_table.detect(root)
    return f"{table.path.name} with {len(table.rows)} rows of image and label files"


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the table. Raises InputError if there is none, two rows are one case or two columns one channel; files that are
    not there become faults.
    """
    table = _find_table(root)
    if table is None or is_asked_for(declared):
        return target_table.read(root if table is None else table.path, declared, name=NAME, looked_for=LOOKED_FOR)
    require_one_first(table)
    columns, label = in_declared_order(image_columns(table), declared.channels), label_column(table)
    names = case_names(table, columns)
    found = _files(table, names, columns, label)
    cases, faults = make_cases(found, channels=columns)
    cases, unclear = described(cases, table, names, besides=(*columns, label or ""))
    labels = [case.label for case in cases if case.label is not None]
    folder = table.path.parent
    task = make_task(
        declared,
        name=table.path.stem if root.is_file() else folder.name,
        channels=declared.channels
        or infer_channels([case.images[0] for case in cases], names=channel_names(table, columns), folder=folder.name),
        regions=infer_regions(labels) if declared.regions is None else (),
        source="label values",
        where=folder,
    )
    return Dataset(
        root=folder,
        layout=NAME,
        stated=f"table {table.path.name}",
        task=task,
        cases=tuple(cases),
        faults=(*faults, *unclear, *_unused(table, besides=[*columns, *([label] if label else [])])),
        **patients_from(table),
    )


def _find_table(root: Path) -> Table | None:
    """The one table under root (or root itself) whose image and label columns name files that are there."""
    if root.suffix.lower() in (".csv", ".tsv", ".txt") and root.is_file():
        read_table(root)  # what was asked for by name says itself why it is none
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
    label, images = label_column(table), image_columns(table)
    if label is None or not images:
        return False
    return bool(_files_in(table, label)) and any(_files_in(table, image) for image in images)


def label_column(table: Table) -> str | None:
    """The first column called as labels are that names files; a column "label" may as well hold classes."""
    called = [name for name in LABEL_COLUMNS if name in table.columns]
    return next((name for name in called if _files_in(table, name)), called[0] if called else None)


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


def _files(table: Table, names: Sequence[str], columns: Sequence[str], label: str | None) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for name, row in zip(names, table.rows, strict=True):
        images = {column: path for column in columns if (path := _file(row[column], table))}
        labels = [path] if label is not None and (path := _file(row[label], table)) else []
        promised = resolved(row[columns[0]] or ".", beside=table.path)
        found[name] = Found(
            images=images,
            labels=labels,
            promised=promised,
            listed={column: row[column] for column in columns},
            listed_label="" if label is None else row[label],
        )
    return found
