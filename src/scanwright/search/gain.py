"""What tuning was worth on cases that it did not see, and whether its plan is kept for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from scanwright.report.notation import is_better
from scanwright.report.results_content import Difference


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the tuned plan is kept, and why, in a sentence. headline: the differences that decide, tuned less default."""

    kept: bool
    reason: str
    headline: tuple[Difference, ...] = ()


NOTHING_BETTER = "no trial did better than the default plan on the inner folds"


def judged(differences: Sequence[Difference]) -> Verdict:
    """By the first metric that the kind of problem compares by, of each quantity if there are several.

    Kept: an interval lies wholly on the better side of 0, and none on the worse. With no interval (too few patients) nothing is
    shown, and the default stays.
    """
    if not differences:
        return Verdict(False, "the two plans could not be compared on the held-out cases: the default is kept")
    headline = tuple(one for one in differences if one.metric == differences[0].metric)
    better, worse = (
        [one for one in headline if lies(one, better=True)],
        [one for one in headline if lies(one, better=False)],
    )
    if better and not worse:
        return Verdict(True, "the interval of the gain lies above nothing: the tuned plan is kept", headline)
    if worse:
        return Verdict(False, "the tuned plan did worse on the held-out cases: the default is kept", headline)
    if all(one.estimate.low is None for one in headline):
        return Verdict(
            False, "too few held-out patients to say whether anything was gained: the default is kept", headline
        )
    return Verdict(False, "tuning gained nothing that can be told from chance: the default is kept", headline)


def lies(difference: Difference, *, better: bool) -> bool:
    """Whether the whole interval lies on the better (the worse) side of 0."""
    low, high = difference.estimate.low, difference.estimate.high
    if low is None or high is None:
        return False
    return all(end != 0 and is_better(difference.metric, end, 0.0) is better for end in (low, high))
