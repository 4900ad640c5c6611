"""What is known of cases, as columns of a table between their names and their features, so that nothing has to be joined.

    case.patient         whose the image is, where the data set tells patients apart
    case.split           train or test, where the data set sets cases apart
    case.group.NAME      each further column of the data set that sorts cases into groups
    case.target          the class or grade that is known of the image
    case.target.NAME     of several labels 1 where the image shows it, else 0; or a quantity in its own unit

A cell is empty where nothing is known. No feature is called so: `table` refuses it.
"""

from collections.abc import Iterator, Mapping, Sequence

from scanwright.dataset.cases import Case, Classes, Quantities, Target
from scanwright.dataset.task import Task
from scanwright.features.table import KNOWN, NUMBERS, Cell
from scanwright.types import JSON

PATIENT, SPLIT, GROUP, TARGET = f"{KNOWN}patient", f"{KNOWN}split", f"{KNOWN}group.", f"{KNOWN}target"


def case_columns(cases: Sequence[Case], task: Task | None, *, tells_patients: bool) -> dict[str, tuple[Cell, ...]]:
    """The columns by name, a cell for each case. task: what the cases' targets are of; None where there are none."""
    columns: dict[str, tuple[Cell, ...]] = {}
    if tells_patients:
        columns[PATIENT] = tuple(case.patient for case in cases)
    if any(case.split == "test" for case in cases):
        columns[SPLIT] = tuple(case.split for case in cases)
    for group in sorted({name for case in cases for name in case.groups}):
        columns[f"{GROUP}{group}"] = tuple(case.groups.get(group) or None for case in cases)
    return columns | ({} if task is None else _targets(cases, task))


def _targets(cases: Sequence[Case], task: Task) -> dict[str, tuple[Cell, ...]]:
    known = [case.target for case in cases]
    if task.quantities:
        rows = [one.numbers if isinstance(one, Quantities) else (None,) * len(task.quantities) for one in known]
        cells = zip(*rows, strict=True) if rows else [()] * len(task.quantities)
        return {f"{NUMBERS}{name}": tuple(column) for name, column in zip(task.quantities, cells, strict=True)}
    if task.choice == "several":
        return {
            f"{NUMBERS}{name}": tuple(None if said is None else int(said) for said in column)
            for name, column in zip(task.classes, _said(known, task), strict=True)
        }
    return {TARGET: tuple(one.names[0] if isinstance(one, Classes) and one.names else None for one in known)}


def _said(targets: Sequence[Target | None], task: Task) -> Iterator[list[bool | None]]:
    """Of each class, whether it is there in each case; None where that is not known."""
    for name in task.classes:
        yield [one.says(name) if isinstance(one, Classes) else None for one in targets]


def columns_told(columns: Mapping[str, Sequence[Cell]], task: Task | None) -> JSON:
    """What each of the columns holds, in words, to go with the table's settings."""
    units = {} if task is None else dict(zip(task.quantities, task.units, strict=False))
    return {name: _told(name, units, task) for name in columns}


def _told(name: str, units: Mapping[str, str], task: Task | None) -> str:
    if name.startswith(NUMBERS):
        quantity = name.removeprefix(NUMBERS)
        if task is None or not task.quantities:
            return f"1 where the image shows {quantity}, 0 where it does not"
        return f"known value of {quantity}" + (f", {units[quantity]}" if units.get(quantity) else "")
    if name.startswith(GROUP):
        return f"{name.removeprefix(GROUP)}, as the data set has it"
    return {
        PATIENT: "patient",
        SPLIT: "side of the data set's own split: train or test",
        TARGET: "known class",
    }[name]
