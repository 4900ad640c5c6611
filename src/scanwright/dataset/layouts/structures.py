"""Structures that are drawn one by one, as segments of DICOM or as mask files: which are regions, and with which values.

A region is a name that structures bear, or several names by "structures" in scanwright.json. Where regions share a voxel
anywhere, every region gets a bit of the label's value (1, 2, 4 …); else a value (1, 2, 3 …).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import FILE_NAME, Declaration
from scanwright.dataset.task import Region
from scanwright.errors import InputError

MAX_OVERLAPPING = 7  # regions with a bit each: 127 label values
MAX_REGIONS = 200
SHOWN = 8


def regions_of(names: Sequence[str], declared: Declaration, where: Path) -> dict[str, str]:
    """The region that each structure's name stands for; names that are not wanted are left out.

    Raises InputError if none is wanted, more than 200 regions are, or one name is in several.
    """
    wanted = {name: name for name in names}
    if declared.structures is not None:
        claims = [
            (name, region)
            for (region, patterns), name in product(declared.structures.items(), names)
            if any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in patterns)
        ]
        wanted = dict(claims)
        _require_one_region(claims, wanted, where)
    if not wanted or len(set(wanted.values())) > MAX_REGIONS:
        raise InputError(
            "no structure of these names" if not wanted else "too many structures",
            where=where,
            expected=f'1 to {MAX_REGIONS} by "structures" in {FILE_NAME}',
            found=", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "none",
        )
    return wanted


def _require_one_region(claims: Sequence[tuple[str, str]], wanted: Mapping[str, str], where: Path) -> None:
    """Raise InputError if patterns of several regions match one name: it would be lost to all of them but one."""
    twice = [f"{name} ({region} and {wanted[name]})" for name, region in claims if wanted[name] != region]
    if twice:
        raise InputError(
            "structures of several regions",
            where=where,
            expected=f'each name in one region by "structures" in {FILE_NAME}',
            found=", ".join(twice[:SHOWN]) + (f" and {len(twice) - SHOWN} more" if len(twice) > SHOWN else ""),
            hint="Patterns match names whole: write them so that each name fits one region.",
        )


def unmatched_patterns(names: Iterable[str], declared: Declaration) -> Iterator[Fault]:
    """A warning for patterns that match no name while names are left over that none matches: one of them may be misspelt, and
    what is left out is learned as not there. names: of each structure as often as it is drawn, whatever their case.
    """
    if declared.structures is None:
        return
    drawn = Counter(names)
    patterns = [pattern for some in declared.structures.values() for pattern in some]
    hits = {pattern: [name for name in drawn if re.fullmatch(pattern, name, re.IGNORECASE)] for pattern in patterns}
    chosen = {name for some in hits.values() for name in some}
    idle = [pattern for pattern, some in hits.items() if not some]
    left = [f"{name} ({number})" for name, number in drawn.most_common() if name not in chosen]
    if idle and left:
        yield Fault(
            code="unmatched-pattern",
            severity="warning",
            expected=f"structures called {', '.join(idle)}",
            found=f"none; no pattern matches {', '.join(left[:SHOWN])}"
            + (f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""),
            action=f'What no pattern matches is learned as not there. Correct "structures" in {FILE_NAME}: '
            "a pattern must match a name whole.",
        )


def values_apart(wanted: Mapping[str, str]) -> dict[str, int]:
    """A value for each name: 1, 2, 3 … by region, for regions that share no voxel."""
    values = {region: turn + 1 for turn, region in enumerate(dict.fromkeys(wanted.values()))}
    return {name: values[region] for name, region in wanted.items()}


def values_of_bits(wanted: Mapping[str, str], where: Path, *, above: Sequence[int] = ()) -> dict[str, int]:
    """A value for each name: 1, 2, 4 … by region. above: values of a label map that they lie over; bits begin beyond them.

    Raises InputError for more than 7 regions; above 1 value 6, above 2 or 3 values 5, above 4 to 7 values 4 …
    """
    regions = list(dict.fromkeys(wanted.values()))
    room = max(0, MAX_OVERLAPPING - len(above).bit_length())
    if len(regions) > room:
        raise InputError(
            "too many regions that overlap",
            where=where,
            expected=f"at most {room}" + (f" over a label map of {len(above)} values" if above else ""),
            found=", ".join(regions),
            hint=f'Choose and join some by "structures" in {FILE_NAME}.',
        )
    first = max(above, default=0).bit_length()
    return {name: 1 << (first + regions.index(region)) for name, region in wanted.items()}


def named_regions(wanted: Mapping[str, str], values: Mapping[str, int], *, bits: bool) -> list[Region]:
    """The regions of a label map whose structures have these values."""
    by_region = {region: values[name] for name, region in wanted.items()}
    if not bits:
        return [Region(name=name, values=(value,)) for name, value in by_region.items()]
    every = range(1, 1 << len(by_region))
    return [Region(name=name, values=tuple(value for value in every if value & bit)) for name, bit in by_region.items()]
