"""Where findings lie in a label map whose values exclude each other: a lesion is then cut out of the organ that it lies in."""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from scanwright.types import Bools, Triple


def with_findings(regions: Mapping[str, Bools], findings: Bools, *, spacing: Triple) -> dict[str, Bools]:
    """The regions with the findings that they surround: each voxel of a finding that is in no region goes to what the nearest
    voxel that is no finding belongs to; where that is no region, it stays outside.

    regions, findings: masks (I, J, K). spacing: edges of a voxel, by which distances are measured.
    """
    masks = {name: mask.copy() for name, mask in regions.items()}
    if not masks:
        return masks
    covered = np.logical_or.reduce(list(masks.values()))
    labelled, _ = ndimage.label(findings & ~covered, np.ones((3, 3, 3), np.bool_))
    for number, around in enumerate(ndimage.find_objects(labelled), start=1):
        wider = tuple(slice(max(0, one.start - 1), one.stop + 1) for one in around)
        part = labelled[wider] == number
        outside = ~findings[wider]
        if not outside.any():
            continue
        nearest = ndimage.distance_transform_edt(
            ~outside, sampling=spacing, return_distances=False, return_indices=True
        )
        places = tuple(axis[part] for axis in nearest)
        for name, mask in masks.items():
            own = regions[name][wider][places]
            inside = mask[wider]
            inside[part] |= own
    return masks
