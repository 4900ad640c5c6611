"""The rows of a table of images: which columns are channels, what each case is called, whose it is.

See `table` for the names of columns that mean something.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case, Fault
from scanwright.dataset.layouts.ages import said_group
from scanwright.dataset.layouts.cells import is_empty
from scanwright.dataset.layouts.delimited import Table
from scanwright.dataset.layouts.names import CHANNEL_WORDS
from scanwright.dataset.layouts.sidecar import (
    PATIENT_COLUMNS,
    SPLIT_COLUMNS,
    faults_of,
    group_columns,
    said_patient,
    side_of,
)
from scanwright.errors import InputError
from scanwright.io.formats import is_image, stem

ID_COLUMNS = ("id", "case", "case_id", "name")
IMAGE_COLUMNS = ("image", "image_path", "image_file", "img", "scan", "path")
NUMBERED = re.compile(r"^(?:image|channel|img)_?(?:path_|file_)?(\d+)$")


def image_columns(table: Table) -> list[str]:
    """Columns with image files in channel order: numbered ones, then the plain one and those with a channel's name."""
    numbers, plain = column_numbers(table), _plain_column(table)
    others = (name for name in table.columns if name == plain or (name in CHANNEL_WORDS and _names_images(table, name)))
    return [*sorted(numbers, key=lambda name: numbers[name]), *(name for name in others if name not in numbers)]


def require_one_first(table: Table) -> None:
    """Raise InputError if image and image_1 (or image_0) could be the same channel."""
    numbers, plain = column_numbers(table), _plain_column(table)
    if plain in numbers and min(number for name, number in numbers.items() if name != plain) < 2:
        found = ", ".join(sorted(numbers, key=lambda name: (numbers[name], name)))
        hint = f"Rename the column {plain}: is it a channel of its own, or one of the numbered ones again?"
        raise InputError("two columns could be the first channel", where=table.path, found=found, hint=hint)


def _plain_column(table: Table) -> str | None:
    """The column with image files that is called image, or by another word for it; None if there is none."""
    return next((name for name in IMAGE_COLUMNS if name in table.columns and _names_images(table, name)), None)


def column_numbers(table: Table) -> dict[str, int]:
    """The number of each numbered column; 1 for the plain one that stands beside them."""
    numbers = {name: int(match[1]) for name in table.columns if (match := NUMBERED.match(name))}
    plain = _plain_column(table)
    return numbers | {plain: 1} if numbers and plain is not None else numbers


def channel_names(table: Table, columns: Sequence[str]) -> list[str]:
    """What the channels of image columns are called: "channel 2" for image_2, else as the column."""
    numbers = column_numbers(table)
    return [f"channel {numbers[column]}" if column in numbers else column for column in columns]


def _names_images(table: Table, column: str) -> bool:
    """Whether a cell of the column has an image's name, be the file there or not."""
    return any(is_image(Path(row[column])) for row in table.rows)


def case_names(table: Table, columns: Sequence[str]) -> list[str]:
    """A name for each row: its id column, else the first image's stem, with its folder's name where stems repeat.

    Raises InputError if two rows still have the same name, or are of the same image: then it says in what they differ.
    """
    key = table.column(ID_COLUMNS)
    paths = [Path(row[columns[0]].replace("\\", "/")) for row in table.rows]
    names = [row[key] for row in table.rows] if key is not None else [stem(path) for path in paths]
    if key is None and len(set(names)) < len(names):
        names = [f"{path.parent.name}_{stem(path)}" for path in paths]
    names = [name or f"row {number}" for number, name in enumerate(names, start=2)]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        _require_other_images(table, columns[0], names, twice[0])
        hint = "Give every row its own name in a column id."
        raise InputError("two rows are the same case", where=table.path, found=", ".join(twice[:5]), hint=hint)
    return names


def _require_other_images(table: Table, column: str, names: Sequence[str], name: str) -> None:
    """Raise InputError if two rows of a name are of the same image, with what else they say."""
    rows = [row for row, own in zip(table.rows, names, strict=True) if own == name]
    paths = {Path(row[column].replace("\\", "/")) for row in rows}
    if len(paths) == len(rows):
        return
    said = {other: list(dict.fromkeys(row[other] for row in rows)) for other in table.columns if other != column}
    differ = [f"{other} {' and '.join(values[:4])}" for other, values in said.items() if len(values) > 1]
    raise InputError(
        "an image stands in two rows",
        where=table.path,
        expected="one row for each image",
        found=f"{min(paths)} in {len(rows)} rows, " + (f"with {'; '.join(differ)}" if differ else "which say the same"),
        hint="Find out which row is right, and remove the other." if differ else "Remove all but one of them.",
    )


def described(
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
                "patient": said_patient(rows[case.id], patient) or case.id,
                "split": side_of([rows[case.id]], split) if split else "train",
                "groups": {
                    name: said_group(name, rows[case.id][name]) for name in groups if not is_empty(rows[case.id][name])
                },
            }
        )
        for case in cases
    ]
    own = {case.id: [rows[case.id]] for case in cases}
    return described, faults_of(cases, own, patient=patient, split=split, table=table.path)


def patients_from(table: Table) -> dict[str, str]:
    """What a Dataset says of where its patients come from; nothing where the table does not name them."""
    column = table.column(PATIENT_COLUMNS)
    return {} if column is None else {"patients_from": f"column {column} of {table.path.name}"}
