"""What the columns of a table say of whole images: classes, several at once, grades, or numbers.

    one column     text                                  a class:                   benign
                   text with | or ; in some cell         several at once:           Cardiomegaly|Effusion; "No Finding": none
                   text with commas, a part of which     several at once            COVID-19, ARDS   (beside a plain ARDS)
                     stands in another cell too
                   whole numbers, at most 12 different   classes; grades if the column's name says so (grade, stage, birads …)
                   other numbers                         a quantity (regression)
    two or more    0 and 1, no and yes, false and true   several at once, called as the columns are
                   numbers                               quantities

scanwright.json outranks this: "kind", "choice", "classes". An empty cell (or n/a, nan, null) is no target; so is a row of which
one column is empty, unless these are quantities, of which some may be unknown.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Classes, Fault, Quantities, Target
from scanwright.dataset.classes import in_order, one_spelling, with_spelling
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.delimited import column_name
from scanwright.dataset.task import Choice, Kind
from scanwright.errors import InputError

MAX_CLASSES = 200
MAX_WHOLE = 12  # different whole numbers that are still classes
LARGEST = 1e30
"""Of a quantity: products of larger numbers leave what float32 and float64 can hold."""
ORDERED = re.compile(
    r"(?:^|_)(?:grade|grading|stage|score|level|severity|gleason|isup|rank|(?:bi|pi|li|ti|lung|o|c)_?rads|kl|tnm)s?(?:_|\d|$)"
)
EMPTY = ("", "n/a", "na", "nan", "null")
UNKNOWN_SEPARATOR = re.compile(r"[/+&\\]|\band\b")
NOTHING = ("no finding", "no findings", "no_finding", "none", "nothing")
YES, NO = ("1", "1.0", "true", "yes", "y"), ("0", "0.0", "false", "no", "n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What the columns of a table answer: the kind, its names in order, and a target (or none) for each row.

    faults: cells that could not be understood.
    """

    kind: Kind
    targets: tuple[Target | None, ...]
    classes: tuple[str, ...] = ()
    choice: Choice = "one"
    quantities: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def is_empty(cell: str) -> bool:
    """Whether a cell says nothing."""
    return cell.strip().lower() in EMPTY


def read_answers(
    columns: Mapping[str, Sequence[str]], names: Sequence[str], declared: Declaration, *, where: Path
) -> Answers:
    """Targets from columns of cells, as described above. names: of the rows' cases, for faults.

    Raises InputError if every cell is empty, if the columns hold something else than the declared kind needs, more than 200
    classes, or classes that are fractions: probabilities, or a quantity.
    """
    filled = {name: [cell for cell in cells if not is_empty(cell)] for name, cells in columns.items()}
    for name, cells in filled.items():
        if not cells:
            raise InputError("no value in the target column", where=where, found=name, hint='Name another in "target".')
    kind = declared.kind or _kind_of(filled, declared)
    if kind == "regression":
        return _quantities(columns, names, where=where)
    if kind != "classification":
        raise InputError(
            "a column holds classes or numbers of whole images",
            where=where,
            expected='"kind": classification or regression',
            found=kind,
            hint='Leave --task and "kind" out; label maps and boxes are files beside the images.',
        )
    if len(columns) == 1 and declared.classes is None:
        require_no_stray_word(columns, names, where=where)
    found = _flags(columns, names, where=where) if len(columns) > 1 else _classes(columns, declared)
    require_no_fractions(found.classes, column=", ".join(columns), where=where)
    if len(found.classes) > MAX_CLASSES:
        raise InputError(
            "too many classes",
            where=where,
            expected=f"at most {MAX_CLASSES}",
            found=f"{len(found.classes)} different cells in {', '.join(columns)}",
            hint="Is it the right column? Numbers are predicted with --task regression.",
        )
    return found


def require_no_fractions(classes: Sequence[str], *, column: str, where: Path) -> None:
    """Raise InputError if more than one class is a number with decimals."""
    fractions = [name for name in classes if (number := as_number(name)) is not None and not number.is_integer()]
    if len(fractions) > 1:
        within = all(0 <= float(name) <= 1 for name in fractions)
        raise InputError(
            "numbers with decimals are no classes",
            where=where,
            expected=f"words or whole numbers in {column}",
            found=", ".join(fractions[:4]) + (f" and {len(fractions) - 4} more" if len(fractions) > 4 else ""),
            hint=("If these are probabilities, write the class that was decided. " if within else "")
            + "A quantity is learned with --task regression.",
        )


def require_no_stray_word(columns: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path) -> None:
    """Raise InputError if most cells of the column are numbers, several with decimals, and a few are not: name these."""
    ((column, cells),) = columns.items()
    filled = [(name, cell, as_number(cell)) for name, cell in zip(names, cells, strict=True) if not is_empty(cell)]
    numbers = {number for _, _, number in filled if number is not None}
    stray = [f"{cell!r} of {name}" for name, cell, number in filled if number is None]
    fractions = sum(not number.is_integer() for number in numbers)
    if stray and fractions > 1 and 2 * len(stray) < len(filled):
        raise InputError(
            "not a number, in a column of numbers",
            where=where,
            expected=f"a number or nothing in {column}, as in {len(filled) - len(stray)} other rows",
            found=", ".join(stray[:4]) + (f" and {len(stray) - 4} more" if len(stray) > 4 else ""),
            hint="Correct the cell, or empty it; with --task regression these cases can be left out with --exclude.",
        )


def odd_classes(classes: Sequence[str], choice: Choice) -> Iterator[Fault]:
    """What looks like a slip in a column of classes: words beside numbers, and a sign that may part several classes."""
    numbers = [name for name in classes if as_number(name) is not None]
    if numbers and len(numbers) < len(classes):
        words = [name for name in classes if name not in numbers]
        yield Fault(
            code="mixed-classes",
            severity="warning",
            expected="classes that are all words, or all numbers",
            found=f"{', '.join(numbers[:4])} beside {', '.join(words[:4])}",
            action="Write each class in one way; two spellings of one class are learned as two.",
        )
    parted = [name for name in classes if UNKNOWN_SEPARATOR.search(name)]
    if choice == "several" and parted:
        yield Fault(
            code="unknown-separator",
            severity="warning",
            expected='several classes in one cell parted by "|", ";" or ","',
            found=", ".join(parted[:4]),
            action="Part them so, if these are several classes; now each such cell is a class of its own.",
        )


def _kind_of(filled: Mapping[str, Sequence[str]], declared: Declaration) -> Kind:
    """Classification, unless every column holds numbers that are no classes."""
    if declared.classes is not None or declared.choice is not None:
        return "classification"
    if len(filled) > 1:
        return "classification" if all(_is_flag(cell) for cells in filled.values() for cell in cells) else "regression"
    (cells,) = filled.values()
    numbers = [as_number(cell) for cell in cells]
    different = {number for number in numbers if number is not None}
    whole = all(number.is_integer() for number in different)
    few = len(different) <= min(MAX_WHOLE, max(2, len(cells) // 2))
    return "regression" if None not in numbers and not (whole and few) else "classification"


def _classes(columns: Mapping[str, Sequence[str]], declared: Declaration) -> Answers:
    """The classes of one column."""
    ((column, cells),) = columns.items()
    plain = [None if is_empty(cell) else _whole(cell) for cell in cells]
    separator = (
        _separator([cell for cell in plain if cell is not None]) if declared.choice in (None, "several") else None
    )
    several = separator is not None or declared.choice == "several"
    targets = [
        None if cell is None else Classes(names=_parts(cell, separator, declared) if several else (cell,))
        for cell in plain
    ]
    spelling = one_spelling((name for one in targets if one for name in one.names), declared=declared.classes)
    spelled = tuple(with_spelling(target, spelling) for target in targets)
    found = set(spelling.values())
    graded = len(found) > 2 and all(name.isdecimal() for name in found) and ORDERED.search(column_name(column))
    choice: Choice = declared.choice or ("several" if several else "ordered" if graded else "one")
    classes = in_order(found, choice=choice)
    odd = tuple(odd_classes(classes, choice))
    return Answers(kind="classification", targets=spelled, classes=classes, choice=choice, faults=odd)


def _separator(cells: Sequence[str]) -> str | None:
    """What parts several classes in one cell, or None where each cell is one class."""
    for sign in "|;":
        if any(sign in cell for cell in cells):
            return sign
    parts = {cell: [part.strip() for part in cell.split(",")] for cell in set(cells)}
    counts = Counter(part for found in parts.values() for part in set(found))
    return "," if any(counts[part] > 1 for found in parts.values() if len(found) > 1 for part in found) else None


def _parts(cell: str, separator: str | None, declared: Declaration) -> tuple[str, ...]:
    """The classes in a cell; none where it says that there is nothing, unless that is declared as a class."""
    parts = [part.strip() for part in (cell.split(separator) if separator else [cell])]
    return tuple(part for part in parts if part and (part.lower() not in NOTHING or part in (declared.classes or ())))


def _flags(columns: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path) -> Answers:
    """Several columns of 0 and 1: the classes of a row are the columns that say 1."""
    targets: list[Target | None] = []
    faults: list[Fault] = []
    for name, row in zip(names, zip(*columns.values(), strict=True), strict=True):
        odd = [cell for cell in row if not is_empty(cell) and not _is_flag(cell)]
        faults += [unclear_target(name, where, expected="0 or 1", found=odd[0])] if odd else []
        known = not odd and not any(is_empty(cell) for cell in row)
        said = tuple(column for column, cell in zip(columns, row, strict=True) if cell.strip().lower() in YES)
        targets.append(Classes(names=said) if known else None)
    return Answers(
        kind="classification", targets=tuple(targets), classes=tuple(columns), choice="several", faults=tuple(faults)
    )


def _quantities(columns: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path) -> Answers:
    targets: list[Target | None] = []
    faults: list[Fault] = []
    for name, row in zip(names, zip(*columns.values(), strict=True), strict=True):
        odd = [cell for cell in row if not is_empty(cell) and _as_quantity(cell) is None]
        if odd:
            expected = "a number" if as_number(odd[0]) is None else f"a number of at most {LARGEST:.0e} in size"
            faults.append(unclear_target(name, where, expected=expected, found=odd[0]))
        numbers = tuple(_as_quantity(cell) for cell in row)
        targets.append(
            None if odd or not any(number is not None for number in numbers) else Quantities(numbers=numbers)
        )
    if not any(targets):
        expected, found = (faults[0].expected, faults[0].found) if faults else ("numbers", "empty cells")
        raise InputError("no number in the target column", where=where, expected=expected, found=found)
    return Answers(kind="regression", targets=tuple(targets), quantities=tuple(columns), faults=tuple(faults))


def _as_quantity(cell: str) -> float | None:
    """A cell's number; None if it is none, or too large to be computed with."""
    number = as_number(cell)
    return number if number is not None and abs(number) <= LARGEST else None


def _is_flag(cell: str) -> bool:
    return cell.strip().lower() in YES + NO


def as_number(cell: str) -> float | None:
    """A cell's number, with a point or a comma; None if it is none, or not finite."""
    try:
        number = float(cell.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(cell: str) -> str:
    """A cell without what spreadsheets add to whole numbers: "3.0" is "3"."""
    return re.sub(r"^(-?\d+)[.,]0+$", r"\1", cell.strip())


def unclear_target(case: str, table: Path, *, expected: str, found: str) -> Fault:
    """The fault of a case whose cell is neither empty nor a value of its column."""
    return Fault(
        code="unclear-target",
        severity="error",
        case=case,
        file=table,
        expected=expected,
        found=repr(found),
        action="Correct the cell, or empty it.",
    )


def missing_target(case: str, image: Path, *, column: str) -> Fault:
    """The fault of an image of which the table does not say what it shows."""
    return Fault(
        code="missing-label",
        severity="error",
        case=case,
        file=image,
        expected=f"a value in {column}",
        found="none",
        action="Add the value, or exclude the case.",
    )
