"""What single cells of a table say: nothing, yes or no, a number, a number with its unit."""

import math
import re

EMPTY = ("", "n/a", "na", "nan", "null")
YES, NO = ("1", "1.0", "true", "yes", "y"), ("0", "0.0", "false", "no", "n")
UNCERTAIN = ("-1", "-1.0")
"""What stands between 1 and 0 in tables of labels (CheXpert, MIMIC-CXR)."""
NOT_KNOWN = "?"
"""Before a declared class, among several in one cell: nobody said whether it is there."""

GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
WITH_UNIT = re.compile(r"(?P<number>[-+]?\d[\d.,]*)\s*(?P<unit>%|[a-zµμ][a-zµμ²³23/]{0,5})", re.IGNORECASE)


def is_empty(cell: str) -> bool:
    """Whether a cell says nothing."""
    return cell.strip().lower() in EMPTY


def is_flag(cell: str) -> bool:
    """Whether a cell says yes or no."""
    return cell.strip().lower() in YES + NO


def is_yes(cell: str) -> bool:
    """Whether a cell says yes."""
    return cell.strip().lower() in YES


def is_uncertain(cell: str) -> bool:
    """Whether a cell of labels says that it is not sure."""
    return cell.strip() in UNCERTAIN


def as_number(cell: str) -> float | None:
    """A cell's number, with a point or a comma for decimals; None if it is none, or not finite.

    What a comma before three digits means, one cell cannot say: see `is_grouped`.
    """
    text = cell.strip()
    try:
        number = math.nan if "_" in text else float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_grouped(cell: str) -> bool:
    """Whether commas of a cell may part thousands.

    >>> [is_grouped(cell) for cell in ("1,048", "1,048,576", "1,048.5", "1,5", "0,350", "1048")]
    [True, True, True, False, False, False]
    """
    return GROUPED.fullmatch(cell.strip()) is not None


def is_surely_grouped(cell: str) -> bool:
    """Whether commas of a cell can but part thousands.

    >>> [is_surely_grouped(cell) for cell in ("1,048", "1,048,576", "1,048.5")]
    [False, True, True]
    """
    return is_grouped(cell) and (cell.count(",") > 1 or "." in cell)


def unit_of(cell: str) -> str | None:
    """The unit behind a cell's number, in lower case; None if the cell is anything else.

    >>> [unit_of(cell) for cell in ("12 %", "3.2MM", "3.2", "-1e3", "T1", "mm")]
    ['%', 'mm', None, None, None, None]
    """
    found = WITH_UNIT.fullmatch(cell.strip())
    if found is None or as_number(cell) is not None or as_number(found["number"]) is None:
        return None
    return found["unit"].lower()


def without_unit(cell: str) -> str:
    """A cell's number without a unit behind it; any other cell as it is."""
    found = WITH_UNIT.fullmatch(cell.strip())
    return cell if found is None or unit_of(cell) is None else found["number"]


def as_whole(cell: str) -> str:
    """A cell without what spreadsheets add to whole numbers: "3.0" is "3". "1,000" may be a thousand, and stays."""
    return re.sub(r"^(-?\d+)(?:\.0+|,0{1,2})$", r"\1", cell.strip())
