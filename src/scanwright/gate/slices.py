"""Pictures that are slices of one scan: their names number them, and each is much like the next.

Names alone do not tell: `benign_001 … benign_400` are four hundred patients, `scan12_slice_001 … 040` is one. So neighbours by
number are laid over each other, and have to be more alike than pictures of different series, or far apart, are.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scanwright.gate.cohort import Cohort
from scanwright.gate.likeness.alike import compare
from scanwright.gate.likeness.signature import Signature

SHORTEST = 3  # slices
NEXT = 2  # numbers at most between two neighbours: some slices are left out
NEIGHBOURS = 16  # pairs of a series that are looked at, about
STRANGERS = 64  # pairs of different series, at least
LEAST_LIKE = 0.5  # median correlation of neighbours
CLEAR = 0.95  # quantile of the correlations of strangers that it has to exceed


@dataclass(frozen=True, slots=True)
class Stack:
    """Slices of one scan in their order. name: what their names share. likeness: median correlation of neighbours."""

    name: str
    cases: tuple[str, ...]
    likeness: float


def stacks(cohort: Cohort, signatures: Mapping[str, Signature]) -> tuple[Stack, ...]:
    """The series of pictures that are slices of a scan, by name."""
    series = _series([case.id for case in cohort.cases if case.id in signatures and _is_picture(signatures[case.id])])
    if not series:
        return ()
    strange = compare([(signatures[one], signatures[other]) for one, other in _strangers(series)])
    limit = max(LEAST_LIKE, float(np.quantile(strange, CLEAR))) if len(strange) else LEAST_LIKE
    found = []
    for name, numbered in sorted(series.items()):
        pairs = [(one, other) for (first, one), (second, other) in pairwise(numbered) if second - first <= NEXT]
        pairs = pairs[:: max(1, len(pairs) // NEIGHBOURS)]
        if len(pairs) >= SHORTEST - 1:
            likeness = float(np.median(compare([(signatures[one], signatures[other]) for one, other in pairs])))
            if likeness > limit:
                found.append(Stack(name, tuple(case for _, case in numbered), round(likeness, 4)))
    return tuple(found)


def _is_picture(signature: Signature) -> bool:
    return signature.thumbnail.ndim == 2 and not signature.is_blank


def _series(names: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Names that differ in their last number only, at least SHORTEST, with their numbers, ascending."""
    series: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        if match := re.fullmatch(r"(.*?)(\d{1,9})(\D*)", name, flags=re.DOTALL):
            before, number, after = match.groups()
            series[f"{before}#{after}"].append((int(number), name))
    return {name: sorted(members) for name, members in series.items() if len(members) >= SHORTEST}


def _strangers(series: Mapping[str, list[tuple[int, str]]]) -> list[tuple[str, str]]:
    """Pairs of pictures from different series; where there is one series only, from its far ends."""
    lines = [[case for _, case in members] for _, members in sorted(series.items())]
    if len(lines) == 1:
        half = len(lines[0]) // 2
        return list(zip(lines[0][:half], lines[0][half:], strict=False))[:STRANGERS]
    turns = range(-(-STRANGERS // len(lines)))
    return [
        (line[turn % len(line)], other[turn % len(other)])
        for turn in turns
        for line, other in zip(lines, [*lines[1:], lines[0]], strict=True)
    ]
