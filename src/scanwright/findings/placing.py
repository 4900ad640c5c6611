"""Where findings lie in a label map whose values exclude each other: a lesion is then cut out of the organ that it lies in."""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from scanwright.types import Array, Bools, Floats, Triple

SLACK = 1e-6
"""Distances that differ by less than this share are equal: how they are rounded hangs on the order of the axes."""


def with_findings(regions: Mapping[str, Bools], findings: Bools, *, spacing: Triple) -> dict[str, Bools]:
    """The regions with the findings that they surround: each voxel of a finding that is in no region goes to what the nearest
    voxel that is no finding belongs to; where that is no region, it stays outside. Of regions that are as near it goes to the
    first, and to any before it stays outside, so that in whichever order a file has its axes the answer is the same.

    regions: masks (I, J, K) of which no two have a voxel in common. findings: (I, J, K). spacing: edges of a voxel, by which
    distances are measured.
    """
    masks = {name: mask.copy() for name, mask in regions.items()}
    if not masks:
        return masks
    names = tuple(masks)
    owners = np.full(findings.shape, len(names), dtype=np.int16)  # of what is in no region
    for place, mask in enumerate(regions.values()):
        owners[mask] = place
    labelled, _ = ndimage.label(findings & (owners == len(names)), np.ones((3, 3, 3), np.bool_))
    for number, around in enumerate(ndimage.find_objects(labelled), start=1):
        wider = tuple(slice(max(0, one.start - 1), one.stop + 1) for one in around)
        part = labelled[wider] == number
        nearest = _nearest(np.where(findings[wider], -1, owners[wider]), part, spacing)
        for place in set(nearest.tolist()) - {-1, len(names)}:
            masks[names[place]][wider][part] |= nearest == place
    return masks


def _nearest(owners_IJK: Array, part_IJK: Bools, spacing: Triple) -> Array:
    """(V,) whose voxels are nearest to each voxel of a part, of several as near the first; -1 where there are none.

    owners: whose each voxel is, from 0 in their order; -1: nobody's, and of no account.
    """
    known = np.unique(owners_IJK[owners_IJK >= 0])
    if len(known) < 2:
        return np.full(np.count_nonzero(part_IJK), known[0] if len(known) else -1)
    apart = np.stack([_distances(owners_IJK == owner, part_IJK, spacing) for owner in known])
    return np.asarray(known[(apart <= apart.min(axis=0) * (1 + SLACK)).argmax(axis=0)])


def _distances(there_IJK: Bools, part_IJK: Bools, spacing: Triple) -> Floats:
    """(V,) from each voxel of a part to the nearest voxel that is there."""
    found: Floats = ndimage.distance_transform_edt(~there_IJK, sampling=spacing)[part_IJK]
    return found
