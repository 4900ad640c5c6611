"""A CSV or TSV as text cells, read strictly: a row that does not fit its header would move patients from case to case."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scanwright.errors import InputError
from scanwright.files import require_no_pipe

MAX_TABLE_BYTES = 64 << 20
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
EXCEL = re.compile(r"sep=(.)\n", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table as text: column names in lower case with underscores, and rows with the line that each came from."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]

    def column(self, names: Iterable[str]) -> str | None:
        """The first of `names` that is a column, or None."""
        return next((name for name in names if name in self.columns), None)


def read_table(path: Path) -> Table:
    """Read a CSV or TSV: comma, semicolon or tab, whichever the first line has most of, or what Excel's "sep=" line says.

    UTF-8, UTF-16 with its mark, else Windows-1252; any kind of line end. Cells that are missing at the end of a row are empty.
    Raises InputError if it is no file, is over 64 MiB, has no header, names one column twice, has a quote that does not end, or
    a row with more cells than the header.
    """
    require_no_pipe(path)
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise InputError("the table is too large", where=path, expected=f"at most {MAX_TABLE_BYTES >> 20} MiB")
    text = _text(path.read_bytes())
    stated = EXCEL.match(text)
    text = text[stated.end() :] if stated else text
    first = text.split("\n", 1)[0]
    lines = list(_lines(text, stated.group(1) if stated else max(",;\t", key=first.count), path))
    columns = tuple(column_name(name) for name in (lines[0][1] if lines else []))
    twice = [name for name, times in Counter(columns).items() if times > 1 and name]
    if not any(columns) or twice:
        found = f"{', '.join(twice)} twice" if twice else "an empty first line"
        raise InputError("a table needs a first line that names its columns", where=path, found=found)
    long = [number for number, cells in lines[1:] if any(cells[len(columns) :])]
    if long:
        raise InputError(
            "rows with more cells than the first line has columns",
            where=path,
            expected=f"at most {len(columns)} cells",
            found=f"line {', '.join(map(str, long[:5]))}" + (f" and {len(long) - 5} more" if len(long) > 5 else ""),
            hint="Put cells that hold a comma in quotes.",
        )
    rows = (dict(zip(columns, cells, strict=False)) for _, cells in lines[1:] if any(cells))
    return Table(path=path, columns=columns, rows=tuple({name: row.get(name, "") for name in columns} for row in rows))


def column_name(text: str) -> str:
    """A column's name as `Table` has it: "Patient ID" is patient_id."""
    return re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")


def _text(data: bytes) -> str:
    """The characters of a table, with line ends as "\\n"."""
    try:
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _lines(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, stripped, with the number of the line where the row ends."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    began = 1
    try:
        for cells in reader:
            began = reader.line_num + 1
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        hint = "Put cells that hold a quote or a comma in quotes, and write a quote within them twice."
        raise InputError("not a table", where=path, found=f"{error} in the row of line {began}", hint=hint) from error
