"""What cannot be meant, or hardly, in columns of numbers: commas that may part thousands, units in cells, placeholders."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Fault, Quantities, Target
from scanwright.dataset.declare import FILE_NAME
from scanwright.dataset.layouts.cells import as_number, is_empty, is_grouped, is_surely_grouped, unit_of, without_unit
from scanwright.errors import InputError

SHOWN = 4
LEAST_OTHERS = 5  # numbers that the rest of a column has to have before one of them is called far from them
FAR = 10  # times the range of all others
PLACEHOLDER = re.compile(r"-?9+|-1")

Named = tuple[str, str]
"""A cell, and the case whose it is."""


def require_plain_numbers(columns: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path) -> None:
    """Raise InputError if cells of a column have commas that may part thousands, or units behind their numbers.

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


def _require_one_reading(column: str, filled: Sequence[Named], *, where: Path) -> None:
    """Raise InputError unless commas stand for decimals for sure: in a cell such as 1,5, and in none against it."""
    grouped = [(cell, name) for cell, name in filled if is_grouped(cell)]
    decimal = any("," in cell and not is_grouped(cell) and as_number(cell) is not None for cell, _ in filled)
    against = any(is_surely_grouped(cell) or ("." in cell and as_number(cell) is not None) for cell, _ in filled)
    if not grouped or (decimal and not against):
        return
    plain = grouped[0][0].replace(",", "")
    decimals = "" if is_surely_grouped(grouped[0][0]) else f", or {grouped[0][0].replace(',', '.')}"
    raise InputError(
        "a comma that may part thousands or decimals",
        where=where,
        expected=f"numbers in {column} with a point for decimals, and nothing between thousands",
        found=_shown(grouped),
        hint=f"Write {plain}{decimals}.",
    )


def _with_units(column: str, cells: Sequence[Named], *, where: Path) -> InputError:
    (cell, _), unit = cells[0], unit_of(cells[0][0])
    return InputError(
        "units beside the numbers",
        where=where,
        expected=f"numbers alone in {column}",
        found=_shown(cells),
        hint=f"Write {without_unit(cell)}; the unit goes into the column's name, as in {column} ({unit}), or into "
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
