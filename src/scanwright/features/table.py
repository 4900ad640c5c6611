"""A table of features: a row a case, a column a named feature, and the settings that they were computed with.

On disk it is CSV for people (the settings lie beside it, in NAME.settings.json) or Parquet (settings in the file's own
metadata). "Not defined" is NaN in memory, an empty cell in CSV, null in Parquet. Both give back every number to the bit.

Between the cases' names and the features may stand what is known of the cases: columns whose name begins with "case.", which
no feature's does. They hold words, those that begin with "case.target." numbers. A table without them is read as well.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, require_no_pipe, write_bytes, write_json, writing
from scanwright.types import JSON, Floats

INSTALL = 'pip install "scanwright[features]"'
CASE = "case"
KNOWN, NUMBERS = f"{CASE}.", f"{CASE}.target."
"""How the names of columns begin that say what is known of a case, and those of them that hold numbers."""
SETTINGS_KEY = b"scanwright"

Cell = str | float | None


@dataclass(frozen=True, eq=False, slots=True)
class FeatureTable:
    """values: (N, F) float64, read-only, NaN where a feature is not defined; rows are `cases`, columns are `names`.

    settings: how the features were computed, as plain data. known: by column, "case.patient" or "case.target.age", what is
    known of each case; None where nothing is. Raises UsageError if a case or a name occurs twice, a feature's name is empty,
    "case" or begins with "case.", that of a known column does not, the shape is another, or a value is infinite.
    """

    cases: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    settings: JSON
    known: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float64)
        if values.shape != (len(self.cases), len(self.names)):
            expected = f"{len(self.cases)} cases x {len(self.names)} features"
            raise UsageError("a table of features of another shape", expected=expected, found=values.shape)
        for what, words in (("case", self.cases), ("feature", self.names)):
            if len(set(words)) < len(words):
                twice = next(word for word in words if words.count(word) > 1)
                raise UsageError(f"a {what} occurs twice in a table of features", found=twice)
        if {"", CASE} & set(self.names) or any(name.startswith(KNOWN) for name in self.names):
            raise UsageError(f'a feature must have a name, other than "{CASE}" and not beginning with "{KNOWN}"')
        if any(not name.startswith(KNOWN) or len(cells) != len(self.cases) for name, cells in self.known.items()):
            raise UsageError(f'columns of what is known begin with "{KNOWN}", and have a cell for each case')
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            raise UsageError("a feature is infinite", where=f"{self.cases[row]}, {self.names[column]}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @classmethod
    def of_rows(
        cls,
        rows: Mapping[str, Mapping[str, float | None]],
        settings: JSON,
        *,
        known: Mapping[str, tuple[Cell, ...]] | None = None,
    ) -> Self:
        """A table of features by case and name; columns in the order in which names first come, what is lacking undefined.

        None, NaN and infinity become NaN.
        """
        names = tuple(dict.fromkeys(name for row in rows.values() for name in row))
        values = [[_finite(row.get(name)) for name in names] for row in rows.values()]
        array = np.array(values, np.float64).reshape(len(rows), len(names))
        return cls(tuple(rows), names, array, settings, known or {})

    def of_cases(self, cases: Sequence[str]) -> Self:
        """The rows of these cases, in this order. Raises UsageError for a case that is not there."""
        places = {case: row for row, case in enumerate(self.cases)}
        absent = [case for case in cases if case not in places]
        if absent:
            raise UsageError("no features of this case", found=absent[0])
        rows = [places[case] for case in cases]
        known = {name: tuple(cells[row] for row in rows) for name, cells in self.known.items()}
        return type(self)(tuple(cases), self.names, self.values[rows].reshape(len(rows), -1), self.settings, known)

    def beside(self, other: "FeatureTable") -> Self:
        """The columns of both, for the cases of this one; settings become {"tables": [...]}. Raises as `of_cases`.

        Of what is known twice, this table's counts.
        """
        others = other.of_cases(self.cases)
        values = np.concatenate([self.values, others.values], axis=1)
        settings = {"tables": [self.settings, other.settings]}
        return type(self)(self.cases, (*self.names, *other.names), values, settings, {**others.known, **self.known})


def write_csv(path: Path, table: FeatureTable) -> None:
    """Write a table as CSV, and its settings beside it. Raises ResourceError if the place cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CASE, *table.known, *table.names])
    for place, (case, row) in enumerate(zip(table.cases, table.values.tolist(), strict=True)):
        known = ["" if cells[place] is None else str(cells[place]) for cells in table.known.values()]
        writer.writerow([case, *known, *("" if math.isnan(value) else repr(value) for value in row)])
    write_json(_settings_path(path), table.settings)
    write_bytes(path, text.getvalue().encode())


def read_csv(path: Path) -> FeatureTable:
    """Read what `write_csv` wrote, or any CSV with a column "case" first and numbers else; without settings they are null.

    Raises InputError, naming the line, if it is not such a table.
    """
    require_no_pipe(path)
    try:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("not a table of features", where=path, found=str(error)) from error
    if not rows or rows[0][:1] != [CASE]:
        found = ", ".join(rows[0][:3]) if rows else "an empty file"
        raise InputError("not a table of features", where=path, expected=f'a first column "{CASE}"', found=found)
    header, lines = rows[0], [(row, f"{path}, line {line}") for line, row in enumerate(rows[1:], start=2)]
    for row, where in lines:
        if len(row) != len(header):
            raise InputError("a row of another length", where=where, expected=len(header), found=len(row))
    known = [place for place, name in enumerate(header) if name.startswith(KNOWN)]
    features = [place for place in range(1, len(header)) if place not in set(known)]
    values = [[_number(row[place], where) for place in features] for row, where in lines]
    cells = {header[place]: tuple(_cell(header[place], row[place], where) for row, where in lines) for place in known}
    settings = read_json(_settings_path(path)) if _settings_path(path).exists() else None
    return _table(path, [row[0] for row in rows[1:]], [header[place] for place in features], values, settings, cells)


def write_parquet(path: Path, table: FeatureTable) -> None:
    """Write a table as Parquet, settings in its metadata. Raises UsageError with the install line without pyarrow."""
    arrow, parquet = require_pyarrow()
    columns = [arrow.array(table.cases, arrow.string())]
    columns += [
        arrow.array(cells, arrow.float64() if name.startswith(NUMBERS) else arrow.string())
        for name, cells in table.known.items()
    ]
    columns += [arrow.array(column, arrow.float64(), from_pandas=True) for column in table.values.T]
    made = arrow.Table.from_arrays(columns, names=[CASE, *table.known, *table.names])
    settings = json.dumps(table.settings, ensure_ascii=False, allow_nan=False).encode()
    with writing(path) as stream:
        parquet.write_table(made.replace_schema_metadata({SETTINGS_KEY: settings}), stream)


def read_parquet(path: Path) -> FeatureTable:
    """Read what `write_parquet` wrote, or any Parquet file with a column "case" of text and numbers else.

    Raises InputError if it is not one, UsageError with the install line without pyarrow.
    """
    arrow, parquet = require_pyarrow()
    require_no_pipe(path)
    try:
        read = parquet.read_table(path)
        settings = json.loads((read.schema.metadata or {}).get(SETTINGS_KEY, b"null"))
        cases = read.column(CASE).cast(arrow.string()).to_pylist()
        names = [name for name in read.column_names if name != CASE and not name.startswith(KNOWN)]
        known = {
            name: tuple(
                read.column(name).cast(arrow.float64() if name.startswith(NUMBERS) else arrow.string()).to_pylist()
            )
            for name in read.column_names
            if name.startswith(KNOWN)
        }
        columns = [read.column(name).cast(arrow.float64()).to_numpy(zero_copy_only=False) for name in names]
    except (OSError, ValueError, KeyError, arrow.ArrowException) as error:
        found = str(error).splitlines()[0][:200]
        raise InputError("not a table of features", where=path, found=found) from error
    values = np.stack(columns, axis=1).tolist() if columns else [[]] * len(cases)
    return _table(path, cases, names, values, settings, known)


def _table(
    path: Path,
    cases: Sequence[str],
    names: Sequence[str],
    values: Iterable[Sequence[float]],
    settings: JSON,
    known: Mapping[str, tuple[Cell, ...]],
) -> FeatureTable:
    array = np.array(list(values), np.float64).reshape(len(cases), len(names))
    try:
        return FeatureTable(tuple(cases), tuple(names), array, settings, known)
    except UsageError as error:
        raise InputError(error.message, where=path, found=error.found or error.where) from error


def _number(cell: str, where: str) -> float:
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError as error:
        raise InputError("a feature that is not a number", where=where, found=str(error)) from error


def _cell(name: str, cell: str, where: str) -> Cell:
    """What is known of a case: a word, or a number where the column is one of numbers; None for an empty cell."""
    if not cell.strip():
        return None
    return _number(cell, where) if name.startswith(NUMBERS) else cell


def _finite(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else float(value)


def _settings_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".csv") + ".settings.json")


def require_pyarrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet module. Raises UsageError with the install line where it is absent."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError("Parquet files need pyarrow", hint=f"Install it: {INSTALL}") from error
    return pyarrow, pyarrow.parquet
