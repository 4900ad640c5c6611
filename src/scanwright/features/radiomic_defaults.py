"""Radiomic settings where the user names none: the same for a whole table, and kept with it.

What IBSI leaves open and asks to be stated (Zwanenburg et al. 2020, Radiology 295:328, its reporting guidelines): voxel size,
bins, and the range of intensities.
"""

from collections.abc import Sequence

import numpy as np

from scanwright.dataset.task import Modality
from scanwright.geometry.grid import Grid
from scanwright.plan.radiomic_plan import THICK, RadiomicSettings, usual_bins


def default_settings(grids: Sequence[Grid], modality: Modality) -> RadiomicSettings:
    """Settings for images on these grids: volumes are brought to their median voxel edge, pictures stay as they are."""
    volumes = [grid for grid in grids if grid.unit == "mm" and min(grid.shape) > 1]
    bins = usual_bins(modality)
    if not volumes:
        return RadiomicSettings.model_validate(bins)
    edges = np.median([sorted(grid.spacing) for grid in volumes], axis=0)
    thick = bool(edges[2] >= THICK * edges[0])
    edge = float(edges[0] if thick else np.prod(edges) ** (1 / 3))
    return RadiomicSettings.model_validate({**bins, "spacing": float(f"{edge:.3g}"), "by_slice": thick})
