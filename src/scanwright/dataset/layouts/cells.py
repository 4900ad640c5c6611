"""What single cells of a table say: nothing, that it is not known, yes or no, a number, a number with its unit."""

import math
import re

EMPTY = ("", "n/a", "na", "nan", "null", "#n/a", "<na>", "n.a.")
MARK = re.compile(r"\?+|[-\u2013\u2014]+|\.+|#[a-z0-9/]+[!?]", re.IGNORECASE)
WORDS_OF_UNKNOWN = (
    *("unknown", "unk", "not known", "n.k.", "missing", "not available", "not assessed", "not done", "not stated"),
    *("\u672a\u77e5", "\u4e0d\u8be6"),
)
YES, NO = ("1", "1.0", "true", "yes", "y"), ("0", "0.0", "false", "no", "n")
UNCERTAIN = ("-1", "-1.0")
"""What stands between 1 and 0 in tables of labels (CheXpert, MIMIC-CXR)."""
NOT_KNOWN = "?"
"""Before a declared class, among several in one cell: nobody said whether it is there."""

GROUPED = re.compile(
    r"[-+]?[1-9]\d{0,2}(?:(?:,\d{3})+(?:\.\d+)?|(?P<sign>['\u2019 \u00a0\u202f])\d{3}(?:(?P=sign)\d{3})*(?:[.,]\d+)?"
    r"|(?P<point>\.)\d{3}(?:(?:\.\d{3})+(?:,\d+)?|,\d+))"
)
WITH_UNIT = re.compile(r"(?P<number>[-+]?\d[\d.,]*)\s*(?P<unit>%|[a-zµμ][a-zµμ²³23/]{0,5})", re.IGNORECASE)


def is_empty(cell: str) -> bool:
    """Whether a cell says nothing."""
    return cell.strip().lower() in EMPTY


def is_mark(cell: str) -> bool:
    """Whether a cell is a sign that stands for "not known", or an error of a spreadsheet.

    >>> [is_mark(cell) for cell in ("?", "--", "#VALUE!", "+", "unknown", "")]
    [True, True, True, False, False, False]
    """
    return MARK.fullmatch(cell.strip()) is not None


def says_nothing(cell: str) -> bool:
    """Whether a cell is empty, a sign for "not known", or a word for it: what cannot be a name."""
    return is_empty(cell) or is_mark(cell) or cell.strip().casefold() in WORDS_OF_UNKNOWN


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


def is_not_finite(cell: str) -> bool:
    """Whether a cell is written as a number, and stands for none that is finite.

    >>> [is_not_finite(cell) for cell in ("inf", "-Infinity", "1e400", "12", "nine", "1_0")]
    [True, True, True, False, False, False]
    """
    try:
        return "_" not in cell and not math.isfinite(float(cell))
    except ValueError:
        return False


def is_grouped(cell: str) -> bool:
    """Whether commas, spaces, apostrophes or points of a cell may part thousands; a single point is one for decimals.

    >>> [is_grouped(cell) for cell in ("1,048", "1,048,576", "1 048,5", "1'048", "1.048,5", "1.048", "1,5", "0,350")]
    [True, True, True, True, True, False, False, False]
    """
    return GROUPED.fullmatch(cell.strip()) is not None


def is_surely_grouped(cell: str) -> bool:
    """Whether what parts the digits of a cell can but part thousands.

    >>> [is_surely_grouped(cell) for cell in ("1,048", "1,048,576", "1,048.5", "1 048")]
    [False, True, True, True]
    """
    found = GROUPED.fullmatch(cell.strip())
    return found is not None and ((found["sign"] or found["point"]) is not None or cell.count(",") > 1 or "." in cell)


def ungrouped(cell: str) -> str:
    """A cell's number without what parts its thousands; any other cell as it is.

    >>> ungrouped("1,048.5"), ungrouped("1 048,5"), ungrouped("1,5")
    ('1048.5', '1048,5', '1,5')
    """
    found = GROUPED.fullmatch(cell.strip())
    return cell if found is None else cell.strip().replace(found["sign"] or found["point"] or ",", "")


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


def unquoted(cell: str) -> str:
    """A cell without quotation marks around all of it.

    >>> unquoted("'benign'"), unquoted('"benign"'), unquoted("'a', 'b'"), unquoted("Hodgkin's")
    ('benign', 'benign', "'a', 'b'", "Hodgkin's")
    """
    return re.sub(r"""^(['"])([^'"]*)\1$""", r"\2", cell.strip())
