"""What participants.tsv of a BIDS folder says of each participant: words that sort them into groups."""

from dataclasses import replace
from pathlib import Path

from scanwright.dataset.cases import Fault
from scanwright.dataset.layouts.ages import said_group
from scanwright.dataset.layouts.cells import is_empty
from scanwright.dataset.layouts.delimited import read_table
from scanwright.dataset.layouts.sidecar import group_columns, unusable_table
from scanwright.errors import InputError

KEY = "participant_id"


def groups_of_participants(path: Path) -> tuple[dict[str, dict[str, str]], list[Fault]]:
    """Groups of each participant that the table names, and a warning if it is there and cannot be read.

    Whose the scans are is in their names, so that it is no error. Empty if there is no table, or it names no participant.
    """
    if not path.exists():
        return {}, []
    try:
        table = read_table(path)
    except InputError as error:
        return {}, [unusable_table(path, error).model_copy(update={"severity": "warning"})]
    if KEY not in table.columns:
        return {}, []
    said = tuple({name: "" if is_empty(cell) else cell for name, cell in row.items()} for row in table.rows)
    groups = group_columns(replace(table, rows=said), besides=(KEY,))
    return {row[KEY]: {name: said_group(name, row[name]) for name in groups if row[name]} for row in said}, []
