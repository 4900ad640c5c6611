"""Labels of several values that were interpolated: between two parts lie thin shells of the values between them.

Interpolating from 0 to 3 gives 1 and 2 on the way. A case in which parts that do not follow each other meet by way of such
shells, and seldom at once, as they do in its fellows, was resampled or smoothed as if its values were grey levels. Where no
regions are declared, grey levels between them are found by dataset.infer; here the values between are declared ones.
"""

from collections.abc import Mapping

import numpy as np

from scanwright.gate.labels.shape import LabelShape
from scanwright.gate.outliers import LEAST_CASES, in_wide_spreads

LEAST_MEETINGS = 20  # of fewer, a share says nothing
LEAST_MORE = 0.4  # than in the median case: by how much the share that goes by way of shells has to be higher
LEAST_SPREADS = 5.0
"""In generated cohorts of 46 (MR, CT, X-ray, ultrasound) and two real sets a clean label's share was at most 0.28, in
hippocampi 0.02; that of a label smoothed by 0.8 voxels and rounded 0.69 and more."""


def interpolated(shapes: Mapping[str, LabelShape], values: tuple[int, ...]) -> dict[str, float]:
    """The cases whose parts meet by way of thin shells of others, with the share that does; see LabelShape.steps.

    values: of the parts, ascending, all above 0 (`part_values`). Silent on fewer than 8 cases, fewer than two parts, and
    values below 0.
    """
    shares = {
        name: shape.steps[1] / sum(shape.steps)
        for name, shape in sorted(shapes.items())
        if sum(shape.steps) >= LEAST_MEETINGS
    }
    if len(shares) < LEAST_CASES or len(values) < 2 or values[0] <= 0:
        return {}
    apart = in_wide_spreads(list(shares.values()))
    usual = float(np.median(list(shares.values())))
    return {
        name: share
        for (name, share), spreads in zip(shares.items(), apart, strict=True)
        if share - usual >= LEAST_MORE and spreads >= LEAST_SPREADS
    }
