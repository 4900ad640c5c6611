"""Numbers as a reader sees them: fixed digits, true minus signs, an en dash for what is not defined. No words."""

import math
from dataclasses import dataclass
from typing import Literal

from scanwright.report.results_content import Estimate

NOT_DEFINED = "\N{EN DASH}"
BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
# Suffixes of metric names that carry a unit.
UNITS = ("mm", "px", "ml", "mm2")
ERRORS = {"brier", "ece", "ece_before", "mae", "rmse", "loss", "log_loss", "mae_grades"}
CORRELATIONS = {"mcc", "kappa", "quadratic_kappa", "pearson", "spearman", "pearson_alone", "pearson_agreement"}
OF_ONE_CASE = {"truth", "estimate", "difference"}
"""A quantity of one case: what is true, what was estimated, and the second less the first."""
WITHOUT_DIRECTION = {
    "loa_low",
    "loa_high",
    "burden_loa_low",
    "burden_loa_high",
    "probability",
    "score",
    "temperature",
    *OF_ONE_CASE,
}
"""What is no better for being higher or lower: the ends of a range (how far they are apart tells), and answers themselves."""

GAINS = {"dice_gain", "lesion_f1_gain", "log_loss_fall"}
"""What a measure gains by something that is done after the network: often little."""
RATES = {"false_lesions_per_case"}
"""Numbers of wrong things in the mean case."""
OF_QUANTITIES = {"mae", "rmse", "bias", "loa_low", "loa_high", *OF_ONE_CASE}
"""Measures in the unit of a quantity, whose size nobody knows before."""
SIGNIFICANT, MOST_DIGITS = 4, 6
MOST_DECIMALS = 9

Better = Literal["higher", "lower", "zero", "none"]

COUNTS: dict[str, Better] = {
    **{"true_boxes": "none", "hits": "none", "misses": "lower", "false_positives": "lower"},
    **{"true_lesions": "none", "lesion_hits": "none", "false_lesions": "lower"},
}
"""Numbers of things, and which of them are better for being low."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric's name tells: the name without its unit, the unit ("" if none), digits, direction, possible values.

    better: where the best value lies; "zero" is a signed bias, "none" a number of which no value is better than another.
    """

    key: str
    stem: str
    unit: str
    digits: int
    better: Better
    limits: tuple[float, float]


def metric(key: str) -> Metric:
    """Read a metric's name: "hd95_mm" is hd95 in mm, lower is better. A bare name is a score of 0 to 1, higher is better."""
    stem, _, unit = key.rpartition("_")
    if unit in UNITS and stem:
        better, limits = _direction(stem, default="lower")
        digits = 2 if unit != "px" else 0 if stem.startswith("area") else 1
        return Metric(key, stem, unit, digits, better, limits if better in ("zero", "none") else (0.0, math.inf))
    if key in COUNTS:
        return Metric(key, key, "", 0, COUNTS[key], (0.0, math.inf))
    if key in GAINS:
        return Metric(key, key, "", 4, "higher", (-1.0, 1.0))
    if key in RATES:
        return Metric(key, key, "", 2, "lower", (0.0, math.inf))
    better, limits = _direction(key, default="higher")
    return Metric(key, key, "", 3, better, limits)


def _direction(stem: str, *, default: Better) -> tuple[Better, tuple[float, float]]:
    if "bias" in stem:
        return "zero", (-math.inf, math.inf)
    if stem in WITHOUT_DIRECTION:
        return "none", (-math.inf, math.inf)
    if "error" in stem or stem in ERRORS:
        return "lower", (0.0, math.inf)
    return default, (-1.0, 1.0) if stem in CORRELATIONS else (-math.inf, 1.0) if stem == "r2" else (0.0, 1.0)


def is_better(key: str, value: float, other: float) -> bool:
    """Whether one value of a metric is better than another. Raises ValueError for one without a direction.

    >>> is_better("auroc", 0.9, 0.8), is_better("mae", 0.9, 0.8), is_better("bias", -0.1, 0.2)
    (True, False, True)
    """
    better = metric(key).better
    if better == "none":
        raise ValueError(f"no value of {key} is better than another")
    if better == "zero":
        return abs(value) < abs(other)
    return value > other if better == "higher" else value < other


def number(value: float | None, digits: int = 3) -> str:
    """Fixed digits; thousands apart from 10 000; None and what is not finite as a dash.

    >>> number(-0.04567), number(1234.56, 1), number(None)
    ('−0.046', '1234.6', '–')
    """
    if value is None or not math.isfinite(value):
        return NOT_DEFINED
    text = f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}" if abs(value) >= 10_000 else "")
    return text.replace("-", "\N{MINUS SIGN}") if float(f"{value:.{digits}f}") else text.lstrip("-")


def decimals(value: float, least: int = 0) -> int:
    """Digits after the point with which two of a value count, not fewer than `least`; for 0 that many.

    >>> decimals(0.0312), decimals(3.2, 2), decimals(1200.0), decimals(0.0, 1)
    (3, 2, 0, 1)
    """
    if not 0 < abs(value) < math.inf:
        return least
    return min(MOST_DECIMALS, max(least, 1 - math.floor(math.log10(abs(value)))))


def size(value: float | None, unit: str, digits: int = 2) -> str:
    """A volume or an area without its unit: pixels whole, else so many digits after the point, and of a small one two that
    count.

    >>> size(12.345, "ml"), size(0.00312, "ml"), size(0.04, "ml", 1), size(0.0, "ml", 1), size(12.0, "px")
    ('12.35', '0.0031', '0.040', '0.0', '12')
    """
    return number(value, 0 if unit == "px" else decimals(value or 0.0, digits))


def digits_of(metric: Metric, estimate: Estimate) -> int:
    """Digits after the point: the metric's own, of small volumes as many as show two that count; of an error of a quantity as
    many as show four that count of the largest end.

    >>> [digits_of(metric("mae"), Estimate(mean=value)) for value in (1268.05, 51.386, 0.5, 0.00346)]
    [0, 2, 4, 6]
    >>> digits_of(metric("bias"), Estimate(mean=-1.5, low=-168.8, high=60.6)), digits_of(metric("r2"), Estimate(mean=12.0))
    (1, 3)
    >>> digits_of(metric("volume_error_ml"), Estimate(mean=0.0031)), digits_of(metric("volume_error_ml"), Estimate(mean=3.1))
    (4, 2)
    """
    largest = max(abs(end) for end in (estimate.mean, estimate.low, estimate.high, 0.0) if end is not None)
    if metric.unit == "ml":
        return decimals(largest, metric.digits)
    if metric.key not in OF_QUANTITIES or not 0 < largest < math.inf:
        return metric.digits
    return min(max(0, SIGNIFICANT - 1 - math.floor(math.log10(largest))), MOST_DIGITS)


def stated(metric: Metric, tolerance: float | None, unit: str) -> str:
    """What has to stand beside a metric's name for its numbers to mean something: the tolerance of a surface Dice.

    >>> stated(metric("nsd"), 2.5, "mm"), stated(metric("dice"), 2.5, "mm"), stated(metric("nsd"), None, "mm")
    ('2.5 mm', '', '')
    """
    return f"{tolerance:.4g} {unit}" if tolerance is not None and metric.stem.startswith("nsd") else ""


def interval(estimate: Estimate, digits: int = 3) -> str:
    """The confidence interval alone, "0.880–0.891", or "−0.12 … 0.03" where a dash could be a minus; empty if none."""
    if estimate.low is None or estimate.high is None or estimate.mean is None:
        return ""
    low, high = number(estimate.low, digits), number(estimate.high, digits)
    dash = " \N{HORIZONTAL ELLIPSIS} " if low.startswith("\N{MINUS SIGN}") else "\N{EN DASH}"
    return low + dash + high


def p_value(p: float | None) -> str:
    """A p-value as papers print it.

    >>> p_value(0.0321), p_value(0.00002), p_value(None)
    ('p = 0.032', 'p < 0.001', '')
    """
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def duration(seconds: float | None) -> str:
    """Time in its two largest units.

    >>> duration(0.04), duration(9.46), duration(75), duration(7384)
    ('0.04 s', '9.5 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds is None or not math.isfinite(seconds):
        return NOT_DEFINED
    if seconds < 59.95:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"


def memory(num_bytes: int | None) -> str:
    """Bytes in binary units, with one digit from KiB on: 1536 is 1.5 KiB."""
    if num_bytes is None:
        return NOT_DEFINED
    power = min(max(num_bytes.bit_length() - 1, 0) // 10, len(BINARY_UNITS) - 1)
    return f"{num_bytes / 1024**power:.1f} {BINARY_UNITS[power]}" if power else f"{num_bytes} B"
