"""Labels of several values that were interpolated: a shell of the values between two parts, where these used to meet.

Interpolating from 0 to 2 gives 1 on the way. In a cohort in which 2 borders on 0, a case in which it does so no more, but on
1 all around, was resampled or smoothed as if its values were grey levels. Where no regions are declared, grey levels between
them are found by dataset.infer; here the values between are declared ones.
"""

from collections.abc import Mapping

import numpy as np

from scanwright.gate.label_shape import LabelShape
from scanwright.gate.outliers import LEAST_CASES

LEAST_USUAL = 0.1  # share of borders that skip a value, in the median case
LEAST_LEFT = 0.25  # of that share: a case below has lost its borders between values that do not follow each other


def interpolated(shapes: Mapping[str, LabelShape], values: tuple[int, ...]) -> dict[str, float]:
    """The cases whose parts border only on the next lower and higher values, with the share of borders that do not.

    values: of the parts, ascending, all above 0 (`part_values`). A border skips a value if another part's value lies between
    its two sides. Silent on fewer than 8 cases, fewer than two parts, values below 0, and where borders seldom skip one.
    """
    if len(shapes) < LEAST_CASES or len(values) < 2 or values[0] <= 0:
        return {}
    skipped = {name: _skipping(shape) for name, shape in sorted(shapes.items()) if len(shape.parts) > 1}
    usual = float(np.median(list(skipped.values()))) if skipped else 0.0
    if usual < LEAST_USUAL:
        return {}
    return {name: share for name, share in skipped.items() if share < LEAST_LEFT * usual}


def _skipping(shape: LabelShape) -> float:
    """Share of the borders between voxels of two parts (or of one and none) that leave out a part in between."""
    ranks = np.arange(len(shape.borders))
    far = np.abs(ranks[:, None] - ranks) > 1
    return float(shape.borders[far].sum() / max(1, shape.borders.sum()))
