"""Which grey values a picture shows as black and as white, by what is to be seen in it."""

from collections.abc import Sequence

import numpy as np

from scanwright.dataset.task import Task
from scanwright.figures.overlay import CT_LUNG, CT_SOFT_TISSUE
from scanwright.types import Array, Floats

MOSTLY_AIR = -400.0
"""HU: a median below it is one of lung (about -850), and not of fat (-100)."""


def window_of(values: Array, task: Task) -> tuple[float, float] | None:
    """The grey values shown as black and as white: of CT that of lungs where these values are mostly air, else that of soft
    tissue; None of what has no unit.
    """
    if task.channels[0].modality != "ct":
        return None
    return CT_LUNG if values.size and float(np.median(values)) < MOSTLY_AIR else CT_SOFT_TISSUE


def around_boxes(image_IJK: Array, boxes: Sequence[Floats]) -> Array:
    """(N,) values in and around boxes (2, 3), each grown by its own edges on every side; none where there is no box."""
    found = [np.empty(0, dtype=image_IJK.dtype)]
    for start, end in boxes:
        grown = zip(np.floor(2 * start - end), np.ceil(2 * end - start), image_IJK.shape, strict=True)
        places = tuple(slice(max(0, int(low)), min(length, int(high))) for low, high, length in grown)
        found.append(image_IJK[places].ravel())
    return np.concatenate(found)
