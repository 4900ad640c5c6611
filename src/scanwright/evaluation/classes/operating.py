"""The threshold at which a score becomes a decision, and what it is worth on cases that it was not chosen on.

A rule chooses a threshold from scores and truth. Applied to the same cases it flatters itself, so it is judged cross-fitted
(`select.judge_cross_fitted`).

A case is positive if its score is at or above the threshold. Thresholds lie half-way between neighbouring scores, so that a
score that is met again does not depend on its last digit.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.errors import UsageError
from scanwright.types import Bools, Floats

Rule = Literal["youden", "sensitivity", "specificity"]
RULES: tuple[Rule, ...] = ("youden", "sensitivity", "specificity")
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatingPoint:
    """A chosen threshold, by which rule and target, and its sensitivity and specificity on the cases of the choice.

    threshold: in [0, 1], or a hair above 1 where no case may be positive although one has the score 1.
    """

    rule: Rule
    target: float | None
    threshold: float
    sensitivity: float
    specificity: float


def choose_operating_point(
    scores: Floats, positive: Bools, *, rule: Rule = "youden", target: float | None = None
) -> OperatingPoint | None:
    """The threshold that a rule chooses from probabilities (N,) of positive and negative cases (N,).

        youden         the largest sensitivity + specificity - 1 (Youden 1950, Cancer 3:32); of equals the most sensitive one
        sensitivity    the largest specificity at which the sensitivity is not under the target
        specificity    the largest sensitivity at which the specificity is not under the target

    Of few cases a share says little: a target is also one that new cases are expected to reach, which k of n cases under the
    threshold let k / (n + 1) of them miss (Weibull's quantile; Hyndman and Fan 1996, Am Stat 50:361, type 6). Where even the
    lowest of n scores promises less than the target, the threshold lies under it all the same.

    None without a positive or without a negative case.
    Raises UsageError for an unknown rule, or a target that is missing, needless or outside (0, 1].
    """
    require_rule(rule, target)
    scores, positive = np.asarray(scores, float), np.asarray(positive, bool)
    if not positive.any() or positive.all():
        return None
    thresholds = candidate_thresholds(scores)
    sensitivity = 1 - _below(thresholds, scores[positive])
    specificity = _below(thresholds, scores[~positive])
    if rule == "youden" or target is None:
        place = int(np.argmax(np.round(sensitivity + specificity, 12)))
    elif rule == "sensitivity":
        expected = np.quantile(scores[positive], 1 - target, method="weibull")
        place = int(np.flatnonzero((sensitivity >= target - 1e-12) & (thresholds <= expected))[-1])
    else:
        expected = np.quantile(scores[~positive], target, method="weibull")
        place = int(np.flatnonzero((specificity >= target - 1e-12) & (thresholds >= expected))[0])
    return OperatingPoint(
        rule=rule,
        target=target,
        threshold=float(thresholds[place]),
        sensitivity=float(sensitivity[place]),
        specificity=float(specificity[place]),
    )


def require_rule(rule: str, target: float | None) -> None:
    """Raises UsageError for an unknown rule, or a target that is missing, needless or outside (0, 1]."""
    if rule not in RULES:
        raise UsageError("no rule for an operating point", expected=", ".join(RULES), found=rule)
    if rule == "youden" and target is not None:
        raise UsageError("Youden's rule has no target", found=target)
    if rule != "youden" and (target is None or not 0 < target <= 1):
        raise UsageError(f"a fixed {rule} is a number above 0 and up to 1", found=target)


def candidate_thresholds(scores: Floats) -> Floats:
    """Ascending: 0 (all positive), half-way between neighbouring distinct scores, and one just above the highest score."""
    distinct = np.unique(scores)
    between = (distinct[:-1] + distinct[1:]) / 2
    # Half-way between neighbouring floats rounds to one of them; the upper one parts them as meant.
    between = np.where(between > distinct[:-1], between, distinct[1:])
    thresholds: Floats = np.concatenate([[0.0], between, [np.nextafter(distinct[-1], np.inf)]])
    return thresholds


def _below(thresholds: Floats, scores: Floats) -> Floats:
    """Share of the scores under each threshold."""
    share: Floats = np.searchsorted(np.sort(scores), thresholds, side="left") / len(scores)
    return share
