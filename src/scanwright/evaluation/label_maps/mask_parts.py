"""The connected parts of a predicted mask held against the truth, so that what taking some of them away is worth is arithmetic.

A step of post-processing (`inference.postprocess`) leaves or takes whole parts, after holes were filled or without that. With
the size of each part and how much of it is true, the Dice that any such steps would leave follows without another look at the
voxels; with its partner among the true lesions, so do hits and false lesions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scanwright.evaluation.label_maps.lesions import match_lesions
from scanwright.inference.postprocess import TOUCHING, Step, filled, kept_parts, touching
from scanwright.types import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Parts:
    """The parts (P,) of a mask. sizes: in the unit of `Step.least`. voxels: those that somebody judged. right: those of
    them that are true. touches: whether each touches a region that is no finding. hits, false: of the lesions that it
    holds, how many have a true partner, and how many none; none are counted where the region is no finding.
    """

    sizes: Floats
    voxels: Ints
    right: Ints
    touches: Bools
    hits: Ints
    false: Ints


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RegionParts:
    """A region of one case. true: its voxels in the truth. lesions: its true parts. plain, filled: its predicted parts, as the
    network gave them, and with holes filled; one and the same where it has no holes.
    """

    true: int
    lesions: int
    plain: Parts
    filled: Parts


@dataclass(frozen=True, slots=True)
class Worth:
    """What steps leave of a region in one case. dice: 1 where it is rightly absent, for choosing alone."""

    dice: float
    hits: int = 0
    false: int = 0
    missed: int = 0


def region_parts(
    truth_IJK: Bools,
    found_IJK: Bools,
    *,
    background_IJK: Bools,
    others_IJK: Bools,
    voxel: float,
    judged: Bools | None = None,
    are_lesions: bool = False,
) -> RegionParts:
    """Take the predicted mask of a region apart. background: of the answer. others: its regions that are no findings.
    voxel: the size of one. judged: voxels that count; None: all.
    """
    box = _around(truth_IJK | found_IJK)
    truth, found, background, others = (mask[box] for mask in (truth_IJK, found_IJK, background_IJK, others_IJK))
    counts = None if judged is None else judged[box]
    truth = truth if counts is None else truth & counts
    whole = filled(found, background)
    plain = _parts(truth, found, others, voxel=voxel, judged=counts, are_lesions=are_lesions)
    return RegionParts(
        true=int(np.count_nonzero(truth)),
        lesions=int(ndimage.label(truth, TOUCHING)[1]) if are_lesions else 0,
        plain=plain,
        filled=plain
        if np.array_equal(whole, found)
        else _parts(truth, whole, others, voxel=voxel, judged=counts, are_lesions=are_lesions),
    )


def worth(region: RegionParts, steps: Sequence[Step]) -> Worth:
    """What these steps of the region leave of it."""
    parts = region.filled if any(step.action == "fill" for step in steps) else region.plain
    kept = kept_parts(parts.sizes, parts.touches, steps)
    size = int(parts.voxels[kept].sum()) + region.true
    hits = int(parts.hits[kept].sum())
    return Worth(
        dice=2 * int(parts.right[kept].sum()) / size if size else 1.0,
        hits=hits,
        false=int(parts.false[kept].sum()),
        missed=region.lesions - hits,
    )


def _parts(
    truth: Bools, found: Bools, others: Bools, *, voxel: float, judged: Bools | None, are_lesions: bool
) -> Parts:
    numbered, number = ndimage.label(found, TOUCHING)
    counted = found if judged is None else found & judged
    hits, false = np.zeros(number, np.int64), np.zeros(number, np.int64)
    if are_lesions and number:
        lesions, _ = ndimage.label(counted, TOUCHING)  # as match_lesions numbers them: what nobody judged may part them
        partners = match_lesions(truth, counted, voxel=voxel).partners
        of_part = ndimage.maximum(numbered, lesions, np.arange(1, len(partners) + 1)).astype(int) - 1
        np.add.at(hits, of_part[partners >= 0], 1)
        np.add.at(false, of_part[partners < 0], 1)
    return Parts(
        sizes=_counted(numbered, found, number) * voxel,
        voxels=_counted(numbered, counted, number),
        right=_counted(numbered, counted & truth, number),
        touches=touching(numbered, others),
        hits=hits,
        false=false,
    )


def _counted(numbered: Ints, mask: Bools, number: int) -> Ints:
    """The voxels of each part in a mask, (P,)."""
    counts: Ints = np.bincount(numbered[mask], minlength=number + 1)[1:]
    return counts


def _around(mask: Bools) -> tuple[slice, ...]:
    """The box around a mask, a voxel wider; of an empty one a corner."""
    places = ndimage.find_objects(mask.view(np.uint8), max_label=1)[0]
    if places is None:
        return (slice(0, 1),) * mask.ndim
    return tuple(slice(max(0, one.start - 1), one.stop + 1) for one in places)
