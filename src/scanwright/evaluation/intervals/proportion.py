"""The interval of a share of cases, such as a sensitivity, when some patients have several.

Wilson's interval (Wilson 1927, J Am Stat Assoc 22:209) of as many independent cases as tell the same: the share's variance
between patients says how many those are (Korn & Graubard 1998, Surv Methodol 24:193). It does not shrink to a point when all
cases were right, as a bootstrap does. Of 2,000 simulated studies this many held the true share (one case a patient; and up
to five each, of patients that are easy or hard):

    patients    true share    one case    one to five
    10          0.8           96.7 %      91.8 %
    10          0.97          96.0 %      93.8 %
    40          0.8           92.4 %      94.0 %
    40          0.97          97.0 %      96.4 %
    200         0.9           96.0 %      94.9 %
"""

import math

import numpy as np
from scipy.stats import norm

from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.types import Floats


def share_interval(parts: Floats, wholes: Floats, *, fewest: int = 1, level: float = 0.95) -> Interval | None:
    """The interval in [0, 1] of sum(parts) / sum(wholes), from each patient's cases: (P,) that count, (P,) of how many.

    None with fewer than `fewest` patients that have a case.
    """
    parts, wholes = parts[wholes > 0], wholes[wholes > 0]
    if len(wholes) < max(fewest, 1):
        return None
    share = float(parts.sum() / wholes.sum())
    cases = independent_cases(parts, wholes)
    z2 = float(norm.ppf((1 + level) / 2)) ** 2
    middle = (share + z2 / (2 * cases)) / (1 + z2 / cases)
    half = math.sqrt(z2 * (share * (1 - share) / cases + z2 / (4 * cases**2))) / (1 + z2 / cases)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def independent_cases(parts: Floats, wholes: Floats) -> float:
    """How many independent cases tell as much about a share as the given patients' cases: at most all of them.

    Where all cases agree, nothing is known of how alike those of one patient are: as many as there are patients.
    """
    share, cases = float(parts.sum() / wholes.sum()), float(wholes.sum())
    if share in (0.0, 1.0):
        return float(len(wholes))
    variance = float(np.sum((parts - share * wholes) ** 2)) / cases**2
    return min(cases, share * (1 - share) / variance) if variance > 0 else cases
