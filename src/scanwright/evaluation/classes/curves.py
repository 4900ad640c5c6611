"""ROC and precision-recall curves with bands: patients drawn with replacement.

The draws also hold one patient of each class whose case is ranked by chance (half of it above all others, half below), as in
`ranking.py`: otherwise a ranking without a fault would have a band without width. Bands are pointwise: at each false positive
rate (or recall) 95 % of studies, and not 95 % of whole curves.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from scanwright.evaluation.classes.answers import View
from scanwright.evaluation.classes.ranked import Ranking
from scanwright.evaluation.classes.ranking import MIN_EACH
from scanwright.evaluation.intervals.bootstrap import draw_counts, widened_reach
from scanwright.types import Floats

SAMPLES = 2_000
"""Draws: each ranks all cases anew, which costs more than sums do."""
GRID: Floats = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Points x, y (G,) of a curve; low, high (101,): its band over GRID, None under 5 patients of either class.

    x is the false positive rate and y the true positive rate of a ROC curve, recall and precision otherwise.
    """

    x: Floats
    y: Floats
    low: Floats | None
    high: Floats | None


def roc_curve(view: View, *, num_patients: int, seed: int = 0, samples: int = SAMPLES) -> Curve | None:
    """From (0, 0) to (1, 1), a point for each distinct score. None without a positive or without a negative case."""
    if not view.is_ranked:
        return None
    found, missed = (part[0] for part in Ranking.of(view).cumulate(np.ones((1, num_patients))))
    x, y = rates(found, missed)
    low, high = _band(view, _tpr_over_grid, num_patients=num_patients, seed=seed, samples=samples)
    return Curve(x=x, y=y, low=low, high=high)


def pr_curve(view: View, *, num_patients: int, seed: int = 0, samples: int = SAMPLES) -> Curve | None:
    """Recall and precision, a point for each distinct score from the highest on. None without both classes."""
    if not view.is_ranked:
        return None
    found, missed = (part[0] for part in Ranking.of(view).cumulate(np.ones((1, num_patients))))
    low, high = _band(view, _precision_over_grid, num_patients=num_patients, seed=seed, samples=samples)
    return Curve(x=found / found[-1], y=found / (found + missed), low=low, high=high)


def rates(found: Floats, missed: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate (G + 1,), from (0, 0) on, of cumulated positive and negative cases (G,)."""
    return np.append(0.0, missed / missed[-1]), np.append(0.0, found / found[-1])


def _tpr_over_grid(found: Floats, missed: Floats) -> Floats:
    return np.interp(GRID, *rates(found, missed))


def _precision_over_grid(found: Floats, missed: Floats) -> Floats:
    """The precision where each recall of GRID is first reached."""
    first = found > 0  # above the first positive case the precision is 0 and no recall is reached
    tp, fp = found[first], missed[first]
    precision: Floats = (tp / (tp + fp))[np.searchsorted(tp, GRID * tp[-1] - 1e-9 * tp[-1])]
    return precision


def _band(
    view: View, over_grid: Callable[[Floats, Floats], Floats], *, num_patients: int, seed: int, samples: int
) -> tuple[Floats | None, Floats | None]:
    """The lower and the upper end (101,) at each point of GRID, from draws that have both classes."""
    if view.fewest_patients < MIN_EACH:
        return None, None
    ranking = Ranking.with_chance(view, num_patients)
    rows = [
        over_grid(found, missed)
        for counts in draw_counts(num_patients + 2, seed=seed, samples=samples)
        for found, missed in zip(*ranking.cumulate(counts), strict=True)
        if found[-1] > 0 and missed[-1] > 0
    ]
    low, high = np.quantile(np.array(rows), norm.cdf(widened_reach(view.fewest_patients)), axis=0)
    return low, high
