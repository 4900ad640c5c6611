"""How sure answers are, on the page of a run or of an evaluation: sentences and tables, as text; drawn by
certainty.LANGUAGE.html.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """columns: the first one names rows. rows: as many cells each."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CertaintyPart:
    """What one set of cases shows of how sure answers are."""

    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
