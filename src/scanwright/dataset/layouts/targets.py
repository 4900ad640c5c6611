"""What the columns of a table say of whole images: classes, several at once, grades, or numbers.

    one column     text                                  a class:                   benign
                   text with | or ; in some cell         several at once:           Cardiomegaly|Effusion; "No Finding": none
                   text with commas, a part of which     several at once            COVID-19, ARDS   (beside a plain ARDS)
                     stands in another cell too
                   lists of names in quotes              several at once, a class where each holds one     ['Mass', 'Cyst']
                   whole numbers, at most 12 different   classes
                   three or more of either               grades if the column's name says so (grade, stage, birads …) and the
                                                         classes say their order (dataset/grades.py)
                   other numbers                         a quantity (regression); refused if they are from 0 to 1 and the
                                                         column is not called as quantities are (ratio, score, volume …)
    two or more    0 and 1, no and yes, false and true   several at once, called as the columns are; -1 is not sure, and so
                                                         not known; "choice": "one" takes the one column of each row
                   numbers                               quantities; refused beside columns of 0 and 1

scanwright.json outranks this: "kind", "choice", "classes". An empty cell (or n/a, nan, null) is not known: of one column that
is no target, of several columns the others still are one; among declared classes of which several may stand in a cell, "?Mass"
says that Mass is not known. Numbers have a point or a comma for decimals, nothing between
thousands, and no unit.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Classes, Fault, Quantities, Target
from scanwright.dataset.classes import in_order, one_spelling, with_spelling
from scanwright.dataset.declare import FILE_NAME, Declaration, require_order
from scanwright.dataset.grades import incomplete, order_of_grades
from scanwright.dataset.layouts.cells import (
    as_number,
    as_whole,
    is_empty,
    is_flag,
    is_uncertain,
    is_yes,
    unquoted,
)
from scanwright.dataset.layouts.delimited import column_name
from scanwright.dataset.layouts.odd_classes import (
    doubted_commas,
    marked_cells,
    not_known,
    odd_classes,
    require_no_dates,
    require_no_fractions,
    require_no_probabilities,
    require_no_stray_word,
    unknown_classes,
)
from scanwright.dataset.layouts.odd_numbers import (
    far_numbers,
    hold_quantities,
    require_no_bounds,
    require_plain_numbers,
)
from scanwright.dataset.layouts.several import (
    one_class,
    require_readable_lists,
    separator_of,
    several_classes,
)
from scanwright.dataset.layouts.spelling import misspelt_classes
from scanwright.dataset.task import Choice, Kind
from scanwright.dataset.units import states_unit
from scanwright.errors import InputError

MAX_CLASSES = 200
LARGEST = 1e30
"""Of a quantity: products of larger numbers leave what float32 and float64 can hold."""
ORDERED = re.compile(
    r"(?:^|_)(?:grade|grading|stage|score|level|severity|gleason|isup|rank|(?:bi|pi|li|ti|lung|o|c)_?rads|kl|tnm)s?(?:_|\d|$)"
)


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


def read_answers(
    columns: Mapping[str, Sequence[str]], names: Sequence[str], declared: Declaration, *, where: Path
) -> Answers:
    """Targets from columns of cells, as described above. names: of the rows' cases, for faults.

    Raises InputError if every cell is empty, if the columns hold something else than the declared kind needs, more than 200
    classes, classes that are fractions (probabilities, or a quantity), grades without an order, numbers that cannot be read in
    one way alone, or columns of 0 and 1 beside columns of numbers.
    """
    filled = {name: [cell for cell in cells if not is_empty(cell)] for name, cells in columns.items()}
    for name, cells in filled.items():
        if not cells:
            raise InputError("no value in the target column", where=where, found=name, hint='Name another in "target".')
    kind = declared.kind or _kind_of(filled, declared)
    if kind == "regression":
        if declared.kind is None:
            _require_meant_as_numbers(filled, declared, where=where)
            require_no_bounds(columns, names, where=where)
        require_plain_numbers(columns, names, where=where)
        return _quantities(columns, names, where=where)
    if kind != "classification":
        raise InputError(
            "a column holds classes or numbers of whole images",
            where=where,
            expected='"kind": classification or regression',
            found=kind,
            hint='Leave --task and "kind" out; label maps are files beside the images, and so are boxes, or a table of their '
            "corners (x0, y0, x1, y1, or x, y, width, height).",
        )
    if len(columns) == 1 and declared.classes is None:
        require_no_stray_word(columns, names, where=where)
        require_no_dates(*filled.values(), column=", ".join(columns), where=where)
    if len(columns) > 1:
        found = _flags(columns, names, declared, where=where)
    else:
        require_readable_lists(columns, names, declared, where=where)
        found = _classes(columns, names, declared, where=where)
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


def _kind_of(filled: Mapping[str, Sequence[str]], declared: Declaration) -> Kind:
    """Classification, unless every column holds numbers that are no classes."""
    if declared.classes is not None or declared.choice is not None:
        return "classification"
    if len(filled) > 1:
        return "classification" if all(map(_holds_labels, filled.values())) else "regression"
    (cells,) = filled.values()
    return "regression" if hold_quantities(cells) else "classification"


def _holds_labels(cells: Sequence[str]) -> bool:
    """Whether all cells of a column say yes, no or that it is not sure."""
    return all(is_flag(cell) or is_uncertain(cell) for cell in cells)


def _require_meant_as_numbers(filled: Mapping[str, Sequence[str]], declared: Declaration, *, where: Path) -> None:
    """Raise InputError if columns that nobody declared to be numbers hold words or probabilities, or some of them labels.

    Columns of which a unit is declared hold quantities.
    """
    words = [name for name, cells in filled.items() if not any(as_number(cell) is not None for cell in cells)]
    if len(filled) > 1 and words:
        raise InputError(
            "several target columns, and words in one of them",
            where=where,
            expected="columns of 0 and 1 (or yes and no) alone, or columns of numbers alone",
            found=", ".join(f"{filled[name][0]!r} in {name}" for name in words[:4]),
            hint='Write 1 and 0 if they are labels; else name one column of classes in "target", and train a model for each.',
        )
    labels = [name for name, cells in filled.items() if _holds_labels(cells)]
    if len(filled) > 1 and labels:
        numbers = [name for name in filled if name not in labels]
        raise InputError(
            "labels and quantities in one target",
            where=where,
            expected="columns of 0 and 1 alone, or columns of numbers alone",
            found=f"0 and 1 in {', '.join(labels)}; other numbers in {', '.join(numbers)}",
            hint=f'Name one of the two kinds in "target" and train a model for each; "kind": "regression" in {FILE_NAME} '
            "predicts all of them as numbers.",
        )
    if not declared.units and not any(map(states_unit, filled)):
        require_no_probabilities({column_name(name): cells for name, cells in filled.items()}, where=where)


def _classes(
    columns: Mapping[str, Sequence[str]], names: Sequence[str], declared: Declaration, *, where: Path
) -> Answers:
    """The classes of one column."""
    ((column, cells),) = columns.items()
    every = [None if is_empty(cell) else as_whole(unquoted(cell)) for cell in cells]
    marks = not_known(every, declared=declared.classes)
    plain = [None if cell in marks else cell for cell in every]
    separator = separator_of([cell for cell in plain if cell is not None], declared)
    several = separator is not None or declared.choice == "several"
    targets = [
        None if cell is None else several_classes(cell, separator, declared) if several else one_class(cell)
        for cell in plain
    ]
    unclear = [
        unclear_target(name, where, expected=f"one class in {column}", found=cell)
        for name, cell, target in zip(names, plain, targets, strict=True)
        if cell is not None and target is None and not several
    ]
    written = tuple(dict.fromkeys(name for one in targets if one for name in one.names))
    spelling = one_spelling((name for one in targets if one for name in one.names), declared=declared.classes)
    spelled = tuple(with_spelling(target, spelling) for target in targets)
    found = set(spelling.values())
    named_so = ORDERED.search(column_name(column)) is not None and len(found) > 2
    graded = named_so and order_of_grades(found) is not None
    choice: Choice = declared.choice or ("several" if several else "ordered" if graded else "one")
    classes = in_order(found, choice=choice)
    require_order(declared, classes, where=where)
    counts = Counter(name for one in spelled if isinstance(one, Classes) for name in one.names)
    odd = [
        *odd_classes(
            classes,
            choice,
            declared=declared.classes,
            written=written,
            separator=separator,
            stated=declared.choice,
        ),
        *doubted_commas([cell for cell in plain if cell is not None], separator, stated=declared.choice),
        *unknown_classes(classes, plain, names, declared=declared.classes),
        *marked_cells(marks, every, names, column=column),
        *misspelt_classes(counts, declared.classes or ()),
    ]
    if named_so and choice == "one" and declared.choice is None:
        odd.append(_unordered(column, classes))
    elif choice == "ordered" and declared.classes is None:
        odd += _no_grades(column, classes, spelled, names)
    return Answers(kind="classification", targets=spelled, classes=classes, choice=choice, faults=(*unclear, *odd))


def _unordered(column: str, classes: Sequence[str]) -> Fault:
    """The warning for a column that is called as grades are, with classes that do not say their order."""
    shown = ", ".join(classes[:6]) + (f" and {len(classes) - 6} more" if len(classes) > 6 else "")
    return Fault(
        code="unordered-grades",
        severity="warning",
        expected=f'grades in {column} whose names say their order, or "classes" in {FILE_NAME} from least to most',
        found=shown,
        action='Learned as classes without an order. Give "choice": "ordered" and "classes" if they have one; "choice": "one" '
        "if not.",
    )


def _no_grades(
    column: str, classes: Sequence[str], targets: Sequence[Target | None], names: Sequence[str]
) -> Iterator[Fault]:
    """The warning for grades that are learned as the least, and say that an assessment is not complete; with their cases."""
    for one in incomplete(classes, column=column_name(column)):
        cases = tuple(
            name
            for name, target in zip(names, targets, strict=True)
            if isinstance(target, Classes) and one in target.names
        )
        yield Fault(
            code="unordered-grades",
            severity="warning",
            cases=cases,
            expected=f"grades in {column} of which each is more than the one before",
            found=f"{one} in {len(cases)} case{'s' * (len(cases) > 1)}: of no grade, as the assessment is not complete",
            action=f"Learned as the lowest grade. Empty these cells, or leave the cases out with --exclude; if it is a grade, "
            f'give the order in {FILE_NAME}: "choice": "ordered" and "classes" from least to most.',
        )


def _flags(
    columns: Mapping[str, Sequence[str]], names: Sequence[str], declared: Declaration, *, where: Path
) -> Answers:
    """Several columns of 0 and 1: the classes of a row are the columns that say 1; what is empty or not sure is not known.

    Where one class is declared to be chosen, a row without just one 1 is a fault, unless cells of it are not known.
    """
    one = declared.choice in ("one", "ordered")
    targets: list[Target | None] = []
    faults: list[Fault] = []
    for name, row in zip(names, zip(*columns.values(), strict=True), strict=True):
        cells = dict(zip(columns, row, strict=True))
        unknown = tuple(column for column, cell in cells.items() if is_empty(cell) or is_uncertain(cell))
        odd = [cell for column, cell in cells.items() if column not in unknown and not is_flag(cell)]
        said = tuple(column for column, cell in cells.items() if is_yes(cell))
        if odd:
            faults.append(unclear_target(name, where, expected="0 or 1", found=odd[0]))
        elif one and len(said) != 1 and (said or not unknown):
            expected = f"1 in one of {', '.join(columns)}"
            faults.append(unclear_target(name, where, expected=expected, found=" and ".join(said) or "none"))
        is_known = not odd and (len(said) == 1 if one else len(unknown) < len(cells))
        targets.append(Classes(names=said, unknown=() if one else unknown) if is_known else None)
    choice: Choice = declared.choice or "several"
    classes = in_order(columns, choice=choice) if one else tuple(columns)
    require_order(declared, classes, where=where)
    return Answers(
        kind="classification",
        targets=tuple(targets),
        classes=classes,
        choice=choice,
        faults=(*faults, *_uncertain(columns, names), *(() if declared.choice else _exclusive(classes, targets))),
    )


def _exclusive(classes: Sequence[str], targets: Sequence[Target | None]) -> Iterator[Fault]:
    """The warning for labels of which each case has just one: they may exclude each other."""
    known = [target for target in targets if isinstance(target, Classes)]
    if known and all(len(target.names) == 1 and not target.unknown for target in known):
        yield Fault(
            code="exclusive-labels",
            severity="warning",
            expected="labels of which a case may have several, or none",
            found=f"just one of {', '.join(classes[:6])}{' …' * (len(classes) > 6)} in every case",
            action='Learned as labels that know nothing of each other. "choice": "one" in '
            f'{FILE_NAME} makes them classes that exclude each other; "choice": "several" says that they do not.',
        )


def _uncertain(columns: Mapping[str, Sequence[str]], names: Sequence[str]) -> Iterator[Fault]:
    """A warning for each column of labels in which cells say that it is not sure."""
    for column, cells in columns.items():
        cases = tuple(name for name, cell in zip(names, cells, strict=True) if is_uncertain(cell))
        if cases:
            yield Fault(
                code="uncertain-label",
                severity="warning",
                cases=cases,
                expected=f"0, 1 or nothing in {column}",
                found=f"-1 in {len(cases)} case{'s' * (len(cases) > 1)}",
                action="Taken as not known: of these cases this label is neither learned nor scored.",
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
    faults += far_numbers(tuple(columns), targets, names)
    return Answers(kind="regression", targets=tuple(targets), quantities=tuple(columns), faults=tuple(faults))


def _as_quantity(cell: str) -> float | None:
    """A cell's number; None if it is none, or too large to be computed with."""
    number = as_number(cell)
    return number if number is not None and abs(number) <= LARGEST else None


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


def missing_targets(images: Mapping[str, Path], *, column: str, choice: Choice) -> Iterator[Fault]:
    """The warning for images of which the table does not say what they show: what is not known may stay empty.

    images: by the names of their cases.
    """
    if images:
        nothing = ', or "none" where there is nothing' if choice == "several" else ""
        one = len(images) == 1
        yield Fault(
            code="missing-label",
            severity="warning",
            case=next(iter(images)) if one else None,
            file=next(iter(images.values())) if one else None,
            cases=() if one else tuple(images),
            expected=f"a value in {column}{nothing}",
            found="none" if one else f"none in {len(images)} cases",
            action="Neither learned from nor scored; add the value if it is known.",
        )
