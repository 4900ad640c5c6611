"""Several classes in one cell: names with a sign between them, or a list as Python and JSON write it.

Mass|Cyst   Mass; Cyst   Mass, Cyst          the first of | and ; that stands in a cell of the column; else the comma, if a part
                                              of a cell stands in another cell too (also their full-width forms, and the Chinese
                                              enumeration comma)
['Mass', 'Cyst']   ["Mass"]   []             names in quotes within brackets; [] says that there is nothing
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Classes
from scanwright.dataset.declare import FILE_NAME, Declaration
from scanwright.dataset.layouts.cells import NOT_KNOWN, as_number, is_empty, is_grouped
from scanwright.errors import InputError

NOTHING = ("no finding", "no findings", "no_finding", "none", "nothing")
NARROW = str.maketrans("\uff5c\uff1b\uff0c\u3001", "|;,,")
LISTS = "[…]"
"""What parts several classes where cells are lists."""
SIGNS = "|;,"
SHOWN = 4
_QUOTED = r"""(?:'[^'\\]*'|"[^"\\]*")"""
_INNER = rf"\s*(?:{_QUOTED}(?:(?:\s*,\s*|\s+){_QUOTED})*\s*,?\s*)?"
LIST = re.compile(rf"\[{_INNER}\]|\({_INNER}\)|\{{{_INNER}\}}")
IN_QUOTES = re.compile(_QUOTED)
BRACKETS = re.compile(r"\[.*\]", re.DOTALL)


def listed_names(cell: str) -> tuple[str, ...] | None:
    """The names in a cell that is a list of them in quotes; None if it is none.

    >>> listed_names("['mass', 'calc']"), listed_names("[]"), listed_names("[1, 0]"), listed_names("mass")
    (('mass', 'calc'), (), None, None)
    """
    if LIST.fullmatch(cell) is None:
        return None
    return tuple(name for quoted in IN_QUOTES.findall(cell) if (name := quoted[1:-1].strip()))


def require_readable_lists(
    columns: Mapping[str, Sequence[str]], names: Sequence[str], declared: Declaration, *, where: Path
) -> None:
    """Raise InputError for cells in brackets that are no list of names in quotes, and for cells with | ; or , beside lists.

    names: of the rows' cases. What is declared as a class is meant.
    """
    ((column, cells),) = columns.items()
    filled = [(name, cell) for name, cell in zip(names, cells, strict=True) if not is_empty(cell)]
    loose = [(n, c) for n, c in filled if listed_names(c) is None and c not in (declared.classes or ())]
    beside_lists = len(loose) < len(filled) and any(listed_names(cell) is not None for _, cell in filled)
    odd = [
        f"{cell!r} of {name}"
        for name, cell in loose
        if BRACKETS.fullmatch(cell) or (beside_lists and any(sign in cell.translate(NARROW) for sign in SIGNS))
    ]
    if odd:
        raise InputError(
            "a list of classes that cannot be read",
            where=where,
            expected=f"names in quotes in {column}, as in ['mass', 'cyst'], or mass|cyst in every cell",
            found=", ".join(odd[:SHOWN]) + (f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""),
            hint=f'If brackets or signs belong to the name of one class, name all in "classes" of {FILE_NAME}.',
        )


def separator_of(cells: Sequence[str], declared: Declaration) -> str | None:
    """What parts several classes in one cell: |, ; or a comma, or LISTS; None where each cell is one class.

    Lists of one name each are one class each.
    """
    if declared.choice not in (None, "several"):
        return None
    lists = [found for cell in cells if (found := listed_names(cell)) is not None]
    if lists:
        return None if declared.choice is None and all(len(names) == 1 for names in lists) else LISTS
    narrow = [cell.translate(NARROW) for cell in cells]
    for sign in "|;":
        if any(sign in cell for cell in narrow):
            return sign
    words = {cell for cell in narrow if as_number(cell) is None and not is_grouped(cell)}
    parts = {cell: [part.strip() for part in cell.split(",")] for cell in words}
    counts = Counter(part for found in parts.values() for part in set(found))
    return "," if any(counts[part] > 1 for found in parts.values() if len(found) > 1 for part in found) else None


def one_class(cell: str) -> Classes | None:
    """The one class of a cell, which may be a list of one name; None if it lists none, or several."""
    listed = listed_names(cell)
    return Classes(names=(cell,) if listed is None else listed) if listed is None or len(listed) == 1 else None


def several_classes(cell: str, separator: str | None, declared: Declaration) -> Classes | None:
    """What a cell says of several classes: a declared one with "?" before it is not known; None where none is known."""
    parts, classes = _parts(cell, separator, declared), declared.classes or ()
    unsure = {
        part: part.removeprefix(NOT_KNOWN) for part in parts if part.startswith(NOT_KNOWN) and part not in classes
    }
    unknown = tuple(name for name in dict.fromkeys(unsure.values()) if name in classes)
    names = tuple(part for part in parts if unsure.get(part, part) not in unknown)
    return None if unknown and len(unknown) == len(classes) else Classes(names=names, unknown=unknown)


def _parts(cell: str, separator: str | None, declared: Declaration) -> tuple[str, ...]:
    """The classes in a cell; none where it says that there is nothing, unless that is declared as a class."""
    classes = declared.classes or ()
    listed = listed_names(cell)
    if listed is None:
        is_one = separator in (None, LISTS) or cell in classes
        listed = (cell,) if is_one else tuple(part.strip() for part in cell.translate(NARROW).split(separator))
    return tuple(part for part in listed if part and (part.lower() not in NOTHING or part in classes))
