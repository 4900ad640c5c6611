"""Masks whose values do not mean the same from file to file: palettes that differ, or palettes beside colours.

The value of a mask with a palette is its index (io/raster.py). A program that makes a palette for each picture numbers the same
colour differently in each; a mask in plain colours has other values than either.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping

from scanwright.dataset.cases import Case, Fault
from scanwright.errors import ScanwrightError
from scanwright.io.picture import MaskColours, colours_of_mask
from scanwright.io.source import LabelSource, files_of


def mixed_palettes(cases: list[Case]) -> Iterator[Fault]:
    """An error for the cases whose masks are coloured otherwise than most of those with a palette; none without palettes."""
    found = {case.id: held for case in cases if (held := _colours_in(case.label))}
    palettes = Counter(colours.used for held in found.values() for colours in held if colours.used)
    if not palettes:
        return
    usual = _joined([used for used, _ in palettes.most_common()])
    odd = [name for name, held in sorted(found.items()) if any(not _agrees(colours, usual) for colours in held)]
    if odd:
        yield Fault(
            code="mixed-palettes",
            severity="error",
            case=odd[0] if len(odd) == 1 else None,
            cases=tuple(odd),
            expected="one colour for each value in all masks with a palette",
            found=f"other colours in {len(odd)} of {len(found)} coloured masks",
            action="Save all masks with one palette, all in plain colours, or as grey values.",
        )


def _colours_in(label: LabelSource | None) -> list[MaskColours]:
    """The colours of a case's masks, of those that have any and can be read."""
    found = []
    for path in () if label is None else files_of(label):
        with contextlib.suppress(ScanwrightError):
            found.append(colours_of_mask(path))
    return [colours for colours in found if colours is not None]


def _joined(palettes: list[tuple[tuple[int, str], ...]]) -> dict[int, str]:
    """The colour of each index, as the most frequent palette that has it says."""
    usual: dict[int, str] = {}
    for palette in palettes:
        for index, colour in palette:
            usual.setdefault(index, colour)
    return usual


def _agrees(colours: MaskColours, usual: Mapping[int, str]) -> bool:
    return not colours.is_plain and all(usual[index] == colour for index, colour in colours.used)
