"""Cases unlike nearly all others in one number: what "unlike" means to the gate, and axes and spacings that are.

orientation-outlier   warning   axes stored in an order that at most one case in twenty has
spacing-outlier       warning   voxels of a size that at most one case in twenty comes near to, or without a size
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import KDTree

from scanwright.dataset.cases import Fault
from scanwright.dataset.facts import CaseFacts
from scanwright.types import Floats, Triple

LEAST_CASES = 8
FEW = (
    0.05  # the share of cases that may be unlike the others; of more, the cohort is mixed, and distribution.py says so
)
SPACING_FACTOR = 1.5
SHOWN = 8
NORMAL = 1.4826  # standard deviations of a normal distribution in its median absolute deviation


def in_spreads(values: ArrayLike, *, floor: float = 1e-9) -> Floats:
    """Values less their median, in robust standard deviations: 1.4826 times the median absolute deviation, not below floor."""
    own = np.asarray(values, float)
    apart = own - np.median(own)
    return np.asarray(apart / max(NORMAL * float(np.median(np.abs(apart))), floor))


def in_wide_spreads(values: ArrayLike) -> Floats:
    """The same, in the larger of that deviation and the one by which nine in ten values lie within 1.645 of the median.

    For numbers whose tails are longer than a normal distribution's: a fault in one case in ten does not widen it much.
    """
    apart = in_spreads(values)
    return np.asarray(apart / max(1.0, float(np.quantile(np.abs(apart), 0.9)) / 1.645))


def most_that_are_few(number: int) -> int:
    """How many of so many cases may be called outliers: one in twenty, at least one."""
    return max(1, int(FEW * number))


def named(cases: Iterable[str]) -> str:
    """Case names in a row, sorted, at most eight of them: "a, b and 3 more"."""
    names = sorted(cases)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def odd_orientations(facts: Mapping[str, CaseFacts]) -> Iterator[Fault]:
    """A warning for the few cases whose axes run as hardly any others' do. Needs 8 cases.

    An order is usual if more cases have it than may be outliers: a cohort of two sites may have two usual ones.
    """
    counts = Counter(one.orientation for one in facts.values())
    if len(facts) < LEAST_CASES:
        return
    most = most_that_are_few(len(facts))
    usual = [code for code, number in counts.most_common() if number > most]
    odd = {name: one.orientation for name, one in facts.items() if one.orientation not in usual}
    if not odd or len(odd) > most:
        return
    kinds = ", ".join(
        f"{code} in {named(case for case in odd if odd[case] == code)}" for code in sorted(set(odd.values()))
    )
    yield Fault(
        code="orientation-outlier",
        severity="warning",
        case=next(iter(odd)) if len(odd) == 1 else None,
        cases=tuple(sorted(odd)),
        expected=f"axes that run {' or '.join(usual)}, as in {len(facts) - len(odd)} of {len(facts)} cases",
        found=kinds,
        action="Harmless where the header is right: look whether the patient lies there as in the others.",
        numbers={"cases": float(len(odd)), "of": float(len(facts))},
    )


def odd_spacings(facts: Mapping[str, CaseFacts]) -> Iterator[Fault]:
    """A warning for the few cases whose voxels are of a size that hardly any others' are near to, or have none. Needs 8 cases.

    Near: along each axis of the patient less than half as large again, and more than two thirds. So a cohort of two
    protocols, thin slices and thick ones, has no outliers, and a case unlike both is one.
    """
    if len(facts) < LEAST_CASES:
        return
    units = Counter(one.unit for one in facts.values())
    usual = max(units, key=lambda unit: (units[unit], unit))
    measured = {name: _in_patient(one) for name, one in facts.items() if one.unit == usual}
    most = most_that_are_few(len(facts))
    odd = {
        name: " x ".join(f"{side:.3g}" for side in measured[name]) + f" {usual}"
        for name in _lonely(measured, most, apart=SPACING_FACTOR)
    }
    odd |= {
        name: "no size in space" if one.unit == "px" else "a size in mm"
        for name, one in facts.items()
        if one.unit != usual
    }
    if not odd or len(odd) > most:
        return
    others = np.array([spacing for name, spacing in measured.items() if name not in odd])
    ends = zip(others.min(axis=0), others.max(axis=0), strict=True)
    sizes = " x ".join(f"{low:.3g}" if high < 1.01 * low else f"{low:.3g} to {high:.3g}" for low, high in ends)
    yield Fault(
        code="spacing-outlier",
        severity="warning",
        case=next(iter(odd)) if len(odd) == 1 else None,
        cases=tuple(sorted(odd)),
        expected=f"voxels like those of the other cases, of {sizes} {usual} (right, anterior, superior)",
        found=", ".join(f"{odd[name]} in {name}" for name in sorted(odd)[:SHOWN]),
        action="Check the spacing in the header; if it is right, such scans are too few to be learned.",
        numbers={"cases": float(len(odd)), "of": float(len(facts))},
    )


def _lonely(measured: Mapping[str, Triple], most: int, *, apart: float) -> list[str]:
    """The cases that at most `most` cases, themselves among them, are near to: by less than a factor along each axis.

    Spacings that differ by a hundredth count as equal, which bounds the work in cohorts of many thousands.
    """
    names = sorted(measured)
    logs = np.log([measured[name] for name in names])
    kinds, kind_of, number = np.unique(logs.round(2), axis=0, return_inverse=True, return_counts=True)
    near = KDTree(kinds).query_ball_point(kinds, np.log(apart) - 1e-3, p=np.inf)
    company = np.array([number[those].sum() for those in near])
    return [name for name, kind in zip(names, kind_of.ravel(), strict=True) if company[kind] <= most]


def _in_patient(facts: CaseFacts) -> Triple:
    """Spacing along left-right, posterior-anterior, inferior-superior."""
    x, y, z = (
        next(side for side, code in zip(facts.spacing, facts.orientation, strict=True) if code in ends)
        for ends in ("RL", "AP", "SI")
    )
    return x, y, z
