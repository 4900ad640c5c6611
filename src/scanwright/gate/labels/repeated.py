"""The same label in two cases whose images differ: one of them is another case's.

Two people never draw the same voxels, unless they draw next to nothing; so small labels do not count.
"""

from collections import defaultdict
from collections.abc import Iterable

from scanwright.gate.cohort import Cohort

LEAST_VOXELS = 100


def repeated(cohort: Cohort, copies: Iterable[Iterable[str]] = ()) -> list[tuple[str, ...]]:
    """Groups of cases with the very same label of 100 voxels or more, each sorted; cases with one image count once.

    copies: groups of cases that show nearly the same image.
    """
    image_of = {case: min(group) for group in map(tuple, copies) for case in group}
    held: dict[str, dict[object, str]] = defaultdict(dict)
    for name, facts in sorted(cohort.facts.items()):
        if facts.label_hash is not None and sum(facts.region_voxels.values()) >= LEAST_VOXELS:
            held[facts.label_hash].setdefault(image_of.get(name, facts.image_hashes), name)
    return [tuple(cases.values()) for cases in held.values() if len(cases) > 1]
