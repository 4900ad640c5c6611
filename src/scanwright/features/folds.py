"""Folds over arrays of cases: no patient in two, each stratum spread over all."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from scanwright.errors import PolicyError, UsageError
from scanwright.runtime import generator
from scanwright.types import Array, Ints

Fold = tuple[Ints, Ints]
"""Indices of the cases learned from, and of those judged."""

THIRDS = 3


def deal(strata_N: Array, patients: Sequence[Hashable], *, folds: int, seed: int = 0) -> list[Fold]:
    """At most so many folds, the same for the same seed; fewer where there are fewer patients, none of one patient alone.

    strata_N: a whole number for each case. A patient counts for the rarest stratum that it has; rare strata are dealt first,
    each patient to the fold that has the fewest cases of it, then the fewest cases.
    """
    owners = _numbered(patients)
    frequency = Counter(strata_N.tolist())
    cases = [np.flatnonzero(owners == owner) for owner in range(int(owners.max(initial=-1)) + 1)]
    stratum = [min(strata_N[own].tolist(), key=lambda value: (frequency[value], value)) for own in cases]
    number = min(folds, len(cases))
    if number < 2:
        return []
    shuffled = generator(seed, len(cases), number).permutation(len(cases)).tolist()
    queue = sorted(shuffled, key=lambda owner: (frequency[stratum[owner]], stratum[owner], -len(cases[owner])))
    held: Counter[tuple[int, int]] = Counter()
    loads = [0] * number
    home = np.zeros(len(owners), dtype=np.int64)
    for owner in queue:
        fold = min(range(number), key=lambda fold: (held[fold, stratum[owner]], loads[fold], fold))
        home[cases[owner]] = fold
        held[fold, stratum[owner]] += len(cases[owner])
        loads[fold] += len(cases[owner])
    return [(np.flatnonzero(home != fold), np.flatnonzero(home == fold)) for fold in range(number)]


def strata_of_numbers(numbers_N: Array) -> Ints:
    """Which third of the range of values each number lies in: 0, 1 or 2."""
    cuts = np.quantile(numbers_N, np.arange(1, THIRDS) / THIRDS)
    return np.searchsorted(cuts, numbers_N)


def require_apart(folds: Sequence[Fold], patients: Sequence[Hashable]) -> None:
    """Raise PolicyError if a patient is on both sides of a fold, UsageError if a case is judged twice or does not exist."""
    owners = _numbered(patients)
    times = np.zeros(len(owners), dtype=np.int64)
    for number, (learned, judged) in enumerate(folds):
        both = [*np.asarray(learned).tolist(), *np.asarray(judged).tolist()]
        if both and not 0 <= min(both) <= max(both) < len(owners):
            raise UsageError("a fold names a case that is not there", where=f"fold {number}", found=max(both))
        shared = np.intersect1d(owners[learned], owners[judged])
        if len(shared):
            name = patients[int(np.flatnonzero(owners == shared[0])[0])]
            raise PolicyError(
                "a patient is on both sides of a fold", where=f"fold {number}", found=f"{name}, of {len(shared)} in all"
            )
        np.add.at(times, judged, 1)
    if (times > 1).any():
        raise UsageError("a case is judged in two folds", where=f"case {int(np.argmax(times > 1))}")


def _numbered(patients: Sequence[Hashable]) -> Ints:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(patients))}
    return np.array([numbers[name] for name in patients], dtype=np.int64)
