"""How wide an interval is, and how many patients would make it as narrow as wanted: the size of a test set.

    share       Wilson's interval (Wilson 1927, J Am Stat Assoc 22:209)
    auroc       the variance of Hanley and McNeil 1982, Radiology 143:29, with as many positive cases to each negative one
    mean        Student's interval from the standard deviation of the patients' means
    any other   what is seen of the interval, which shrinks with the square root of the number of patients

Several cases of one patient tell less than as many patients: shares and areas are planned in independent cases, of which the
patients at hand are worth `effect` times fewer than they have cases (Obuchowski 1997, Biometrics 53:567; Donner & Klar 2000).

For two models on the same patients, the number with which a paired test of level 0.05 finds a true difference in 80 % of
studies. How alike the models' errors are is not known before, so that it is given for two assumed correlations.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from scipy.stats import nct, norm, t

from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.types import JSON

Basis = Literal["share", "auroc", "mean", "interval"]

WIDTHS = (0.05, 0.02)
"""Half widths that are planned for."""
DIFFERENCES = (0.05, 0.02)
"""True differences of two models that are planned for."""
CORRELATIONS = (0.5, 0.8)
"""Assumed, of two models' scores on the same patients."""
LEVEL, POWER = 0.95, 0.8
ROUNDING = 1e-9
MOST = 1_000_000
"""Patients beyond which no number is given."""
MANY, FAR = 500, 6.0
"""Patients beyond which Student's test is as good as normal, and standard errors beyond which its power is 1 to four digits."""
FEWEST = 5
"""Patients below which a deviation or a share is no ground to plan on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A measure as it was found, and what a number of patients is computed from.

    value: of the measure. interval: its 95 % interval. patients, cases: it was measured on. deviation: of the patients' means,
    for "mean". positives: share of the cases that are positive, for "auroc".
    """

    metric: str
    basis: Basis
    value: float
    interval: Interval | None
    patients: int
    cases: int
    deviation: float | None = None
    positives: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half of the interval, None without one."""
        return None if self.interval is None else (self.interval[1] - self.interval[0]) / 2

    @property
    def cases_each(self) -> float:
        """Cases of the mean patient."""
        return self.cases / self.patients


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """How many patients, and cases at as many a patient as here; None where it is more than a million or cannot be said."""

    wanted: float
    patients: int | None
    cases: int | None
    correlation: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSize:
    """A measure with the numbers of patients for each half width, and for each difference of two models."""

    seen: Seen
    half_width: float | None
    widths: tuple[Needed, ...]
    paired: tuple[Needed, ...]

    def to_json(self) -> dict[str, JSON]:
        """Plain data for sample_size.json."""
        return asdict(self)


def sample_size(
    seen: Seen, *, widths: Sequence[float] = WIDTHS, differences: Sequence[float] = DIFFERENCES
) -> SampleSize | None:
    """What a measure asks for; None where fewer than five patients, or a measure without spread, are no ground to plan on.

    A share of 0 or 1 has Wilson's interval, but nothing to compare two models by: then `paired` is empty.
    """
    variance = variance_each(seen)
    if seen.patients < FEWEST or (variance is None and seen.basis != "share"):
        return None
    return SampleSize(
        seen=seen,
        half_width=seen.half_width,
        widths=tuple(_needed(seen, wanted, patients_for_width(seen, wanted)) for wanted in widths),
        paired=tuple(
            _needed(seen, wanted, patients_for_difference(variance, wanted, correlation), correlation)
            for wanted in differences
            for correlation in CORRELATIONS
            if variance is not None
        ),
    )


def patients_for_width(seen: Seen, wanted: float) -> int | None:
    """The fewest patients of whom the interval is expected to reach no farther than `wanted` to either side."""
    if seen.basis == "mean" and seen.deviation:
        deviation = seen.deviation
        return fewest(lambda n: float(t.ppf((1 + LEVEL) / 2, n - 1)) * deviation / math.sqrt(n), wanted)
    if seen.basis == "share":
        effect = effect_of(seen)
        return fewest(lambda n: wilson_half_width(seen.value, n * seen.cases_each / effect), wanted)
    variance = variance_each(seen)
    return None if variance is None else fewest(lambda n: z() * math.sqrt(variance / n), wanted)


def patients_for_difference(variance: float, wanted: float, correlation: float) -> int | None:
    """The fewest patients on whom a paired test of two models finds a true difference in `POWER` of studies.

    variance: of one patient's score, the same for both models. The test is Student's of the patients' differences.
    """
    effect = wanted / math.sqrt(2 * variance * (1 - correlation))
    return fewest(lambda n: 1 - paired_power(effect, n), 1 - POWER, least=3)


def paired_power(effect: float, patients: float) -> float:
    """The power of Student's paired two-sided test at a difference of so many of its standard deviations."""
    freedom, shift = patients - 1, effect * math.sqrt(patients)
    if freedom > MANY or shift > FAR:  # scipy's noncentral t fails far out
        return float(norm.sf(z() - shift) + norm.cdf(-z() - shift))
    limit = float(t.ppf((1 + LEVEL) / 2, freedom))
    return float(nct.sf(limit, freedom, shift) + nct.cdf(-limit, freedom, shift))


def variance_each(seen: Seen) -> float | None:
    """The variance of one patient: of a measure of n patients it is this over n. None where it cannot be said, or is 0."""
    if seen.basis == "mean":
        return None if not seen.deviation else seen.deviation**2
    if seen.basis == "share":
        return effect_of(seen) * seen.value * (1 - seen.value) / seen.cases_each or None
    if seen.basis == "auroc" and seen.positives and 0 < seen.positives < 1:
        return effect_of(seen) * hanley_mcneil(seen.value, seen.positives, seen.cases) * seen.patients or None
    half = seen.half_width
    return None if not half else (half / z()) ** 2 * seen.patients


def hanley_mcneil(area: float, positives: float, cases: float) -> float:
    """The variance of an area under the ROC curve of so many cases, a share of them positive.

    >>> round(hanley_mcneil(0.893, 51 / 109, 109) ** 0.5, 4)  # Hanley and McNeil 1982, their worked example: 0.032
    0.0325
    """
    one, other = area / (2 - area), 2 * area**2 / (1 + area)
    n, m = positives * cases, (1 - positives) * cases
    return (area * (1 - area) + (n - 1) * (one - area**2) + (m - 1) * (other - area**2)) / (n * m)


def wilson_half_width(share: float, cases: float) -> float:
    """Half of Wilson's interval of a share of so many independent cases."""
    z2 = z() ** 2
    return math.sqrt(z2 * (share * (1 - share) / cases + z2 / (4 * cases**2))) / (1 + z2 / cases)


def effect_of(seen: Seen) -> float:
    """How many times fewer independent cases there are than cases, by the interval that was found; at least 1.

    1 with one case a patient, where the interval and the formula differ by how each is made, and not by patients.
    """
    if seen.cases <= seen.patients or not seen.half_width:
        return 1.0
    if seen.basis == "share":
        alone = wilson_half_width(seen.value, seen.cases)
    else:
        alone = z() * math.sqrt(hanley_mcneil(seen.value, seen.positives or 0.5, seen.cases))
    return min(seen.cases_each, max(1.0, (seen.half_width / alone) ** 2)) if alone else 1.0


def fewest(size: Callable[[float], float], wanted: float, *, least: int = FEWEST) -> int | None:
    """The smallest number, from `least` on, at which a size that falls with the number is no more than wanted; None beyond a
    million. Fewer than five patients have no interval here (statistics.py).
    """
    wanted *= 1 + ROUNDING
    if size(MOST) > wanted:
        return None
    low, high = least - 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if size(middle) <= wanted else (middle, high)
    return high


def z() -> float:
    """Standard errors to either side of a 95 % interval."""
    return float(norm.ppf((1 + LEVEL) / 2))


def deviation_of_patients(scores: Sequence[float | None], patients: Sequence[str]) -> float | None:
    """The standard deviation of the patients' mean scores; None with fewer than two who have one."""
    each: dict[str, list[float]] = {}
    for score, patient in zip(scores, patients, strict=True):
        if score is not None:
            each.setdefault(patient, []).append(score)
    means = [float(np.mean(of)) for of in each.values()]
    return float(np.std(means, ddof=1)) if len(means) > 1 else None


def _needed(seen: Seen, wanted: float, patients: int | None, correlation: float | None = None) -> Needed:
    cases = None if patients is None else math.ceil(patients * seen.cases_each)
    return Needed(wanted=wanted, patients=patients, cases=cases, correlation=correlation)
