"""A table of features: a row a case, a column a named feature, and the settings that they were computed with.

On disk it is CSV for people (the settings lie beside it, in NAME.settings.json) or Parquet (settings in the file's own
metadata). "Not defined" is NaN in memory, an empty cell in CSV, null in Parquet. Both give back every number to the bit.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, require_no_pipe, write_bytes, write_json, writing
from scanwright.types import JSON, Floats

INSTALL = 'pip install "scanwright[features]"'
CASE = "case"
SETTINGS_KEY = b"scanwright"


@dataclass(frozen=True, eq=False, slots=True)
class FeatureTable:
    """values: (N, F) float64, read-only, NaN where a feature is not defined; rows are `cases`, columns are `names`.

    settings: how the features were computed, as plain data. Raises UsageError if a case or a name occurs twice, a name is
    empty or "case", the shape is another, or a value is infinite.
    """

    cases: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    settings: JSON

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float64)
        if values.shape != (len(self.cases), len(self.names)):
            expected = f"{len(self.cases)} cases x {len(self.names)} features"
            raise UsageError("a table of features of another shape", expected=expected, found=values.shape)
        for what, words in (("case", self.cases), ("feature", self.names)):
            if len(set(words)) < len(words):
                twice = next(word for word in words if words.count(word) > 1)
                raise UsageError(f"a {what} occurs twice in a table of features", found=twice)
        if {"", CASE} & set(self.names):
            raise UsageError(f'a feature must have a name other than "{CASE}"')
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            raise UsageError("a feature is infinite", where=f"{self.cases[row]}, {self.names[column]}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @classmethod
    def of_rows(cls, rows: Mapping[str, Mapping[str, float | None]], settings: JSON) -> Self:
        """A table of features by case and name; columns in the order in which names first come, what is lacking undefined.

        None, NaN and infinity become NaN.
        """
        names = tuple(dict.fromkeys(name for row in rows.values() for name in row))
        values = [[_finite(row.get(name)) for name in names] for row in rows.values()]
        return cls(tuple(rows), names, np.array(values, np.float64).reshape(len(rows), len(names)), settings)

    def of_cases(self, cases: Sequence[str]) -> Self:
        """The rows of these cases, in this order. Raises UsageError for a case that is not there."""
        places = {case: row for row, case in enumerate(self.cases)}
        absent = [case for case in cases if case not in places]
        if absent:
            raise UsageError("no features of this case", found=absent[0])
        rows = [places[case] for case in cases]
        return type(self)(tuple(cases), self.names, self.values[rows].reshape(len(rows), -1), self.settings)

    def beside(self, other: "FeatureTable") -> Self:
        """The columns of both, for the cases of this one; settings become {"tables": [...]}. Raises as `of_cases`."""
        values = np.concatenate([self.values, other.of_cases(self.cases).values], axis=1)
        return type(self)(self.cases, (*self.names, *other.names), values, {"tables": [self.settings, other.settings]})


def write_csv(path: Path, table: FeatureTable) -> None:
    """Write a table as CSV, and its settings beside it. Raises ResourceError if the place cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CASE, *table.names])
    for case, row in zip(table.cases, table.values.tolist(), strict=True):
        writer.writerow([case, *("" if math.isnan(value) else repr(value) for value in row)])
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
    values = [_numbers(row, len(rows[0]), path, line) for line, row in enumerate(rows[1:], start=2)]
    settings = read_json(_settings_path(path)) if _settings_path(path).exists() else None
    return _table(path, [row[0] for row in rows[1:]], rows[0][1:], values, settings)


def write_parquet(path: Path, table: FeatureTable) -> None:
    """Write a table as Parquet, settings in its metadata. Raises UsageError with the install line without pyarrow."""
    arrow, parquet = require_pyarrow()
    columns = [arrow.array(table.cases, arrow.string())]
    columns += [arrow.array(column, arrow.float64(), from_pandas=True) for column in table.values.T]
    made = arrow.Table.from_arrays(columns, names=[CASE, *table.names])
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
        names = [name for name in read.column_names if name != CASE]
        columns = [read.column(name).cast(arrow.float64()).to_numpy(zero_copy_only=False) for name in names]
    except (OSError, ValueError, KeyError, arrow.ArrowException) as error:
        found = str(error).splitlines()[0][:200]
        raise InputError("not a table of features", where=path, found=found) from error
    return _table(path, cases, names, np.stack(columns, axis=1).tolist() if columns else [[]] * len(cases), settings)


def _table(
    path: Path, cases: Sequence[str], names: Sequence[str], values: Iterable[Sequence[float]], settings: JSON
) -> FeatureTable:
    array = np.array(list(values), np.float64).reshape(len(cases), len(names))
    try:
        return FeatureTable(tuple(cases), tuple(names), array, settings)
    except UsageError as error:
        raise InputError(error.message, where=path, found=error.found or error.where) from error


def _numbers(row: Sequence[str], length: int, path: Path, line: int) -> list[float]:
    if len(row) != length:
        raise InputError("a row of another length", where=f"{path}, line {line}", expected=length, found=len(row))
    try:
        return [float(cell) if cell.strip() else math.nan for cell in row[1:]]
    except ValueError as error:
        raise InputError("a feature that is not a number", where=f"{path}, line {line}", found=str(error)) from error


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
