"""What cannot be meant, or hardly, in columns of numbers: what may part thousands, units in cells, bounds, placeholders."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Fault, Quantities, Target
from scanwright.dataset.declare import FILE_NAME
from scanwright.dataset.layouts.cells import (
    as_number,
    is_empty,
    is_grouped,
    is_surely_grouped,
    ungrouped,
    unit_of,
    without_unit,
)
from scanwright.dataset.units import UNITS
from scanwright.errors import InputError

SHOWN = 4
MAX_WHOLE = 12  # different whole numbers that are still classes
"""Units of measures, in lower case: numbers with one of these are no classes."""
BOUND = re.compile(r"(?:[<>]=?|[\u2264\u2265])\s*(?P<number>\S.*)|(?P<least>\d[\d.,]*)\s*\+")
LEAST_OTHERS = 5  # numbers that the rest of a column has to have before one of them is called far from them
FAR = 10  # times the range of all others
PLACEHOLDER = re.compile(r"-?9+|-1")

Named = tuple[str, str]
"""A cell, and the case whose it is."""


def require_plain_numbers(columns: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path) -> None:
    """Raise InputError if cells of a column have signs that may part thousands, or units behind their numbers.

    names: of the rows' cases. Words among the cells are left to the reader of numbers.
    """
    for column, cells in columns.items():
        filled = [(cell.strip(), name) for cell, name in zip(cells, names, strict=True) if not is_empty(cell)]
        _require_one_reading(column, filled, where=where)
        with_unit = [(cell, name) for cell, name in filled if unit_of(cell)]
        if with_unit:
            raise _with_units(column, with_unit, where=where)


def has_one_unit(cells: Sequence[str]) -> bool:
    """Whether cells are numbers with one and the same unit behind them, in half of the cells at least.

    >>> has_one_unit(["3 mm", "12 mm", "0"]), has_one_unit(["4a", "4b"]), has_one_unit(["1", "2"])
    (True, False, False)
    """
    units = [unit for cell in cells if (unit := unit_of(cell))]
    plain = sum(as_number(cell) is not None for cell in cells)
    return len(set(units)) == 1 and len(units) + plain == len(cells) and 2 * len(units) >= len(cells)


def has_units(cells: Sequence[str]) -> bool:
    """Whether more than half of the cells are numbers with a unit of measure behind them, be they several units.

    >>> has_units(["3 mm", "2 cm", "big"]), has_units(["4a", "4b"]), has_units(["1st", "2nd"])
    (True, False, False)
    """
    return 2 * sum(unit_of(cell) in UNITS for cell in cells) > len(cells)


def may_be_classes(cells: Sequence[str]) -> bool:
    """Whether the numbers among cells may stand for classes: whole, and few.

    >>> may_be_classes(["1", "2", "1", "n/a"]), may_be_classes(["1.5", "2"]), may_be_classes(list("123456"))
    (True, False, False)
    """
    different = {number for cell in cells if (number := as_number(cell)) is not None}
    few = len(different) <= min(MAX_WHOLE, max(2, len(cells) // 2))
    return few and all(number.is_integer() for number in different)


def hold_quantities(cells: Sequence[str]) -> bool:
    """Whether filled cells are numbers that are no classes.

    Units and signs between thousands, which are refused later, are none of them; nor are bounds (<5), where as many are plain.
    """
    if has_units(cells):
        return True
    units = has_one_unit(cells)
    bare = [without_unit(cell) if units else ungrouped(cell) if is_surely_grouped(cell) else cell for cell in cells]
    numbers = [_bounded(cell) or cell for cell in bare]
    plain = sum(as_number(cell) is not None for cell in bare)
    return (
        all(as_number(cell) is not None for cell in numbers) and 2 * plain >= len(cells) and not may_be_classes(numbers)
    )


def _bounded(cell: str) -> str | None:
    """The number of a cell that says no more than above or below which one a value lies; None if it is no such cell."""
    found = BOUND.fullmatch(cell.strip())
    number = None if found is None else found["least"] or without_unit(found["number"])
    return None if number is None or as_number(number) is None else number


def require_no_bounds(columns: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path) -> None:
    """Raise InputError if cells say only above or below which number a value lies (censored values)."""
    for column, cells in columns.items():
        bounds = [(cell, name) for cell, name in zip(cells, names, strict=True) if _bounded(cell) is not None]
        if bounds:
            raise InputError(
                "bounds beside the numbers (censored values)",
                where=where,
                expected=f"a number or nothing in {column}",
                found=_shown(bounds),
                hint="Write a number, or empty the cell; with --task regression these cases can be left out with --exclude. If "
                f'these are classes, "kind": "classification" in {FILE_NAME} reads them so.',
            )


def _require_one_reading(column: str, filled: Sequence[Named], *, where: Path) -> None:
    """Raise InputError unless commas stand for decimals for sure: in a cell such as 1,5, and in none against it."""
    grouped = [(cell, name) for cell, name in filled if is_grouped(cell)]
    decimal = any("," in cell and not is_grouped(cell) and as_number(cell) is not None for cell, _ in filled)
    against = any(is_surely_grouped(cell) or ("." in cell and as_number(cell) is not None) for cell, _ in filled)
    if not grouped or (decimal and not against):
        return
    plain = ungrouped(grouped[0][0]).replace(",", ".")
    is_comma = "," in grouped[0][0] and "," not in ungrouped(grouped[0][0])
    decimals = "" if is_surely_grouped(grouped[0][0]) else f", or {grouped[0][0].replace(',', '.')}"
    raise InputError(
        "a comma that may part thousands or decimals" if is_comma else "a sign that parts thousands",
        where=where,
        expected=f"numbers in {column} with a point for decimals, and nothing between thousands",
        found=_shown(grouped),
        hint=f"Write {plain}{decimals}.",
    )


def _with_units(column: str, cells: Sequence[Named], *, where: Path) -> InputError:
    by_unit: dict[str, list[Named]] = {}
    for cell, name in cells:
        by_unit.setdefault(unit_of(cell) or "", []).append((cell, name))
    unit, usual = max(by_unit.items(), key=lambda item: len(item[1]))
    others = [named for other, some in by_unit.items() if other != unit for named in some]
    return InputError(
        f"units beside the numbers{', and not one unit' * bool(others)}",
        where=where,
        expected=f"numbers alone in {column}{', all in one unit' * bool(others)}",
        found=_shown(cells) if not others else f"{unit} in {len(usual)} cells, but {_shown(others)}",
        hint=("Convert these. " if others else "")
        + f"Write {without_unit(usual[0][0])}; the unit goes into the column's name, as in {column} ({unit}), or into "
        f'"units" in {FILE_NAME}.',
    )


def _shown(cells: Sequence[Named]) -> str:
    more = f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
    return ", ".join(f"{cell!r} of {name}" for cell, name in cells[:SHOWN]) + more


def far_numbers(quantities: Sequence[str], targets: Sequence[Target | None], names: Sequence[str]) -> Iterator[Fault]:
    """A warning for each quantity whose least or greatest number lies far from all others, as what stands for "not known" does.

    Far is ten times the range of the others; for -1, -9, -99 … below numbers that are none of them negative, and for 99, 999
    … more than that range above, it is enough. Of fewer than five others nothing is said.
    """
    for at, quantity in enumerate(quantities):
        numbers = {
            name: number
            for name, target in zip(names, targets, strict=True)
            if isinstance(target, Quantities) and (number := target.numbers[at]) is not None
        }
        ends = {min(numbers.values()), max(numbers.values())} if numbers else set()
        for extreme in sorted(ends):
            others = [number for number in numbers.values() if number != extreme]
            if len(others) >= LEAST_OTHERS and _is_far(extreme, min(others), max(others)):
                yield _far(quantity, extreme, (min(others), max(others)), [n for n in numbers if numbers[n] == extreme])


def _is_far(number: float, least: float, most: float) -> bool:
    gap, span = max(least - number, number - most), most - least
    if PLACEHOLDER.fullmatch(f"{number:.15g}"):
        return least >= 0 if number < 0 else gap > span > 0
    return gap > FAR * span > 0


def _far(quantity: str, number: float, others: tuple[float, float], cases: Sequence[str]) -> Fault:
    return Fault(
        code="far-number",
        severity="warning",
        cases=tuple(cases),
        expected=f"numbers of {quantity} within reach of each other",
        found=f"{number:g} in {len(cases)} case{'s' * (len(cases) > 1)}; all others are {others[0]:g} to {others[1]:g}",
        action='Empty these cells if it stands for "not known"; as a number it stretches the scale that is learned.',
    )
