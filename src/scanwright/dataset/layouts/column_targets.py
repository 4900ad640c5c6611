"""Cases whose classes or numbers stand in columns of a table: in their own row, or in one beside the data set.

A table beside the scans counts if it has the target columns and another that names at least half of the cases, or of their
patients (participants.tsv). Columns are those that scanwright.json names in "target"; else, where classes or numbers are asked
for and a table has exactly one column of a usual name (class, diagnosis, finding …), that one; else, unless numbers are asked
for, the only column that is called as grades are (stage, birads …; targets.py) and holds at most twelve classes; else, where
numbers are asked for (--task regression), the only column of numbers that is no name, patient, side or index.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault
from scanwright.dataset.declare import FILE_NAME, Declaration, make_class_task, make_quantity_task
from scanwright.dataset.layouts.cells import as_number, as_whole, is_empty, is_flag, is_grouped, unquoted
from scanwright.dataset.layouts.delimited import Table, column_name, read_table, why_unreadable
from scanwright.dataset.layouts.listing import tables_in
from scanwright.dataset.layouts.odd_numbers import has_one_unit, has_units, hold_quantities, may_be_classes
from scanwright.dataset.layouts.rows import ID_COLUMNS
from scanwright.dataset.layouts.several import NARROW, NOTHING, SIGNS
from scanwright.dataset.layouts.sidecar import OF_SERIES, PATIENT_COLUMNS, SPLIT_COLUMNS, case_of, key_column
from scanwright.dataset.layouts.targets import ORDERED, Answers, missing_targets, read_answers, unclear_target
from scanwright.dataset.task import Channel, Kind, Task
from scanwright.errors import InputError
from scanwright.io.source import place_of

TARGET_COLUMNS = (
    *("target", "class", "classes", "class_name", "label", "labels", "diagnosis", "dx", "finding", "findings"),
    *("finding_labels", "category", "pathology", "outcome", "grade", "value", "y"),
)
OF_TABLES: tuple[Kind, ...] = ("classification", "regression")
OF_GRADES: tuple[Kind | None, ...] = (None, "classification")
"""What may be asked for where a column is taken because it is called as grades are."""
SHOWN = 4
MAX_GRADES = 12
OF_LABEL_FILES = ("missing-label", "several-labels", "missing-image")
"""Faults that mean nothing once label files are left aside (a missing image: of a label)."""

Rows = Mapping[str, Sequence[Mapping[str, str]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """Cases with their targets, what the columns mean, and cells that are empty or not understood."""

    cases: tuple[Case, ...]
    answers: Answers
    columns: tuple[str, ...]
    table: Path
    faults: tuple[Fault, ...]
    is_guess: bool = False

    @property
    def stated(self) -> str:
        """Where the targets stand, for people: "column class of labels.csv". is_guess: taken for being of numbers alone."""
        shown = ", ".join(self.columns[:6]) + (" …" if len(self.columns) > 6 else "")
        why = ", its only column of numbers" if self.is_guess else ""
        return f"column{'s' * (len(self.columns) > 1)} {shown} of {self.table.name}{why}"

    def task(self, declared: Declaration, *, name: str, channels: Sequence[Channel], where: Path) -> Task:
        """The task of these targets. Raises InputError if it does not fit what is declared."""
        if self.answers.kind == "regression":
            return make_quantity_task(
                declared,
                name=name,
                channels=channels,
                quantities=self.answers.quantities,
                source=self.table.name,
                where=where,
            )
        return make_class_task(
            declared,
            kind="classification",
            name=name,
            channels=channels,
            classes=self.answers.classes,
            choice=self.answers.choice,
            source=self.table.name,
            where=where,
        )


def is_asked_for(declared: Declaration) -> bool:
    """Whether targets of a table are wanted, whatever label files there are."""
    return declared.kind in OF_TABLES or (declared.kind is None and bool(declared.target))


def target_columns(table: Table, declared: Declaration, *, besides: Iterable[str] = ()) -> dict[str, str]:
    """The table's target columns, each with the name that was declared for it; {} if one is not there or none is known.

    A column of a usual name needs two different values at least; where none is there, a column of grades is taken. Where
    numbers are asked for, columns of numbers go before others, and the only one that is left is taken whatever its name.
    """
    if declared.target:
        named = {column_name(name): name.strip() for name in declared.target}
        return named if set(named) <= set(table.columns) else {}
    left = set(besides)
    usual = [name for name in TARGET_COLUMNS if name in table.columns and name not in left]
    telling = [name for name in usual if len({row[name] for row in table.rows if not is_empty(row[name])}) > 1]
    if declared.kind == "regression":
        numbers = number_columns(table, besides=left) or unit_columns(table, besides=left)
        telling = [name for name in telling if name in numbers] or numbers or telling
    elif not usual and declared.kind in OF_GRADES:
        telling = grade_columns(table, besides=left)
    return {telling[0]: telling[0]} if len(telling) == 1 else {}


def columns_that_answer(table: Table, task: Task) -> tuple[str, ...]:
    """The columns that hold what a task answers: called as its quantities or labels, or the only one of none but its classes.

    () if there are none, or several could be it; and of classes that are numbers, yes or no, which many a column may hold.
    """
    names = task.quantities if task.kind == "regression" else task.classes
    if names and {column_name(name) for name in names} <= set(table.columns):
        return names
    if task.kind != "classification" or any(is_flag(name) or as_number(name) is not None for name in task.classes):
        return ()
    known = {_plain(name) for name in task.classes} | set(NOTHING if task.choice == "several" else ())
    signs = f"[{SIGNS}]" if task.choice == "several" else r"(?!)"
    fitting = [
        name
        for name, cells in _describing(table, besides=()).items()
        if cells and {_plain(part) for cell in cells for part in re.split(signs, cell.translate(NARROW))} <= known
    ]
    return (fitting[0],) if len(fitting) == 1 else ()


def _plain(cell: str) -> str:
    return " ".join(as_whole(unquoted(cell)).casefold().split())


def has_grades_alone(table: Table, declared: Declaration) -> bool:
    """Whether a table's target could only be a column that is called as grades are, which any other target goes before."""
    return not declared.target and declared.kind in OF_GRADES and not set(TARGET_COLUMNS) & set(table.columns)


def grade_columns(table: Table, *, besides: Iterable[str] = ()) -> list[str]:
    """Columns that are called as grades are, and hold two to twelve different classes."""
    return [
        name
        for name, cells in _describing(table, besides=besides).items()
        if ORDERED.search(name) and 2 <= len(set(cells)) <= MAX_GRADES and not hold_quantities(cells)
    ]


def number_columns(table: Table, *, besides: Iterable[str] = ()) -> list[str]:
    """Columns that could be a quantity: most cells are numbers, two different ones at least, and no rows counted.

    besides, and columns that name cases, patients, sides or files, are none.
    """
    chosen = []
    for name, cells in _describing(table, besides=besides).items():
        numbers = [number for cell in cells if (number := as_number(cell)) is not None]
        counted = name not in TARGET_COLUMNS and is_count(numbers)
        if 2 * len(numbers) > len(cells) and len(set(numbers)) > 1 and not counted:
            chosen.append(name)
    return chosen


def plain_number_columns(table: Table, *, besides: Iterable[str] = ()) -> list[str]:
    """Those of them whose filled cells are all numbers, and without a sign that may part thousands."""
    described = _describing(table, besides=besides)
    return [
        name
        for name in number_columns(table, besides=besides)
        if all(as_number(cell) is not None and not is_grouped(cell) for cell in described[name])
    ]


def unit_columns(table: Table, *, besides: Iterable[str] = ()) -> list[str]:
    """Columns of numbers with units behind them, which have to be written alone to be read; besides: as above."""
    described = _describing(table, besides=besides)
    return [name for name, cells in described.items() if cells and (has_one_unit(cells) or has_units(cells))]


def _describing(table: Table, *, besides: Iterable[str]) -> dict[str, list[str]]:
    """The filled cells of each column that may say something of images: all but besides and those that name something."""
    left = {*besides, *ID_COLUMNS, *PATIENT_COLUMNS, *SPLIT_COLUMNS, *OF_SERIES} - set(TARGET_COLUMNS)
    return {
        name: [row[name] for row in table.rows if not is_empty(row[name])]
        for name in table.columns
        if name and name not in left
    }


def is_count(numbers: Sequence[float]) -> bool:
    """Whether numbers count rows: each one more than the one before.

    >>> is_count([0, 1, 2]), is_count([1, 2, 2]), is_count([1.5, 2.5, 3.5])
    (True, False, False)
    """
    return bool(numbers) and list(numbers) == [int(numbers[0]) + place for place in range(len(numbers))]


def why_no_target(table: Table, declared: Declaration, *, besides: Iterable[str] = ()) -> str:
    """Why `target_columns` finds none, in words."""
    besides, there = set(besides), ", ".join(table.columns)
    if declared.target:
        missing = [name for name in declared.target if column_name(name) not in table.columns]
        return f"it has no column {', '.join(missing)}, which {FILE_NAME} names as target; it has {there}"
    usual = [name for name in TARGET_COLUMNS if name in table.columns and name not in besides]
    usual = usual or grade_columns(table, besides=besides)
    numbers = number_columns(table, besides=besides)
    if declared.kind == "regression" and len(numbers) > 1:
        return f'several columns hold numbers; name one in {FILE_NAME} ("target"): {", ".join(numbers)}'
    if declared.kind == "regression" and (useless := _useless_columns(table, besides=besides)):
        return f"no column of numbers that differ: {useless}; it has {there}"
    if not usual:
        ways = f'name it in {FILE_NAME} ("target"){_what_could_be(table, numbers, declared, besides=besides)}'
        return f"no column of a usual name for a class or number; {ways}; it has {there}"
    values = {name: {row[name] for row in table.rows if not is_empty(row[name])} for name in usual}
    alike = [
        f"every image has the same {name} ({next(iter(found), 'none')})"
        for name, found in values.items()
        if len(found) < 2
    ]
    return (
        "; ".join(alike)
        or f'several columns could be the target; name one in {FILE_NAME} ("target"): {", ".join(usual)}'
    )


def _useless_columns(table: Table, *, besides: Iterable[str]) -> str:
    """Columns that hold nothing, or one and the same number, in words; "" if there is none."""
    described = _describing(table, besides=besides)
    empty = [f"{name} is empty" for name, cells in described.items() if not cells]
    alike = [
        f"{name} is {cells[0]} in every row"
        for name, cells in described.items()
        if len(set(cells)) == 1 and as_number(cells[0]) is not None
    ]
    return "; ".join([*empty, *alike])


def _what_could_be(table: Table, numbers: Sequence[str], declared: Declaration, *, besides: Iterable[str]) -> str:
    """Which columns could be classes, and which one numbers unless classes are asked for, in words."""
    described = _describing(table, besides=besides)
    flags = [name for name, cells in described.items() if len(set(cells)) > 1 and all(map(is_flag, cells))]
    told = f"; yes or no is said by {', '.join(flags[:6])}" if flags else ""
    if declared.kind == "classification":
        return told
    counts = [name for name, cells in described.items() if is_count([as_number(cell) or 0.0 for cell in cells])]
    if len(numbers) == 1 and numbers[0] not in flags:
        told += f"; {numbers[0]} holds {_numbers_text(described[numbers[0]])}, and is learned with --task regression, "
        told += f'or "kind": "regression" in {FILE_NAME}'
        told += ", or as classes if it is named so" * may_be_classes(described[numbers[0]])
    elif len(numbers) > 1:
        told += f"; numbers stand in {', '.join(numbers)}, and one of them that is named so is learned with --task regression"
    elif counts and len(table.rows) > 1:
        told += f"; {counts[0]} seems to count the rows, and is taken only if it is named so"
    useless = _useless_columns(table, besides=besides)
    return told + (f"; nothing is learned of what does not differ: {useless}" if useless else "")


def _numbers_text(cells: Sequence[str]) -> str:
    """That filled cells are numbers, or how many of them are not.

    >>> _numbers_text(["1.5", "2"]), _numbers_text(["1.5", "2", "n/a?", "4", "n/a?"])
    ('numbers', "numbers, but not in 2 of its 5 filled cells ('n/a?')")
    """
    words = [cell for cell in cells if as_number(cell) is None]
    shown = ", ".join(map(repr, dict.fromkeys(words[:SHOWN])))
    return f"numbers, but not in {len(words)} of its {len(cells)} filled cells ({shown})" if words else "numbers"


def answered(
    cases: Sequence[Case], rows: Rows, columns: Mapping[str, str], declared: Declaration, *, table: Path
) -> Answered:
    """Cases with targets from their rows. Rows of one case that disagree are a fault, as is a case without any value.

    Raises InputError if the columns hold nothing, or not what is declared.
    """
    names = [case.id for case in cases]
    cells: dict[str, list[str]] = {name: [] for name in columns.values()}
    unclear: list[Fault] = []
    for case in cases:
        for column, name in columns.items():
            said = list(dict.fromkeys(row[column] for row in rows.get(case.id, ()) if not is_empty(row[column])))
            cells[name].append(said[0] if len(said) == 1 else "")
            if len(said) > 1:
                unclear.append(
                    unclear_target(case.id, table, expected=f"one value in {name}", found=" and ".join(said[:4]))
                )
    answers = read_answers(cells, names, declared, where=table)
    told = {fault.case for fault in (*unclear, *answers.faults)}
    shown = ", ".join(columns.values())
    untold = {
        case.id: place_of(case.images[0])
        for case, target in zip(cases, answers.targets, strict=True)
        if target is None and case.id not in told
    }
    missing = missing_targets(untold, column=f"{shown} of {table.name}", choice=answers.choice)
    done = tuple(
        case.model_copy(
            update={
                "label": None,
                "outline": case.label,
                "target": target,
                "groups": {name: word for name, word in case.groups.items() if name not in columns},
            }
        )
        for case, target in zip(cases, answers.targets, strict=True)
    )
    return Answered(
        cases=done,
        answers=answers,
        columns=tuple(columns.values()),
        table=table,
        faults=(*unclear, *answers.faults, *missing),
        is_guess=answers.kind == "regression" and not declared.target and not set(columns) <= set(TARGET_COLUMNS),
    )


def from_tables(cases: Sequence[Case], declared: Declaration, *, tables: Sequence[Path], where: Path) -> Answered:
    """Cases with targets from the one table that has the columns and names the cases or their patients.

    Raises InputError if there is none, or several.
    """
    fitting = [fit for path in tables if (fit := _fit(path, cases, declared)) is not None]
    fitting = [fit for fit in fitting if not has_grades_alone(fit.table, declared)] or fitting
    if len(fitting) != 1:
        columns = ", ".join(declared.target) or "that is called class, diagnosis, finding …, just one of them"
        raise InputError(
            "no table says what each image shows" if not fitting else "several tables could say what each image shows",
            where=where,
            expected=f"one table with a column {columns}, and one that names the cases or patients",
            found=", ".join(fit.table.path.name for fit in fitting)
            or ", ".join(path.name for path in tables)
            or "no table",
            details=why_unreadable(tables),
            hint=f'Name the column in {FILE_NAME}: {{"target": "…"}}.',
        )
    fit = fitting[0]
    by_key: dict[str, list[Mapping[str, str]]] = {}
    for row in fit.table.rows:
        by_key.setdefault(case_of(row[fit.key]), []).append(row)
    rows = {case.id: by_key.get(case.patient if fit.of_patients else case.id, []) for case in cases}
    return answered(cases, rows, fit.columns, declared, table=fit.table.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fit:
    """A table with target columns. key: the column that names cases, or patients."""

    table: Table
    columns: dict[str, str]
    key: str
    of_patients: bool


def _fit(path: Path, cases: Sequence[Case], declared: Declaration) -> _Fit | None:
    """How a table fits the cases; None if it does not."""
    try:
        table = read_table(path)
    except InputError:
        return None
    by_case = key_column(table, {case.id for case in cases})
    key = by_case or key_column(table, {case.patient for case in cases})
    columns = target_columns(table, declared, besides=(key or "",))
    return _Fit(table=table, columns=columns, key=key, of_patients=by_case is None) if columns and key else None


def with_targets(dataset: Dataset, declared: Declaration) -> Dataset:
    """The data set with targets of a table beside it, where these are asked for; its label files are then left aside.

    As it is where its layout has found targets itself. Raises InputError if no table has them.
    """
    if dataset.task.kind != "segmentation" or not is_asked_for(declared):
        return dataset
    found = from_tables(dataset.cases, declared, tables=tables_in(dataset.root), where=dataset.root)
    task = found.task(declared, name=dataset.task.name, channels=dataset.task.channels, where=dataset.root)
    kept = tuple(fault for fault in dataset.faults if fault.code not in OF_LABEL_FILES)
    return dataset.model_copy(
        update={
            "cases": found.cases,
            "task": task,
            "faults": (*kept, *found.faults),
            "stated": f"{dataset.stated}; labels left aside, targets from {found.stated}",
        }
    )
