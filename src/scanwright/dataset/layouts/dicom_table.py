"""A table of the user's that says which DICOM series are the channels of which case. "series" in scanwright.json names it.

    case | id            the case's name; without this column each row is a case, named after its folder
    series | folder …    a SeriesInstanceUID; or a folder or file of the series, relative to the table
    channel              the channel's name; needed where a case has several rows
    volume               which volume of the series, as `scanwright inspect` lists it; needed where it has several (of a
                         cine one frame, "frame 7")
    label | mask | seg   the case's label, in any of its rows: DICOM SEG, RTSTRUCT, or an image file of label values; or a
                         folder with this one file. Without this column, whatever refers to the case's series is its label

It lies directly in the data folder. With a column case, further columns are read as those of any table beside a data set:
patient, split, groups; a case that any row sets apart is set apart.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import FILE_NAME
from scanwright.dataset.layouts.delimited import Table, read_table
from scanwright.dataset.layouts.dicom_series import SHOWN, Candidate, Choice, Chosen, ambiguous, case_names
from scanwright.dataset.layouts.listing import resolved
from scanwright.dataset.layouts.pairing import missing_channel
from scanwright.dataset.layouts.rows import ID_COLUMNS
from scanwright.dataset.layouts.sidecar import PATIENT_COLUMNS, SPLIT_COLUMNS
from scanwright.dataset.layouts.table import LABEL_COLUMNS
from scanwright.errors import InputError

SERIES_COLUMNS = (
    *("series", "series_uid", "series_instance_uid", "seriesinstanceuid", "series_folder", "folder", "file_location"),
    "path",
)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A row of the table: what it says, and the volume that it names. lost: what it names that is not there."""

    channel: str
    series: str
    label: str
    volume: Candidate | None
    lost: str = ""


def by_table(candidates: Sequence[Candidate], name: str, root: Path) -> Choice:
    """The cases of a table. A row whose series is not there, or a case that lacks a channel, is a fault.

    Raises InputError if there is no such table, no case of it is whole, a row could mean several volumes, or two rows are
    one channel of a case.
    """
    table = _read(root / name, root)
    rows = _rows(table, candidates, root)
    channels = tuple(dict.fromkeys(row.channel for members in rows.values() for row in members))
    cases: list[Chosen] = []
    faults: list[Fault] = []
    for case, members in rows.items():
        lost = next((row.lost for row in members if row.lost), "")
        if lost:
            faults.append(_not_there(case, table.path, lost))
            continue
        volumes = _by_channel(case, members, table.path)
        absent = [channel for channel in channels if channel not in volumes]
        if absent:
            faults.append(missing_channel(case, table.path, absent, channels))
            continue
        place = _label(case, members, table.path)
        cases.append(Chosen(case, tuple(volumes[channel] for channel in channels), place))
    if not cases:
        lines = [fault.line() for fault in faults[:SHOWN]]
        raise InputError("no case of the table is there", where=table.path, expected="a row a case", details=lines)
    return Choice(tuple(cases), channels, tuple(faults))


def _label(case: str, rows: Sequence[_Row], table: Path) -> Path | None:
    """The label that the rows of a case name. Raises InputError if they name two: one of them would be background."""
    labels = {_file(resolved(row.label, beside=table), table) for row in rows if row.label}
    if len(labels) > 1:
        raise InputError(
            "two labels for one case",
            where=table,
            expected="one file a case, or no column label: all that is drawn on its series then counts",
            found=f"{case}: {', '.join(sorted(path.name for path in labels))}",
        )
    return next(iter(labels), None)


def _file(place: Path, table: Path) -> Path:
    """A file, or the one file of a folder. Raises InputError if the folder holds none, or several."""
    from scanwright.io.dicom.series import files_in

    if not place.is_dir():
        return place
    files = files_in(place)
    if len(files) != 1:
        raise InputError(
            "a folder that is no label",
            where=table,
            expected="a file, or a folder with one file",
            found=f"{place.name}: {len(files)} files",
        )
    return files[0]


def _read(path: Path, root: Path) -> Table:
    if path.resolve().parent != root.resolve():
        raise InputError(
            "a table of series that is not in the data folder", where=path, expected=f"a file directly in {root}"
        )
    if not path.is_file():
        raise InputError("no such table of series", where=path, hint=f'Correct "series" in {FILE_NAME}.')
    table = read_table(path)
    if table.column(SERIES_COLUMNS) is None:
        raise InputError("no column that names series", where=path, expected="a column series, of UIDs or folders")
    about = table.column((*PATIENT_COLUMNS, *SPLIT_COLUMNS))
    if about is not None and table.column(ID_COLUMNS) is None:
        raise InputError("a table that does not name its cases", where=path, expected="a column case", found=about)
    return table


def _rows(table: Table, candidates: Sequence[Candidate], root: Path) -> Mapping[str, list[_Row]]:
    """The rows of each case."""
    series, case, label = (table.column(names) or "" for names in (SERIES_COLUMNS, ID_COLUMNS, LABEL_COLUMNS))
    places = {one: {file.resolve() for file in one.image.files} for one in candidates}
    rows = []
    for line in table.rows:
        volume, lost = _named(line[series], line.get("volume", ""), places, table.path)
        rows.append(_Row(line.get("channel", ""), line[series], line.get(label, ""), volume, lost))
    if case:
        names = [line[case] for line in table.rows]
        if not all(names):
            raise InputError(
                "a row that names no case", where=table.path, found=f"row {names.index('') + 1}: no {case}"
            )
    else:
        there = iter(case_names([row.volume.image for row in rows if row.volume is not None], root))
        names = [row.series if row.volume is None else next(there) for row in rows]
    by_case: dict[str, list[_Row]] = defaultdict(list)
    for name, row in zip(names, rows, strict=True):
        by_case[name].append(row)
    return by_case


def _named(
    series: str, volume: str, places: Mapping[Candidate, set[Path]], table: Path
) -> tuple[Candidate | None, str]:
    """The volume that a row means: of the series with this UID, with this file, or whose files all lie below this folder.
    If it is not there, none and what is missing.

    places: the files of each candidate, links followed.
    """
    if not series:
        return None, "an empty cell"
    of_series = [one for one in places if one.series.uid == series]
    if not of_series:
        place = resolved(series, beside=table).resolve()
        of_series = [
            one for one, files in places.items() if place in files or all(file.is_relative_to(place) for file in files)
        ]
    found = [one for one in of_series if not volume or one.stack.name == volume]
    if len(found) > 1:
        raise ambiguous(found, table)
    if found:
        return found[0], ""
    if not of_series:
        return None, f"no such series: {series}"
    names = [one.stack.name or "an unnamed one" for one in of_series]
    listed = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return None, f"no volume {volume!r} of {series}, which has {listed}"


def _by_channel(case: str, rows: Sequence[_Row], table: Path) -> dict[str, Candidate]:
    volumes: dict[str, Candidate] = {}
    for row in rows:
        if row.channel in volumes:
            raise InputError(
                "two rows for one channel of a case",
                where=table,
                expected="a column channel that tells the rows of a case apart",
                found=f"{case}: {row.channel or 'no channel named'} twice",
            )
        if row.volume is not None:
            volumes[row.channel] = row.volume
    return volumes


def _not_there(case: str, table: Path, lost: str) -> Fault:
    return Fault(
        code="missing-image",
        severity="error",
        case=case,
        file=table,
        expected="a series that is in the folder, and a volume of it",
        found=lost,
        action="Correct the row, add the files, or exclude the case.",
    )
