"""What an interval of a difference says of a margin: that one model is not worse by more than it, or that two are the same
within it; and, where nobody has set a margin, which one the data would bear.

    apart             the test tells the two apart
    not inferior      its lower end lies above minus the margin
    equivalent        it lies within plus and minus the margin
    open              none of these: the data tell neither apart nor the same

Two-sided intervals of level 1 - a are used: non-inferiority at a / 2 on one side, as regulators ask for it, and equivalence
at the same, stricter than two one-sided tests at 5 %. A margin has to be set before the data are seen, by what matters to
patients.

Sources: Schuirmann 1987, J Pharmacokinet Biopharm 15:657 (two one-sided tests); Piaggio et al. 2012, JAMA 308:2594 (CONSORT for
non-inferiority and equivalence).
"""

from dataclasses import dataclass

from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.types import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is said of first less second, both turned so that above 0 the first is better.

    apart: 1 if the first is shown to be better, -1 worse, 0 neither. not_inferior: whether the first is shown to be no worse
    than the second by the margin, not_superior the reverse, equivalent both; None without a margin or an interval. bears: the
    smallest margin for which the two would be shown to be equivalent; not_worse_by: that for which the first would be shown
    not to be inferior (0 where it is better). None without an interval.
    """

    apart: int
    margin: float | None
    not_inferior: bool | None
    not_superior: bool | None
    bears: float | None
    not_worse_by: float | None

    @property
    def equivalent(self) -> bool | None:
        """Whether the two are shown to be the same within the margin."""
        return None if self.not_inferior is None else bool(self.not_inferior and self.not_superior)

    def to_json(self) -> dict[str, JSON]:
        """For compare.json."""
        return {
            "apart": self.apart,
            "margin": self.margin,
            "not_inferior": self.not_inferior,
            "not_superior": self.not_superior,
            "equivalent": self.equivalent,
            "bears": self.bears,
            "not_worse_by": self.not_worse_by,
        }


def judge(
    value: float | None, interval: Interval | None, p: float | None, *, margin: float | None = None, alpha: float = 0.05
) -> Verdict:
    """What a difference, its interval and its test say; value and interval turned so that above 0 the first is better.

    p: corrected; the two are told apart where it is under `alpha`.

    >>> judge(0.016, (0.002, 0.03), 0.01).apart, judge(-0.003, (-0.01, 0.004), 0.4, margin=0.02).equivalent
    (1, True)
    """
    shown = value is not None and p is not None and p < alpha
    apart = 0 if not shown or not value else 1 if value > 0 else -1
    low, high = interval or (None, None)
    return Verdict(
        apart=apart,
        margin=margin,
        not_inferior=None if margin is None or low is None else low > -margin,
        not_superior=None if margin is None or high is None else high < margin,
        bears=None if low is None or high is None else max(abs(low), abs(high)),
        not_worse_by=None if low is None else max(0.0, -low),
    )
