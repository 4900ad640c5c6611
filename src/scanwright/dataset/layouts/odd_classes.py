"""What cannot be meant, or hardly, in columns of classes: fractions, words beside numbers, several classes in one cell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import FILE_NAME
from scanwright.dataset.layouts.cells import as_number, is_empty
from scanwright.dataset.task import Choice
from scanwright.errors import InputError

OF_CLASSES = (
    *("class", "classes", "class_name", "label", "labels", "diagnosis", "dx", "finding", "findings", "finding_labels"),
    *("category", "pathology"),
)
"""Columns called so hold classes, never probabilities of them."""
SEPARATOR = re.compile(r"\s*[/+&\\]\s*|\s+(?:and|with|plus)\s+")
JOINERS = re.compile(r"(?:\W|_|\b(?:and|or|with|plus)\b)+")
SHOWN = 4


def require_no_fractions(classes: Sequence[str], *, column: str, where: Path) -> None:
    """Raise InputError if more than one class is a number with decimals."""
    fractions = [name for name in classes if (number := as_number(name)) is not None and not number.is_integer()]
    if len(fractions) > 1:
        within = all(0 <= (as_number(name) or 0.0) <= 1 for name in fractions)
        raise InputError(
            "numbers with decimals are no classes",
            where=where,
            expected=f"words or whole numbers in {column}",
            found=", ".join(fractions[:SHOWN])
            + (f" and {len(fractions) - SHOWN} more" if len(fractions) > SHOWN else ""),
            hint=("If these are probabilities, write the class that was decided. " if within else "")
            + "A quantity is learned with --task regression.",
        )


def require_no_probabilities(column: str, cells: Sequence[str], *, where: Path) -> None:
    """Raise InputError if a column is called as columns of classes are, and holds numbers from 0 to 1 with decimals."""
    numbers = [as_number(cell) for cell in cells]
    if column in OF_CLASSES and all(number is not None and 0 <= number <= 1 for number in numbers):
        require_no_fractions(tuple(dict.fromkeys(cells)), column=column, where=where)


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
            found=", ".join(stray[:SHOWN]) + (f" and {len(stray) - SHOWN} more" if len(stray) > SHOWN else ""),
            hint="Correct the cell, or empty it; with --task regression these cases can be left out with --exclude.",
        )


def odd_classes(
    classes: Sequence[str],
    choice: Choice,
    *,
    declared: Sequence[str] | None = None,
    written: Sequence[str] | None = None,
    separator: str | None = None,
) -> Iterator[Fault]:
    """What looks like a slip in a column of classes: words beside numbers, and cells that may hold several classes.

    declared: classes that are named in scanwright.json, and so meant as they are. written: the classes in each spelling that
    cells have; those of `classes` if not given. separator: what parts several classes in the cells that were read so.
    """
    meant, every = declared or (), written or classes
    if (mixed := _mixed(classes)) and not set(classes) <= set(meant):
        yield mixed
    halved = [name for name in every if not _others(name, every).isdisjoint(_parts(name))]
    made = [name for name in every if _is_made_of(name.casefold(), _others(name, every) | _halves(name, halved))]
    signed = [name for name in every if choice == "several" and len(_parts(name)) > 1]
    parted = [name for name in every if name in {*halved, *made, *signed} and name not in meant]
    if parted:
        is_sure = not set(made).isdisjoint(parted)
        how = f'"{separator}", as in other cells' if separator else '"|", ";" or ","'
        yield Fault(
            code="unknown-separator",
            severity="error" if is_sure else "warning",
            expected=f"several classes in one cell parted by {how}",
            found=", ".join(map(repr, parted[:SHOWN]))
            + (f" and {len(parted) - SHOWN} more" if len(parted) > SHOWN else ""),
            action='Part them so, with "choice": "several", if these are several classes'
            + (". " if is_sure else "; now each such cell is a class of its own. ")
            + f'If it is one, name all in "classes" of {FILE_NAME}.',
        )


def _mixed(classes: Sequence[str]) -> Fault | None:
    """The fault of classes of which some are numbers and some words: surely one class in two ways if no word has a digit, as
    4a beside 3 and 5 has.
    """
    numbers = [name for name in classes if as_number(name) is not None]
    words = [name for name in classes if name not in numbers]
    if not numbers or not words:
        return None
    sure = any(not re.search(r"\d", name) for name in words)
    return Fault(
        code="mixed-classes",
        severity="error" if sure else "warning",
        expected="classes that are all words, or all numbers",
        found=f"{', '.join(numbers[:SHOWN])} beside {', '.join(words[:SHOWN])}",
        action="Write each class in one way, as two spellings of one class are learned as two; if all of them are classes, "
        f'name them in "classes" of {FILE_NAME}.',
    )


def _parts(name: str) -> list[str]:
    """What a sign that may part several classes parts in a class's name; nothing where there is none."""
    parts = [part for part in SEPARATOR.split(name.casefold()) if part]
    return parts if len(parts) > 1 else []


def _others(name: str, classes: Sequence[str]) -> set[str]:
    return {one.casefold() for one in classes if one != name}


def _halves(name: str, halved: Sequence[str]) -> set[str]:
    """The parts of the other names of which one part is a class: the rest of them may be classes too."""
    return {part for one in halved if one != name for part in _parts(one)}


def _is_made_of(name: str, others: set[str]) -> bool:
    """Whether a name is two or more others, longest first, and nothing else but signs and words that join.

    >>> _is_made_of("a, b", {"a", "b"}), _is_made_of("covid-19", {"covid", "19 cm"}), _is_made_of("mass_cyst", {"mass", "cyst"})
    (True, False, True)
    """
    rest, found = name, 0
    for other in sorted(others, key=lambda one: (-len(one), one)):
        rest, times = re.subn(rf"(?<![^\W_]){re.escape(other)}(?![^\W_])", " ", rest)
        found += times > 0
    return found > 1 and not JOINERS.sub("", rest)
