"""Do things that are drawn one by one lie over each other?"""

from collections.abc import Iterable

from scanwright.types import Bools


def share_a_voxel(masks: Iterable[tuple[str, Bools]]) -> bool:
    """Whether masks of two owners share a voxel; masks of one owner may. Those of another shape than the first are left out.

    Masks are looked at one at a time, and no more of them than are needed; one is kept for each owner.
    """
    held: dict[str, Bools] = {}
    for owner, mask in masks:
        if any(mask.shape != other.shape for other in held.values()):
            continue
        if any((mask & other).any() for name, other in held.items() if name != owner):
            return True
        held[owner] = held[owner] | mask if owner in held else mask
    return False
