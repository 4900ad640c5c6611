"""A CSV or TSV as text cells, read strictly: a row that does not fit its header would move patients from case to case."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.errors import InputError
from scanwright.files import require_no_pipe

MAX_TABLE_BYTES = 64 << 20
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CHINESE = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xa9\xb0-\xf7][\xa1-\xfe])*")
"""Bytes of which all that are no ASCII come in the pairs of GB 2312, as Excel writes them in Chinese."""
INVISIBLE = re.compile("^[\\s\u200b\u200e\u200f\u2060\ufeff]+|[\\s\u200b\u200e\u200f\u2060\ufeff]+$")
EXCEL = re.compile(r'"?sep=(.)"?\n', re.IGNORECASE)
IN_PLAIN_WORDS = {"unexpected end of data": "a quote that does not end", "field larger": "a cell without end"}


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

    UTF-8, UTF-16 with its mark, GB 2312 where all other bytes are its pairs, else Windows-1252; any kind of line end. Cells
    that are missing at the end of a row are empty; columns without a name at the end of the first line are none.
    Raises InputError if it is not there or no file, is over 64 MiB, is no text, has no header, names one column twice, has a
    quote that does not end, or a row with more cells than the header.
    """
    lines = _lines(*_text(path), path)
    columns = _columns(next(lines, (0, []))[1])
    twice = [name for name, times in Counter(columns).items() if times > 1 and name]
    if not columns or twice:
        found = f"{', '.join(twice)} twice" if twice else "an empty first line"
        raise InputError("a table needs a first line that names its columns", where=path, found=found)
    rows = list(lines)
    long = [number for number, cells in rows if any(cells[len(columns) :])]
    if long:
        raise InputError(
            "rows with more cells than the first line has columns",
            where=path,
            expected=f"at most {len(columns)} cells",
            found=f"line {', '.join(map(str, long[:5]))}" + (f" and {len(long) - 5} more" if len(long) > 5 else ""),
            hint="Put cells that hold a comma in quotes.",
        )
    read = (dict(zip(columns, cells, strict=False)) for _, cells in rows if any(cells))
    return Table(path=path, columns=columns, rows=tuple({name: row.get(name, "") for name in columns} for row in read))


def _plain(cell: str) -> str:
    """A cell without space around it, be it of no width."""
    return INVISIBLE.sub("", cell)


def columns_of(path: Path) -> tuple[str, ...]:
    """What the first line of a table names, whatever the rows hold; nothing if even that cannot be read."""
    try:
        return _columns(next(_lines(*_text(path), path), (0, []))[1])
    except InputError:
        return ()


def why_unreadable(paths: Iterable[Path]) -> list[str]:
    """A line for each of these tables that cannot be read: its name, why, and where in it."""
    lines = []
    for path in paths:
        try:
            read_table(path)
        except InputError as error:
            lines.append(f"{path.name}: {reason(error)}")
    return lines


def reason(error: InputError) -> str:
    """Why a table cannot be read, without its path."""
    return error.message if error.found is None else f"{error.message}: {error.found}"


def column_name(text: str) -> str:
    """A column's name as `Table` has it, letters of any script kept.

    >>> column_name("Patient ID"), column_name("\u8bca\u65ad"), column_name(" size (mm) ")
    ('patient_id', '\u8bca\u65ad', 'size_mm')
    """
    return re.sub(r"[\W_]+", "_", text.strip().lower()).strip("_")


def _columns(cells: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns, up to the last one that has a name."""
    names = [column_name(cell) for cell in cells]
    return tuple(names[: max((number for number, name in enumerate(names, start=1) if name), default=0)])


def _text(path: Path) -> tuple[str, str | None]:
    """The characters of a table, with line ends as "\\n", and the delimiter that its "sep=" line states, if there is one."""
    require_no_pipe(path)
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise InputError("the table is too large", where=path, expected=f"at most {MAX_TABLE_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise InputError("cannot read this file", where=path, found=error.strerror) from error
    try:
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030" if CHINESE.fullmatch(data) else "cp1252", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text.split("\n", 1)[0]:
        hint = "Save it as CSV in UTF-8."
        raise InputError("not a table", where=path, expected="text", found="bytes that are no characters", hint=hint)
    stated = EXCEL.match(text)
    return text, stated.group(1) if stated else None


def _lines(text: str, stated: str | None, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row from the header on, stripped, with the number of the line where the row ends.

    stated: the delimiter, if a line before the header says it.
    """
    skipped = 0 if stated is None else 1
    body = text.split("\n", skipped)[-1]
    first = body.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(body), delimiter=stated or max(",;\t", key=first.count), strict=True)
    began = 1 + skipped
    try:
        for cells in reader:
            began = reader.line_num + 1 + skipped
            yield reader.line_num + skipped, [_plain(cell) for cell in cells]
    except csv.Error as error:
        found = next((words for begin, words in IN_PLAIN_WORDS.items() if str(error).startswith(begin)), str(error))
        hint = "Put cells that hold a quote or a comma in quotes, and write a quote within them twice."
        raise InputError("not a table", where=path, found=f"{found}, in the row of line {began}", hint=hint) from error
