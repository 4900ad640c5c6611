"""Every pair of models, or each model against one, in every measure, corrected for their number.

The family is the pairs, in one measure and one test: with three models three p-values of Dice by permutation are corrected
together (Holm 1979), and those of a surface distance by themselves. The first measure is the one that was chosen before; what
the others say is description. Intervals are corrected as well (`wide`, by Bonferroni), so that all of a measure hold at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from scanwright.errors import UsageError
from scanwright.evaluation.comparing.contrast import Contrast, Measured, signed
from scanwright.evaluation.intervals.margin import Verdict, judge
from scanwright.evaluation.intervals.statistics import SAMPLES, holm

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two models in one measure, first less second. corrected: the p-values of `contrast` after Holm, by test. verdict: of the
    test that decides and of the wide interval.
    """

    first: str
    second: str
    contrast: Contrast
    corrected: dict[str, float | None]
    verdict: Verdict

    @property
    def decides(self) -> str:
        """The test by which the two are told apart."""
        return next(iter(self.contrast.p))


def pairs_of(models: Sequence[str], against: str | None = None) -> list[tuple[str, str]]:
    """All pairs of models in their order, or each other one with the one that they are held against.

    Raises UsageError under two models, or if that one is none of them.
    """
    if len(models) < 2:
        raise UsageError("one model has nothing to be compared with", hint="Give two or more.")
    if against is None:
        return list(combinations(models, 2))
    if against not in models:
        raise UsageError("no such model", expected=", ".join(models), found=against)
    return [(name, against) for name in models if name != against]


def compare_pairs(
    measure: Measured,
    pairs: Sequence[tuple[str, str]],
    *,
    margin: float | None = None,
    seed: int = 0,
    samples: int = SAMPLES,
) -> list[Pair]:
    """What each first model differs from its second by in one measure. margin: see margin.py, in the unit of the measure."""
    level = 1 - (1 - LEVEL) / max(len(pairs), 1)
    found = [measure.pair(*names, level=level, seed=seed, samples=samples) for names in pairs]
    tests = list(dict.fromkeys(test for one in found for test in one.p))
    corrected = {test: holm([one.p.get(test) for one in found]) for test in tests}
    made = []
    for place, ((first, second), one) in enumerate(zip(pairs, found, strict=True)):
        own = {test: corrected[test][place] for test in one.p}
        turned = None if one.value is None else signed(measure, one.value)
        verdict = judge(turned, _turned(measure, one), own[next(iter(own))], margin=margin, alpha=1 - LEVEL)
        made.append(Pair(first=first, second=second, contrast=one, corrected=own, verdict=verdict))
    return made


def _turned(measure: Measured, contrast: Contrast) -> tuple[float, float] | None:
    """The wide interval so that above 0 the first model is better."""
    if contrast.wide is None:
        return None
    low, high = sorted(signed(measure, end) for end in contrast.wide)
    return low, high
