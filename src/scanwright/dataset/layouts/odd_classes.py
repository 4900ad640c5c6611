"""What cannot be meant, or hardly, in columns of classes: fractions, dates, words beside numbers, one class in two spellings,
several classes in one cell, words for "not known".
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import FILE_NAME
from scanwright.dataset.layouts.cells import as_number, is_empty, is_mark, is_not_finite, says_nothing
from scanwright.dataset.layouts.odd_numbers import may_be_classes
from scanwright.dataset.layouts.several import LISTS, NARROW, SIGNS
from scanwright.dataset.layouts.spelling import alike_classes
from scanwright.dataset.task import Choice
from scanwright.errors import InputError

OF_CLASSES = (
    *("class", "classes", "class_name", "label", "labels", "diagnosis", "dx", "finding", "findings", "finding_labels"),
    *("category", "pathology"),
)
"""Columns called so hold classes, never probabilities of them."""
OF_QUANTITIES = re.compile(
    r"(?:^|_)(?:target|y|value|outcome|grade|ratio|fraction|share|proportion|percent|percentage|pct|index|score|rate|density|volume"
    r"|anisotropy|pdff|suvr|ki67|degree|radius|stiffness|strain|creatinine|bmd|area|size|length|width|height|thickness|diameter|depth|distance|dose|concentration|suv|adc|fa|md|l?v?ef|ctr|level|age|time"
    r"|mm|cm|ml|mg|kg)(?:_|\d|$)"
)
"""Columns called so may hold quantities from 0 to 1."""
SEPARATOR = re.compile(r"\s*[/+&\\]\s*|\s+(?:and|with|plus)\s+")
TOGETHER = re.compile(r"\s*(?:[/&\\]|\+(?=\s*\w))\s*|\s+(?:and|plus)\s+")
"""Signs and words that part labels of equal standing: neither the plus of HER2+, nor what stands with something."""
JOINERS = re.compile(r"(?:\W|_|\b(?:and|or|with|plus)\b)+")
DATE = re.compile(
    r"(?:(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:19|20)\d\d)(?:[ T]\d{1,2}:\d\d.*)?"
    r"|(?:19|20)\d\d\u5e74.*\u65e5"
)
SHOWN = 4


def require_no_fractions(classes: Sequence[str], *, column: str, where: Path) -> None:
    """Raise InputError if more than one class is a number with decimals."""
    fractions = _fractions(classes)
    if len(fractions) > 1:
        raise _no_classes(fractions, column=column, where=where)


def _fractions(cells: Sequence[str]) -> list[str]:
    """The different cells that are numbers with decimals."""
    return [
        name for name in dict.fromkeys(cells) if (number := as_number(name)) is not None and not number.is_integer()
    ]


def _no_classes(fractions: Sequence[str], *, column: str, where: Path) -> InputError:
    within = all(0 <= (as_number(name) or 0.0) <= 1 for name in fractions)
    return InputError(
        "numbers with decimals are no classes",
        where=where,
        expected=f"words or whole numbers in {column}",
        found=_listed(fractions),
        hint=("If these are probabilities, write the class that was decided. " if within else "")
        + f'A quantity is learned with --task regression, or "kind": "regression" in {FILE_NAME}.',
    )


def require_no_probabilities(columns: Mapping[str, Sequence[str]], *, where: Path) -> None:
    """Raise InputError if columns hold numbers from 0 to 1, some with decimals, and none of them is called as quantities are.

    columns: by their names as tables have them (`delimited.column_name`); filled cells alone.
    """
    cells = [cell for column in columns.values() for cell in column]
    numbers = [as_number(cell) for cell in cells]
    called_so = any(name not in OF_CLASSES and OF_QUANTITIES.search(name) for name in columns)
    fractions = _fractions(cells)
    if fractions and not called_so and all(number is not None and 0 <= number <= 1 for number in numbers):
        raise _no_classes(fractions, column=", ".join(columns), where=where)


def require_no_dates(cells: Sequence[str], *, column: str, where: Path) -> None:
    """Raise InputError if most of the filled cells are dates, which are neither classes nor numbers."""
    dates = [cell for cell in cells if DATE.fullmatch(cell.strip())]
    if 2 * len(dates) > len(cells):
        raise InputError(
            "dates are no classes",
            where=where,
            expected=f"words or numbers in {column}",
            found=_listed(list(dict.fromkeys(dates))),
            hint='Name another column in "target"; or write what is to be learned, as the age in years.',
        )


def _listed(cells: Sequence[str]) -> str:
    return ", ".join(cells[:SHOWN]) + (f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else "")


def require_no_stray_word(columns: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path) -> None:
    """Raise InputError if most cells of the column are numbers that are no classes, and a few are words: name these.

    Numbers are none if several have decimals; or many differ, beside words without digits, since 4A may stand beside 3.
    """
    ((column, cells),) = columns.items()
    filled = [(name, cell, as_number(cell)) for name, cell in zip(names, cells, strict=True) if not is_empty(cell)]
    numbers = {number for _, _, number in filled if number is not None}
    words = [(name, cell) for name, cell, number in filled if number is None]
    stray = [f"{cell!r} of {name}" for name, cell in words]
    counted = not may_be_classes([cell for _, cell, _ in filled]) and not any(
        re.search(r"\d", cell) for _, cell in words
    )
    several = sum(not number.is_integer() for number in numbers) > 1 or counted
    if stray and several and 2 * len(stray) < len(filled):
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
    stated: Choice | None = None,
) -> Iterator[Fault]:
    """What looks like a slip in a column of classes: words beside numbers, and cells that may hold several classes.

    declared: classes that are named in scanwright.json, and so meant as they are. written: the classes in each spelling that
    cells have; those of `classes` if not given. separator: what parts several classes in the cells that were read so.
    stated: "choice" of scanwright.json; where that says that each cell is one class, what looks like several is a warning.
    """
    meant, every = declared or (), written or classes
    if choice != "ordered" and (mixed := _mixed(classes)) and not set(classes) <= set(meant):
        yield mixed
    yield from alike_classes(classes, meant)
    halved = [name for name in every if not _others(name, every).isdisjoint(_parts(name))]
    made = [name for name in every if _is_made_of(name.casefold(), _others(name, every) | _halves(name, halved))]
    shared = _sharing(every)
    signed = [name for name in every if choice == "several" and len(_parts(name)) > 1]
    other = [name for name in every if separator not in (None, LISTS) and _has_sign(name)]
    joined = [name for name in every if stated is None and choice == "one" and _labels(name)]
    parted = [
        name for name in every if name in {*halved, *made, *shared, *signed, *other, *joined} and name not in meant
    ]
    if parted:
        apart = [name for name in other if not _others(name, every).isdisjoint(_by_signs(name))]
        is_sure = stated in (None, "several") and not {*made, *shared, *apart}.isdisjoint(parted)
        how = f'"{separator}", as in other cells' if separator not in (None, LISTS) else '"|", ";" or ","'
        yield Fault(
            code="unknown-separator",
            severity="error" if is_sure else "warning",
            expected=f"several classes in one cell parted by {how}",
            found=", ".join(map(repr, parted[:SHOWN]))
            + (f" and {len(parted) - SHOWN} more" if len(parted) > SHOWN else ""),
            action='Part them so, with "choice": "several", if these are several classes'
            + (". " if is_sure else "; now each such cell is a class of its own. ")
            + f'If each cell is one, say "choice": "one" in {FILE_NAME}, or name all in "classes".',
        )


def doubted_commas(cells: Sequence[str], separator: str | None, *, stated: Choice | None) -> Iterator[Fault]:
    """A warning where commas were taken to part labels, and no label stands in a cell by itself, as in "carcinoma, NOS"."""
    parts = {cell: _by_signs(cell) for cell in dict.fromkeys(cells)}
    parted = {cell: found for cell, found in parts.items() if len(found) > 1}
    alone = {found[0] for found in parts.values() if len(found) == 1}
    if (
        separator == ","
        and stated is None
        and parted
        and alone.isdisjoint(part for all in parted.values() for part in all)
    ):
        yield Fault(
            code="unknown-separator",
            severity="warning",
            expected="labels that stand in a cell by themselves too, if a comma parts them",
            found=_listed([repr(cell) for cell in parted]),
            action="Read as several labels each. If each cell is one class, "
            f'say "choice": "one" in {FILE_NAME}; if not, "several".',
        )


def unknown_classes(
    classes: Sequence[str], cells: Sequence[str | None], names: Sequence[str], *, declared: Sequence[str] | None
) -> Iterator[Fault]:
    """A warning for each class that is a word for "not known", or a question mark, unless it is declared; with its cases."""
    signs = [one for one in classes if _is_bare(one)]
    for one in classes:
        is_meant = one in (declared or ()) or (one in signs and not all(map(is_mark, signs)))
        if says_nothing(one) and not is_meant:
            cases = tuple(
                name for name, cell in zip(names, cells, strict=True) if cell and cell.casefold() == one.casefold()
            )
            yield Fault(
                code="unknown-class",
                severity="warning",
                cases=cases,
                expected="an empty cell where nothing is known",
                found=f"a class {one!r} in {len(cases)} case{'s' * (len(cases) != 1)}",
                action='Learned as a class of its own. Empty the cells if it means that nobody knows; name all in "classes" '
                f"of {FILE_NAME} if it is a class.",
            )


def not_known(cells: Sequence[str | None], *, declared: Sequence[str] | None) -> set[str]:
    """The signs among cells that stand for "not known", such as ?, and are not declared.

    None beside other bare signs (+), nor beside one class alone, of which a dash may say that it is absent.
    """
    marks = {cell for cell in cells if cell is not None and is_mark(cell)} - set(declared or ())
    others = {cell.casefold() for cell in cells if cell is not None and cell not in marks}
    return set() if len(others) < 2 or any(map(_is_bare, others)) else marks


def _is_bare(cell: str) -> bool:
    """Whether a cell holds signs alone, and no list in brackets."""
    return re.search(r"[^\W_]|[\[({]", cell) is None


def marked_cells(marks: set[str], cells: Sequence[str | None], names: Sequence[str], *, column: str) -> Iterator[Fault]:
    """The warning for signs that were taken as not known, with their cases."""
    cases = tuple(name for name, cell in zip(names, cells, strict=True) if cell in marks)
    if cases:
        yield Fault(
            code="unknown-class",
            severity="warning",
            cases=cases,
            expected=f"a class or nothing in {column}",
            found=f"{', '.join(sorted(marks))} in {len(cases)} case{'s' * (len(cases) > 1)}",
            action='Taken as not known: neither learned nor scored. Where it says that there is nothing, write so ("none", '
            f'"negative"); if it is a class, name all in "classes" of {FILE_NAME}.',
        )


def _has_sign(name: str) -> bool:
    """Whether a name holds a sign of those that part classes in other columns."""
    return any(sign in name.translate(NARROW) for sign in SIGNS)


def _by_signs(name: str) -> list[str]:
    """What those signs part in a name.

    >>> _by_signs("Calc, cyst"), _by_signs("mass")
    (['calc', 'cyst'], ['mass'])
    """
    return [part.strip() for part in re.split(f"[{SIGNS}]", name.translate(NARROW).casefold())]


def _sharing(names: Sequence[str]) -> list[str]:
    """Names of two or more words parted by a sign, of which another such name has one too: mass/calc beside mass/cyst.

    Numbers (Gleason 3+4) and what ends in a sign (HER2+/ER-) are no labels on their own.
    """
    parts = {name: _labels(name) for name in names}
    counts = Counter(part for found in parts.values() for part in found)
    return [name for name, found in parts.items() if any(counts[part] > 1 for part in found)]


def _labels(name: str) -> set[str]:
    """The parts of a name that may be labels of their own; none unless all parts may be."""
    parts = TOGETHER.split(name.casefold())
    may_be = all(re.search(r"[^\W\d_]", part) and not part.rstrip().endswith(("+", "-")) for part in parts)
    return set(parts) if len(parts) > 1 and may_be else set()


def _mixed(classes: Sequence[str]) -> Fault | None:
    """The fault of classes of which some are numbers and some words: surely one class in two ways if no word has a digit, as
    4a beside 3 and 5 has.
    """
    numbers = [name for name in classes if as_number(name) is not None]
    words = [name for name in classes if name not in numbers]
    if not numbers or not words:
        return None
    if all(is_not_finite(name) for name in words):
        return Fault(
            code="mixed-classes",
            severity="error",
            expected="numbers that are finite",
            found=f"{', '.join(words[:SHOWN])} beside {', '.join(numbers[:SHOWN])}",
            action="Leave a cell empty where no number is known.",
        )
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
